"""Audiences: create and delete (portal doc 1739940583739393), list (1739940506015746), get (1739940507792385)."""

from itertools import islice

from airflow_provider_tiktok.emulator.access import Call, owned, reachable, writable
from airflow_provider_tiktok.emulator.errors import parameter_error
from airflow_provider_tiktok.emulator.params import page_of
from airflow_provider_tiktok.emulator.state import DAY, Audience, World, timestamp

LONGEST_NAME = 70
MOST_IDS = 100
EXPIRING_WITHIN = 60 * DAY


def segment(call: Call) -> dict[str, object]:
    """POST segment/audience/: `action` is create (default) or delete. (K; bad action C)"""
    advertiser_id = call.params.identifier("advertiser_id")
    action = call.params.choice("action", ("create", "delete"), "create")
    writable(call, advertiser_id)
    return (_create if action == "create" else _delete)(call, advertiser_id)


def _create(call: Call, advertiser_id: str) -> dict[str, object]:
    call.params.require("custom_audience_name")
    name = call.params.text("custom_audience_name")
    cap = call.world.settings.audience_cap
    if sum(one.owner_id == advertiser_id for one in call.world.audiences.values()) >= cap:
        raise parameter_error(f"An advertiser can have at most {cap} custom audiences")
    return {"audience_id": call.world.add_audience(advertiser_id, kept_name(name)).audience_id}


def kept_name(name: str) -> str:
    """A name over 70 characters is kept as its first 67 and three dots. (K)"""
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."


def _delete(call: Call, advertiser_id: str) -> dict[str, object]:
    audience_id = call.params.identifier("delete_audience_id")
    audience = owned(call, advertiser_id, audience_id)
    del call.world.audiences[audience.audience_id]
    return {}


def visible_to(world: World, advertiser_id: str) -> list[Audience]:
    """Audiences that an advertiser owns or that are shared with it, newest first. (K; order U)"""
    seen = [
        one for one in world.audiences.values() if one.owner_id == advertiser_id or advertiser_id in one.shared_with
    ]
    return sorted(seen, key=lambda one: int(one.audience_id), reverse=True)


def _chosen(call: Call, advertiser_id: str) -> list[Audience]:
    audiences = visible_to(call.world, advertiser_id)
    if not call.params.has("custom_audience_ids"):
        return audiences
    wanted = call.params.identifiers("custom_audience_ids", most=MOST_IDS)
    return [one for one in audiences if one.audience_id in wanted]


def listed(call: Call) -> dict[str, object]:
    """GET dmp/custom_audience/list/: own and shared audiences; page_size at most 100. (K)"""
    advertiser_id = call.params.identifier("advertiser_id")
    reachable(call, advertiser_id)
    chosen = _chosen(call, advertiser_id)
    rows = [details(call.world, one, advertiser_id, "audience_type") for one in chosen]
    return page_of(call.params, rows, most=100)


def details_of(call: Call) -> dict[str, object]:
    """GET dmp/custom_audience/get/: details and history of 1 to 100 audiences; unknown ids are left out. (U)"""
    advertiser_id = call.params.identifier("advertiser_id")
    call.params.identifiers("custom_audience_ids", most=MOST_IDS)
    size = call.params.integer("history_size", 100, 1, 100)
    reachable(call, advertiser_id)
    return {
        "list": [
            {
                "audience_details": details(call.world, one, advertiser_id, "type"),
                "audience_history": list(islice(reversed(one.history), size)),
            }
            for one in _chosen(call, advertiser_id)
        ]
    }


def details(world: World, audience: Audience, advertiser_id: str, type_key: str) -> dict[str, object]:
    """The description of an audience as one advertiser sees it; get/ and list/ name the type differently. (K)"""
    now, settings = world.now(), world.settings
    return {
        "audience_id": audience.audience_id,
        "name": audience.name,
        type_key: audience.audience_type,
        "audience_sub_type": "NORMAL",
        "calculate_type": "MULTIPLE_TYPES" if audience.streaming else None,
        "cover_num": audience.cover_num(now, settings),
        "is_valid": audience.is_valid(now, settings),
        "is_expiring": now < audience.expires_at <= now + EXPIRING_WITHIN,
        "create_time": timestamp(audience.created_at),
        "expired_time": timestamp(audience.expires_at),
        "shared": bool(audience.shared_with),
        "is_creator": audience.owner_id == advertiser_id,
        "owner_id": audience.owner_id,
        "is_auto_refresh": False,
        "rule": '{"inclusions": null, "exclusions": null}',
        "lookalike_spec": None,
        "msg": audience.msg,
        "error_msg": audience.error_msg,
    }
