"""A DAG for the tests of pauses and of runs at once: it brings one segment to the snapshot that a run is given."""

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.triggers import pause

pause.PAUSE = timedelta(seconds=8)  # in the task's process, which imports this file; a test does not wait for minutes

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG(dag_id="pausing", schedule=None, start_date=START, max_active_runs=2):
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="pausing")
    TikTokUploadSegmentOperator(
        task_id="upload",
        segment=segment.output,
        source="{{ dag_run.conf['snapshot_uri'] }}",
        batch_rows=2,
        max_concurrency=1,
        max_delete_pct=100,
    )
