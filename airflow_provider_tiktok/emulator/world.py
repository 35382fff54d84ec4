"""The default world: invented business, invented credentials, the same after every reset.

All values are plain rehearsal values; none of them means anything outside the emulator.
"""

from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.state import (
    DAY,
    AccessToken,
    Advertiser,
    AuthCode,
    BusinessCenter,
    Family,
    RefreshToken,
    World,
)

APP_ID = "7300000000000000001"
"""The one developer app."""
APP_SECRET = "emulator-app-secret"  # noqa: S105  # a rehearsal value
"""Secret of the app."""
ACCESS_TOKEN = "emulator-access-token"  # noqa: S105  # a rehearsal value
"""Long-lived access token: every scope, every reachable advertiser, no expiry, no refresh."""
REFRESH_TOKEN = "emulator-refresh-token"  # noqa: S105  # a rehearsal value
"""Live refresh token of an authorisation in refresh mode: good for one refresh, then rotated."""
AUTH_CODE = "emulator-auth-code"
"""Unused authorisation code for the code exchange, valid for an hour of emulator time."""
SCOPES = (1, 3, 15, 30, 31, 32, 100, 150, 153)
"""Scopes of the default tokens."""

BC_ID = "7200000000000000001"
"""Business Center of the first four advertisers."""
OTHER_BC_ID = "7200000000000000002"
"""Another business."""
ADVERTISER_ID = "7012345678901234561"
"""Role ADMIN; the usual owner of audiences."""
ADVERTISER_ID_2 = "7012345678901234562"
"""Role OPERATOR, same Business Center."""
ADVERTISER_ID_3 = "7012345678901234563"
"""Role OPERATOR, same Business Center."""
ANALYST_ADVERTISER_ID = "7012345678901234564"
"""Role ANALYST, same Business Center: may read, may not write."""
OTHER_BC_ADVERTISER_ID = "7012345678901234565"
"""Role OPERATOR in the other business."""
UNREACHABLE_ADVERTISER_ID = "7012345678901234566"
"""Exists in the first Business Center, but no default token covers it."""

_BUSINESSES = {BC_ID: "Larkspur Outfitters Group", OTHER_BC_ID: "Quillfeather Foods"}
_ADVERTISERS = (
    (ADVERTISER_ID, "Larkspur Outfitters US", BC_ID, "ADMIN"),
    (ADVERTISER_ID_2, "Larkspur Outfitters CA", BC_ID, "OPERATOR"),
    (ADVERTISER_ID_3, "Larkspur Outfitters UK", BC_ID, "OPERATOR"),
    (ANALYST_ADVERTISER_ID, "Larkspur Outlet", BC_ID, "ANALYST"),
    (OTHER_BC_ADVERTISER_ID, "Quillfeather Foods US", OTHER_BC_ID, "OPERATOR"),
    (UNREACHABLE_ADVERTISER_ID, "Larkspur Archive", BC_ID, "OPERATOR"),
)


def default_world(settings: Settings) -> World:
    """A fresh world without audiences, faults or traffic."""
    world = World(settings=settings)
    world.businesses = {bc: BusinessCenter(bc_id=bc, name=name) for bc, name in _BUSINESSES.items()}
    world.advertisers = {
        one: Advertiser(advertiser_id=one, name=name, bc_id=bc, role=role) for one, name, bc, role in _ADVERTISERS
    }
    reach = tuple(one for one in world.advertisers if one != UNREACHABLE_ADVERTISER_ID)
    scopes = frozenset(SCOPES)
    now = world.now()
    world.access_tokens[ACCESS_TOKEN] = AccessToken(scopes=scopes, advertiser_ids=reach)
    world.refresh_tokens[REFRESH_TOKEN] = RefreshToken(
        family=Family(scopes=scopes, advertiser_ids=reach), expires_at=now + 365 * DAY
    )
    world.auth_codes[AUTH_CODE] = AuthCode(scopes=scopes, advertiser_ids=reach, expires_at=now + 3600)
    return world
