"""Advertisers and Business Centers."""

import pytest

from airflow_provider_tiktok.emulator import (
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    ADVERTISER_ID_3,
    ANALYST_ADVERTISER_ID,
    BC_ID,
    OTHER_BC_ADVERTISER_ID,
    OTHER_BC_ID,
    UNREACHABLE_ADVERTISER_ID,
)


def test_advertiser_info(api):
    """Details come for each advertiser, with the Business Center that owns it."""
    rows = api.get("advertiser/info/", advertiser_ids=[ADVERTISER_ID, OTHER_BC_ADVERTISER_ID])["data"]["list"]
    assert [row["owner_bc_id"] for row in rows] == [BC_ID, OTHER_BC_ID]
    assert rows[0]["role"] == "ROLE_ADVERTISER"


def test_advertiser_info_fields(api):
    """`fields` picks the fields."""
    reply = api.get("advertiser/info/", advertiser_ids=[ADVERTISER_ID], fields=["name", "currency"])
    assert [set(row) for row in reply["data"]["list"]] == [{"name", "currency"}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 40002),
        ({"advertiser_ids": []}, 40002),
        ({"advertiser_ids": ADVERTISER_ID}, 40002),
        ({"advertiser_ids": [int(ADVERTISER_ID)]}, 40002),
        ({"advertiser_ids": ["abc"]}, 40002),
        ({"advertiser_ids": [ADVERTISER_ID], "fields": ["nonsense"]}, 40002),
        ({"advertiser_ids": [UNREACHABLE_ADVERTISER_ID]}, 40001),
        ({"advertiser_ids": ["7999999999999999999"]}, 40300),
    ],
    ids=str,
)
def test_advertiser_info_rejections(api, query, code):
    """Arrays are JSON text, ids are strings of digits, advertisers must exist and be covered."""
    assert api.get("advertiser/info/", **query)["code"] == code


def test_business_centers(api):
    """Every Business Center of the token's advertisers is listed, with page_info."""
    data = api.get("bc/get/")["data"]
    assert [row["bc_info"]["bc_id"] for row in data["list"]] == [BC_ID, OTHER_BC_ID]
    assert data["page_info"] == {"page": 1, "page_size": 10, "total_number": 2, "total_page": 1}


def test_one_business_center(api):
    """bc_id picks one."""
    rows = api.get("bc/get/", bc_id=OTHER_BC_ID)["data"]["list"]
    assert [row["bc_info"]["bc_id"] for row in rows] == [OTHER_BC_ID]


def test_business_center_without_access(tiktok, api):
    """A Business Center none of whose advertisers the token covers is 40001."""
    token = tiktok.issue_token(advertiser_ids=[ADVERTISER_ID])["access_token"]
    assert api.get("bc/get/", token=token, bc_id=OTHER_BC_ID)["code"] == 40001
    reply = api.get("bc/asset/get/", token=token, bc_id=OTHER_BC_ID, asset_type="ADVERTISER")
    assert reply["code"] == 40001


@pytest.mark.parametrize("query", [{"page": 0}, {"page_size": 51}, {"page_size": "x"}, {"scene": "NONE"}], ids=str)
def test_business_center_limits(api, query):
    """Pages count from 1 and hold at most 50."""
    assert api.get("bc/get/", **query)["code"] == 40002


def test_assets_tell_the_role(tiktok, api):
    """bc/asset/get/ names the user's role in each advertiser."""
    tiktok.set_role(ADVERTISER_ID_3, "ANALYST")
    rows = api.get("bc/asset/get/", bc_id=BC_ID, asset_type="ADVERTISER", page_size=50)["data"]["list"]
    assert {row["asset_id"]: row["advertiser_role"] for row in rows} == {
        ADVERTISER_ID: "ADMIN",
        ADVERTISER_ID_2: "OPERATOR",
        ADVERTISER_ID_3: "ANALYST",
        ANALYST_ADVERTISER_ID: "ANALYST",
    }


def test_one_more_advertiser(tiktok, api):
    """A new advertiser is in its Business Center, and reached by a token that is issued afterwards."""
    tiktok.add_advertiser("7100000000000000001", bc_id=OTHER_BC_ID)
    token = tiktok.issue_token()["access_token"]
    rows = api.get("bc/asset/get/", token=token, bc_id=OTHER_BC_ID, asset_type="ADVERTISER")["data"]["list"]
    assert ("7100000000000000001", "OPERATOR") in [(row["asset_id"], row["advertiser_role"]) for row in rows]


def test_assets_are_paged(api):
    """Two pages of two and a total of four."""
    query = {"bc_id": BC_ID, "asset_type": "ADVERTISER", "page_size": 2}
    pages = [api.get("bc/asset/get/", page=page, **query)["data"] for page in (1, 2, 3)]
    assert [len(page["list"]) for page in pages] == [2, 2, 0]
    assert pages[0]["page_info"]["total_page"] == 2


def test_assets_by_keyword(api):
    """filtering is a JSON-encoded object."""
    reply = api.get("bc/asset/get/", bc_id=BC_ID, asset_type="ADVERTISER", filtering={"keyword": "outlet"})
    assert [row["asset_id"] for row in reply["data"]["list"]] == [ANALYST_ADVERTISER_ID]


@pytest.mark.parametrize(
    "query",
    [
        {"bc_id": BC_ID},
        {"asset_type": "ADVERTISER"},
        {"bc_id": BC_ID, "asset_type": "HOUSE"},
        {"bc_id": BC_ID, "asset_type": "ADVERTISER", "page_size": 51},
        {"bc_id": BC_ID, "asset_type": "ADVERTISER", "filtering": "keyword"},
    ],
    ids=str,
)
def test_asset_rejections(api, query):
    """bc_id and a known asset_type are required; page_size is at most 50."""
    assert api.get("bc/asset/get/", **query)["code"] == 40002
