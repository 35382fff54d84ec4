"""Tokens in the connection itself: what is refused before a token is spent. A real scheduler is in tests/airflow."""

from typing import Any

import pytest

from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.emulator import REFRESH_TOKEN, Emulator
from airflow_provider_tiktok.errors import ConfigurationError, TransientError
from airflow_provider_tiktok.hooks.connection_store import ConnectionTokenStore
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from tests.kit import connect

STATE = TokenState(seed="s", refresh_token=Secret("kept-refresh-token"), access_token=Secret("kept-access-token"))


@pytest.fixture
def in_connection(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    connect(
        monkeypatch,
        tiktok,
        extra={"access_token": None, "refresh_token": REFRESH_TOKEN, "token_store": "connection"},
    )
    return tiktok


def configure(monkeypatch: pytest.MonkeyPatch, **options: str) -> None:
    for name, value in options.items():
        monkeypatch.setenv(f"AIRFLOW__TIKTOK__{name.upper()}", value)


def test_a_state_is_read_from_the_extra_field(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was saved is what is read; nothing saved is nothing kept."""
    connect(monkeypatch, tiktok, extra={"token_state": STATE.to_dict()})
    assert ConnectionTokenStore("tiktok_default").load() == STATE
    connect(monkeypatch, tiktok)
    assert ConnectionTokenStore("tiktok_default").load() is None


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"api_url": "http://airflow.example.com", "api_username": "u"}, ConfigurationError, "use|to https"),
        ({"api_url": "http://127.0.0.1:9", "api_username": "u"}, TransientError, "did not answer"),
    ],
    ids=["clear text", "nobody there"],
)
def test_no_token_is_spent_when_it_could_not_be_kept(
    in_connection: Emulator, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """The pending mark is written first, and its failure is told with the cure."""
    configure(monkeypatch, **options)
    with pytest.raises(error, match=says) as caught:
        TikTokHook().get_conn().check_token()
    assert in_connection.requests() == []
    assert REFRESH_TOKEN not in str(caught.value)


def test_an_api_that_refuses_is_told_by_its_status(in_connection: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address or user; the emulator plays a server that knows no such page."""
    configure(monkeypatch, api_url=in_connection.url, api_username="u", api_password="p")
    with pytest.raises(ConfigurationError, match="HTTP 404 to /auth/token: check"):
        TikTokHook().get_conn().check_token()
    assert in_connection.count_requests("/oauth2/refresh_token/") == 0


def test_an_unknown_store_is_a_wrong_field(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the choices."""
    connect(monkeypatch, tiktok, extra={"token_store": "vault"})
    with pytest.raises(ConfigurationError, match="'variable' or 'connection'"):
        TikTokHook().get_conn()
