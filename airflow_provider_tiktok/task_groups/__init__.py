"""Task groups: the whole chain of a delivery in one call."""

from airflow_provider_tiktok.task_groups._delivery import SegmentDelivery, tiktok_segment_delivery

__all__ = ["SegmentDelivery", "tiktok_segment_delivery"]
