"""Code exchange, rotating refresh, revocation."""

import pytest

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    APP_ID,
    APP_SECRET,
    AUTH_CODE,
    REFRESH_TOKEN,
    SCOPES,
)

APP = {"app_id": APP_ID, "secret": APP_SECRET}
WRONG_APP = "The app_id is inconsistent with the token's app information. Please retry after correcting it."


def exchange(api, **changes):
    body = {**APP, "auth_code": AUTH_CODE} | changes
    return api.post("oauth2/access_token/", {k: v for k, v in body.items() if v is not None}, token="")


def refresh(api, token, **changes):
    return api.post("oauth2/refresh_token/", {**APP, "refresh_token": token, **changes}, token="")


def alive(api, token):
    return api.get("user/info/", token=token)["code"] == 0


def test_code_gives_a_long_term_token(api):
    """By default the exchange gives a token without expiry and without a refresh token."""
    data = exchange(api)["data"]
    assert set(data) == {"access_token", "advertiser_ids", "scope"}
    assert data["scope"] == list(SCOPES)
    assert ADVERTISER_ID in data["advertiser_ids"]
    assert len(data["access_token"]) == 40
    assert alive(api, data["access_token"])


def test_advertiser_ids_can_be_left_out(api):
    """return_advertiser_ids false leaves out the list."""
    assert "advertiser_ids" not in exchange(api, return_advertiser_ids=False)["data"]


def test_code_is_good_once(api):
    """A used code is refused with the known text."""
    exchange(api)
    reply = exchange(api)
    assert (reply["code"], reply["message"]) == (40110, "Auth_code is used, please re-authorize.")


def test_code_is_good_for_an_hour(tiktok, api):
    """After an hour the code is dead."""
    tiktok.advance(3601)
    assert exchange(api)["code"] == 40110


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"auth_code": "unknown"}, 40110),
        ({"app_id": "1"}, 40113),
        ({"secret": "wrong"}, 40113),
        ({"secret": None}, 40002),
        ({"app_id": None}, 40002),
        ({"auth_code": None}, 40002),
        ({"auth_code": ""}, 40002),
        ({"app_id": int(APP_ID)}, 40002),
        ({"return_advertiser_ids": "false"}, 40002),
    ],
    ids=str,
)
def test_exchange_rejections(api, changes, code):
    """A wrong exchange is refused and does not use up the code."""
    assert exchange(api, **changes)["code"] == code
    assert exchange(api)["code"] == 0


def test_missing_fields_are_named(api):
    """The message lists what is missing."""
    reply = api.post("oauth2/access_token/", {"secret": "x"}, token="")
    assert reply["message"] == "Missing required field(s): app_id, auth_code"


def test_legacy_mode_gives_a_refresh_token(tiktok, api):
    """In legacy refresh mode the access token expires and a refresh token comes along."""
    tiktok.configure(legacy_refresh_mode=True)
    data = exchange(api)["data"]
    assert (data["expires_in"], data["refresh_token_expires_in"]) == (86400, 31536000)
    tiktok.advance(86401)
    assert not alive(api, data["access_token"])
    assert alive(api, refresh(api, data["refresh_token"])["data"]["access_token"])


def test_refresh_rotates(api):
    """Each refresh gives a new pair, and the newest refresh token goes on working."""
    first = refresh(api, REFRESH_TOKEN)["data"]
    second = refresh(api, first["refresh_token"])["data"]
    assert len({REFRESH_TOKEN, first["refresh_token"], second["refresh_token"]}) == 3
    assert alive(api, first["access_token"])
    assert alive(api, second["access_token"])


def test_reuse_of_a_refresh_token_kills_the_family(api):
    """Whoever uses an old refresh token ends the whole authorisation, access tokens included."""
    newer = refresh(api, REFRESH_TOKEN)["data"]
    assert refresh(api, REFRESH_TOKEN)["code"] == 40107
    assert not alive(api, newer["access_token"])
    assert refresh(api, newer["refresh_token"])["code"] == 40107


def test_other_families_survive(tiktok, api):
    """Killing one family leaves other authorisations alone."""
    other = tiktok.issue_token(refresh=True)
    refresh(api, REFRESH_TOKEN)
    refresh(api, REFRESH_TOKEN)
    assert alive(api, other["access_token"])
    assert refresh(api, other["refresh_token"])["code"] == 0
    assert alive(api, ACCESS_TOKEN)


def test_refresh_can_kill_the_old_access_token(tiktok, api):
    """A switch makes a refresh end the access tokens before it."""
    tiktok.configure(refresh_kills_access=True)
    pair = tiktok.issue_token(refresh=True)
    newer = refresh(api, pair["refresh_token"])["data"]
    assert not alive(api, pair["access_token"])
    assert alive(api, newer["access_token"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": "refresh_token"}, 0),
        ({"grant_type": "password"}, 40108),
        ({"app_id": "1"}, 40113),
        ({"secret": "wrong"}, 40113),
        ({"secret": ""}, 40002),
        ({"refresh_token": "unknown"}, 40107),
        ({"refresh_token": ACCESS_TOKEN}, 40107),
    ],
    ids=str,
)
def test_refresh_rejections(api, changes, code):
    """A wrong refresh is refused and does not use up the token."""
    assert refresh(api, REFRESH_TOKEN, **changes)["code"] == code
    if code:
        assert refresh(api, REFRESH_TOKEN)["code"] == 0


def test_bad_grant_type_has_the_known_text(api):
    """The text names the grant type."""
    message = refresh(api, REFRESH_TOKEN, grant_type="x")["message"]
    assert message == "Invalid value for grant_type: x is not supported."


def test_expired_refresh_token_is_40103(tiktok, api):
    """A refresh token has a life, too."""
    tiktok.expire_token(REFRESH_TOKEN)
    assert refresh(api, REFRESH_TOKEN)["code"] == 40103


def test_revoke_ends_token_and_family(tiktok, api):
    """Revoking an access token ends it and its refresh token, and tells which accounts are lost."""
    pair = tiktok.issue_token(refresh=True, advertiser_ids=[ADVERTISER_ID])
    reply = api.post("oauth2/revoke_token/", {**APP, "access_token": pair["access_token"]}, token="")
    assert reply["data"] == {"app_id": APP_ID, "advertiser_ids": [ADVERTISER_ID]}
    assert api.get("user/info/", token=pair["access_token"])["code"] == 40105
    assert refresh(api, pair["refresh_token"])["code"] == 40107


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"app_id": "1"}, 40113), ({"access_token": "unknown"}, 40105), ({"access_token": ""}, 40002)],
    ids=str,
)
def test_revoke_rejections(api, changes, code):
    """A wrong revocation is refused and revokes nothing."""
    body = {**APP, "access_token": ACCESS_TOKEN} | changes
    assert api.post("oauth2/revoke_token/", body, token="")["code"] == code
    assert alive(api, ACCESS_TOKEN)


def test_advertisers_of_a_token(tiktok, api):
    """oauth2/advertiser/get/ lists exactly the advertisers of the token."""
    token = tiktok.issue_token(advertiser_ids=[ADVERTISER_ID, ADVERTISER_ID_2])["access_token"]
    rows = api.get("oauth2/advertiser/get/", token=token, **APP)["data"]["list"]
    assert [row["advertiser_id"] for row in rows] == [ADVERTISER_ID, ADVERTISER_ID_2]
    assert all(row["advertiser_name"] for row in rows)


@pytest.mark.parametrize("change", [{"app_id": "1"}, {"secret": "wrong"}], ids=str)
def test_advertisers_of_the_wrong_app(api, change):
    """App and token must belong together; the text is known."""
    reply = api.get("oauth2/advertiser/get/", **{**APP, **change})
    assert (reply["code"], reply["message"]) == (40113, WRONG_APP)


def test_advertisers_need_app_and_secret(api):
    """Query parameters app_id and secret are required besides the header."""
    assert api.get("oauth2/advertiser/get/", app_id=APP_ID)["code"] == 40002
