"""A connection is read by name, checked once, and tested without changing or spending anything."""

import json
import time

import pytest
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ANALYST_ADVERTISER_ID,
    APP_SECRET,
    REFRESH_TOKEN,
    UNREACHABLE_ADVERTISER_ID,
    Emulator,
)
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook, check_clock
from tests.kit import connect, settings_for


def test_a_complete_connection_gives_a_client(connection: Emulator) -> None:
    """Host, app id, secret and token of the connection reach TikTok."""
    TikTokHook().get_conn().check_token()
    assert connection.count_requests("/user/info/") == 1


def test_the_hook_is_found_through_its_connection_type(connection: Emulator) -> None:
    """Airflow makes the hook from a connection of type tiktok, as for any provider."""
    assert isinstance(BaseHook.get_hook("tiktok_default"), TikTokHook)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"extra": {"access_token": None}}, "neither Access token nor Refresh token"),
        ({"extra": {"access_token": None, "refresh_token": "r"}, "password": None}, "App secret"),
        ({"extra": {"advertiser_id": "abc"}}, "Advertiser id must be digits"),
        ({"extra": {"bc_id": "abc"}}, "Business center id must be digits"),
        ({"extra": {"timeout": "soon"}}, "number of seconds"),
        ({"extra": {"timeout": "-1"}}, "number of seconds"),
        ({"host": "http://example.com"}, "use https"),
        ({"host": "ftp://example.com"}, "Host must be a URL"),
        ({"host": "https://example.com", "extra": {"verify_tls": "false"}}, "loopback"),
    ],
    ids=[
        "no token",
        "no secret",
        "advertiser",
        "center",
        "timeout text",
        "timeout sign",
        "clear text",
        "scheme",
        "tls",
    ],
)
def test_a_wrong_field_is_named_with_its_cure(
    tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], says: str
) -> None:
    """What is wrong with a connection is said before any request, with the connection's id and the field."""
    connect(monkeypatch, tiktok, **values)
    with pytest.raises(ConfigurationError, match=says) as caught:
        TikTokHook().get_conn()
    assert "'tiktok_default'" in str(caught.value)
    for secret in (ACCESS_TOKEN, APP_SECRET):
        assert secret not in str(caught.value)


def test_a_host_without_scheme_means_https(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare host name is reached over TLS."""
    connect(monkeypatch, tiktok, host="business-api.tiktok.com")
    assert TikTokHook().settings.base_url == "https://business-api.tiktok.com"


def test_a_connection_uri_with_a_port_works(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URI form of an environment variable keeps host and port apart; both are used."""
    address = tiktok.url.removeprefix("http://")
    monkeypatch.setenv(
        "AIRFLOW_CONN_TIKTOK_DEFAULT", f"tiktok://app:{APP_SECRET}@{address}/http?access_token={ACCESS_TOKEN}"
    )
    TikTokHook().get_conn().check_token()


def test_the_test_button_is_content_with_a_good_connection(connection: Emulator) -> None:
    """A good connection is confirmed with the advertiser, and nothing was written."""
    ok, message = TikTokHook().test_connection()
    assert ok, message
    assert "is reachable" in message
    assert {request["method"] for request in connection.requests()} == {"GET"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"password": "wrong"}, "App secret"),
        ({"extra": {"access_token": "wrong"}}, "authorise again"),
        ({"extra": {"advertiser_id": ANALYST_ADVERTISER_ID}}, "Analyst"),
        ({"extra": {"advertiser_id": UNREACHABLE_ADVERTISER_ID}}, "not among"),
        ({"extra": {"access_token": None}}, "neither Access token nor Refresh token"),
    ],
    ids=["secret", "token", "analyst", "unreachable", "empty"],
)
def test_the_test_button_names_the_cause(
    tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], says: str
) -> None:
    """A connection that cannot work fails its test with the cause, and is never an exception."""
    connect(monkeypatch, tiktok, **values)
    ok, message = TikTokHook().test_connection()
    assert not ok
    assert says in message


def test_the_test_button_names_a_missing_scope(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that may not read audiences is found by the test."""
    token = tiktok.issue_token(scopes=[100, 150, 153])["access_token"]
    connect(monkeypatch, tiktok, extra={"access_token": token})
    ok, message = TikTokHook().test_connection()
    assert not ok
    assert "Audience Management" in message


def test_the_test_button_names_scopes_that_were_not_granted(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was granted is known where it was written down at the authorisation; changing cannot be tried."""
    connect(monkeypatch, tiktok, extra={"scopes": [30, 100]})
    ok, message = TikTokHook().test_connection()
    assert not ok
    assert "Create and update audiences (31), Share audiences (32)" in message
    connect(monkeypatch, tiktok, extra={"scopes": [3, 100]})
    assert TikTokHook().test_connection()[0]


@pytest.mark.parametrize(("skew", "says"), [(200.0, "[12][0-9]{2} s ahead of"), (-3600.0, "3[56][0-9]{2} s behind")])
def test_a_wrong_clock_is_told_from_an_answer(connection: Emulator, skew: float, says: str) -> None:
    """A clock that is minutes off makes tokens die unseen; TikTok's answers carry the time."""
    transport = HttpTransport(settings_for(connection.url), now=lambda: time.time() + skew)
    transport.send(wire.user_info(), Secret(ACCESS_TOKEN))
    with pytest.raises(ConfigurationError, match=f"{says} TikTok's.*NTP"):
        check_clock(transport.skew)


def test_a_right_clock_is_no_matter(connection: Emulator) -> None:
    """Seconds do not matter, and neither does an answer without a time."""
    transport = HttpTransport(settings_for(connection.url))
    check_clock(transport.skew)
    transport.send(wire.user_info(), Secret(ACCESS_TOKEN))
    assert transport.skew == pytest.approx(0, abs=10)
    check_clock(transport.skew)


def test_the_test_button_never_spends_a_refresh_token(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh token is good for one use, which belongs to a run and not to a test."""
    connect(monkeypatch, tiktok, extra={"access_token": None, "refresh_token": REFRESH_TOKEN})
    ok, message = TikTokHook().test_connection()
    assert ok
    assert "does not spend it" in message
    assert tiktok.count_requests() == 0


def test_settings_show_no_secret(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings nor hook give a secret away when they are printed."""
    connect(monkeypatch, tiktok, extra={"refresh_token": REFRESH_TOKEN})
    hook = TikTokHook()
    shown = repr(hook.settings) + repr(hook) + repr(vars(hook)) + json.dumps(str(hook.settings))
    for secret in (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET):
        assert secret not in shown
