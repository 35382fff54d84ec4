"""Creating, listing, reading, deleting and sharing audiences."""

import re

import pytest

from airflow_provider_tiktok.emulator import (
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ADVERTISER_ID_3,
    ANALYST_ADVERTISER_ID,
    OTHER_BC_ADVERTISER_ID,
    UNREACHABLE_ADVERTISER_ID,
)

DMP = "dmp/custom_audience/"
CREATE = {"advertiser_id": ADVERTISER_ID, "action": "create", "custom_audience_name": "buyers"}


def listing(api, advertiser_id=ADVERTISER_ID, **query):
    return api.get(f"{DMP}list/", advertiser_id=advertiser_id, **query)


def test_fresh_segment(api):
    """A fresh segment is an empty, private Partner audience that lives for 365 days."""
    audience = api.seen(api.segment("buyers"))
    wanted = {
        "name": "buyers",
        "type": "Partner",
        "calculate_type": "MULTIPLE_TYPES",
        "audience_sub_type": "NORMAL",
        "is_valid": False,
        "cover_num": 0,
        "is_creator": True,
        "shared": False,
        "owner_id": ADVERTISER_ID,
        "msg": None,
        "error_msg": None,
    }
    assert wanted.items() <= audience.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", audience["create_time"])
    assert audience["audience_id"].isdigit()


def test_history_starts_with_the_creation(api):
    """The history says who created the audience, and how."""
    reply = api.get(f"{DMP}get/", advertiser_id=ADVERTISER_ID, custom_audience_ids=[api.segment()])
    [entry] = reply["data"]["list"][0]["audience_history"]
    assert (entry["action"], entry["action_detail"], entry["editor"]) == ("create", "0", "open_api")


def test_history_size(api):
    """history_size keeps the newest entries."""
    segment = api.segment()
    for number in range(3):
        api.map(segment, str(number))
    query = {"advertiser_id": ADVERTISER_ID, "custom_audience_ids": [segment], "history_size": 2}
    history = api.get(f"{DMP}get/", **query)["data"]["list"][0]["audience_history"]
    assert [entry["action"] for entry in history] == ["add", "add"]


def test_create_is_the_default_action(api):
    """Without `action` a segment is created."""
    body = {"advertiser_id": ADVERTISER_ID, "custom_audience_name": "buyers"}
    assert api.post("segment/audience/", body)["data"]["audience_id"]


def test_names_are_not_unique(api):
    """Creating a name twice gives two audiences."""
    assert api.segment("same") != api.segment("same")
    assert [row["name"] for row in listing(api)["data"]["list"]] == ["same", "same"]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("x" * 70, "x" * 70), ("x" * 71, "x" * 67 + "..."), ("é" * 90, "é" * 67 + "...")],
    ids=["70", "71", "not-ascii"],
)
def test_long_names_are_cut(api, name, kept):
    """A name over 70 characters is kept as its first 67 and three dots."""
    assert api.seen(api.segment(name))["name"] == kept


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"advertiser_id": None}, 40002),
        ({"advertiser_id": int(ADVERTISER_ID)}, 40002),
        ({"advertiser_id": "abc"}, 40002),
        ({"custom_audience_name": None}, 40002),
        ({"custom_audience_name": ""}, 40002),
        ({"custom_audience_name": 5}, 40002),
        ({"action": "CREATE"}, 40002),
        ({"action": "update"}, 40002),
        ({"advertiser_id": UNREACHABLE_ADVERTISER_ID}, 40001),
        ({"advertiser_id": ANALYST_ADVERTISER_ID}, 40001),
        ({"advertiser_id": "7999999999999999999"}, 40300),
    ],
    ids=str,
)
def test_create_rejections(tiktok, api, changes, code):
    """A refused creation creates nothing."""
    body = {k: v for k, v in (CREATE | changes).items() if v is not None}
    assert api.post("segment/audience/", body)["code"] == code
    assert tiktok.audiences() == []


@pytest.mark.parametrize("advertiser_id", [ANALYST_ADVERTISER_ID, UNREACHABLE_ADVERTISER_ID])
def test_no_permission_text(api, advertiser_id):
    """An analyst and an uncovered advertiser get the known text."""
    reply = api.post("segment/audience/", CREATE | {"advertiser_id": advertiser_id})
    assert reply["message"] == f"No permission to operate advertiser: {advertiser_id}"


def test_role_change_ends_writing(tiktok, api):
    """An operator who becomes an analyst can read but no longer write."""
    tiktok.set_role(ADVERTISER_ID, "ANALYST")
    assert api.post("segment/audience/", CREATE)["code"] == 40001
    assert listing(api)["code"] == 0


def test_unknown_advertiser_code_is_a_switch(tiktok, api):
    """A deleted advertiser may also show as 40001."""
    tiktok.configure(unknown_advertiser_code=40001)
    assert listing(api, "7999999999999999999")["code"] == 40001


def test_audience_cap(tiktok, api):
    """An advertiser owns at most so many audiences; others are not counted."""
    tiktok.configure(audience_cap=2)
    api.segment(advertiser_id=ADVERTISER_ID_2)
    assert [api.post("segment/audience/", CREATE)["code"] for _ in range(3)] == [0, 0, 40002]


def test_delete(api):
    """A deleted audience is gone from list and get, and takes no mapping."""
    segment = api.segment()
    body = {"advertiser_id": ADVERTISER_ID, "action": "delete", "delete_audience_id": segment}
    assert api.post("segment/audience/", body)["code"] == 0
    assert api.seen(segment) is None
    assert listing(api)["data"]["list"] == []
    assert api.map(segment, "a")["code"] == 40002
    assert api.post("segment/audience/", body)["code"] == 40002


def test_delete_needs_its_own_field(api):
    """The field is delete_audience_id, not audience_id."""
    body = {"advertiser_id": ADVERTISER_ID, "action": "delete", "audience_id": api.segment()}
    reply = api.post("segment/audience/", body)
    assert (reply["code"], reply["message"]) == (40002, "Missing required field(s): delete_audience_id")


def test_only_the_owner_deletes(api):
    """Another advertiser cannot delete, even if the audience is shared with it."""
    segment = api.segment()
    api.map(segment, "a", advertiser_ids=[ADVERTISER_ID, ADVERTISER_ID_2])
    body = {"advertiser_id": ADVERTISER_ID_2, "action": "delete", "delete_audience_id": segment}
    assert api.post("segment/audience/", body)["code"] == 40002
    assert api.seen(segment) is not None


def test_list_pages_newest_first(api):
    """The list is paged, newest first, ten to a page unless told."""
    ids = [api.segment(f"s{number}") for number in range(12)]
    first, second = (listing(api, page=page)["data"] for page in (1, 2))
    assert [row["audience_id"] for row in first["list"] + second["list"]] == ids[::-1]
    assert first["page_info"] == {"page": 1, "page_size": 10, "total_number": 12, "total_page": 2}


def test_list_and_get_name_the_type_differently(api):
    """audience_type in list/, type in get/."""
    segment = api.segment()
    [row] = listing(api, custom_audience_ids=[segment])["data"]["list"]
    assert row["audience_type"] == api.seen(segment)["type"] == "Partner"


def test_audience_type_is_a_switch(tiktok, api):
    """The type of a segment depends on the app, so it can be changed."""
    tiktok.configure(audience_type="Customer File Audience")
    segment = api.segment()
    assert api.seen(segment)["type"] == "Customer File Audience"
    assert api.map(segment, "a")["code"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "-1"},
        {"page_size": 0},
        {"page_size": 101},
        {"custom_audience_ids": []},
        {"custom_audience_ids": [str(n) for n in range(101)]},
        {"custom_audience_ids": [1]},
        {"custom_audience_ids": "1,2"},
    ],
    ids=lambda query: str(query)[:40],
)
def test_list_limits(api, query):
    """Pages count from 1 and hold at most 100; ids are at most 100 JSON strings."""
    assert listing(api, **query)["code"] == 40002


def test_list_needs_the_advertiser(api):
    """advertiser_id is required, and must be covered by the token."""
    assert api.get(f"{DMP}list/")["code"] == 40002
    assert listing(api, UNREACHABLE_ADVERTISER_ID)["code"] == 40001


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"custom_audience_ids": []},
        {"custom_audience_ids": ["1"] * 101},
        {"custom_audience_ids": ["1"], "history_size": 101},
        {"custom_audience_ids": ["1"], "history_size": 0},
    ],
    ids=lambda query: str(query)[:40],
)
def test_get_limits(api, query):
    """get/ needs 1 to 100 ids and a history of 1 to 100."""
    assert api.get(f"{DMP}get/", advertiser_id=ADVERTISER_ID, **query)["code"] == 40002


def test_get_leaves_out_unknown_ids(api):
    """An unknown id is no error, it is just not there."""
    segment = api.segment()
    query = {"advertiser_id": ADVERTISER_ID, "custom_audience_ids": ["1", segment]}
    rows = api.get(f"{DMP}get/", **query)["data"]["list"]
    assert [row["audience_details"]["audience_id"] for row in rows] == [segment]


def test_expired_audience_is_not_valid(tiktok, api):
    """An audience is about to expire for 60 days, and then it is not valid any more."""
    segment = tiktok.create_audience(ADVERTISER_ID, "old", cover_num=5000)
    assert api.seen(segment)["is_valid"] is True
    tiktok.advance(310 * 86400)
    assert (api.seen(segment)["is_expiring"], api.seen(segment)["is_valid"]) == (True, True)
    tiktok.advance(60 * 86400)
    assert (api.seen(segment)["is_expiring"], api.seen(segment)["is_valid"]) == (False, False)


def share(api, segment, *recipients, advertiser_id=ADVERTISER_ID):
    body = {
        "advertiser_id": advertiser_id,
        "custom_audience_ids": [segment],
        "shared_advertiser_ids": list(recipients),
    }
    return api.post(f"{DMP}share/", body)


def shares(api, segment):
    reply = api.get(f"{DMP}share/log/", advertiser_id=ADVERTISER_ID, custom_audience_id=segment)
    return [row["shared_advertiser_id"] for row in reply["data"]["list"]]


def test_share(api):
    """Owner and recipient both see a shared audience, each in its own light."""
    segment = api.segment()
    assert share(api, segment, ADVERTISER_ID_2, ADVERTISER_ID_3)["code"] == 0
    mine, theirs = api.seen(segment), api.seen(segment, ADVERTISER_ID_2)
    assert (mine["shared"], mine["is_creator"]) == (True, True)
    assert (theirs["shared"], theirs["is_creator"], theirs["owner_id"]) == (True, False, ADVERTISER_ID)
    assert shares(api, segment) == [ADVERTISER_ID_2, ADVERTISER_ID_3]


def test_sharing_twice_changes_nothing(api):
    """A recipient is there once."""
    segment = api.segment()
    assert [share(api, segment, ADVERTISER_ID_2)["code"] for _ in range(2)] == [0, 0]
    assert shares(api, segment) == [ADVERTISER_ID_2]


def test_share_reaches_advertisers_that_the_token_does_not(api):
    """Sharing is inside the Business Center, whoever may operate the recipient."""
    assert share(api, api.segment(), UNREACHABLE_ADVERTISER_ID)["code"] == 0


@pytest.mark.parametrize(
    ("recipients", "code"),
    [
        ([], 40002),
        (["1"] * 11, 40002),
        ([OTHER_BC_ADVERTISER_ID], 40002),
        ([ADVERTISER_ID], 40002),
        ([int(ADVERTISER_ID_2)], 40002),
        (["7999999999999999999"], 40300),
    ],
    ids=lambda value: str(value)[:30],
)
def test_share_rejections(api, recipients, code):
    """Sharing is for 1 to 10 other advertisers of the same Business Center, and is all or nothing."""
    segment = api.segment()
    assert share(api, segment, *recipients)["code"] == code
    assert share(api, segment, ADVERTISER_ID_2, *recipients)["code"] == (code if recipients else 0)
    assert shares(api, segment) == ([] if recipients else [ADVERTISER_ID_2])


def test_recipient_cannot_share_on(api):
    """Only the owner shares."""
    segment = api.segment()
    share(api, segment, ADVERTISER_ID_2)
    assert share(api, segment, ADVERTISER_ID_3, advertiser_id=ADVERTISER_ID_2)["code"] == 40002


def test_analyst_cannot_share(tiktok, api):
    """Sharing is a write."""
    segment = tiktok.create_audience(ANALYST_ADVERTISER_ID, "x")
    assert share(api, segment, ADVERTISER_ID, advertiser_id=ANALYST_ADVERTISER_ID)["code"] == 40001


def test_share_cancel(api):
    """A cancelled share is over for that one advertiser, and cannot be cancelled again."""
    segment = api.segment()
    share(api, segment, ADVERTISER_ID_2, ADVERTISER_ID_3)
    body = {
        "advertiser_id": ADVERTISER_ID,
        "custom_audience_id": segment,
        "shared_advertiser_id": ADVERTISER_ID_2,
    }
    assert [api.post(f"{DMP}share/cancel/", body)["code"] for _ in range(2)] == [0, 40002]
    assert api.seen(segment, ADVERTISER_ID_2) is None
    assert shares(api, segment) == [ADVERTISER_ID_3]


@pytest.mark.parametrize("field", ["advertiser_id", "custom_audience_id", "shared_advertiser_id"])
def test_share_cancel_needs_all_fields(api, field):
    """All three fields are required."""
    body = {"advertiser_id": ADVERTISER_ID, "custom_audience_id": "1", "shared_advertiser_id": "2"}
    assert api.post(f"{DMP}share/cancel/", body | {field: ""})["code"] == 40002


def test_share_log_is_for_the_owner(api):
    """A recipient does not see with whom else an audience is shared."""
    segment = api.segment()
    share(api, segment, ADVERTISER_ID_2)
    reply = api.get(f"{DMP}share/log/", advertiser_id=ADVERTISER_ID_2, custom_audience_id=segment)
    assert reply["code"] == 40002


def test_an_audience_that_tiktok_could_not_compute(tiktok, api):
    """It is invalid whatever its size, says why in both lists, and is as before once it is mended."""
    segment = tiktok.create_audience(ADVERTISER_ID, "broken", cover_num=5000)
    tiktok.fail_audience(segment, "internal error", "computing failed")
    seen = api.seen(segment)
    assert (seen["is_valid"], seen["cover_num"]) == (False, 5000)
    assert (seen["error_msg"], seen["msg"]) == ("internal error", "computing failed")
    [listed] = api.get(f"{DMP}list/", advertiser_id=ADVERTISER_ID)["data"]["list"]
    assert (listed["is_valid"], listed["error_msg"]) == (False, "internal error")
    tiktok.fail_audience(segment, None)
    assert (api.seen(segment)["is_valid"], api.seen(segment)["error_msg"]) == (True, None)


def test_an_old_audience_was_changed_long_ago(tiktok, api):
    """An audience that is put there with an age has it in its history too."""
    segment = tiktok.create_audience(ADVERTISER_ID, "old", age_seconds=86_400.0)
    reply = api.get(f"{DMP}get/", advertiser_id=ADVERTISER_ID, custom_audience_ids=[segment])
    [entry] = reply["data"]["list"][0]["audience_history"]
    assert entry["opt_time"] == api.seen(segment)["create_time"]


def test_an_audience_of_a_given_id(tiktok, api):
    """A test may choose the id, once."""
    assert tiktok.create_audience(ADVERTISER_ID, "chosen", audience_id="987654321") == "987654321"
    assert api.seen("987654321")["name"] == "chosen"
    with pytest.raises(ValueError, match="exists already"):
        tiktok.create_audience(ADVERTISER_ID, "again", audience_id="987654321")
