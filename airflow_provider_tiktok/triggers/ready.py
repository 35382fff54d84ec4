"""Waiting without a worker until TikTok has computed a segment."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_tiktok.api.client import RetryPolicy
from airflow_provider_tiktok.core.readiness import Sighting, segment_state
from airflow_provider_tiktok.errors import ConfigurationError, TransientError
from airflow_provider_tiktok.hooks.tiktok import TikTokHook

LOOK_POLICY = RetryPolicy(attempts=2, total_seconds=10.0)
"""A look is soon repeated, and a thread of the triggerer cannot be cancelled: so it ends early."""


class WakeUp(StrEnum):
    """Why the trigger fires."""

    SETTLED = "settled"
    TIMEOUT = "timeout"
    PROBLEM = "problem"


def look(hook: TikTokHook, advertiser_id: str, segment_id: str, min_size: int) -> Sighting:
    """Ask TikTok once how far a segment is."""
    seen = hook.get_conn(LOOK_POLICY).describe(advertiser_id, segment_id)
    if seen is None:
        raise ConfigurationError(
            f"advertiser {advertiser_id} has no segment {segment_id}; it was deleted, or it belongs to another "
            "advertiser. Give the sensor what TikTokVerifySegmentOperator returned"
        )
    return Sighting(
        segment_id=segment_id,
        advertiser_id=advertiser_id,
        state=segment_state(seen, min_size, datetime.now(UTC)),
        min_size=min_size,
        seen=seen,
    )


class SegmentReadyTrigger(BaseTrigger):
    """Looks at a segment until it is ready or can never be, and wakes the task, which looks for itself.

    :param segment_id: Segment to look at.
    :param advertiser_id: Advertiser that has it.
    :param min_size: Matched members that are wanted.
    :param poke_interval: Seconds between two looks, and before the first one.
    :param ends_at: When to give up: ISO 8601, with a time zone.
    :param tiktok_conn_id: Connection of type ``tiktok``; the triggerer reads it anew for each look.
    """

    def __init__(
        self,
        *,
        segment_id: str,
        advertiser_id: str,
        min_size: int,
        poke_interval: float,
        ends_at: str,
        tiktok_conn_id: str,
        **_retired: Any,  # triggers of an older version live on in the database
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.segment_id = segment_id
        self.advertiser_id = advertiser_id
        self.min_size = min_size
        self.poke_interval = poke_interval
        self.ends_at = ends_at
        self.tiktok_conn_id = tiktok_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments, none of which is secret."""
        names = ("segment_id", "advertiser_id", "min_size", "poke_interval", "ends_at", "tiktok_conn_id")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the segment until there is something to tell."""
        ends_at, reason = datetime.fromisoformat(self.ends_at), None
        while reason is None:
            left = (ends_at - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0.0, min(self.poke_interval, left)))
            reason = await asyncio.to_thread(self._look) if left > self.poke_interval else WakeUp.TIMEOUT
        yield TriggerEvent({"code": reason.value})  # type: ignore[no-untyped-call]  # Airflow's is not annotated

    def _look(self) -> WakeUp | None:
        try:
            sighting = look(TikTokHook(self.tiktok_conn_id), self.advertiser_id, self.segment_id, self.min_size)
        except TransientError as error:
            self.log.warning("%s; looking again in %.0f s", error, self.poke_interval)
            return None
        except Exception as error:  # a trigger that raises fails its task without the task's own clear words
            self.log.warning("%s in the triggerer; the task looks for itself", type(error).__name__)
            return WakeUp.PROBLEM
        self.log.info("%s", sighting)
        return WakeUp.SETTLED if sighting.state.usable or sighting.state.final else None
