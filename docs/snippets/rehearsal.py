"""Slices of "Rehearse a new delivery"."""

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

with DAG(dag_id="rehearsal", schedule=None):
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="warehouse",
        sql="SELECT email FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256"},
    )
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers, rehearsal")

    # [dry-run]
    plan = TikTokUploadSegmentOperator(
        task_id="plan",
        segment=segment.output,
        source=customers.output,
        dry_run=True,
    )
    # [/dry-run]

    # [staff]
    staff = SqlToTikTokSnapshotOperator(
        task_id="query_staff",
        conn_id="warehouse",
        sql="SELECT email FROM staff_who_agreed",
        columns={"email": "EMAIL_SHA256"},
    )
    small = TikTokUploadSegmentOperator(
        task_id="upload_staff",
        segment=segment.output,
        source=staff.output,
        min_members=1,
    )
    # [/staff]

    customers >> segment >> plan >> staff >> small
