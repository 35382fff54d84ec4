"""Keep the refresh token of a TikTok connection alive: renewed at half of its life, by one task at a time.

Create the pool once: ``airflow pools set tiktok_token 1 "renews TikTok tokens"``.
"""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.token import TikTokRefreshTokenOperator

# Your setting: the connection that holds the refresh token.
CONNECTION = "tiktok_default"

with DAG(
    dag_id="tiktok_token_keeper",
    schedule=timedelta(hours=1),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["tiktok"],
):
    TikTokRefreshTokenOperator(task_id="renew", tiktok_conn_id=CONNECTION, pool="tiktok_token")
