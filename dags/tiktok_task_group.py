"""Keep a TikTok segment equal to the result of a query, the whole chain in one call: it ends when TikTok is ready."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.task_groups import tiktok_segment_delivery

with DAG(
    dag_id="tiktok_task_group",
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=3,  # the next day is delivered while this one still waits for TikTok
    doc_md=__doc__,
    tags=["tiktok"],
):
    tiktok_segment_delivery(
        segment_name="Customers with an e-mail address",
        conn_id="shop",
        sql="SELECT email FROM customers WHERE marketing_consent = 1 AND email IS NOT NULL",
        columns={"email": "EMAIL_SHA256"},
        advertiser_ids=["7012345678901234562"],
        upload={"max_delete_pct": 20},
        ready={"deferrable": True},
    )
