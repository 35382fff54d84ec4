"""segment/mapping/: what is accepted, what is refused, and what an audience then holds."""

import pytest

from airflow_provider_tiktok.emulator import (
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ANALYST_ADVERTISER_ID,
    OTHER_BC_ADVERTISER_ID,
    UNREACHABLE_ADVERTISER_ID,
)

KINDS = ["EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256", "IDFA_MD5", "AAID_SHA256", "AAID_MD5"]
EMPTY = {kind: set() for kind in KINDS}


def row(api, segment, *texts):
    return [{"id": api.digest(text), "audience_ids": [segment]} if text else {} for text in texts]


def mapped(api, schema, rows, **fields):
    body = {"advertiser_ids": [ADVERTISER_ID], "action": "add", "id_schema": schema, "batch_data": rows}
    return api.post("segment/mapping/", body | fields)


def test_add_is_union(tiktok, api):
    """Adding again adds what is new."""
    segment = api.segment()
    assert api.map(segment, "a", "b") == api.map(segment, "b", "c") | {
        "request_id": tiktok.requests("segment/mapping/")[0]["request_id"]
    }
    assert tiktok.members(segment) == EMPTY | {"EMAIL_SHA256": {api.digest(x) for x in "abc"}}


def test_delete_is_difference(tiktok, api):
    """Deleting takes out what is there; what is not there is no error."""
    segment = api.segment()
    api.map(segment, "a", "b")
    assert api.map(segment, "b", "z", action="delete")["code"] == 0
    assert tiktok.members(segment)["EMAIL_SHA256"] == {api.digest("a")}


def test_identifiers_are_keyed_by_kind(tiktok, api):
    """The same hash under two kinds is two identifiers."""
    segment = api.segment()
    api.map(segment, "a")
    api.map(segment, "a", kind="PHONE_SHA256")
    api.map(segment, "a", kind="EMAIL_SHA256", action="delete")
    assert tiktok.members(segment) == EMPTY | {"PHONE_SHA256": {api.digest("a")}}


def test_add_is_the_default_action(tiktok, api):
    """Without `action` members are added."""
    segment = api.segment()
    assert api.map(segment, "a", action=None)["code"] == 0
    assert tiktok.members(segment)["EMAIL_SHA256"] == {api.digest("a")}


def test_reply_is_an_envelope_without_data(api):
    """Nothing is said about single rows."""
    reply = api.map(api.segment(), "a")
    assert (reply["code"], reply["message"], reply["data"]) == (0, "OK", {})


def test_columns_follow_the_schema(tiktok, api):
    """Cell i belongs to id_schema[i], in any order and any case; {} leaves a cell out."""
    segment = api.segment()
    rows = [row(api, segment, "p1", "e1"), row(api, segment, "", "e2"), row(api, segment, "p3", "")]
    assert mapped(api, ["phone_sha256", "Email_SHA256"], rows)["code"] == 0
    assert tiktok.members(segment) == EMPTY | {
        "PHONE_SHA256": {api.digest("p1"), api.digest("p3")},
        "EMAIL_SHA256": {api.digest("e1"), api.digest("e2")},
    }


def test_all_six_kinds(tiktok, api):
    """All six id types are taken, MD5 in 32 digits."""
    segment = api.segment()
    ids = ["a" * 32 if kind.endswith("MD5") else "a" * 64 for kind in KINDS]
    rows = [[{"id": one, "audience_ids": [segment]} for one in ids]]
    assert mapped(api, KINDS, rows)["code"] == 0
    assert tiktok.members(segment) == {kind: {one} for kind, one in zip(KINDS, ids, strict=True)}


def test_several_audiences_in_one_request(tiktok, api):
    """Each cell names its own audiences."""
    first, second = api.segment("1"), api.segment("2")
    rows = [
        [
            {"id": api.digest("e"), "audience_ids": [first, second]},
            {"id": api.digest("p"), "audience_ids": [second]},
        ]
    ]
    assert mapped(api, ["EMAIL_SHA256", "PHONE_SHA256"], rows)["code"] == 0
    assert tiktok.members(first) == EMPTY | {"EMAIL_SHA256": {api.digest("e")}}
    assert tiktok.members(second) == EMPTY | {
        "EMAIL_SHA256": {api.digest("e")},
        "PHONE_SHA256": {api.digest("p")},
    }


def good(api, segment):
    return {
        "advertiser_ids": [ADVERTISER_ID],
        "action": "add",
        "id_schema": ["EMAIL_SHA256", "PHONE_SHA256"],
        "batch_data": [row(api, segment, "e1", "p1"), row(api, segment, "e2", "p2")],
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"advertiser_ids": None}, 40002),
        ({"advertiser_ids": []}, 40002),
        ({"advertiser_ids": ADVERTISER_ID}, 40002),
        ({"advertiser_ids": [int(ADVERTISER_ID)]}, 40002),
        ({"advertiser_ids": [ADVERTISER_ID, OTHER_BC_ADVERTISER_ID]}, 40002),
        ({"advertiser_ids": [ADVERTISER_ID_2]}, 40002),
        ({"advertiser_ids": [ADVERTISER_ID, UNREACHABLE_ADVERTISER_ID]}, 40001),
        ({"advertiser_ids": [ADVERTISER_ID, ANALYST_ADVERTISER_ID]}, 40001),
        ({"advertiser_ids": [ADVERTISER_ID, "7999999999999999999"]}, 40300),
        ({"action": "replace"}, 40002),
        ({"action": "ADD"}, 40002),
        ({"id_schema": None}, 40002),
        ({"id_schema": []}, 40002),
        ({"id_schema": "EMAIL_SHA256"}, 40002),
        ({"id_schema": ["EMAIL_SHA256", "email_sha256"]}, 40002),
        ({"id_schema": ["EMAIL_SHA256", "GAID_SHA256"]}, 40002),
        ({"id_schema": ["EMAIL_SHA256", "AAID_MD"]}, 40002),
        ({"id_schema": ["EMAIL_SHA256", 9]}, 40002),
        ({"id_schema": ["EMAIL_SHA256"]}, 40002),
        ({"id_schema": ["EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"]}, 40002),
        ({"batch_data": None}, 40002),
        ({"batch_data": []}, 40002),
        ({"batch_data": {}}, 40002),
        ({"batch_data": "x"}, 40002),
    ],
    ids=lambda value: str(value)[:60],
)
def test_request_rejections(tiktok, api, changes, code):
    """A request with a wrong field is refused as a whole."""
    segment = api.segment()
    body = {k: v for k, v in (good(api, segment) | changes).items() if v is not None}
    assert api.post("segment/mapping/", body)["code"] == code
    assert tiktok.members(segment) == EMPTY


A_DIGEST = "a" * 64


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda _: {}, id="row-is-an-object"),
        pytest.param(lambda _: None, id="row-is-null"),
        pytest.param(lambda _: [], id="row-is-empty"),
        pytest.param(lambda _: [{}, {}], id="row-without-any-id"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [s]}], id="row-too-short"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [s]}, {}, {}], id="row-too-long"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [s]}, None], id="cell-is-null"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [s]}, A_DIGEST], id="cell-is-text"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [s]}, {"id": ""}], id="blank-id-alone"),
        pytest.param(lambda s: [{"id": "", "audience_ids": [s]}, {}], id="blank-id"),
        pytest.param(lambda s: [{"id": None, "audience_ids": [s]}, {}], id="id-is-null"),
        pytest.param(lambda s: [{"id": 7, "audience_ids": [s]}, {}], id="id-is-a-number"),
        pytest.param(lambda _: [{"id": A_DIGEST}, {}], id="no-audience-ids"),
        pytest.param(lambda _: [{"id": A_DIGEST, "audience_ids": []}, {}], id="audience-ids-empty"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": s}, {}], id="audience-ids-is-text"),
        pytest.param(lambda s: [{"id": A_DIGEST, "audience_ids": [int(s)]}, {}], id="audience-id-is-a-number"),
        pytest.param(lambda _: [{"id": A_DIGEST, "audience_ids": ["1"]}, {}], id="audience-unknown"),
        pytest.param(lambda s: [{"audience_ids": [s]}, {}], id="no-id"),
    ],
)
def test_row_rejections(tiktok, api, bad):
    """One wrong row refuses the request as a whole, good rows included."""
    segment = api.segment()
    body = good(api, segment)
    body["batch_data"].append(bad(segment))
    assert api.post("segment/mapping/", body)["code"] == 40002
    assert tiktok.members(segment) == EMPTY


def test_wrong_row_is_named(api):
    """The message tells the number of the row, and no hash."""
    segment = api.segment()
    body = good(api, segment)
    body["batch_data"].append([{"id": "", "audience_ids": [segment]}, {}])
    assert "batch_data[2]" in api.post("segment/mapping/", body)["message"]


def test_foreign_audience_refuses_the_request(tiktok, api):
    """Every audience must be owned by a listed advertiser, or nothing at all is applied."""
    mine, theirs = api.segment(), api.segment(advertiser_id=ADVERTISER_ID_2)
    rows = [row(api, mine, "a"), row(api, theirs, "b")]
    assert mapped(api, ["EMAIL_SHA256"], rows)["code"] == 40002
    assert tiktok.members(mine) == tiktok.members(theirs) == EMPTY
    both = [ADVERTISER_ID, ADVERTISER_ID_2]
    assert mapped(api, ["EMAIL_SHA256"], rows, advertiser_ids=both)["code"] == 0


def test_row_cap(tiktok, api):
    """10,000 rows pass, one more does not; the cap is a setting."""
    segment = api.segment()
    rows = [row(api, segment, f"m{number}") for number in range(10_001)]
    assert mapped(api, ["EMAIL_SHA256"], rows)["code"] == 40002
    assert mapped(api, ["EMAIL_SHA256"], rows[1:])["code"] == 0
    assert len(tiktok.members(segment)["EMAIL_SHA256"]) == 10_000
    tiktok.configure(row_cap=1)
    assert mapped(api, ["EMAIL_SHA256"], rows[:2])["code"] == 40002


MALFORMED = {"upper-case": "A" * 64, "too-short": "a" * 63, "too-long": "a" * 66, "plain": "jo@example.com"}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed_hash_never_matches(tiktok, api, text):
    """By default a malformed hash is taken, and counts for nothing."""
    segment = api.segment()
    rows = [[{"id": text, "audience_ids": [segment]}]]
    assert mapped(api, ["EMAIL_SHA256"], rows)["code"] == 0
    [audience] = tiktok.audiences()
    assert (audience["unmatched"], audience["users"], audience["cover_num"]) == (1, 0, 0)
    assert tiktok.members(segment) == EMPTY
    mapped(api, ["EMAIL_SHA256"], rows, action="delete")
    assert tiktok.audiences()[0]["unmatched"] == 0


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_strict_hashes(tiktok, api, text):
    """With strict_hashes a malformed hash refuses the request."""
    tiktok.configure(strict_hashes=True)
    segment = api.segment()
    rows = [row(api, segment, "a"), [{"id": text, "audience_ids": [segment]}]]
    reply = mapped(api, ["EMAIL_SHA256"], rows)
    assert reply["code"] == 40002
    assert text not in reply["message"]
    assert tiktok.members(segment) == EMPTY


def test_md5_has_32_digits(tiktok, api):
    """A SHA-256 in an MD5 column is malformed."""
    segment = api.segment()
    mapped(api, ["IDFA_MD5"], [row(api, segment, "x")])
    assert tiktok.audiences()[0]["unmatched"] == 1


def test_valid_from_a_thousand(api):
    """999 matched users are not enough, 1,000 are."""
    segment = api.segment()
    api.map(segment, *(f"m{number}" for number in range(999)))
    assert (api.seen(segment)["cover_num"], api.seen(segment)["is_valid"]) == (999, False)
    api.map(segment, "one more")
    assert (api.seen(segment)["cover_num"], api.seen(segment)["is_valid"]) == (1000, True)
    api.map(segment, "one more", action="delete")
    assert api.seen(segment)["is_valid"] is False


def test_a_user_counts_once(tiktok, api):
    """Identifiers of one row, and what later comes with one of them, are one user."""
    segment = api.segment()
    mapped(api, ["EMAIL_SHA256", "PHONE_SHA256"], [row(api, segment, "e1", "p1"), row(api, segment, "e2", "")])
    mapped(api, ["PHONE_SHA256", "IDFA_SHA256"], [row(api, segment, "p1", "i1")])
    assert tiktok.audiences()[0]["users"] == 2
    mapped(api, ["EMAIL_SHA256", "PHONE_SHA256"], [row(api, segment, "e1", "p1")], action="delete")
    assert tiktok.audiences()[0]["users"] == 2
    mapped(api, ["IDFA_SHA256"], [row(api, segment, "i1")], action="delete")
    assert tiktok.audiences()[0]["users"] == 1


def test_audience_named_twice_in_a_cell(tiktok, api):
    """Naming an audience twice is the same as naming it once."""
    segment = api.segment()
    rows = [[{"id": api.digest("a"), "audience_ids": [segment, segment]}]]
    mapped(api, ["EMAIL_SHA256"], rows)
    mapped(api, ["EMAIL_SHA256"], rows, action="delete")
    assert (tiktok.audiences()[0]["users"], tiktok.members(segment)) == (0, EMPTY)


def test_match_rate(tiktok, api):
    """Only a share of the users has a TikTok account."""
    tiktok.configure(match_rate=0.5)
    segment = api.segment()
    api.map(segment, *(f"m{number}" for number in range(101)))
    assert api.seen(segment)["cover_num"] == 50


def test_lag(tiktok, api):
    """A mapping shows in cover_num only after the lag; each mapping has its own."""
    tiktok.configure(lag_seconds=36_000)
    segment = api.segment()
    api.map(segment, "a")
    tiktok.advance(20_000)
    api.map(segment, "b", "c")
    assert api.seen(segment)["cover_num"] == 0
    tiktok.advance(20_000)
    assert api.seen(segment)["cover_num"] == 1
    tiktok.advance(20_000)
    assert api.seen(segment)["cover_num"] == 3


def test_warm_up(tiktok, api):
    """An audience younger than the warm-up refuses mappings with 40002."""
    tiktok.configure(warm_up_seconds=90)
    segment = api.segment()
    assert api.map(segment, "a")["code"] == 40002
    assert tiktok.members(segment) == EMPTY
    tiktok.advance(91)
    assert api.map(segment, "a")["code"] == 0


def test_warm_up_as_http_400(tiktok, api):
    """The old report of HTTP 400 is a switch."""
    tiktok.configure(warm_up_seconds=90, warm_up_http_400=True)
    segment = api.segment()
    with pytest.raises(AssertionError, match="400 Bad Request"):
        api.map(segment, "a")
    assert tiktok.requests()[-1]["status"] == 400


def test_mapping_shares(tiktok, api):
    """A listed advertiser that does not own the audience sees it as shared."""
    segment = api.segment()
    api.map(segment, "a", advertiser_ids=[ADVERTISER_ID_2, ADVERTISER_ID])
    seen = api.seen(segment, ADVERTISER_ID_2)
    assert (seen["is_creator"], seen["shared"], seen["owner_id"]) == (False, True, ADVERTISER_ID)


def test_mapping_only_validates(tiktok, api):
    """With mapping_shares off, a listed advertiser sees nothing."""
    tiktok.configure(mapping_shares=False)
    segment = api.segment()
    assert api.map(segment, "a", advertiser_ids=[ADVERTISER_ID, ADVERTISER_ID_2])["code"] == 0
    assert api.seen(segment, ADVERTISER_ID_2) is None


def test_other_audience_types_take_no_mapping(tiktok, api):
    """Streaming works into partner audiences only."""
    segment = tiktok.create_audience(ADVERTISER_ID, "twins", "Lookalike Audience")
    assert api.map(segment, "a")["code"] == 40002
    assert api.seen(segment)["type"] == "Lookalike Audience"


def test_app_not_allow_listed(tiktok, api):
    """An app that is not allow-listed gets 40118."""
    segment = api.segment()
    tiktok.configure(allow_listed=False)
    assert api.map(segment, "a")["code"] == 40118


def test_mapping_extends_the_life(tiktok, api):
    """A mapping moves the expiry to 365 days from then."""
    segment = api.segment()
    before = api.seen(segment)["expired_time"]
    tiktok.advance(86400)
    api.map(segment, "a")
    assert api.seen(segment)["expired_time"] > before
