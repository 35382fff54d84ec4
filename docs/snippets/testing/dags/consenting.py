"""The DAG under test."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

with DAG(dag_id="consenting", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), max_active_runs=1) as dag:
    query = SqlToTikTokSnapshotOperator(
        task_id="query",
        conn_id="warehouse",
        sql="SELECT email FROM customers WHERE marketing_consent",
        columns={"email": "EMAIL_SHA256"},
    )
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers with consent")
    upload = TikTokUploadSegmentOperator(task_id="upload", segment=verify.output, source=query.output)

    query >> verify >> upload
