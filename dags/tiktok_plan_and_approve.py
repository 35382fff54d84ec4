"""Deliver to a TikTok segment only what a person has looked at: query, verify, plan, approve, upload.

Airflow 3.1 and newer can ask a person ("Required Actions"); on an older one the run ends with the plan.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

# Your settings: the database's connection, the segment's name, the country of numbers without one.
DATABASE, SEGMENT, REGION = "shop", "Customers with consent, approved", "US"

with DAG(
    dag_id="tiktok_plan_and_approve",
    schedule=CronDataIntervalTimetable("0 6 * * MON", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    doc_md=__doc__,
    tags=["tiktok"],
):
    query_customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id=DATABASE,
        sql="SELECT email, phone FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        segment_name=SEGMENT,
        default_region=REGION,
    )
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_name=SEGMENT)
    plan = TikTokUploadSegmentOperator(
        task_id="plan", segment=verify.output, source=query_customers.output, dry_run=True
    )
    query_customers >> verify >> plan

    if AIRFLOW_V_3_1_PLUS:
        from airflow_provider_tiktok.operators.approval import TikTokApproveDeliveryOperator

        approve = TikTokApproveDeliveryOperator(
            task_id="approve", plan=plan.output, response_timeout=timedelta(hours=12)
        )
        upload = TikTokUploadSegmentOperator(
            task_id="upload", segment=verify.output, source=query_customers.output, approved=approve.output
        )
        approve >> upload
