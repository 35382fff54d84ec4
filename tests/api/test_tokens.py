"""Refresh tokens that rotate: used once each, kept before use, and never in a storm."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import pytest

from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.tokens import RefreshedToken, TokenState
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.emulator import REFRESH_TOKEN, Emulator
from airflow_provider_tiktok.errors import AuthError, ConfigurationError, TransientError
from tests.kit import client_for, settings_for

REFRESH = "/oauth2/refresh_token/"


class MemoryStore:
    """A token store that forgets nothing, and can be made to refuse."""

    def __init__(self) -> None:
        self.state: TokenState | None = None
        self.writable = True
        self._lock = threading.Lock()

    def load(self) -> TokenState | None:
        return self.state

    def save(self, state: TokenState) -> None:
        if not self.writable:
            raise ConfigurationError("the store is shadowed")
        self.state = state

    def lock(self) -> AbstractContextManager[object]:
        return self._lock


def source(tiktok: Emulator, store: MemoryStore, seed: str = REFRESH_TOKEN, now: float = 1e9) -> RefreshedToken:
    settings = settings_for(tiktok.url, access_token=None, refresh_token=Secret(seed))
    return RefreshedToken(settings, store, HttpTransport(settings), lambda: now)


def test_the_first_use_obtains_a_token_and_later_ones_keep_it(tiktok: Emulator) -> None:
    """One refresh serves every request until the token is about to expire."""
    store = MemoryStore()
    client = client_for(tiktok.url, tokens=source(tiktok, store))
    client.check_token()
    client.check_token()
    client_for(tiktok.url, tokens=source(tiktok, store)).check_token()
    assert tiktok.count_requests(REFRESH) == 1


def test_a_rotated_refresh_token_replaces_the_old_one(tiktok: Emulator) -> None:
    """Three lives of an access token use three different refresh tokens, and the family stays alive."""
    store = MemoryStore()
    used = set()
    for life in range(3):
        client_for(tiktok.url, tokens=source(tiktok, store, now=1e9 + life * 86_400)).check_token()
        assert store.state is not None
        used.add(str(store.state.refresh_token))
    assert len(used) == 3
    assert REFRESH_TOKEN not in used
    assert store.state is not None
    assert store.state.generation == 3


def test_a_keeper_renews_at_half_of_the_life(tiktok: Emulator) -> None:
    """It begins with the seed, leaves a young token alone, and renews one past its half before anybody needs it."""
    store, life = MemoryStore(), 86_400.0
    told = []
    for age in (0.0, 0.4, 0.51, 0.6, 1.5):
        renewal = source(tiktok, store, now=1e9 + age * life).renew_early(0.5)
        told.append((renewal.renewed, renewal.generation))
    assert told == [(True, 1), (False, 1), (True, 2), (False, 2), (True, 3)]
    assert tiktok.count_requests(REFRESH) == 3
    client_for(tiktok.url, tokens=source(tiktok, store, now=1e9 + 1.6 * life)).check_token()
    assert tiktok.count_requests(REFRESH) == 3


def test_a_keeper_says_once_more_what_a_dead_token_needs(tiktok: Emulator) -> None:
    """It asks TikTok once and no more."""
    tiktok.revoke_token(REFRESH_TOKEN, family=True)
    store = MemoryStore()
    for _ in range(3):
        with pytest.raises(AuthError, match="authorise the app again"):
            source(tiktok, store).renew_early(0.5)
    assert tiktok.count_requests(REFRESH) == 1


def test_many_threads_with_an_expired_token_cause_one_refresh(tiktok: Emulator) -> None:
    """The token is read again inside the lock, so those who waited use what the first one got."""
    store = MemoryStore()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client_for(tiktok.url, tokens=source(tiktok, store)).check_token(), range(8)))
    assert tiktok.count_requests(REFRESH) == 1


def test_a_token_that_dies_in_the_middle_is_renewed_once(tiktok: Emulator) -> None:
    """A request that is answered with 40102 or 40105 goes out again with a new token."""
    store = MemoryStore()
    client = client_for(tiktok.url, tokens=source(tiktok, store))
    client.check_token()
    assert store.state is not None
    tiktok.expire_token(str(store.state.access_token))
    client.check_token()
    tiktok.revoke_token(str(store.state.access_token))
    client.check_token()
    assert tiktok.count_requests(REFRESH) == 3


def test_a_token_that_is_rejected_again_is_not_renewed_again(tiktok: Emulator) -> None:
    """A server that rejects every token gets two tries, not a loop."""
    client = client_for(tiktok.url, tokens=source(tiktok, MemoryStore()))
    tiktok.fail_with_code("/user/info/", 40105, times=None)
    with pytest.raises(AuthError):
        client.check_token()
    assert tiktok.count_requests("/user/info/") == 2


def test_a_new_seed_in_the_connection_wins_over_the_stored_state(tiktok: Emulator) -> None:
    """A person who pastes a new refresh token is obeyed, even when the old state was dead."""
    store = MemoryStore()
    tiktok.revoke_token(REFRESH_TOKEN)
    with pytest.raises(AuthError):
        source(tiktok, store).current()
    fresh = tiktok.issue_token(refresh=True)["refresh_token"]
    client_for(tiktok.url, tokens=source(tiktok, store, seed=fresh)).check_token()


def test_a_dead_refresh_token_is_tried_once_and_then_left_alone(tiktok: Emulator) -> None:
    """No storm: the first failure says what to do, the next ones say it without asking TikTok."""
    store = MemoryStore()
    tiktok.revoke_token(REFRESH_TOKEN)
    for _ in range(3):
        with pytest.raises(AuthError, match="authorise the app again") as caught:
            source(tiktok, store).current()
        assert REFRESH_TOKEN not in str(caught.value)
    assert tiktok.count_requests(REFRESH) == 1


def test_an_answer_that_was_lost_ends_in_one_instruction(tiktok: Emulator) -> None:
    """When the rotated token was lost on the way, the next run learns it from one request and says so."""
    store = MemoryStore()
    tiktok.drop_after(REFRESH)
    with pytest.raises(TransientError):
        source(tiktok, store).current()
    for _ in range(2):
        with pytest.raises(AuthError, match="authorise the app again"):
            source(tiktok, store).current()
    assert tiktok.count_requests(REFRESH) == 2


def test_a_request_that_never_arrived_leaves_the_token_usable(tiktok: Emulator) -> None:
    """When the connection dropped before the refresh, the next run refreshes as if nothing had happened."""
    store = MemoryStore()
    tiktok.drop_before(REFRESH)
    with pytest.raises(TransientError):
        source(tiktok, store).current()
    client_for(tiktok.url, tokens=source(tiktok, store)).check_token()


def test_nothing_is_refreshed_when_the_store_cannot_keep_it(tiktok: Emulator) -> None:
    """The store is proved writable before the refresh token is spent."""
    store = MemoryStore()
    store.writable = False
    with pytest.raises(ConfigurationError, match="shadowed"):
        source(tiktok, store).current()
    assert tiktok.count_requests(REFRESH) == 0


def test_a_state_survives_json_and_shows_no_token(tiktok: Emulator) -> None:
    """The store's form is complete, the representation is not."""
    store = MemoryStore()
    source(tiktok, store).current()
    state = store.state
    assert state is not None
    assert TokenState.from_dict(state.to_dict()) == state
    assert str(state.refresh_token) not in repr(state)
    assert str(state.access_token) not in repr(state)
