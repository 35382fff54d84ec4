"""Who am I, which advertisers, which Business Centers (portal doc 1735713875563521)."""

from airflow_provider_tiktok.emulator.access import Call, reachable
from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.params import page_of
from airflow_provider_tiktok.emulator.state import Advertiser, BusinessCenter

ASSET_TYPES = (
    "ADVERTISER",
    "CATALOG",
    "DOMAIN",
    "LEAD",
    "PIXEL",
    "STOREFRONT",
    "TIKTOK_SHOP",
    "TT_ACCOUNT",
)
SCENES = ("SINGLE_ACCOUNT", "TIERED_ACCOUNT")
MOST_ADVERTISERS = 100
CREATED = 1_700_000_000


def user_info(_call: Call) -> dict[str, object]:
    """GET user/info/: shows that the token lives. (U payload)"""
    return {
        "core_user_id": "7100000000000000001",
        "display_name": "Emulator Operator",
        "email": "e***r@example.com",
    }


def advertiser_info(call: Call) -> dict[str, object]:
    """GET advertiser/info/: details of advertisers that the token covers. (K fields, U limit)"""
    ids = call.params.identifiers("advertiser_ids", most=MOST_ADVERTISERS)
    described = [_described(reachable(call, one)) for one in ids]
    if not call.params.has("fields"):
        return {"list": described}
    wanted = call.params.raw("fields")
    if not isinstance(wanted, list) or not set(wanted) <= set(described[0]):
        raise parameter_error("fields: expected an array of known field names")
    return {"list": [{name: one[name] for name in wanted} for one in described]}


def _described(advertiser: Advertiser) -> dict[str, object]:
    return {
        "advertiser_id": advertiser.advertiser_id,
        "name": advertiser.name,
        "role": "ROLE_ADVERTISER",
        "status": "STATUS_ENABLE",
        "company": advertiser.name,
        "currency": "USD",
        "country": "US",
        "timezone": "Etc/UTC",
        "display_timezone": "UTC",
        "language": "en",
        "industry": "290000",
        "balance": 0,
        "create_time": CREATED,
        "owner_bc_id": advertiser.bc_id,
    }


def _reachable_businesses(call: Call) -> list[BusinessCenter]:
    ids = call.token.advertiser_ids if call.token else ()
    found = dict.fromkeys(call.world.advertisers[one].bc_id for one in ids)
    return [call.world.businesses[bc] for bc in found]


def _demand_business(call: Call, bc_id: str) -> BusinessCenter:
    for business in _reachable_businesses(call):
        if business.bc_id == bc_id:
            return business
    raise ApiError(40001, f"No permission to operate Business Center: {bc_id}")


def business_centers(call: Call) -> dict[str, object]:
    """GET bc/get/: page_size at most 50; a Business Center without access is 40001. (C)"""
    call.params.choice("scene", SCENES, SCENES[0])
    if call.params.has("bc_id"):
        businesses = [_demand_business(call, call.params.identifier("bc_id"))]
    else:
        businesses = _reachable_businesses(call)
    return page_of(call.params, [_business_row(one) for one in businesses], most=50)


def _business_row(business: BusinessCenter) -> dict[str, object]:
    info = {
        "bc_id": business.bc_id,
        "name": business.name,
        "company": business.name,
        "currency": "USD",
        "registered_area": "US",
        "status": "ENABLE",
        "timezone": "Etc/UTC",
        "type": "NORMAL",
        "organization_type": "NONE",
    }
    role = {"user_role": "ADMIN", "ext_user_role": {"finance_role": "NONE"}}
    return {"bc_info": info, **role, "binding_status": "BOUND"}


def business_assets(call: Call) -> dict[str, object]:
    """GET bc/asset/get/: tells the role (ADMIN, OPERATOR, ANALYST) per advertiser. (K)"""
    call.params.require("bc_id", "asset_type")
    kind = call.params.choice("asset_type", ASSET_TYPES, "")
    business = _demand_business(call, call.params.identifier("bc_id"))
    rows = _advertiser_rows(call, business, _keyword(call)) if kind == "ADVERTISER" else []
    return page_of(call.params, rows, most=50)


def _keyword(call: Call) -> str:
    filtering = call.params.raw("filtering") if call.params.has("filtering") else {}
    if not isinstance(filtering, dict):
        raise parameter_error("filtering: expected an object")
    return str(filtering.get("keyword", ""))


def _advertiser_rows(call: Call, business: BusinessCenter, keyword: str) -> list[dict[str, object]]:
    ids = call.token.advertiser_ids if call.token else ()
    advertisers = [call.world.advertisers[one] for one in ids]
    return [
        {
            "asset_id": one.advertiser_id,
            "asset_name": one.name,
            "asset_type": "ADVERTISER",
            "advertiser_account_type": "AUCTION",
            "advertiser_role": one.role,
            "relation_type": "OWNER_BC",
            "relation_status": "BOUND",
            "advertiser_status": "STATUS_ENABLE",
            "owner_bc_name": business.name,
        }
        for one in advertisers
        if one.bc_id == business.bc_id and keyword.casefold() in one.name.casefold()
    ]
