"""Slices of "Consent and suppression"."""

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

CUSTOMERS = "{{ var.value.tiktok_customers }}"

with DAG(dag_id="consent", schedule=None):
    # [sql]
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="warehouse",
        sql="SELECT email, phone FROM customers WHERE marketing_consent = 1",
        suppress_sql="SELECT email, phone FROM opt_outs",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        default_region="US",
    )
    # [/sql]
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers with consent")
    upload = TikTokUploadSegmentOperator(task_id="upload", segment=segment.output, source=customers.output)

    # [snapshot]
    opt_outs = SqlToTikTokSnapshotOperator(
        task_id="query_opt_outs",
        conn_id="warehouse",
        sql="SELECT email, phone FROM opt_outs",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        default_region="US",
    )
    listed = FileToTikTokSnapshotOperator(
        task_id="read_customers",
        path=CUSTOMERS,
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        suppress_snapshot=opt_outs.output,
        default_region="US",
    )
    # [/snapshot]

    customers >> segment >> upload
    opt_outs >> listed
