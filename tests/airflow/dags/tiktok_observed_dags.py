"""A DAG for the test of links: mapped uploads, one segment each."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator

with DAG(dag_id="mapped_uploads", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
    TikTokUploadSegmentOperator.partial(task_id="upload", source="{{ dag_run.conf['snapshot_uri'] }}").expand(
        segment=["{{ dag_run.conf['first'] }}", "{{ dag_run.conf['second'] }}"]
    )
