"""The client: one call with bounded retries, and the questions and commands that a delivery needs."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.api.budget import TokenBucket
from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.tokens import TokenSource
from airflow_provider_tiktok.api.transport import Transport
from airflow_provider_tiktok.core.readiness import Description
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.errors import PauseError, TokenExpiredError, TransientError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Bounds of the retries of one request: in attempts and in seconds, whichever ends first.

    After ``pause_seconds`` of rate limiting it is not a burst that TikTok minds but the minute's sum, and only a pause
    of minutes helps: the caller is told. Source: TikTok portal document 1740029171730433.
    """

    attempts: int = 15
    total_seconds: float = 300.0
    pause_seconds: float = 10.0
    first_wait: float = 0.5
    longest_wait: float = 30.0

    def wait(self, error: TransientError, attempt: int, elapsed: float, jitter: float) -> float | None:
        """Seconds to wait after failed attempt number ``attempt`` (from 1), ``None`` to give up.

        Full jitter: ``jitter`` in [0, 1) spreads workers that failed together.
        """
        ceiling = min(self.longest_wait, self.first_wait * 2.0 ** (attempt - 1))
        seconds = ceiling * (0.5 + jitter / 2)
        bound = self.pause_seconds if isinstance(error, PauseError) else self.total_seconds
        return None if attempt >= self.attempts or elapsed + seconds > bound else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Data of a successful call, and what it cost."""

    data: wire.Data
    request_id: str | None
    attempts: int


class AudienceClient:
    """Speaks to TikTok for one connection. Safe to share between threads."""

    def __init__(
        self,
        transport: Transport,
        tokens: TokenSource,
        *,
        policy: RetryPolicy | None = None,
        budget: TokenBucket | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._transport, self._tokens = transport, tokens
        self._policy, self._budget = policy or RetryPolicy(), budget
        self._sleep, self._clock, self._jitter = sleep, clock, jitter

    def call(self, request: wire.Request) -> Answer:
        """Send a request until it is answered for good.

        Retried: what :class:`TransientError` marks, within the policy. A request that is not repeatable is retried
        only when TikTok answered that it did nothing. A rejected token is renewed once.
        """
        started, attempt, renewed = self._clock(), 0, False
        token = self._tokens.current() if request.authenticated else None
        while True:
            attempt += 1
            if self._budget and not request.streams:
                self._budget.take()
            try:
                data, request_id = wire.read(self._transport.send(request, token))
            except TokenExpiredError:
                token = None if renewed or token is None else self._tokens.renew(token)
                if token is None:
                    raise
                renewed = True
            except TransientError as error:
                outcome_known = request.repeatable or error.code is not None
                wait = self._policy.wait(error, attempt, self._clock() - started, self._jitter())
                if wait is None or not outcome_known:
                    raise
                self._sleep(wait)
            else:
                return Answer(data=data, request_id=request_id, attempts=attempt)

    # --- questions ---

    def check_token(self) -> None:
        """Raise an error unless TikTok accepts the access token."""
        self.call(wire.user_info())

    def reachable_advertiser_ids(self, app_id: str, app_secret: Secret) -> list[str]:
        """Advertisers that the person who authorised the app granted to it."""
        return wire.advertiser_ids(self.call(wire.authorised_advertisers(app_id, app_secret)).data)

    def business_center_ids(self) -> list[str]:
        """Business centers that the authorised user may see."""
        return self._pages(wire.business_centers, wire.business_center_ids)

    def advertiser_roles(self, bc_id: str) -> dict[str, str]:
        """Advertisers of a business center, with the role of the authorised user on each."""
        listed = self._pages(lambda page: wire.business_center_advertisers(bc_id, page), wire.assets)
        return {asset.advertiser_id: asset.role for asset in listed}

    def segments(self, advertiser_id: str) -> list[wire.Segment]:
        """All audiences that an advertiser owns or was given, from every page."""
        return self._pages(lambda page: wire.list_audiences(advertiser_id, page), wire.segments)

    def owned_segments(self, advertiser_id: str) -> list[wire.Segment]:
        """Audiences that the advertiser itself owns, each once even when the list changes while it is read."""
        return list({s.segment_id: s for s in self.segments(advertiser_id) if s.is_creator}.values())

    def describe(self, advertiser_id: str, segment_id: str) -> Description | None:
        """What TikTok says of a segment; ``None`` when the advertiser neither owns it nor was given it."""
        return wire.description(self.call(wire.describe_audience(advertiser_id, segment_id)).data)

    def shared_with(self, advertiser_id: str, segment_id: str) -> list[str]:
        """Advertisers with which a segment is shared."""
        return wire.shared_advertiser_ids(self.call(wire.share_log(advertiser_id, segment_id)).data)

    # --- commands ---

    def create_segment(self, advertiser_id: str, name: str) -> str:
        """Create a segment and return its id.

        Names are not unique, so a lost answer is never followed by a second try: the list tells whether the segment
        was made. When it was not, the error is raised and the next run of the task begins with the list again.
        """
        try:
            return wire.created_segment_id(self.call(wire.create_segment(advertiser_id, name)).data)
        except TransientError:
            made = [segment for segment in self.owned_segments(advertiser_id) if segment.name == name]
            if len(made) != 1:
                raise
            return made[0].segment_id

    def map_members(
        self,
        action: wire.Action,
        segment_id: str,
        advertiser_ids: Sequence[str],
        layout: Layout,
        records: Bytes,
    ) -> Answer:
        """Add members to a segment, or delete identifiers from it. All records are applied, or none."""
        return self.call(wire.map_members(action, segment_id, advertiser_ids, layout, records))

    def share(self, advertiser_id: str, segment_id: str, shared_with: Sequence[str]) -> None:
        """Share a segment with advertisers of the same business center."""
        for start in range(0, len(shared_with), wire.SHARE_LIMIT):
            self.call(wire.share(advertiser_id, segment_id, shared_with[start : start + wire.SHARE_LIMIT]))

    def _pages(self, ask: Callable[[int], wire.Request], read: Callable[[wire.Data], list[T]]) -> list[T]:
        found: list[T] = []
        page = pages = 1
        while page <= pages:
            data = self.call(ask(page)).data
            found += read(data)
            pages = wire.total_pages(data)
            page += 1
        return found
