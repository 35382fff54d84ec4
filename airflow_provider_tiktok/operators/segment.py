"""Operators on segments: find or create one, bring it to a snapshot, map advertisers to it."""

from airflow_provider_tiktok.operators._map import TikTokMapAdvertisersOperator
from airflow_provider_tiktok.operators._upload import TikTokUploadSegmentOperator
from airflow_provider_tiktok.operators._verify import TikTokVerifySegmentOperator

__all__ = ["TikTokMapAdvertisersOperator", "TikTokUploadSegmentOperator", "TikTokVerifySegmentOperator"]
