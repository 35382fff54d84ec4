"""Slices of "Mirror, append, remove"."""

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

with DAG(dag_id="modes", schedule=None):
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="warehouse",
        sql="SELECT email FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256"},
    )
    newcomers = SqlToTikTokSnapshotOperator(
        task_id="query_newcomers",
        conn_id="warehouse",
        sql="SELECT email FROM newcomers",
        columns={"email": "EMAIL_SHA256"},
    )
    leavers = SqlToTikTokSnapshotOperator(
        task_id="query_leavers",
        conn_id="warehouse",
        sql="SELECT email FROM opt_outs",
        columns={"email": "EMAIL_SHA256"},
    )
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers")

    # [mirror]
    mirror = TikTokUploadSegmentOperator(
        task_id="mirror",
        segment=segment.output,
        source=customers.output,
        max_delete_pct=60,
        on_small="warn",
    )
    # [/mirror]

    # [append]
    append = TikTokUploadSegmentOperator(
        task_id="append",
        segment=segment.output,
        source=newcomers.output,
        mode="append",
    )
    # [/append]

    # [remove]
    remove = TikTokUploadSegmentOperator(
        task_id="remove",
        segment=segment.output,
        source=leavers.output,
        mode="remove",
    )
    # [/remove]

    customers >> segment >> mirror >> append >> remove
