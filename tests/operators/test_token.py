"""The keeper of a refresh token, run as Airflow runs it."""

from typing import Any

import pytest

from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.emulator import ACCESS_TOKEN, REFRESH_TOKEN, Emulator
from airflow_provider_tiktok.operators.token import TikTokRefreshTokenOperator
from tests.kit import connect, context

REFRESH = "/oauth2/refresh_token/"


def renew(**options: Any) -> dict[str, Any]:
    return TikTokRefreshTokenOperator(task_id="renew", **options).execute(context())


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Airflow's Variables as a dictionary: a task of a real scheduler is in tests/airflow."""
    values: dict[str, str] = {}
    module = "airflow_provider_tiktok.hooks.token_store.Variable"
    monkeypatch.setattr(f"{module}.get", lambda key, default=None: values.get(key, default))
    monkeypatch.setattr(f"{module}.set", values.__setitem__)
    return values


def test_a_long_lived_token_is_left_alone(connection: Emulator) -> None:
    """There is nothing to renew, and nothing is asked of TikTok."""
    assert renew() == {"renewed": False, "generation": 0, "expires_at": None}
    assert connection.requests() == []


def test_a_refresh_token_is_spent_when_it_is_time(
    tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, kept: dict[str, str]
) -> None:
    """The first run obtains a token, the next one keeps it; what is returned tells its age and shows no token."""
    connect(monkeypatch, tiktok, extra={"access_token": None, "refresh_token": REFRESH_TOKEN})
    first, second = renew(), renew()
    assert (first["renewed"], first["generation"]) == (True, 1)
    assert second == {**first, "renewed": False}
    assert tiktok.count_requests(REFRESH) == 1
    assert renew(renew_below=1.0)["generation"] == 2
    assert not any(str(token) in str(first) for token in (REFRESH_TOKEN, ACCESS_TOKEN))


@pytest.mark.parametrize("part", [-0.1, 1.1, 50])
def test_a_part_beyond_one_is_refused(connection: Emulator, part: float) -> None:
    """Percent is the likely mistake."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        renew(renew_below=part)


def test_a_state_of_an_earlier_release_is_read() -> None:
    """What was kept before the life of a token was kept too."""
    values = TokenState(seed="s", refresh_token=Secret("r")).to_dict()
    del values["life"]
    assert TokenState.from_dict(values).life is None
