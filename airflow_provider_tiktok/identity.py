"""What a connection's token is good for, told without any token; asks TikTok, changes nothing and renews nothing."""

from dataclasses import asdict, dataclass

from airflow_provider_tiktok.api.client import AudienceClient, RetryPolicy
from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.tokens import LongLivedToken, TokenState, fingerprint
from airflow_provider_tiktok.api.transport import Transport
from airflow_provider_tiktok.authorisation import missing_scopes
from airflow_provider_tiktok.errors import ApiError

MOST_SEGMENTS = 400
"""Audiences that one advertiser may have. Source: TikTok portal document 1739940501023746."""

POLICY = RetryPolicy(attempts=2, total_seconds=10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """An advertiser that the token reaches. ``segments``: how many audiences it has, ``None`` if that is not told."""

    advertiser_id: str
    role: str
    bc_id: str
    segments: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a connection's token stands, as far as it is known without asking TikTok."""

    mode: str
    state: str
    generation: int
    expires_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Standing):
    """Who the connection is. ``problems`` says what a person should mend."""

    missing_scopes: list[str] | None
    advertisers: list[Reach]
    problems: list[str]


def identify(settings: Settings, kept: TokenState | None, transport: Transport, now: float) -> Identity:
    """Look at a connection and what is ``kept`` of its rotated tokens; ask TikTok what the access token reaches."""
    found = standing(settings, kept, now)
    token = _token(settings, kept) if found.state in {"valid", "pending"} else None
    problems: list[str] = []
    reach = _reach(settings, token, transport, problems) if token else []
    return Identity(
        **asdict(found),
        missing_scopes=missing_scopes(settings.scopes) if settings.scopes else None,
        advertisers=reach,
        problems=problems,
    )


def standing(settings: Settings, kept: TokenState | None, now: float) -> Standing:
    """Look at a connection and what is ``kept`` of its rotated tokens, and at nothing else."""
    rotated = kept if settings.refresh_token else None
    return Standing(
        mode="refresh token" if settings.refresh_token else "long-lived access token",
        state=_state(settings, kept, now),
        generation=rotated.generation if rotated else 0,
        expires_at=rotated.expires_at if rotated else None,
    )


def _state(settings: Settings, kept: TokenState | None, now: float) -> str:
    if not settings.refresh_token:
        return "valid"
    if kept is None or kept.seed != fingerprint(settings.refresh_token):
        return "not used yet"
    if kept.dead:
        return "dead: authorise again"
    if kept.access_token is None or (kept.expires_at is not None and now >= kept.expires_at):
        return "expired: the next run renews it"
    return "pending" if kept.pending else "valid"


def _token(settings: Settings, kept: TokenState | None) -> Secret | None:
    return kept.access_token if settings.refresh_token and kept else settings.access_token


def _reach(settings: Settings, token: Secret, transport: Transport, problems: list[str]) -> list[Reach]:
    client = AudienceClient(transport, LongLivedToken(token), policy=POLICY)
    try:
        ids = _advertisers(client, settings)
        roles = _roles(client, settings)
    except ApiError as error:
        problems.append(str(error))
        return []
    return [_look(client, advertiser, roles.get(advertiser, ("unknown", "unknown")), problems) for advertiser in ids]


def _advertisers(client: AudienceClient, settings: Settings) -> list[str]:
    if settings.app_id and settings.app_secret:
        return client.reachable_advertiser_ids(settings.app_id, settings.app_secret)
    client.check_token()
    return [settings.advertiser_id] if settings.advertiser_id else []


def _roles(client: AudienceClient, settings: Settings) -> dict[str, tuple[str, str]]:
    centers = [settings.bc_id] if settings.bc_id else client.business_center_ids()
    return {
        advertiser: (role, bc_id) for bc_id in centers for advertiser, role in client.advertiser_roles(bc_id).items()
    }


def _look(client: AudienceClient, advertiser_id: str, role: tuple[str, str], problems: list[str]) -> Reach:
    segments = None
    try:
        segments = len(client.segments(advertiser_id))
    except ApiError as error:
        problems.append(f"advertiser {advertiser_id}: {error}")
    return Reach(advertiser_id=advertiser_id, role=role[0].capitalize(), bc_id=role[1], segments=segments)
