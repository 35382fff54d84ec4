"""What a token is good for; the emulator is TikTok."""

import hashlib
from dataclasses import replace

import pytest

from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ANALYST_ADVERTISER_ID,
    APP_SECRET,
    BC_ID,
    REFRESH_TOKEN,
    Emulator,
)
from airflow_provider_tiktok.identity import Identity, identify
from tests.kit import settings_for

NOW = 1e9
KEPT = TokenState(
    seed=hashlib.sha256(REFRESH_TOKEN.encode()).hexdigest(),
    refresh_token=Secret("later-refresh-token"),
    access_token=Secret(ACCESS_TOKEN),
    expires_at=NOW + 3600,
    generation=7,
)


def look(tiktok: Emulator, kept: TokenState | None = None, **values: object) -> Identity:
    settings: Settings = settings_for(tiktok.url, **values)
    return identify(settings, kept, HttpTransport(settings), NOW)


def test_a_long_lived_token_is_told_with_what_it_reaches(tiktok: Emulator) -> None:
    """Each advertiser with the role, the business center and the audiences it has; an Analyst is shown as one."""
    tiktok.create_audience(ADVERTISER_ID, "one")
    found = look(tiktok)
    assert (found.mode, found.state, found.expires_at) == ("long-lived access token", "valid", None)
    reach = {one.advertiser_id: one for one in found.advertisers}
    assert (reach[ADVERTISER_ID].role, reach[ADVERTISER_ID].bc_id, reach[ADVERTISER_ID].segments) == (
        "Admin",
        BC_ID,
        1,
    )
    assert reach[ANALYST_ADVERTISER_ID].role == "Analyst"
    assert {request["method"] for request in tiktok.requests()} == {"GET"}


@pytest.mark.parametrize(
    ("kept", "state"),
    [
        (None, "not used yet"),
        (replace(KEPT, seed="of an earlier authorisation"), "not used yet"),
        (KEPT, "valid"),
        (replace(KEPT, pending=True), "pending"),
        (replace(KEPT, dead=True), "dead: authorise again"),
        (replace(KEPT, expires_at=NOW - 1), "expired: the next run renews it"),
    ],
    ids=["unused", "new seed", "valid", "pending", "dead", "expired"],
)
def test_a_refresh_token_is_looked_at_and_never_spent(tiktok: Emulator, kept: TokenState | None, state: str) -> None:
    """Only a good access token is shown to TikTok."""
    found = look(tiktok, kept, access_token=None, refresh_token=Secret(REFRESH_TOKEN))
    assert (found.mode, found.state) == ("refresh token", state)
    assert tiktok.count_requests("/oauth2/refresh_token/") == 0
    assert bool(found.advertisers) == (state in {"valid", "pending"})
    if kept is KEPT:
        assert (found.generation, found.expires_at) == (7, NOW + 3600)


def test_what_is_wrong_is_told_and_not_raised(tiktok: Emulator) -> None:
    """A revoked token, and an app id of another app."""
    revoked = look(tiktok, access_token=Secret("revoked"))
    assert revoked.advertisers == []
    assert "authorise again" in revoked.problems[0]
    stranger = look(tiktok, app_secret=Secret("wrong"))
    assert "App secret" in stranger.problems[0]


def test_scopes_are_told_where_they_are_known(tiktok: Emulator) -> None:
    """TikTok has no question for them; the authorisation wrote them down."""
    assert look(tiktok).missing_scopes is None
    assert look(tiktok, scopes=frozenset({3, 1})).missing_scopes == []
    assert look(tiktok, scopes=frozenset({30, 31, 100})).missing_scopes == ["Share audiences (32)"]


def test_no_token_is_told(tiktok: Emulator) -> None:
    """Whatever is printed of an identity is for everybody's eyes."""
    shown = repr(look(tiktok, KEPT, refresh_token=Secret(REFRESH_TOKEN)))
    for secret in (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "later-refresh-token"):
        assert secret not in shown
