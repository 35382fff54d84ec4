"""DAGs for the tests of the sensor: each waits for the segment of its run's configuration, or for the example's."""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_tiktok.sensors.segment import TikTokSegmentReadySensor

START = datetime(2026, 1, 1, tzinfo=UTC)
SEGMENT = "{{ dag_run.conf.get('segment_id', '987654321') }}"
WAYS: dict[str, dict[str, Any]] = {
    "ready_deferred": {"deferrable": True, "poke_interval": 1, "timeout": 200},
    "ready_renewing": {"deferrable": True, "poke_interval": 1, "timeout": 200, "tiktok_conn_id": "tiktok_renewing"},
    # Airflow fails a task that comes back before its scheduler has read how the last start ended: see worker.py.
    "ready_in_vain": {"deferrable": True, "poke_interval": 1, "timeout": 10},
    "ready_or_skipped": {"deferrable": True, "poke_interval": 1, "timeout": 10, "soft_fail": True},
    "ready_rescheduled": {"mode": "reschedule", "poke_interval": 12, "timeout": 200},
    "ready_rescheduled_in_vain": {"mode": "reschedule", "poke_interval": 12, "timeout": 4},
    "ready_poked": {"poke_interval": 1, "timeout": 200},
}

for dag_id, options in WAYS.items():
    with DAG(dag_id=dag_id, schedule=None, start_date=START):
        TikTokSegmentReadySensor(task_id="ready", segment=SEGMENT, **options)

with DAG(dag_id="ready_mapped", schedule=None, start_date=START):

    @task
    def segments(dag_run: Any = None) -> list[str]:
        return list(dag_run.conf["segment_ids"])

    TikTokSegmentReadySensor.partial(task_id="ready", deferrable=True, poke_interval=1, timeout=200).expand(
        segment=segments()
    )
