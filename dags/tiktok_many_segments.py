"""Many segments from a table of queries, side by side and shared; a failure stays with its segment."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task_group
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.task_groups import tiktok_segment_delivery

# Your settings: a query for each segment, and the advertisers that may use them all. What depends on the interval
# comes as a parameter.
CONSENT = "SELECT email, idfa FROM customers WHERE marketing_consent = 1"
SEGMENTS = [
    {
        "segment_name": "Customers of the last 30 days",
        "sql": CONSENT + " AND signed_up_at >= date(:day, '-30 days') AND signed_up_at < :day",
    },
    {
        "segment_name": "Customers since 30 to 60 days",
        "sql": CONSENT + " AND signed_up_at >= date(:day, '-60 days') AND signed_up_at < date(:day, '-30 days')",
    },
    {
        "segment_name": "Customers since more than 60 days",
        "sql": CONSENT + " AND signed_up_at < date(:day, '-60 days')",
    },
]
ALSO_FOR = ["7012345678901234562", "7012345678901234563"]
DAY = "{{ (dag_run.data_interval_end or dag_run.run_after).strftime('%Y-%m-%d') }}"

with DAG(
    dag_id="tiktok_many_segments",
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["tiktok"],
):

    @task_group
    def segment(segment_name: str, sql: str) -> None:
        """Bring the segment to the result of its query."""
        tiktok_segment_delivery(
            segment_name=segment_name,
            conn_id="shop",
            sql=sql,
            columns={"email": "EMAIL_SHA256", "idfa": "IDFA_SHA256"},
            query={"parameters": {"day": DAY}},
            advertiser_ids=ALSO_FOR,
            map={"strategy": "share"},
        )

    segment.expand_kwargs(SEGMENTS)
