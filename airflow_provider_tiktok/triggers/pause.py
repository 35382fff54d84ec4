"""Waiting without a worker, as long as TikTok asks for."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_tiktok.errors import PauseError

PAUSE = timedelta(minutes=5)
"""Pause after the requests of a minute were too many. Source: TikTok portal document 1740029171730433."""

MOST_PAUSES = 4


def pause_until(now: datetime, pauses: int) -> datetime:
    """When to go on after pause number ``pauses`` (from 1): in five minutes, then at midnight UTC, when the count of
    the day begins anew.
    """
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return now + PAUSE if pauses == 1 else max(midnight, now + PAUSE)


class PauseTrigger(BaseTrigger):
    """Fires at a moment.

    :param moment: ISO 8601, with a time zone.
    """

    def __init__(self, moment: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        self.moment = moment

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and the arguments."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"moment": self.moment}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait for the moment."""
        moment = datetime.fromisoformat(self.moment)
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(left, 60.0))  # in steps, so that a machine that slept is not late
        yield TriggerEvent({"moment": self.moment})  # type: ignore[no-untyped-call]  # Airflow's is not annotated


@contextmanager
def pausing(operator: BaseOperator, pauses: int, **going_on: Any) -> Iterator[None]:
    """Defer when TikTok limits the rate for longer than a worker should wait, and go on with ``resume`` afterwards."""
    try:
        yield
    except PauseError as error:
        if pauses >= MOST_PAUSES:
            raise
        now = datetime.now(UTC)
        moment = pause_until(now, pauses + 1)
        operator.log.warning("%s. Pausing until %s; what was acknowledged is kept", error, moment.isoformat())
        operator.defer(
            trigger=PauseTrigger(moment.isoformat()),
            method_name="resume",
            kwargs={**going_on, "pauses": pauses + 1},
            timeout=moment - now + timedelta(minutes=30),  # a deployment without a triggerer is told, not hung
        )
