"""The things that exist in the emulated business, and the clock they live by."""

import secrets
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from airflow_provider_tiktok.emulator.faults import Faults
from airflow_provider_tiktok.emulator.membership import Membership
from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.throttle import Throttle
from airflow_provider_tiktok.emulator.traffic import Traffic

DAY = 86_400.0
AUDIENCE_LIFE = 365 * DAY
HISTORY_KEPT = 200
CHART_POINTS = 240


class Clock:
    """The time of the emulated world, which tests can move forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        self._ahead += seconds


def timestamp(seconds: float) -> str:
    """TikTok's audience time stamps: ``YYYY-MM-DD HH:MM:SS`` in UTC. (K)"""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


@dataclass(slots=True, kw_only=True)
class Advertiser:
    """An ad account, and the role of the token's user in it."""

    advertiser_id: str
    name: str
    bc_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessCenter:
    """A business: the advertisers of one Business Center may map and share among themselves."""

    bc_id: str
    name: str


@dataclass(slots=True, kw_only=True)
class Family:
    """One authorisation in refresh mode: all tokens descended from one consent."""

    scopes: frozenset[int]
    advertiser_ids: tuple[str, ...]
    revoked: bool = False


@dataclass(slots=True, kw_only=True)
class AccessToken:
    """What a client presents in the header ``Access-Token``."""

    scopes: frozenset[int]
    advertiser_ids: tuple[str, ...]
    expires_at: float | None = None
    revoked: bool = False
    family: Family | None = None


@dataclass(slots=True, kw_only=True)
class RefreshToken:
    """Good for one refresh; a second use ends its family."""

    family: Family
    expires_at: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class AuthCode:
    """What TikTok's consent page hands to the redirect URL."""

    scopes: frozenset[int]
    advertiser_ids: tuple[str, ...]
    expires_at: float
    used: bool = False


@dataclass(slots=True, kw_only=True)
class Audience:
    """A custom audience: description, members, and the sizes it had."""

    audience_id: str
    name: str
    owner_id: str
    audience_type: str
    created_at: float
    expires_at: float
    streaming: bool = True
    fixed_cover: int | None = None
    msg: str | None = None
    error_msg: str | None = None
    shared_with: list[str] = field(default_factory=list)
    members: Membership = field(default_factory=Membership)
    history: deque[dict[str, str | None]] = field(default_factory=lambda: deque(maxlen=HISTORY_KEPT))
    chart: list[tuple[float, int]] = field(default_factory=list)
    _visible_users: int = 0
    _pending: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, action: str, detail: str) -> None:
        """Write one entry of the audience's history."""
        entry: dict[str, str | None] = {"action": action, "action_detail": detail, "editor": "open_api"}
        self.history.append(entry | {"msg": None, "opt_time": timestamp(now)})

    def resized(self, now: float) -> None:
        """Remember the size after a mapping; it becomes visible after the lag."""
        self._pending.append((now, self.members.users))
        self.chart.append((now, self.members.users))
        if len(self.chart) > CHART_POINTS:
            self.chart[:-1] = self.chart[:-1:2]

    def cover_num(self, now: float, settings: Settings) -> int:
        """Matched users, as far as TikTok has computed them by now."""
        while self._pending and self._pending[0][0] <= now - settings.lag_seconds:
            self._visible_users = self._pending.popleft()[1]
        if self.fixed_cover is not None:
            return self.fixed_cover
        return int(self._visible_users * settings.match_rate)

    def is_valid(self, now: float, settings: Settings) -> bool:
        """True when big enough, not expired (K) and not failed (U)."""
        return (
            self.error_msg is None and now < self.expires_at and self.cover_num(now, settings) >= settings.valid_cover
        )


def _audience_numbers() -> Iterator[int]:
    """Nine-digit numbers from a start that differs between worlds."""
    return count(100_000_000 + secrets.randbelow(800_000_000))


@dataclass(slots=True)
class World:
    """All state of one emulator; a reset replaces it."""

    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    throttle: Throttle = field(default_factory=Throttle)
    traffic: Traffic = field(default_factory=Traffic)
    businesses: dict[str, BusinessCenter] = field(default_factory=dict)
    advertisers: dict[str, Advertiser] = field(default_factory=dict)
    access_tokens: dict[str, AccessToken] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    auth_codes: dict[str, AuthCode] = field(default_factory=dict)
    audiences: dict[str, Audience] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=_audience_numbers)
    """Ids never come back, not even after a restart: a client may remember those of an earlier world."""

    def now(self) -> float:
        """The time in this world."""
        return self.clock.now()

    def add_audience(
        self,
        owner_id: str,
        name: str,
        *,
        audience_id: str | None = None,
        audience_type: str | None = None,
        streaming: bool = True,
    ) -> Audience:
        """Create an audience, with a new nine-digit id unless given; the name need not be unique. (K)"""
        now = self.now()
        audience = Audience(
            audience_id=audience_id or str(next(self.numbers)),
            name=name,
            owner_id=owner_id,
            audience_type=audience_type or self.settings.audience_type,
            created_at=now,
            expires_at=now + AUDIENCE_LIFE,
            streaming=streaming,
        )
        audience.note(now, "create", "0")
        audience.chart.append((now, 0))
        self.audiences[audience.audience_id] = audience
        return audience
