"""The segment that an operator or a sensor is given."""

from collections.abc import Mapping
from typing import Any

from airflow_provider_tiktok.hooks.tiktok import TikTokHook

SegmentRef = str | Mapping[str, Any]
"""A segment: what ``TikTokVerifySegmentOperator`` returned, or an id."""


def segment_and_owner(segment: SegmentRef, hook: TikTokHook) -> tuple[str, str]:
    """Id and owner of a segment; a bare id belongs to the connection's advertiser."""
    if isinstance(segment, str):
        return segment, hook.advertiser_id(None)
    return str(segment["segment_id"]), hook.advertiser_id(segment.get("advertiser_id"))
