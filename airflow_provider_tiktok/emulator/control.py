"""Commands under ``/_emulator/``: what a test or a person may do to the emulated world."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Protocol, cast

from airflow_provider_tiktok.emulator.faults import Fault, Kind
from airflow_provider_tiktok.emulator.oauth import issue, issue_in_family
from airflow_provider_tiktok.emulator.settings import Settings, changed
from airflow_provider_tiktok.emulator.state import Advertiser, Audience, AuthCode, Family, World, timestamp
from airflow_provider_tiktok.emulator.world import BC_ID, SCOPES, UNREACHABLE_ADVERTISER_ID

Json = dict[str, object] | list[dict[str, object]]


class Emulated(Protocol):
    """What a command acts on."""

    base: Settings
    world: World

    def reset(self) -> None:
        """Start over with the default world."""


def reset(emulated: Emulated) -> Json:
    """Back to the default world, the settings of the start, no faults, an empty log."""
    emulated.reset()
    return {}


def configure(emulated: Emulated, **settings: object) -> Json:
    """Change settings until the next reset; answers all settings."""
    emulated.world.settings = changed(emulated.world.settings, settings)
    return asdict(emulated.world.settings)


def advance(emulated: Emulated, seconds: float) -> Json:
    """Let time pass at once."""
    emulated.world.clock.advance(seconds)
    return {"now": emulated.world.now()}


def _reach(world: World, advertiser_ids: list[str] | None) -> tuple[str, ...]:
    if advertiser_ids is None:
        return tuple(one for one in world.advertisers if one != UNREACHABLE_ADVERTISER_ID)
    unknown = set(advertiser_ids) - set(world.advertisers)
    if unknown:
        raise ValueError(f"unknown advertisers: {', '.join(sorted(unknown))}")
    return tuple(advertiser_ids)


def issue_token(
    emulated: Emulated,
    scopes: list[int] | None = None,
    advertiser_ids: list[str] | None = None,
    expires_in: float | None = None,
    refresh: bool = False,
) -> Json:
    """A new access token; with `refresh` also a refresh token, and then it expires (24 h unless given)."""
    reach = _reach(emulated.world, advertiser_ids)
    granted = frozenset(SCOPES if scopes is None else scopes)
    if refresh:
        return issue_in_family(emulated.world, Family(scopes=granted, advertiser_ids=reach), expires_in)
    return issue(emulated.world, granted, reach, expires_in)


def issue_auth_code(
    emulated: Emulated,
    auth_code: str,
    scopes: list[int] | None = None,
    advertiser_ids: list[str] | None = None,
    expires_in: float = 3600,
) -> Json:
    """An authorisation code for the code exchange."""
    emulated.world.auth_codes[auth_code] = AuthCode(
        scopes=frozenset(SCOPES if scopes is None else scopes),
        advertiser_ids=_reach(emulated.world, advertiser_ids),
        expires_at=emulated.world.now() + expires_in,
    )
    return {"auth_code": auth_code}


def expire_token(emulated: Emulated, token: str) -> Json:
    """End the life of an access token (40102) or a refresh token (40103) now."""
    known = emulated.world.access_tokens.get(token) or emulated.world.refresh_tokens.get(token)
    if known is None:
        raise ValueError("unknown token")
    known.expires_at = emulated.world.now()
    return {}


def revoke_token(
    emulated: Emulated,
    token: str,
    family: bool = False,
) -> Json:
    """Revoke an access token (40105); with `family`, or for a refresh token, everything of its authorisation."""
    access, refresh = emulated.world.access_tokens.get(token), emulated.world.refresh_tokens.get(token)
    if access is not None:
        access.revoked = True
    elif refresh is None:
        raise ValueError("unknown token")
    kin = refresh.family if refresh else (access.family if access and family else None)
    if kin is not None:
        kin.revoked = True
    return {}


def set_role(emulated: Emulated, advertiser_id: str, role: str) -> Json:
    """Change the user's role in an advertiser: ADMIN, OPERATOR or ANALYST."""
    if role not in ("ADMIN", "OPERATOR", "ANALYST"):
        raise ValueError("role must be ADMIN, OPERATOR or ANALYST")
    _advertiser_known(emulated.world, advertiser_id)
    emulated.world.advertisers[advertiser_id].role = role
    return {}


def add_advertiser(emulated: Emulated, advertiser_id: str, bc_id: str = BC_ID) -> Json:
    """One more advertiser of a Business Center, with role OPERATOR; the tokens issued from now on reach it."""
    world = emulated.world
    if bc_id not in world.businesses or advertiser_id in world.advertisers:
        raise ValueError(f"no Business Center {bc_id!r}, or there is an advertiser {advertiser_id!r} already")
    world.advertisers[advertiser_id] = Advertiser(
        advertiser_id=advertiser_id, name=f"Advertiser {advertiser_id}", bc_id=bc_id, role="OPERATOR"
    )
    return {"advertiser_id": advertiser_id}


def _advertiser_known(world: World, advertiser_id: str) -> None:
    if advertiser_id not in world.advertisers:
        raise ValueError(f"unknown advertiser {advertiser_id!r}")


def create_audience(
    emulated: Emulated,
    advertiser_id: str,
    name: str,
    audience_type: str = "Partner",
    *,
    shared_with: list[str] | None = None,
    cover_num: int | None = None,
    age_seconds: float = 0,
    audience_id: str | None = None,
) -> Json:
    """An audience that is already there, of a given age; types other than Partner do not take mappings."""
    world = emulated.world
    if audience_id in world.audiences:
        raise ValueError(f"audience {audience_id!r} exists already")
    for known in (advertiser_id, *(shared_with or [])):
        _advertiser_known(world, known)
    streaming = audience_type in ("Partner", world.settings.audience_type)
    audience = world.add_audience(
        advertiser_id, name, audience_id=audience_id, audience_type=audience_type, streaming=streaming
    )
    audience.shared_with = list(shared_with or [])
    audience.fixed_cover = cover_num
    audience.created_at -= age_seconds
    audience.expires_at -= age_seconds
    audience.history[-1]["opt_time"] = timestamp(audience.created_at)
    return {"audience_id": audience.audience_id}


def set_cover(emulated: Emulated, audience_id: str, cover_num: int | None = None) -> Json:
    """Fix the `cover_num` of an audience, or with null compute it again from the members."""
    _audience(emulated.world, audience_id).fixed_cover = cover_num
    return {}


def fail_audience(emulated: Emulated, audience_id: str, error_msg: str | None, msg: str | None = None) -> Json:
    """Let TikTok fail to compute an audience: invalid, with these texts. With null it is mended."""
    audience = _audience(emulated.world, audience_id)
    audience.error_msg, audience.msg = error_msg, msg
    return {}


def _audience(world: World, audience_id: str) -> Audience:
    try:
        return world.audiences[audience_id]
    except KeyError:
        raise ValueError(f"unknown audience {audience_id!r}") from None


def members(emulated: Emulated, segment_id: str) -> Json:
    """Lower-case hex digests per kind. Those that can never match are not among them."""
    return cast("Json", _audience(emulated.world, segment_id).members.digests())


def audiences(emulated: Emulated) -> Json:
    """All audiences with their sizes."""
    world = emulated.world
    return [
        {
            "audience_id": one.audience_id,
            "name": one.name,
            "owner_id": one.owner_id,
            "audience_type": one.audience_type,
            "shared_with": list(one.shared_with),
            "sizes": one.members.sizes(),
            "users": one.members.users,
            "unmatched": one.members.unmatched,
            "cover_num": one.cover_num(world.now(), world.settings),
            "is_valid": one.is_valid(world.now(), world.settings),
        }
        for one in world.audiences.values()
    ]


def requests(emulated: Emulated, path: str | None = None, limit: int = 5000) -> Json:
    """The newest requests whose path ends with `path`, oldest first."""
    return emulated.world.traffic.records(path, int(limit))


def count_requests(emulated: Emulated, path: str = "") -> Json:
    """How many requests had a path that ends with `path`."""
    return {"count": emulated.world.traffic.count(path)}


def add_fault(emulated: Emulated, kind: str, hashes: list[str] | None = None, **fields: object) -> Json:
    """Inject trouble: kind delay | code | http | drop | poison, path suffix, times (null = for ever), skip, ..."""
    fault = Fault(kind=Kind(kind), hashes=frozenset(hashes or ()), **fields)  # type: ignore[arg-type]  # JSON of a test
    emulated.world.faults.add(fault)
    return fault.describe()


def clear_faults(emulated: Emulated) -> Json:
    """Remove all faults."""
    emulated.world.faults.clear()
    return {}


def faults(emulated: Emulated) -> Json:
    """The faults still in force."""
    return emulated.world.faults.describe()


READS: tuple[Callable[..., Json], ...] = (audiences, members, requests, count_requests, faults)
WRITES: tuple[Callable[..., Json], ...] = (
    reset,
    configure,
    advance,
    issue_token,
    issue_auth_code,
    expire_token,
    revoke_token,
    set_role,
    add_advertiser,
    create_audience,
    set_cover,
    fail_audience,
    add_fault,
    clear_faults,
)
COMMANDS: dict[tuple[str, str], Callable[..., Json]] = {
    **{("GET", one.__name__): one for one in READS},
    **{("POST", one.__name__): one for one in WRITES},
}
"""(method, name) -> command. A GET takes its arguments from the query, a POST from a JSON object."""


def index() -> Json:
    """What there is under /_emulator/."""
    return [
        {
            "method": method,
            "path": f"/_emulator/{name}",
            "arguments": list(inspect.signature(command).parameters)[1:],
            "about": inspect.getdoc(command),
        }
        for (method, name), command in COMMANDS.items()
    ]


def run(emulated: Emulated, method: str, name: str, query: Mapping[str, str], body: bytes) -> tuple[int, Json]:
    """Run one command: HTTP status and JSON answer."""
    command = COMMANDS.get((method, name))
    if command is None:
        return 404, {"error": f"no command {method} {name}; GET /_emulator/ lists them"}
    try:
        arguments = dict(query) if method == "GET" else json.loads(body or b"{}")
        return 200, command(emulated, **arguments)
    except (TypeError, ValueError) as error:
        return 400, {"error": str(error)}
