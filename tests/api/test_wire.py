"""Requests say what TikTok expects, answers are read once, and neither shows what it holds."""

import json
import string
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.api.wire import Grant, Reply, Request
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Layout
from airflow_provider_tiktok.errors import ApiError, AuthError, RejectedError, TokenExpiredError, TransientError
from tests.kit import pack

ADVERTISER, SEGMENT = "7012345678901234567", "167290896"
IDS = st.text(string.digits, min_size=1, max_size=20)
EMAILS = Layout((IdentifierKind.EMAIL_SHA256,))
TOKEN = "0123456789abcdef0123456789abcdef01234567"
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


@st.composite
def members(draw: st.DrawFn) -> tuple[list[IdentifierKind], list[tuple[bytes | None, ...]]]:
    """Kinds in any order, and rows with absent cells, of which several hold the same identifiers."""
    kinds = draw(st.lists(st.sampled_from(IdentifierKind), min_size=1, unique=True))
    cells = [st.none() | st.binary(min_size=kind.digest_size, max_size=kind.digest_size) for kind in kinds]
    return kinds, draw(st.lists(st.tuples(*cells), min_size=1, max_size=9))


def body(request: Request) -> dict[str, Any]:
    assert request.body is not None
    values = json.loads(request.body)
    assert isinstance(values, dict)
    return values


def envelope(status: int = 200, log_id: str | None = None, **values: object) -> Reply:
    content = {"code": 0, "message": "OK", "request_id": "2026010112000001", "data": {}, **values}
    return Reply(status=status, body=json.dumps(content).encode(), log_id=log_id)


# --- members ---


@given(
    members(),
    st.sampled_from(["add", "delete"]),
    IDS | st.text(max_size=8),
    st.lists(IDS | st.text(max_size=8), min_size=1, max_size=4),
)
@example(([IdentifierKind.PHONE_SHA256, IdentifierKind.EMAIL_SHA256], [(None, b"\x00" * 32)]), "add", SEGMENT, ["1"])
def test_the_body_of_a_mapping_is_that_of_the_plain_structure(
    people: tuple[list[IdentifierKind], list[tuple[bytes | None, ...]]],
    action: wire.Action,
    segment_id: str,
    advertisers: list[str],
) -> None:
    """Byte for byte what ``json.dumps`` makes of it: the schema in the order of the cells, ``{}`` for an absent one.

    Rows are a set to TikTok, so that their order is free.
    """
    kinds, rows = people
    layout = Layout(tuple(kinds))
    request = wire.map_members(action, segment_id, advertisers, layout, pack(layout, rows))
    sent = body(request)["batch_data"]
    plain = {
        "advertiser_ids": advertisers,
        "action": action,
        "id_schema": [kind.value for kind in kinds],
        "batch_data": sent,
    }
    expected = [
        [{} if cell is None else {"id": cell.hex(), "audience_ids": [segment_id]} for cell in row] for row in rows
    ]
    assert Counter(map(repr, sent)) == Counter(map(repr, expected))
    assert request.body == json.dumps(plain, separators=(",", ":")).encode()


def test_an_absent_identifier_keeps_the_others_in_their_columns() -> None:
    """A member without e-mail address has the empty object there and the phone in the phone's column."""
    layout = Layout((IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256))
    sent = body(wire.map_members("add", SEGMENT, [ADVERTISER], layout, pack(layout, [(None, b"\xab" * 32)])))
    assert sent["id_schema"] == ["EMAIL_SHA256", "PHONE_SHA256"]
    assert sent["batch_data"] == [[{}, {"id": "ab" * 32, "audience_ids": [SEGMENT]}]]


def test_a_record_of_a_slice_is_sent_as_it_is() -> None:
    """Records that are every other row of a larger array, as a view, give their own digests."""
    layout = Layout((IdentifierKind.EMAIL_SHA256, IdentifierKind.IDFA_MD5))
    records = pack(layout, [(bytes([n] * 32), bytes([n] * 16) if n % 3 else None) for n in range(9)])
    sent = body(wire.map_members("add", SEGMENT, [ADVERTISER], layout, records[1::2]))["batch_data"]
    assert {row[0]["id"] for row in sent} == {f"{n:02x}" * 32 for n in (1, 3, 5, 7)}
    assert {row[1]["id"] for row in sent if row[1]} == {f"{n:02x}" * 16 for n in (1, 5, 7)}


# --- requests ---


def test_writes_that_cannot_be_repeated_say_so() -> None:
    """Creating a segment twice makes two, and a refresh may use up its token; all else can be sent again."""
    records = pack(EMAILS, [(b"\x01" * 32,)])
    repeatable = {
        "create": wire.create_segment(ADVERTISER, "spring").repeatable,
        "refresh": wire.refresh("/refresh/", "app", "secret", TOKEN).repeatable,
        "add": wire.map_members("add", SEGMENT, [ADVERTISER], EMAILS, records).repeatable,
        "delete": wire.map_members("delete", SEGMENT, [ADVERTISER], EMAILS, records).repeatable,
        "list": wire.list_audiences(ADVERTISER, 1).repeatable,
        "share": wire.share(ADVERTISER, SEGMENT, ["1"]).repeatable,
    }
    assert repeatable == {
        "create": False, "refresh": False, "add": True, "delete": True, "list": True, "share": True
    }  # fmt: skip


def test_a_segment_is_created_as_documented() -> None:
    """The name's field is ``custom_audience_name``, and the action is always sent."""
    request = wire.create_segment(ADVERTISER, "Frühling")
    assert (request.method, request.path) == ("POST", "/open_api/v1.3/segment/audience/")
    assert body(request) == {"advertiser_id": ADVERTISER, "action": "create", "custom_audience_name": "Frühling"}


def test_only_a_refresh_goes_without_the_access_token() -> None:
    """The token endpoint gets the app's credentials in the body; every other endpoint gets the token."""
    refresh = wire.refresh("/refresh/", "app", "secret", TOKEN)
    assert (refresh.authenticated, refresh.path) == (False, "/refresh/")
    assert body(refresh) == {
        "app_id": "app", "secret": "secret", "refresh_token": TOKEN, "grant_type": "refresh_token"
    }  # fmt: skip
    assert wire.user_info().authenticated
    assert wire.list_audiences(ADVERTISER, 1).authenticated


def test_pages_are_asked_for_by_number() -> None:
    """Paging begins where it is told to, in a query string of texts."""
    assert wire.list_audiences(ADVERTISER, 3).params == {"advertiser_id": ADVERTISER, "page": "3", "page_size": "100"}
    assert [wire.total_pages({"page_info": {"total_page": pages}}) for pages in (0, 1, 4)] == [1, 1, 4]
    assert wire.total_pages({}) == 1


def test_every_path_ends_with_a_slash() -> None:
    """Without it TikTok's gateway answers 404."""
    requests = [
        wire.authorised_advertisers("app", "secret"),
        wire.user_info(),
        wire.business_centers(1),
        wire.business_center_advertisers("1", 1),
        wire.list_audiences(ADVERTISER, 1),
        wire.create_segment(ADVERTISER, "spring"),
        wire.share(ADVERTISER, SEGMENT, ["1"]),
        wire.share_log(ADVERTISER, SEGMENT),
        wire.map_members("add", SEGMENT, [ADVERTISER], EMAILS, pack(EMAILS, [(b"\x01" * 32,)])),
    ]
    assert [request.path for request in requests if not request.path.startswith("/open_api/v1.3/")] == []
    assert [request.path for request in requests if not request.path.endswith("/")] == []


def test_names_are_limited_to_what_tiktok_keeps() -> None:
    """TikTok cuts a longer name to 67 characters and three dots, and shares with ten advertisers at a time."""
    assert (wire.NAME_LENGTH, wire.SHARE_LIMIT) == (70, 10)


def test_ids_stay_text() -> None:
    """A number in JSON would lose digits of a long id, so ids become text whatever TikTok sends."""
    audience = {"audience_id": 9223372036854775807, "name": "spring", "owner_id": 7012345678901234567}
    (segment,) = wire.segments({"list": [audience]})
    assert (segment.segment_id, segment.owner_advertiser_id) == ("9223372036854775807", ADVERTISER)
    assert wire.created_segment_id({"audience_id": 167290896}) == SEGMENT


def test_an_audience_with_little_in_it_is_read() -> None:
    """Absent and null fields of an audience are empty values."""
    (segment,) = wire.segments({"list": [{"audience_id": "1", "name": "n", "cover_num": None, "audience_type": None}]})
    assert (segment.audience_type, segment.is_creator) == ("", False)


# --- secrets ---


def test_no_representation_shows_a_secret() -> None:
    """Bodies, query strings and tokens are in no text that is made of a request, an answer or a grant."""
    row = (b"\xab" * 32,)
    shown = "\n".join(
        show(value)
        for show in (repr, str, "{}".format, lambda value: repr([value]))
        for value in (
            wire.refresh("/refresh/", "app-id-7", "app-secret-7", TOKEN),
            wire.authorised_advertisers("app-id-7", "app-secret-7"),
            wire.map_members("add", SEGMENT, [ADVERTISER], EMAILS, pack(EMAILS, [row])),
            Reply(status=200, body=json.dumps({"access_token": TOKEN}).encode(), log_id="log-7"),
            wire.grant({"access_token": TOKEN, "refresh_token": TOKEN[::-1], "expires_in": 86400}),
        )
    )
    assert not any(secret in shown for secret in (TOKEN, TOKEN[::-1], "app-secret-7", "app-id-7", "abababab"))
    assert "/open_api/v1.3/segment/mapping/" in shown
    assert "log-7" in shown


@pytest.mark.parametrize(
    "refresh_token", [{}, {"refresh_token": ""}, {"refresh_token": None}], ids=["absent", "empty", "null"]
)
def test_a_grant_may_come_without_a_refresh_token(refresh_token: dict[str, str | None]) -> None:
    """A long-term token has no refresh token and no end."""
    expected = Grant(access_token=TOKEN, refresh_token=None, expires_in=None, refresh_expires_in=None)
    assert wire.grant({"access_token": TOKEN, **refresh_token}) == expected


# --- answers ---


def test_code_0_with_http_200_is_success() -> None:
    """The data and the request id are returned."""
    assert wire.read(envelope(data={"audience_id": "1"})) == ({"audience_id": "1"}, "2026010112000001")


@pytest.mark.parametrize("data", [{}, None, []], ids=str)
def test_a_success_may_come_without_data(data: object) -> None:
    """Writes are answered with nothing but the envelope."""
    assert wire.read(envelope(data=data))[0] == {}
    assert wire.read(Reply(status=200, body=b'{"code": 0}')) == ({}, None)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (40000, RejectedError),
        (20001, RejectedError),
        (40001, AuthError),
        (40105, TokenExpiredError),
        (40100, TransientError),
    ],
)
def test_http_200_is_no_success_when_the_code_is_not_0(code: int, error: type[ApiError]) -> None:
    """TikTok says what is wrong in the body; the error keeps the code and the request id and shows both."""
    with pytest.raises(error) as caught:
        wire.read(envelope(code=code, message="Something is wrong."))
    assert (caught.value.code, caught.value.request_id) == (code, "2026010112000001")
    said = str(caught.value)
    assert "Something is wrong" in said
    assert f"code {code}" in said
    assert "request id 2026010112000001" in said


def test_the_log_id_stands_in_for_a_missing_request_id() -> None:
    """Every error can be named to TikTok's support."""
    with pytest.raises(RejectedError, match="request id log-7"):
        wire.read(envelope(code=40000, request_id=None, log_id="log-7"))
    with pytest.raises(TransientError, match="request id log-7"):
        wire.read(Reply(status=502, body=HTML, log_id="log-7"))


@pytest.mark.parametrize("status", [200, 400, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("content", [HTML, b"", b"\xff\xfe"], ids=["HTML", "empty", "not UTF-8"])
def test_a_page_of_a_gateway_is_an_outage(status: int, content: bytes) -> None:
    """What is no answer of the API, with 5xx or even with 200, may work later.

    So may HTTP 400, which was seen for minutes after a segment was created.
    """
    with pytest.raises(TransientError, match=f"HTTP {status}"):
        wire.read(Reply(status=status, body=content))


@pytest.mark.parametrize("status", [301, 302, 403, 404, 405])
def test_a_request_that_never_reached_the_api_is_refused(status: int) -> None:
    """A wrong host or path does not mend itself, and the text says what to check."""
    with pytest.raises(RejectedError, match=rf"HTTP {status}.*Host of the connection"):
        wire.read(Reply(status=status, body=b"404 page not found"))


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        pytest.param(500, 99999, TransientError, id="unknown code"),
        pytest.param(503, 40000, TransientError, id="a code that is final with HTTP 200"),
        pytest.param(500, 40001, AuthError, id="no right"),
        pytest.param(500, 40105, TokenExpiredError, id="token"),
        pytest.param(400, 99999, RejectedError, id="HTTP 400 with an answer"),
    ],
)
def test_http_5xx_is_an_outage_whatever_was_refused(status: int, code: int, error: type[ApiError]) -> None:
    """A server that fails may work later, unless it says what a person must mend; no other status weighs more."""
    with pytest.raises(ApiError) as caught:
        wire.read(envelope(status, code=code))
    assert (type(caught.value), caught.value.code) == (error, code)


@pytest.mark.parametrize(("status", "error"), [(500, TransientError), (503, TransientError), (404, RejectedError)])
def test_code_0_is_no_success_without_http_200(status: int, error: type[ApiError]) -> None:
    """Both must say that all is well."""
    with pytest.raises(error, match=r"request id 2026010112000001"):
        wire.read(envelope(status))


@pytest.mark.parametrize(
    "content",
    [
        *(b"null", b"[]", b'"OK"', b"0", b"{}", b'{"code": null}', b'{"code": "OK"}', b'{"code": []}'),
        *(b'{"code": 1e999}', b'{"code": false}', b'{"code": true}', b'{"code": 0.5}', b'{"code": 0.0}'),
    ],
    ids=bytes.decode,
)
def test_json_without_a_code_is_no_answer_of_the_api(content: bytes) -> None:
    """JSON of something else on the way is an outage and neither a success nor a crash."""
    with pytest.raises(TransientError):
        wire.read(Reply(status=200, body=content))


@given(st.integers(100, 599), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_garbage_is_never_a_success_and_never_a_crash(status: int, content: bytes) -> None:
    """Whatever comes back, a caller has to know only this provider's errors, and no error quotes the body."""
    with pytest.raises(ApiError) as caught:
        wire.read(Reply(status=status, body=b"<" + content))
    assert str(caught.value) in {
        f"TikTok's gateway gave HTTP {status} without an API answer",
        f"TikTok's gateway gave HTTP {status}: too many requests",
        f"HTTP {status}: the request never reached the API; check Host of the connection",
    }
