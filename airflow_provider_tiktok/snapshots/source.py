"""From rows to a published snapshot: digest, collect, publish."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from airflow_provider_tiktok.core.columns import Columns, RowCounts, digest_rows
from airflow_provider_tiktok.progress import Progress
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.snapshots.writer import SnapshotWriter

logger = logging.getLogger(__name__)


def take_snapshot(
    chunks: Iterable[Iterable[Sequence[object]]],
    columns: Columns,
    folder: StoragePath,
    *,
    interval_end: str,
    unique: str,
    clock: Callable[[], float] = time.monotonic,
) -> Snapshot:
    """Write a snapshot of rows whose cells are in the order of ``columns``; nothing is published when it fails."""
    counts, progress = RowCounts(), Progress(logger, "Read", clock)
    with SnapshotWriter(columns) as writer:
        for chunk in chunks:
            before = counts.rows_read
            writer.add(digest_rows(chunk, columns, counts))
            progress.advance(counts.rows_read - before)
        progress.report()
        snapshot = writer.publish(folder, counts, interval_end, unique)
    _summarise(snapshot)
    return snapshot


def _summarise(snapshot: Snapshot) -> None:
    counts = snapshot.counts
    lines = [
        ("rows read", counts.rows_read),
        ("members", counts.members),
        ("duplicates", counts.duplicates),
        ("suppressed", counts.suppressed),
        *((f"rejected: {reason}", rows) for reason, rows in counts.rejected.items()),
        *((f"identifiers: {kind}", found) for kind, found in counts.identifiers.items()),
        *(
            (f"refused beside a good one: {kind} {reason}", cells)
            for kind, reasons in counts.refused_identifiers.items()
            for reason, cells in reasons.items()
        ),
    ]
    for label, count in lines:
        logger.info("%-60s %12s", label, f"{count:,}")
