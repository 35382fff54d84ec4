"""Keep a TikTok segment equal to the result of a query, every day: query, verify, upload, map."""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.operators.segment import (
    TikTokMapAdvertisersOperator,
    TikTokUploadSegmentOperator,
    TikTokVerifySegmentOperator,
)
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

# Your settings: the database's connection, the segment's name, the country of numbers without one, further advertisers.
DATABASE, SEGMENT, REGION, ALSO_FOR = "shop", "Customers with consent", "US", ["7012345678901234562"]

with DAG(
    dag_id="tiktok_segment_delivery",
    # A cron preset such as "@daily" has an empty data interval in Airflow 3; this timetable has a real one.
    schedule=CronDataIntervalTimetable("0 6 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["tiktok"],
):
    query_customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id=DATABASE,
        sql="""
            SELECT email, phone, idfa FROM customers
            WHERE marketing_consent = 1 AND signed_up_at < :interval_end
        """,
        parameters={
            "interval_end": "{{ (dag_run.data_interval_end or dag_run.run_after).strftime('%Y-%m-%d %H:%M:%S') }}"
        },
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"},
        segment_name=SEGMENT,
        default_region=REGION,
    )
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_name=SEGMENT)
    upload = TikTokUploadSegmentOperator(task_id="upload", segment=verify.output, source=query_customers.output)
    map_advertisers = TikTokMapAdvertisersOperator(
        task_id="map", segment=verify.output, source=query_customers.output, advertiser_ids=ALSO_FOR
    )

    query_customers >> verify >> upload >> map_advertisers
