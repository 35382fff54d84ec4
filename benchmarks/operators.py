"""The operators of this package, as Airflow runs them: connections from the environment, a task's context."""

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from benchmarks.child import Job
from benchmarks.contenders import BATCH_ROWS, SEGMENT, WAREHOUSE

try:
    from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
except ImportError:
    FileToTikTokSnapshotOperator = None

CONCURRENCY = 8


def prepare(columns: dict[str, str], day: int, table: str | None, parquet: str) -> Job:
    """Make the job of both tasks: the snapshot and its delivery."""
    snapshot = snapshot_operator(columns, table, parquet)

    def work() -> dict[str, Any]:
        started = time.perf_counter()
        xcom = snapshot.execute(_context(day))
        snapshot_seconds = time.perf_counter() - started
        receipt = _upload(xcom, dry_run=False).execute(_context(day))
        upload_seconds = time.perf_counter() - started - snapshot_seconds
        return {"snapshot": xcom, "receipt": receipt, "snapshot_s": snapshot_seconds, "upload_s": upload_seconds}

    return Job(work)


def prepare_snapshot(columns: dict[str, str], day: int, table: str | None, parquet: str) -> Job:
    """Make the job of the first task alone."""
    snapshot = snapshot_operator(columns, table, parquet)
    return Job(lambda: snapshot.execute(_context(day)))


def prepare_plan(snapshot: dict[str, Any], day: int) -> Job:
    """Make the job of comparing a snapshot with what was delivered: the second task's dry run."""
    operator = _upload(snapshot, dry_run=True)
    return Job(lambda: operator.execute(_context(day)))


def snapshot_operator(columns: dict[str, str], table: str | None, parquet: str) -> Any:
    """Make the operator of the first task: from a table, or from a file when no table is given."""
    if table:
        BaseHook.get_hook(WAREHOUSE)  # loads the providers, as the script loads its libraries
        sql = f"SELECT {', '.join(columns)} FROM {table}"  # noqa: S608  our own table
        return SqlToTikTokSnapshotOperator(task_id="snapshot", sql=sql, conn_id=WAREHOUSE, columns=columns)
    if FileToTikTokSnapshotOperator is None:
        raise RuntimeError("this version of the package has no FileToTikTokSnapshotOperator")
    return FileToTikTokSnapshotOperator(task_id="snapshot", path=parquet, columns=columns)


def _upload(snapshot: dict[str, Any], *, dry_run: bool) -> TikTokUploadSegmentOperator:
    return TikTokUploadSegmentOperator(
        task_id="upload",
        segment=SEGMENT,
        source=snapshot,
        batch_rows=BATCH_ROWS,
        max_concurrency=CONCURRENCY,
        dry_run=dry_run,
    )


def _context(day: int) -> Any:
    return {"data_interval_end": datetime(2026, 1, day, tzinfo=UTC), "dag_run": SimpleNamespace(run_after=None)}
