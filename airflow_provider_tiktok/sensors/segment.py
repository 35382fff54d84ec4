"""The sensor that waits until TikTok has computed a segment."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    conf,
)

from airflow_provider_tiktok.assets import SEGMENT_READY, segment_asset
from airflow_provider_tiktok.core.readiness import SegmentState, Sighting
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.errors import ConfigurationError, RejectedError, TransientError
from airflow_provider_tiktok.hooks.segment import SegmentRef, segment_and_owner
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.triggers.ready import SegmentReadyTrigger, look

GRACE = timedelta(minutes=5)
"""What a deferred task waits beyond its time-out for a triggerer that should have woken it."""


class TikTokSegmentReadySensor(BaseSensorOperator):
    """Wait until an ad group can use a segment: TikTok has computed it, it is large enough, and it has not expired.

    TikTok takes 10 to 48 hours after an upload. A segment that is too small is waited for like one that is still
    computed, since the two look alike and it may grow; the error of the time-out says which it was. An expired segment
    and one that TikTok could not compute end the wait at once. One that expires within 60 days is ready, with a
    warning.

    When the segment is ready the asset ``tiktok://advertiser/<id>/segment/<id>`` is updated, with state and size in
    the event's extra, so that a campaign DAG can be scheduled on it: see
    :func:`airflow_provider_tiktok.assets.segment_asset`. No other task updates it: what was uploaded is not usable yet.

    Returns ``{"segment_id", "advertiser_id", "state", "size", "expires_at"}``.

    :param segment: What the verify operator returned, or a segment id. (templated)
    :param min_size: Matched members that are wanted. TikTok itself uses no segment with fewer than 1,000.
    :param deferrable: Wait in the triggerer, without a worker; the default is ``[operators] default_deferrable``.
        Otherwise ``mode`` says how to wait.
    :param poke_interval: Seconds between two looks. Fewer than 15 are for tests: Airflow 3.3.2 fails a deferred or
        rescheduled task that comes back before the scheduler has seen its worker leave, which takes up to 7 s
        (measured; ``[workers] min_heartbeat_interval`` is 5 of them).
    :param timeout: Seconds to wait in all.
    :param soft_fail: Skip the task on a time-out, and when the segment expired or failed.
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("segment", "tiktok_conn_id")
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        segment: SegmentRef,
        min_size: int = 1000,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: timedelta | float = 1800,
        timeout: timedelta | float = 48 * 3600,
        tiktok_conn_id: str = TikTokHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, timeout=timeout, **kwargs)
        self.segment = segment
        self.min_size = min_size
        self.deferrable = deferrable
        self.tiktok_conn_id = tiktok_conn_id
        self.outlets = [*self.outlets, SEGMENT_READY]
        self._last: Sighting | None = None

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Look once; then wait in the triggerer or as ``mode`` says."""
        if self.deferrable:
            return self.resume(context)
        try:
            found: dict[str, JsonValue] = super().execute(context)
        except AirflowSensorTimeout:
            raise self._timed_out() from None
        return found

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        self._look()
        if self._last is None or not self._last.state.usable:
            self.log.info("Next look in %s", timedelta(seconds=self.poke_interval))
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._announce(context, self._last))

    def resume(self, context: Context, event: object = None, started: str | None = None) -> dict[str, JsonValue]:  # noqa: ARG002
        """Look once, and defer unless the segment is ready or the time is over, counted from the first start."""
        began = datetime.fromisoformat(started) if started else datetime.now(UTC)
        segment_id, owner = self._look()
        if self._last is None or not self._last.state.usable:
            self._wait(segment_id, owner, began)
        return self._announce(context, self._last)

    def _wait(self, segment_id: str, owner: str, began: datetime) -> NoReturn:
        now, ends_at = datetime.now(UTC), began + timedelta(seconds=self.timeout)
        if now >= ends_at:
            self._give_up(self._timed_out())
        self.log.info("Next look in %s; giving up at %s", timedelta(seconds=self.poke_interval), ends_at.isoformat())
        trigger = SegmentReadyTrigger(
            segment_id=segment_id,
            advertiser_id=owner,
            min_size=self.min_size,
            poke_interval=self.poke_interval,
            ends_at=ends_at.isoformat(),
            tiktok_conn_id=self.tiktok_conn_id,
        )
        kwargs = {"started": began.isoformat()}
        self.defer(trigger=trigger, method_name="resume", kwargs=kwargs, timeout=ends_at - now + GRACE)

    def _look(self) -> tuple[str, str]:
        """Look at the segment and keep what was seen, nothing when TikTok gave no answer; return segment and owner."""
        hook = TikTokHook(self.tiktok_conn_id)
        segment_id, owner = segment_and_owner(self.segment, hook)
        try:
            self._last = look(hook, owner, segment_id, self.min_size)
        except TransientError as error:
            self._last = None
            self.log.warning("%s; the next look may find it better", error)
            return segment_id, owner
        self.log.log(logging.WARNING if self._last.state is SegmentState.EXPIRING else logging.INFO, "%s", self._last)
        if self._last.state.final:
            kind = ConfigurationError if self._last.state is SegmentState.EXPIRED else RejectedError
            self._give_up(kind(f"{self._last} {self._last.cure}"))
        return segment_id, owner

    def _announce(self, context: Context, sighting: Sighting) -> dict[str, JsonValue]:
        """Update the segment's asset, and return what the task returns."""
        told = sighting.to_dict()
        context["outlet_events"][SEGMENT_READY].add(
            segment_asset(sighting.advertiser_id, sighting.segment_id), extra=told
        )
        return told

    def _timed_out(self) -> AirflowSensorTimeout:
        last = f"{self._last} {self._last.cure}" if self._last else "TikTok gave no answer at the last look"
        return AirflowSensorTimeout(f"not ready within {timedelta(seconds=self.timeout)}. {last}")

    def _give_up(self, error: Exception) -> NoReturn:
        if self.soft_fail or self.never_fail:
            self.log.warning("Skipping: %s", error)
            raise AirflowSkipException(str(error)) from error
        raise error
