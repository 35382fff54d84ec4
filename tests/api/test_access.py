"""May this connection change these advertisers' audiences? Every obstacle has its own sentence."""

import pytest

from airflow_provider_tiktok.api.access import check_access
from airflow_provider_tiktok.emulator import (
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ADVERTISER_ID_3,
    ANALYST_ADVERTISER_ID,
    OTHER_BC_ADVERTISER_ID,
    UNREACHABLE_ADVERTISER_ID,
    Emulator,
)
from airflow_provider_tiktok.errors import AuthError, ConfigurationError
from tests.kit import client_for, settings_for


def check(tiktok: Emulator, *advertisers: str, **values: object) -> None:
    check_access(client_for(tiktok.url, **values), settings_for(tiktok.url, **values), advertisers)


@pytest.mark.parametrize("bc", [{}, {"bc_id": None}], ids=["given", "found"])
def test_advertisers_of_one_business_pass(tiktok: Emulator, bc: dict[str, None]) -> None:
    """Admin and Operator accounts of one business center pass, whether the center is given or found."""
    check(tiktok, ADVERTISER_ID, ADVERTISER_ID_2, ADVERTISER_ID_3, **bc)


@pytest.mark.parametrize(
    ("advertiser", "says"),
    [
        (UNREACHABLE_ADVERTISER_ID, f"advertiser {UNREACHABLE_ADVERTISER_ID} is not among"),
        ("7000000000000000000", "advertiser 7000000000000000000 is not among"),
        (ANALYST_ADVERTISER_ID, f"Analyst of advertiser {ANALYST_ADVERTISER_ID}"),
        (OTHER_BC_ADVERTISER_ID, f"advertisers {OTHER_BC_ADVERTISER_ID} are not in the business center"),
    ],
    ids=["not granted", "unknown", "analyst", "other business"],
)
def test_an_obstacle_is_named_with_its_advertiser(tiktok: Emulator, advertiser: str, says: str) -> None:
    """One advertiser that cannot be served is named, and nothing is changed."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        check(tiktok, ADVERTISER_ID, advertiser, bc_id=None)
    assert "Nothing was changed" in str(caught.value)


def test_an_advertiser_alone_needs_no_business_center_scope(tiktok: Emulator) -> None:
    """A token without the business-center scopes serves a single advertiser."""
    token = tiktok.issue_token(scopes=[30, 31, 100])["access_token"]
    check(tiktok, ADVERTISER_ID, access_token=token, bc_id=None)


def test_several_advertisers_need_the_business_center_scope(tiktok: Emulator) -> None:
    """Whether advertisers belong together cannot be told without the scope, so it is asked for."""
    token = tiktok.issue_token(scopes=[30, 31, 100])["access_token"]
    with pytest.raises(AuthError, match="scopes"):
        check(tiktok, ADVERTISER_ID, ADVERTISER_ID_2, access_token=token, bc_id=None)


def test_a_wrong_secret_is_named_as_such(tiktok: Emulator) -> None:
    """The app's secret is needed to list the advertisers; the error names the connection's fields."""
    with pytest.raises((AuthError, ConfigurationError), match="App secret"):
        check(tiktok, ADVERTISER_ID, app_secret="wrong")


def test_without_the_secret_the_token_itself_is_checked(tiktok: Emulator) -> None:
    """A connection with a token only can be used, and a dead token is still found."""
    check(tiktok, ADVERTISER_ID, app_secret=None)
    tiktok.revoke_token(token := tiktok.issue_token()["access_token"])
    with pytest.raises(AuthError, match="revoked"):
        check(tiktok, ADVERTISER_ID, app_secret=None, access_token=token)
