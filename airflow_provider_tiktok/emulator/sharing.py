"""Sharing audiences inside one Business Center: dmp/custom_audience/share/ and its log and cancel."""

from airflow_provider_tiktok.emulator.access import Call, existing, owned, reachable, writable
from airflow_provider_tiktok.emulator.errors import parameter_error

MOST_AUDIENCES = MOST_RECIPIENTS = 10


def share(call: Call) -> dict[str, object]:
    """POST share/: 1-10 own audiences with 1-10 advertisers of the same Business Center. (K; codes U)

    Only the owner shares: the recipient of a shared audience cannot pass it on.
    """
    advertiser_id = call.params.identifier("advertiser_id")
    audience_ids = call.params.identifiers("custom_audience_ids", most=MOST_AUDIENCES)
    recipients = call.params.identifiers("shared_advertiser_ids", most=MOST_RECIPIENTS)
    owner = writable(call, advertiser_id)
    for recipient in recipients:
        if existing(call.world, recipient).bc_id != owner.bc_id:
            raise parameter_error(f"Advertiser {recipient} belongs to another Business Center")
        if recipient == advertiser_id:
            raise parameter_error("shared_advertiser_ids: an audience cannot be shared with its owner")
    for audience in [owned(call, advertiser_id, one) for one in audience_ids]:
        audience.shared_with += [one for one in recipients if one not in audience.shared_with]
        audience.note(call.world.now(), "share", str(len(recipients)))
    return {}


def share_log(call: Call) -> dict[str, object]:
    """GET share/log/: with whom an own audience is shared. (K fields; status value U)"""
    advertiser_id = call.params.identifier("advertiser_id")
    audience_id = call.params.identifier("custom_audience_id")
    reachable(call, advertiser_id)
    audience = owned(call, advertiser_id, audience_id)
    return {
        "list": [
            {
                "shared_advertiser_id": one,
                "shared_advertiser_name": call.world.advertisers[one].name,
                "custom_audience_id": audience_id,
                "status": "SHARED",
            }
            for one in audience.shared_with
        ]
    }


def cancel(call: Call) -> dict[str, object]:
    """POST share/cancel/: take one audience back from one advertiser. (K; not shared: U)"""
    advertiser_id = call.params.identifier("advertiser_id")
    audience_id = call.params.identifier("custom_audience_id")
    recipient = call.params.identifier("shared_advertiser_id")
    writable(call, advertiser_id)
    audience = owned(call, advertiser_id, audience_id)
    if recipient not in audience.shared_with:
        raise parameter_error(f"Audience {audience_id} is not shared with advertiser {recipient}")
    audience.shared_with.remove(recipient)
    audience.note(call.world.now(), "unshare", "1")
    return {}
