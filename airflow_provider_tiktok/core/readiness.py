"""Whether a segment can be targeted yet, from what TikTok says of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from airflow_provider_tiktok.core.receipt import JsonValue

TIKTOK_MINIMUM = 1000
"""Matched members from which TikTok lets an ad group use a segment, as TikTok and its partners say alike."""

COMPUTING = timedelta(hours=48)
"""Longest time that TikTok takes to compute a segment: its pages say 24 to 48 hours, its partners 6 to 48."""


class SegmentState(StrEnum):
    """Where a segment stands on its way to an ad group."""

    PROCESSING = "processing"
    TOO_SMALL = "too_small"
    READY = "ready"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def usable(self) -> bool:
        """Whether an ad group can use the segment."""
        return self in {SegmentState.READY, SegmentState.EXPIRING}

    @property
    def final(self) -> bool:
        """Whether waiting cannot mend it."""
        return self in {SegmentState.EXPIRED, SegmentState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What TikTok says of a segment; times are in UTC, ``None`` where TikTok tells none.

    ``changed_at`` is the newest entry of its history. ``error`` and ``message`` are TikTok's words, scrubbed.
    """

    size: int
    is_valid: bool
    is_expiring: bool = False
    expires_at: datetime | None = None
    changed_at: datetime | None = None
    error: str = ""
    message: str = ""


def segment_state(seen: Description, min_size: int, now: datetime) -> SegmentState:
    """Decide the state of a segment; the first line that fits counts.

    ========  =========================================  ===========
    is_valid  what else                                  state
    ========  =========================================  ===========
    true      size < min_size                            too_small
    true      is_expiring                                expiring
    true                                                 ready
    false     expired_time is past                       expired
    false     error_msg is set                           failed
    false     0 < size < the larger of min_size, 1,000   too_small
    false     size 0, and no change for 48 hours         too_small
    false                                                processing
    ========  =========================================  ===========

    TikTok has no "creating": ``is_valid`` is false while it computes, when the segment expired, and when it is too
    small. One with fewer than 1,000 matches may show size 0, as does one that is not computed yet; the history tells
    them apart, once TikTok has had its 48 hours. ``is_valid`` is believed before all else, since it is
    TikTok's own word on whether the segment can be used. Source: TikTok Business API v1.3, portal documents
    1739940506015746 and 1739940507792385.
    """
    if seen.is_valid:
        if seen.size < min_size:
            return SegmentState.TOO_SMALL
        return SegmentState.EXPIRING if seen.is_expiring else SegmentState.READY
    if seen.expires_at is not None and seen.expires_at <= now:
        return SegmentState.EXPIRED
    if seen.error:
        return SegmentState.FAILED
    computed = seen.size > 0 or (seen.changed_at is not None and now - seen.changed_at > COMPUTING)
    small = seen.size < max(min_size, TIKTOK_MINIMUM)
    return SegmentState.TOO_SMALL if computed and small else SegmentState.PROCESSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look at a segment."""

    segment_id: str
    advertiser_id: str
    state: SegmentState
    min_size: int
    seen: Description

    def __str__(self) -> str:
        """One sentence for a person: which segment, its state, and what it means."""
        said = f" TikTok says: {self.seen.message}." if self.seen.message else ""
        return f"Segment {self.segment_id} of advertiser {self.advertiser_id} {self._meaning()}.{said}"

    @property
    def cure(self) -> str:
        """What a person can do when the segment does not become ready."""
        return _CURES.get(self.state, "")

    def to_dict(self) -> dict[str, JsonValue]:
        """Ids, state and size, as they may be kept anywhere."""
        return {
            "segment_id": self.segment_id,
            "advertiser_id": self.advertiser_id,
            "state": self.state.value,
            "size": self.seen.size,
            "expires_at": self.seen.expires_at.isoformat() if self.seen.expires_at else None,
        }

    def _meaning(self) -> str:
        size, wanted, ends = f"size {self.seen.size:,}", f"{self.min_size:,} wanted", _day(self.seen.expires_at)
        return {
            SegmentState.PROCESSING: f"is still computed by TikTok: {size}, {wanted}",
            SegmentState.TOO_SMALL: f"is too small: {size}, {wanted}; TikTok itself needs {TIKTOK_MINIMUM:,}",
            SegmentState.READY: f"is ready: {size}, {wanted}; it expires on {ends}",
            SegmentState.EXPIRING: f"is ready but expires soon, on {ends}: {size}, {wanted}",
            SegmentState.EXPIRED: f"expired on {ends}",
            SegmentState.FAILED: f"could not be computed; TikTok's error is: {self.seen.error}",
        }[self.state]


_CURES = {
    SegmentState.PROCESSING: (
        "TikTok takes up to 48 hours after an upload, and shows size 0 too when fewer than 1,000 members were matched. "
        "Give the sensor a longer timeout, or clear the task later"
    ),
    SegmentState.TOO_SMALL: (
        "Deliver more members, or more identifiers of each, such as the phone number beside the e-mail address; or "
        "lower min_size, if TikTok's own minimum is reached"
    ),
    SegmentState.EXPIRED: "Make a new segment and deliver to that, since TikTok uses an expired one no more",
    SegmentState.FAILED: "Deliver again; when the error stays, make a new segment",
}


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment else "an unknown day"
