"""A segment for each day: who signed up in the 30 days before its end. A backfill makes those of past days."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.task_groups import tiktok_segment_delivery

# A run that is triggered by hand may have no data interval. It fills the segment of its day, and the scheduled run of
# that day, which ends later, has the last word.
DAY = "{{ (dag_run.data_interval_start or dag_run.run_after) | ds }}"
UNTIL = "{{ (dag_run.data_interval_end or dag_run.run_after).strftime('%Y-%m-%d %H:%M:%S') }}"

with DAG(
    dag_id="tiktok_dated_segments",
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    doc_md=__doc__,
    tags=["tiktok"],
):
    tiktok_segment_delivery(
        segment_name=f"VIP {DAY}",
        conn_id="shop",
        sql="""
            SELECT email, phone FROM customers
            WHERE marketing_consent = 1 AND signed_up_at >= datetime(:until, '-30 days') AND signed_up_at < :until
        """,
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        default_region="US",
        query={"parameters": {"until": UNTIL}},
    )
