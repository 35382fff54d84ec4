"""Slices of "Run on several workers"."""

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

with DAG(dag_id="workers", schedule=None):
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="warehouse",
        sql="SELECT email FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256"},
    )
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers", pool="tiktok_api")

    # [pool]
    upload = TikTokUploadSegmentOperator(
        task_id="upload",
        segment=segment.output,
        source=customers.output,
        max_concurrency=4,
        pool="tiktok_api",
    )
    # [/pool]

    customers >> segment >> upload
