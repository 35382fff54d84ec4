"""Slices of "Limit who may run, see and change deliveries"."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokVerifySegmentOperator

# [access]
with DAG(
    dag_id="access",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    access_control={
        "Marketing": {"DAGs": {"can_read"}, "DAG Runs": {"can_read"}},
        "Marketing data": {
            "DAGs": {"can_read", "can_edit"},
            "DAG Runs": {"can_read", "can_create"},
        },
    },
):
    # [/access]
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_name="Customers", tiktok_conn_id="tiktok_default")
