"""Wait until TikTok can use a segment, and let a campaign DAG start by itself as soon as it can."""

import logging
from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_tiktok.assets import segment_asset
from airflow_provider_tiktok.operators.segment import TikTokVerifySegmentOperator
from airflow_provider_tiktok.sensors.segment import TikTokSegmentReadySensor

# Your settings: the advertiser that owns the segment, and the segment's id, as a delivery's verify task returns it.
ADVERTISER, SEGMENT = "7012345678901234561", "987654321"

with DAG(
    dag_id="tiktok_when_ready",
    schedule=timedelta(days=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["tiktok"],
):
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_id=SEGMENT, advertiser_id=ADVERTISER)
    ready = TikTokSegmentReadySensor(task_id="ready", segment=verify.output, deferrable=True)

    verify >> ready

with DAG(
    dag_id="tiktok_campaign",
    schedule=[segment_asset(ADVERTISER, SEGMENT)],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    doc_md="Runs whenever the segment has become ready.",
    tags=["tiktok"],
):

    @task
    def use_segment() -> str:
        """Put here what your campaigns do with a fresh segment."""
        logging.getLogger(__name__).info("Segment %s of advertiser %s is ready", SEGMENT, ADVERTISER)
        return SEGMENT

    use_segment()
