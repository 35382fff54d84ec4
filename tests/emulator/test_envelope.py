"""Paths, methods, the envelope, tokens, scopes and limits: what holds for every endpoint."""

import json
import re

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID

BASE = "/open_api/v1.3/"


def test_success_envelope(api):
    """A success is HTTP 200 with code 0, OK, a request id that is also in X-TT-LOGID, and data."""
    status, headers, text = api.exchange("GET", f"{BASE}user/info/", Access_Token=ACCESS_TOKEN)
    reply = json.loads(text)
    assert (status, reply["code"], reply["message"]) == (200, 0, "OK")
    assert re.fullmatch(r"\d{14}[0-9A-F]{17}", reply["request_id"])
    assert headers["X-TT-LOGID"] == reply["request_id"]
    assert headers["Content-Type"] == "application/json"
    assert {"core_user_id", "display_name", "email"} <= set(reply["data"])


def test_refusal_envelope(api):
    """An API error is HTTP 200 with a non-zero code, empty data and a fresh request id."""
    first, second = (api.get("user/info/", token="wrong") for _ in range(2))
    assert (first["code"], first["data"]) == (40105, {})
    assert first["request_id"] != second["request_id"]


def test_no_rate_limit_headers(api):
    """TikTok sends no rate-limit header, so nothing may rely on one."""
    _, headers, _ = api.exchange("GET", f"{BASE}user/info/", Access_Token=ACCESS_TOKEN)
    assert not [name for name in headers if "rate" in name.lower() or name.lower() == "retry-after"]


@pytest.mark.parametrize(
    "path",
    ["segment/audience", "segment/mapping", "oauth2/access_token", "dmp/custom_audience/share"],
)
def test_post_without_trailing_slash_is_404(api, path):
    """A POST without its trailing slash never reaches the API."""
    status, _, text = api.exchange("POST", BASE + path, b"{}", Access_Token=ACCESS_TOKEN)
    assert (status, text) == (404, "404 page not found")


def test_get_without_trailing_slash_is_accepted(api):
    """A GET may lack the trailing slash."""
    assert api.get("user/info")["code"] == 0


@pytest.mark.parametrize("target", [f"{BASE}segment/nothing/", "/nothing", "/open_api/segment/mapping/"])
def test_unknown_path_is_404(api, target):
    """An unknown path is HTTP 404 in plain text."""
    status, _, text = api.exchange("GET", target, Access_Token=ACCESS_TOKEN)
    assert (status, text) == (404, "404 page not found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "segment/mapping/"), ("POST", "user/info/"), ("PUT", "segment/audience/"), ("DELETE", "bc/get/")],
)
def test_wrong_method_is_405(api, method, path):
    """A known path with the wrong method is HTTP 405."""
    assert api.exchange(method, BASE + path, b"{}", Access_Token=ACCESS_TOKEN)[0] == 405


@pytest.mark.parametrize("version", ["v1.2", "v2.0", "v1.30"])
def test_other_version_is_40051(api, version):
    """Any version but v1.3 is an invalid version."""
    _, _, text = api.exchange("GET", f"/open_api/{version}/user/info/", Access_Token=ACCESS_TOKEN)
    assert json.loads(text)["code"] == 40051


@pytest.mark.parametrize("headers", [{}, {"Access_Token": ""}, {"Authorization": f"Bearer {ACCESS_TOKEN}"}])
def test_missing_token_is_40104(api, headers):
    """Without the header Access-Token the known text comes back; a bearer token does not count."""
    reply = json.loads(api.exchange("GET", f"{BASE}user/info/", **headers)[2])
    assert reply["code"] == 40104
    assert reply["message"] == "Access token is null, you should set it in http header with key Access-Token."


def test_unknown_token_is_40105(api):
    """An unknown token gets the known text."""
    reply = api.get("user/info/", token="nobody")
    assert (reply["code"], reply["message"]) == (40105, "Access token is incorrect or has been revoked.")


def test_revoked_token_is_40105(tiktok, api):
    """A revoked token is as good as an unknown one."""
    tiktok.revoke_token(ACCESS_TOKEN)
    assert api.get("user/info/")["code"] == 40105


def test_expired_token_is_40102(tiktok, api):
    """An expired token has its own code."""
    tiktok.expire_token(ACCESS_TOKEN)
    assert api.get("user/info/")["code"] == 40102


def test_token_expires_with_the_clock(tiktok, api):
    """Advancing the clock beyond its life expires a token."""
    token = tiktok.issue_token(expires_in=60)["access_token"]
    assert api.get("user/info/", token=token)["code"] == 0
    tiktok.advance(61)
    assert api.get("user/info/", token=token)["code"] == 40102


@pytest.mark.parametrize(("scopes", "code"), [([30], 0), ([3], 0), ([31, 32, 100], 40001), ([], 40001)])
def test_scope_or_its_parent_is_needed(tiktok, api, scopes, code):
    """Reading audiences needs scope 30 or its parent 3."""
    token = tiktok.issue_token(scopes=scopes)["access_token"]
    reply = api.get("dmp/custom_audience/list/", token=token, advertiser_id=ADVERTISER_ID)
    assert reply["code"] == code


def test_grandparent_scope_is_enough(tiktok, api):
    """Scope 1 implies 100 by way of 10."""
    token = tiktok.issue_token(scopes=[1])["access_token"]
    assert api.get("advertiser/info/", token=token, advertiser_ids=[ADVERTISER_ID])["code"] == 0


@pytest.mark.parametrize("path", ["segment/audience/", "segment/mapping/", "dmp/custom_audience/share/"])
def test_reading_scope_does_not_write(tiktok, api, path):
    """A token with scope 30 only cannot create, map or share."""
    token = tiktok.issue_token(scopes=[30])["access_token"]
    assert api.post(path, {}, token=token)["code"] == 40001


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"a=b", b"\xff\xfe{}"])
def test_body_that_is_not_a_json_object_is_40002(api, body):
    """A body that is no JSON object is a parameter error."""
    assert api.post("segment/audience/", body)["code"] == 40002


def test_form_body_is_40002(api):
    """The content type must be application/json."""
    headers = {"Access_Token": ACCESS_TOKEN, "Content_Type": "application/x-www-form-urlencoded"}
    _, _, text = api.exchange("POST", f"{BASE}segment/audience/", b"{}", **headers)
    assert json.loads(text)["code"] == 40002


def test_body_over_the_byte_cap_is_40002(tiktok, api):
    """The byte cap is configurable, and the message names it."""
    tiktok.configure(byte_cap=200)
    reply = api.post("segment/audience/", {"custom_audience_name": "x" * 200})
    assert reply["code"] == 40002
    assert "200 bytes" in reply["message"]


def test_qps_limit_is_40100_until_the_next_second(tiktok, api):
    """Too many requests in a second are refused with the known text; a second later all is well."""
    tiktok.configure(qps=3)
    codes = [api.get("user/info/") for _ in range(4)]
    assert [reply["code"] for reply in codes] == [0, 0, 0, 40100]
    assert codes[3]["message"] == "Too many requests. Please retry in some time."
    tiktok.advance(1.1)
    assert api.get("user/info/")["code"] == 0


def test_qpm_breach_is_punished_for_five_minutes(tiktok, api):
    """After too many requests in a minute, waiting a minute is not enough."""
    tiktok.configure(qpm=2)
    assert [api.get("user/info/")["code"] for _ in range(3)] == [0, 0, 40100]
    tiktok.advance(61)
    assert api.get("user/info/")["code"] == 40100
    tiktok.advance(300)
    assert api.get("user/info/")["code"] == 0


def test_streaming_has_its_own_bucket(tiktok, api):
    """The Segment API does not use up the general limit, and has a limit of its own."""
    tiktok.configure(qps=1, streaming_qps=2)
    assert [api.post("segment/audience/", {})["code"] for _ in range(3)] == [40002, 40002, 40100]
    assert api.get("user/info/")["code"] == 0
