"""Who may do what: scopes of a token, reach of a token, role in an advertiser (portal doc 1753986142651394)."""

from dataclasses import dataclass

from airflow_provider_tiktok.emulator.errors import ApiError, parameter_error
from airflow_provider_tiktok.emulator.params import Params
from airflow_provider_tiktok.emulator.state import AccessToken, Advertiser, Audience, World

PARENT_SCOPE = {30: 3, 31: 3, 32: 3, 10: 1, 100: 10, 150: 15, 153: 15}
WRITING_ROLES = ("ADMIN", "OPERATOR")

NO_TOKEN = "Access token is null, you should set it in http header with key Access-Token."  # noqa: S105  # text
BAD_TOKEN = "Access token is incorrect or has been revoked."  # noqa: S105  # TikTok's text, not a token


@dataclass(slots=True, kw_only=True)
class Call:
    """One authenticated request on its way through a handler."""

    world: World
    params: Params
    token: AccessToken | None = None
    rows: int = 0


def token_of(world: World, header: str) -> AccessToken:
    """The live token that the header names: 40104 (K) absent, 40105 (K) unknown or revoked, 40102 (C) expired."""
    if not header.strip():
        raise ApiError(40104, NO_TOKEN)
    token = world.access_tokens.get(header)
    if token is None or token.revoked or (token.family is not None and token.family.revoked):
        raise ApiError(40105, BAD_TOKEN)
    if token.expires_at is not None and token.expires_at <= world.now():
        raise ApiError(40102, "Access token is expired.")
    return token


def demand_scope(token: AccessToken, scope: int) -> None:
    """The scope or an ancestor of it, or 40001. (U text)"""
    wanted: int | None = scope
    while wanted is not None:
        if wanted in token.scopes:
            return
        wanted = PARENT_SCOPE.get(wanted)
    raise ApiError(40001, f"No permission: the access token lacks scope {scope}.")


def no_permission(advertiser_id: str) -> ApiError:
    """40001 with TikTok's text. (K)"""
    return ApiError(40001, f"No permission to operate advertiser: {advertiser_id}")


def existing(world: World, advertiser_id: str) -> Advertiser:
    """The advertiser, or 40300 (C) / 40001 (seen in production)."""
    advertiser = world.advertisers.get(advertiser_id)
    if advertiser is None:
        code = world.settings.unknown_advertiser_code
        raise ApiError(code, f"Advertiser {advertiser_id} doesn't exist or has been deleted")
    return advertiser


def reachable(call: Call, advertiser_id: str) -> Advertiser:
    """The advertiser, when the token covers it; else 40001. (K)"""
    advertiser = existing(call.world, advertiser_id)
    if call.token is None or advertiser_id not in call.token.advertiser_ids:
        raise no_permission(advertiser_id)
    return advertiser


def writable(call: Call, advertiser_id: str) -> Advertiser:
    """The advertiser, when the token's user is ADMIN or OPERATOR there; an ANALYST gets 40001. (K)"""
    advertiser = reachable(call, advertiser_id)
    if advertiser.role not in WRITING_ROLES:
        raise no_permission(advertiser_id)
    return advertiser


def owned(call: Call, advertiser_id: str, audience_id: str) -> Audience:
    """The audience, when this advertiser created it; else 40002. (U)"""
    audience = call.world.audiences.get(audience_id)
    if audience is None or audience.owner_id != advertiser_id:
        raise parameter_error(f"Audience {audience_id} does not exist or is not owned by this advertiser")
    return audience
