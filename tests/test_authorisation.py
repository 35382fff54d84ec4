"""From the page where a person agrees to tokens; the emulator is TikTok, and a browser is played by a plain request."""

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.authorisation import (
    RedirectListener,
    authorisation_url,
    code_of,
    exchange,
    missing_scopes,
    new_state,
)
from airflow_provider_tiktok.emulator import ADVERTISER_ID, APP_ID, APP_SECRET, Emulator
from airflow_provider_tiktok.errors import AuthError, ConfigurationError
from tests.kit import client_for, settings_for

CODE = "a1b2c3d4e5f6"


def test_the_address_names_the_app_and_where_to_come_back_to() -> None:
    """Everything in it is escaped, and the state comes back as it went."""
    url = urlsplit(authorisation_url("7001", "http://127.0.0.1:8765/", "s&t"))
    assert url.hostname == "business-api.tiktok.com"
    assert parse_qs(url.query) == {
        "app_id": ["7001"],
        "redirect_uri": ["http://127.0.0.1:8765/"],
        "state": ["s&t"],
    }


def test_states_are_not_guessable() -> None:
    """Each authorisation has a state of its own."""
    assert len({new_state() for _ in range(100)}) == 100
    assert len(new_state()) >= 20


def test_a_code_becomes_tokens_that_work(tiktok: Emulator) -> None:
    """The access token is accepted, and what it reaches is told."""
    tiktok.issue_auth_code(CODE)
    granted = exchange(HttpTransport(settings_for(tiktok.url)), APP_ID, Secret(APP_SECRET), CODE)
    assert ADVERTISER_ID in granted.advertiser_ids
    assert granted.refresh_token is None
    assert granted.missing_scopes() == []
    client_for(tiktok.url, access_token=granted.access_token).check_token()
    assert str(granted.access_token) not in repr(granted)


def test_a_refresh_token_is_taken_where_tiktok_gives_one(tiktok: Emulator) -> None:
    """Older apps get a pair of tokens."""
    tiktok.configure(legacy_refresh_mode=True)
    tiktok.issue_auth_code(CODE)
    granted = exchange(HttpTransport(settings_for(tiktok.url)), APP_ID, Secret(APP_SECRET), CODE)
    assert granted.refresh_token
    assert str(granted.refresh_token) not in repr(granted)


@pytest.mark.parametrize("how", ["used", "unknown", "late", "wrong secret"])
def test_a_code_that_is_no_good_asks_for_another_authorisation(tiktok: Emulator, how: str) -> None:
    """A code is tried once, and the error says what to do and holds no secret."""
    tiktok.issue_auth_code(CODE)
    transport = HttpTransport(settings_for(tiktok.url))
    if how == "used":
        exchange(transport, APP_ID, Secret(APP_SECRET), CODE)
    if how == "late":
        tiktok.advance(3601)
    before = tiktok.count_requests("/oauth2/access_token/")
    secret, code = ("wrong" if how == "wrong secret" else APP_SECRET), ("other" if how == "unknown" else CODE)
    with pytest.raises(AuthError, match=r"authorise again|check App id") as caught:
        exchange(transport, APP_ID, Secret(secret), code)
    assert tiktok.count_requests("/oauth2/access_token/") == before + 1
    assert CODE not in str(caught.value)
    assert APP_SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ({30, 31, 32, 100}, []),
        ({3, 1}, []),
        ({3, 10}, []),
        ({30, 32, 100}, ["Create and update audiences (31)"]),
        (
            {4},
            [
                "Read audiences (30)",
                "Create and update audiences (31)",
                "Share audiences (32)",
                "Read ad accounts (100)",
            ],
        ),
    ],
)
def test_a_scope_is_given_by_itself_or_by_its_parent(scopes: set[int], missing: list[str]) -> None:
    """What is missing is named as TikTok's page names it."""
    assert missing_scopes(scopes) == missing


@pytest.mark.parametrize(
    "pasted",
    [
        CODE,
        f"  {CODE}\n",
        f"http://127.0.0.1:8765/?auth_code={CODE}&state=s",
        f"https://example.com/back?code={CODE}&state=s&id=7",
        f"/?state=s&auth_code={CODE}",
    ],
)
def test_a_code_is_found_in_what_a_person_pastes(pasted: str) -> None:
    """The whole address, or the code alone."""
    assert code_of(pasted, "s") == CODE


@pytest.mark.parametrize(
    "pasted", ["", "http://127.0.0.1/?error=denied", f"/?auth_code={CODE}&state=other", "two words"]
)
def test_what_is_no_redirect_of_ours_is_refused(pasted: str) -> None:
    """A redirect with another state is somebody else's."""
    with pytest.raises(ConfigurationError) as caught:
        code_of(pasted, "s")
    assert CODE not in str(caught.value)


def test_the_browser_is_received_on_this_machine(capfd: pytest.CaptureFixture[str]) -> None:
    """Strangers are turned away, the redirect is taken, and nothing of it is printed."""
    with RedirectListener(0, "s") as listener, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(listener.wait, 20)
        for path in ("favicon.ico", f"?auth_code={CODE}&state=other"):
            assert requests.get(listener.redirect_uri + path, timeout=5).status_code == 404
        answer = requests.get(listener.redirect_uri, params={"auth_code": CODE, "state": "s"}, timeout=5)
        assert answer.status_code == 200
        assert CODE not in answer.text
        assert waiting.result(20) == CODE
    assert CODE not in "".join(capfd.readouterr())


def test_nobody_is_waited_for_for_ever() -> None:
    """The error says how to go on without the browser."""
    with RedirectListener(0, "s") as listener, pytest.raises(ConfigurationError, match="--auth-code"):
        listener.wait(1)


def test_a_port_in_use_is_an_error_at_once() -> None:
    """Before a page is opened in vain."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            RedirectListener(other.getsockname()[1], "s")
