"""The commands under /_emulator/ and the request log."""

import json
from http.client import RemoteDisconnected

import pytest

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    APP_ID,
    APP_SECRET,
    REFRESH_TOKEN,
)

BASE = "/open_api/v1.3/"


def test_index_lists_the_commands(api):
    """GET /_emulator/ tells what there is, with arguments and a sentence each."""
    status, _, text = api.exchange("GET", "/_emulator/")
    commands = {one["path"]: one for one in json.loads(text)}
    assert status == 200
    assert commands["/_emulator/advance"]["arguments"] == ["seconds"]
    assert all(one["about"] for one in commands.values())


@pytest.mark.parametrize(("method", "name"), [("GET", "nothing"), ("GET", "reset"), ("POST", "members")])
def test_unknown_command_is_404(api, method, name):
    """An unknown command says where the list is."""
    status, _, text = api.exchange(method, f"/_emulator/{name}", b"{}")
    assert status == 404
    assert "/_emulator/" in json.loads(text)["error"]


@pytest.mark.parametrize("body", [b"{", b'{"secs": 1}', b"[]", b'{"seconds": -1}', b'{"seconds": "x"}'])
def test_wrong_arguments_are_400(api, body):
    """Wrong arguments are an error that says what is wrong."""
    status, _, text = api.exchange("POST", "/_emulator/advance", body)
    assert status == 400
    assert json.loads(text)["error"]


def test_reset_forgets_everything(tiktok, api):
    """After a reset there is the default world: no audiences, faults, requests or settings of before."""
    api.segment()
    tiktok.configure(row_cap=5)
    tiktok.fail_with_code("", 50000, times=None)
    tiktok.revoke_token(ACCESS_TOKEN)
    tiktok.advance(1e6)
    tiktok.reset()
    assert (tiktok.audiences(), tiktok.faults(), tiktok.requests()) == ([], [], [])
    assert tiktok.configure()["row_cap"] == 10_000
    assert api.get("user/info/")["code"] == 0


@pytest.mark.parametrize("change", [{"row_capp": 1}, {"row_cap": "x"}, {"row_cap": True}, {"allow_listed": 1}], ids=str)
def test_unknown_setting_or_type_is_refused(tiktok, change):
    """A setting that does not exist, or of another type, is refused."""
    with pytest.raises(ValueError, match="setting"):
        tiktok.configure(**change)


def test_whole_number_for_a_float_setting(tiktok):
    """1 is fine for 1.0."""
    assert tiktok.configure(match_rate=1)["match_rate"] == 1.0


def test_issued_token(tiktok, api):
    """An issued token has the scopes and advertisers that were asked for."""
    issued = tiktok.issue_token(scopes=[30], advertiser_ids=[ADVERTISER_ID_2])
    assert set(issued) == {"access_token", "advertiser_ids", "scope"}
    token = issued["access_token"]
    assert api.get("dmp/custom_audience/list/", token=token, advertiser_id=ADVERTISER_ID_2)["code"] == 0
    assert api.get("dmp/custom_audience/list/", token=token, advertiser_id=ADVERTISER_ID)["code"] == 40001


def test_issued_pair(tiktok):
    """With refresh there is a refresh token, and the access token expires."""
    issued = tiktok.issue_token(expires_in=5, refresh=True)
    assert issued["expires_in"] == 5
    assert issued["refresh_token"]


def test_issued_auth_code(tiktok, api):
    """A code of one's own can be exchanged."""
    tiktok.issue_auth_code("my-code")
    body = {"app_id": APP_ID, "secret": APP_SECRET, "auth_code": "my-code"}
    assert api.post("oauth2/access_token/", body)["code"] == 0


def test_revoke_with_family(tiktok, api):
    """Revoking alone leaves the refresh token; with the family, all ends."""
    body = {"app_id": APP_ID, "secret": APP_SECRET}
    pair = tiktok.issue_token(refresh=True)
    tiktok.revoke_token(pair["access_token"])
    newer = api.post("oauth2/refresh_token/", body | {"refresh_token": pair["refresh_token"]})["data"]
    tiktok.revoke_token(newer["access_token"], family=True)
    reply = api.post("oauth2/refresh_token/", body | {"refresh_token": newer["refresh_token"]})
    assert reply["code"] == 40107


@pytest.mark.parametrize("command", ["expire_token", "revoke_token"])
def test_unknown_token_is_an_error(tiktok, command):
    """A test that names a token wrongly is told so."""
    with pytest.raises(ValueError, match="unknown token"):
        getattr(tiktok, command)("nobody")


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda t: t.set_role(ADVERTISER_ID, "BOSS"), id="role"),
        pytest.param(lambda t: t.set_role("1", "ADMIN"), id="advertiser"),
        pytest.param(lambda t: t.add_advertiser(ADVERTISER_ID), id="advertiser that is there"),
        pytest.param(lambda t: t.add_advertiser("1", bc_id="2"), id="business"),
        pytest.param(lambda t: t.create_audience("1", "x"), id="owner"),
        pytest.param(lambda t: t.create_audience(ADVERTISER_ID, "x", shared_with=["1"]), id="recipient"),
        pytest.param(lambda t: t.issue_token(advertiser_ids=["1"]), id="reach"),
        pytest.param(lambda t: t.members("1"), id="members"),
        pytest.param(lambda t: t.set_cover("1", 5), id="cover"),
    ],
)
def test_unknown_things_are_errors(tiktok, call):
    """Commands refuse ids and words that do not exist."""
    with pytest.raises(ValueError, match="emulator: "):
        call(tiktok)


def test_created_audience(tiktok, api):
    """A test can put audiences of any type, age, size and sharing."""
    segment = tiktok.create_audience(
        ADVERTISER_ID, "twins", "Lookalike Audience", shared_with=[ADVERTISER_ID_2], cover_num=7
    )
    seen = api.seen(segment, ADVERTISER_ID_2)
    assert (seen["type"], seen["cover_num"], seen["shared"]) == ("Lookalike Audience", 7, True)
    assert seen["calculate_type"] is None


def test_age_of_a_created_audience(tiktok, api):
    """An audience can be old enough to be warm."""
    tiktok.configure(warm_up_seconds=60)
    assert api.map(tiktok.create_audience(ADVERTISER_ID, "old", age_seconds=61), "a")["code"] == 0


def test_set_cover(tiktok, api):
    """The size can be fixed, and given back to the members."""
    segment = api.segment()
    tiktok.set_cover(segment, 1000)
    assert api.seen(segment)["is_valid"] is True
    tiktok.set_cover(segment, None)
    assert api.seen(segment)["cover_num"] == 0


def test_audiences_have_sizes(tiktok, api):
    """audiences() tells sizes, owner and sharing."""
    segment = api.segment("buyers")
    api.map(segment, "a", "b")
    [one] = tiktok.audiences()
    assert (one["audience_id"], one["name"], one["owner_id"]) == (segment, "buyers", ADVERTISER_ID)
    assert one["sizes"]["EMAIL_SHA256"] == one["users"] == one["cover_num"] == 2


def test_requests_are_recorded(tiktok, api):
    """A record has method, path, status, code, request id, number of rows and duration."""
    segment = api.segment()
    reply = api.map(segment, "a", "b", "c")
    record = tiktok.requests("segment/mapping/")[0]
    assert record["method"] == "POST"
    assert record["path"] == f"{BASE}segment/mapping/"
    assert (record["status"], record["code"], record["rows"]) == (200, 0, 3)
    assert record["request_id"] == reply["request_id"]
    assert record["ms"] > 0


def test_refused_and_dropped_requests_are_recorded(tiktok, api):
    """A refusal is recorded with its code, a 404 without one, a dropped connection with status 0."""
    api.get("user/info/", token="x")
    api.exchange("GET", "/nothing")
    tiktok.drop_before("bc/get/")
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        api.get("bc/get/")
    assert [(one["status"], one["code"]) for one in tiktok.requests()] == [(200, 40105), (404, None), (0, None)]


def test_requests_are_counted_by_path(tiktok, api):
    """Counting goes by the end of the path; control commands and the page do not count."""
    for _ in range(3):
        api.get("user/info/")
    api.get("bc/get/")
    api.exchange("GET", "/")
    assert tiktok.count_requests("user/info/") == 3
    assert tiktok.count_requests() == 4
    assert len(tiktok.requests("bc/get/")) == 1


def test_log_holds_no_secret(tiktok, api):
    """No token, secret, code, digest or query string gets into log, page or list of faults."""
    pair = tiktok.issue_token(refresh=True)
    segment = api.segment()
    app = {"app_id": APP_ID, "secret": APP_SECRET}
    api.map(segment, "person")
    api.map(segment, "person", action="nonsense")
    api.get("oauth2/advertiser/get/", **app)
    api.get("oauth2/advertiser/get/", access_token=ACCESS_TOKEN, **app)
    api.post("oauth2/refresh_token/", app | {"refresh_token": pair["refresh_token"]})
    api.post("oauth2/revoke_token/", app | {"access_token": pair["access_token"]})
    api.exchange("GET", f"{BASE}user/{pair['access_token']}/")
    api.exchange("GET", f"{BASE}user/{api.digest('person')}/")
    log = json.dumps(tiktok.requests()) + json.dumps(tiktok.faults()) + api.exchange("GET", "/")[2]
    assert tiktok.count_requests() == 9
    for secret in (
        pair["access_token"],
        pair["refresh_token"],
        APP_SECRET,
        ACCESS_TOKEN,
        REFRESH_TOKEN,
        api.digest("person"),
    ):
        assert secret not in log


def test_log_is_bounded(tiktok, api):
    """The log keeps 5,000 records; `limit` asks for fewer."""
    for _ in range(3):
        api.get("user/info/")
    status, _, text = api.exchange("GET", "/_emulator/requests?limit=2")
    assert (status, len(json.loads(text))) == (200, 2)
