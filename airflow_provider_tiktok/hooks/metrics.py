"""Counters and timers in Airflow's metrics. Tags hold ids only; backends without tags leave them out."""

from collections.abc import Mapping

from airflow.providers.common.compat.sdk import Context, Stats

from airflow_provider_tiktok.core.receipt import Receipt, SnapshotCounts


def count_snapshot(counts: SnapshotCounts, seconds: float, context: Context) -> None:
    """Report a snapshot: what was read, and what became of it."""
    ti = context.get("ti")
    numbers = {
        "rows_read": counts.rows_read,
        "members": counts.members,
        "duplicates": counts.duplicates,
        "suppressed": counts.suppressed,
        "rejected": sum(counts.rejected.values()),
    }
    _report("tiktok.snapshot", numbers, seconds, {"dag_id": ti.dag_id, "task_id": ti.task_id} if ti else {})


def count_delivery(receipt: Receipt, seconds: float, *, dag_id: str, task_id: str) -> None:
    """Report a delivery that is done; one that was broken off counts with the try that completed it."""
    numbers = {
        "added": receipt.added,
        "removed": receipt.removed,
        "rows_sent": receipt.sent,
        "refused": sum(receipt.refused.values()),
        "requests": receipt.requests,
        "retries": receipt.retries,
    }
    tags = {
        "dag_id": dag_id,
        "task_id": task_id,
        "segment_id": receipt.segment_id,
        "advertiser_id": receipt.owner_advertiser_id,
        "mode": receipt.mode,
    }
    _report("tiktok.delivery", numbers, seconds, tags)


def _report(prefix: str, numbers: Mapping[str, int], seconds: float, tags: dict[str, str]) -> None:
    for name, number in numbers.items():
        Stats.incr(f"{prefix}.{name}", number, tags=tags)
    Stats.timing(f"{prefix}.duration", seconds * 1000, tags=tags)
