"""One segment for each advertiser: one query, then verify and upload for each; a failure stays with its advertiser."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task_group
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.task_groups import tiktok_segment_delivery
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

# Your settings: the advertisers, each of which gets a segment of this name.
ADVERTISERS = ["7012345678901234561", "7012345678901234562", "7012345678901234563"]
SEGMENT = "Customers with a phone"

with DAG(
    dag_id="tiktok_many_advertisers",
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["tiktok"],
):
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="shop",
        sql="SELECT phone FROM customers WHERE marketing_consent = 1 AND phone IS NOT NULL",
        columns={"phone": "PHONE_SHA256"},
        default_region="US",
    )

    @task_group
    def advertiser(advertiser_id: str) -> None:
        """Bring the advertiser's segment to the snapshot."""
        tiktok_segment_delivery(segment_name=SEGMENT, advertiser_id=advertiser_id, source=customers.output)

    advertiser.expand(advertiser_id=ADVERTISERS)
