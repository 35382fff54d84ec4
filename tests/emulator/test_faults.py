"""Trouble on demand, as a client sees it."""

import json
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, REFRESH_TOKEN

BASE = "/open_api/v1.3/"


def emails(tiktok, segment):
    return tiktok.members(segment)["EMAIL_SHA256"]


@pytest.mark.parametrize("code", [40100, 40016, 40133, 50000, 51305, 20001, 60001])
def test_api_code(tiktok, api, code):
    """Any API code can come back with HTTP 200, and nothing has been changed."""
    segment = api.segment()
    tiktok.fail_with_code("segment/mapping/", code, "as asked")
    reply = api.map(segment, "a")
    assert (reply["code"], reply["message"], reply["data"]) == (code, "as asked", {})
    assert emails(tiktok, segment) == set()
    assert api.map(segment, "a")["code"] == 0


def test_known_text_of_a_code(tiktok, api):
    """Without a message a code has TikTok's text."""
    tiktok.fail_with_code("user/info/", 40100)
    assert api.get("user/info/")["message"] == "Too many requests. Please retry in some time."


@pytest.mark.parametrize("status", [502, 504, 400])
def test_http_error_has_html(tiktok, api, status):
    """An HTTP error comes with an HTML body, as TikTok's infrastructure sends it."""
    tiktok.fail_with_http("user/info/", status)
    seen, headers, text = api.exchange("GET", f"{BASE}user/info/", Access_Token=ACCESS_TOKEN)
    assert (seen, headers.get_content_type()) == (status, "text/html")
    assert text.startswith("<html>")


@pytest.mark.parametrize("applied", [False, True])
def test_error_before_or_after_the_change(tiktok, api, applied):
    """A code or an HTTP error can hide a change that was made."""
    segment = api.segment()
    tiktok.fail_with_code("segment/mapping/", 50000, applied=applied)
    tiktok.fail_with_http("segment/mapping/", 504, applied=applied)
    assert api.map(segment, "a")["code"] == 50000
    with pytest.raises(AssertionError, match="504"):
        api.map(segment, "b")
    assert len(emails(tiktok, segment)) == (2 if applied else 0)


def test_drop_before_the_change(tiktok, api):
    """The connection closes without a reply, and nothing has been changed."""
    segment = api.segment()
    tiktok.drop_before("segment/mapping/")
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        api.map(segment, "a")
    assert emails(tiktok, segment) == set()


def test_drop_after_the_change(tiktok, api):
    """The connection closes without a reply, and the change has been made."""
    segment = api.segment()
    tiktok.drop_after("segment/mapping/")
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        api.map(segment, "a")
    assert emails(tiktok, segment) == {api.digest("a")}


def test_drop_sends_not_a_byte(tiktok):
    """On a kept-alive connection, too, a dropped request gets an end of stream and nothing before it."""
    address = urlsplit(tiktok.url)
    connection = HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request("GET", f"{BASE}user/info/", headers={"Access-Token": ACCESS_TOKEN})
    assert json.loads(connection.getresponse().read())["code"] == 0
    tiktok.drop_after("user/info/")
    raw = connection.sock
    raw.sendall(f"GET {BASE}user/info/ HTTP/1.1\r\nHost: x\r\nAccess-Token: {ACCESS_TOKEN}\r\n\r\n".encode())
    assert raw.recv(100) == b""
    connection.close()


def test_dropped_create_may_have_created(tiktok, api):
    """After a lost reply to a creation, only the list tells."""
    tiktok.drop_after("segment/audience/")
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        api.segment("ghost")
    assert [one["name"] for one in tiktok.audiences()] == ["ghost"]


def test_lost_reply_of_a_refresh(tiktok, api):
    """If the reply to a refresh is lost, the old refresh token is used up all the same."""
    tiktok.drop_after("oauth2/refresh_token/")
    body = {"app_id": "7300000000000000001", "secret": "emulator-app-secret", "refresh_token": REFRESH_TOKEN}
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        api.post("oauth2/refresh_token/", body)
    assert api.post("oauth2/refresh_token/", body)["code"] == 40107


def test_latency(tiktok):
    """A slow reply runs into the client's time-out."""
    tiktok.delay("user/info/", 5)
    address = urlsplit(tiktok.url)
    connection = HTTPConnection(address.hostname, address.port, timeout=0.1)
    connection.request("GET", f"{BASE}user/info/", headers={"Access-Token": ACCESS_TOKEN})
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()


def test_latency_and_failure_combine(tiktok, api):
    """A slow failure is one request's worth of trouble."""
    tiktok.delay("user/info/", 0.01)
    tiktok.fail_with_code("user/info/", 50000)
    assert [api.get("user/info/")["code"] for _ in range(2)] == [50000, 0]
    assert tiktok.requests()[0]["ms"] >= 10
    assert tiktok.requests()[0]["fault"] == "delay 0.01 s + code 50000"


def test_skip_and_times(tiktok, api):
    """A fault spares the first requests, then hits so many."""
    tiktok.fail_with_code("user/info/", 50000, skip=1, times=2)
    assert [api.get("user/info/")["code"] for _ in range(4)] == [0, 50000, 50000, 0]
    assert tiktok.faults() == []


def test_faults_queue_up(tiktok, api):
    """Failures of one path come one after the other."""
    tiktok.fail_with_code("user/info/", 50000)
    tiktok.fail_with_code("user/info/", 40100)
    assert [api.get("user/info/")["code"] for _ in range(3)] == [50000, 40100, 0]


def test_path_is_a_suffix(tiktok, api):
    """A fault hits paths with its suffix only; the empty suffix hits every path."""
    tiktok.fail_with_code("bc/get/", 50000, times=None)
    assert [api.get("bc/get/")["code"] for _ in range(2)] == [50000, 50000]
    assert api.get("user/info/")["code"] == 0
    tiktok.fail_with_code("", 40100)
    assert api.get("user/info/")["code"] == 40100


def test_clear_faults(tiktok, api):
    """Clearing ends all trouble."""
    tiktok.fail_with_code("", 50000, times=None)
    tiktok.clear_faults()
    assert api.get("user/info/")["code"] == 0


def test_poison_rows(tiktok, api):
    """A batch with a poison hash is refused as a whole, again and again; others pass."""
    segment = api.segment()
    tiktok.poison([api.digest("bad")])
    replies = [api.map(segment, "a", "bad", "b") for _ in range(2)]
    assert [reply["code"] for reply in replies] == [40002, 40002]
    assert api.digest("bad") not in replies[0]["message"]
    assert emails(tiktok, segment) == set()
    assert api.map(segment, "a", "b")["code"] == 0
    tiktok.clear_faults()
    assert api.map(segment, "bad")["code"] == 0


def test_poison_can_wear_off(tiktok, api):
    """With `times` the poison refuses so many batches."""
    segment = api.segment()
    tiktok.poison([api.digest("bad")], times=1)
    assert [api.map(segment, "bad")["code"] for _ in range(2)] == [40002, 0]


@pytest.mark.parametrize("fields", [{"skip": -1}, {"status": 99}, {"seconds": "x"}, {"nonsense": 1}], ids=str)
def test_wrong_fault_is_refused(tiktok, fields):
    """A fault that makes no sense is refused when it is given, not when it fires."""
    with pytest.raises(ValueError, match="emulator: "):
        tiktok._post("add_fault", kind="http", **fields)


def test_faults_are_described(tiktok):
    """The list of faults shows what is left, and of a poison only how much."""
    tiktok.drop_after("segment/mapping/", times=3, skip=1)
    tiktok.poison(["f" * 64])
    drop, poison = tiktok.faults()
    assert (drop["label"], drop["times"], drop["skip"]) == ("drop after apply", 3, 1)
    assert poison["hashes"] == 1
    assert "f" * 64 not in str(poison)
    assert ADVERTISER_ID not in str(drop)


def test_half_a_request_is_ignored(tiktok, api):
    """A client that goes away in the middle of a body does no harm."""
    address = urlsplit(tiktok.url)
    connection = HTTPConnection(address.hostname, address.port, timeout=20)
    connection.putrequest("POST", f"{BASE}segment/audience/")
    connection.putheader("Access-Token", ACCESS_TOKEN)
    connection.putheader("Content-Length", "100")
    connection.endheaders(b'{"advertiser_id"')
    connection.close()
    assert api.get("user/info/")["code"] == 0
    assert tiktok.count_requests("segment/audience/") == 0
