"""From batches of cells to a published snapshot: digest, collect, publish.

Batches are digested in threads of their own, so that the driver goes on reading meanwhile.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pyarrow as pa

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.records import Bytes
from airflow_provider_tiktok.progress import Progress
from airflow_provider_tiktok.snapshots.ahead import in_threads
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.snapshots.writer import SnapshotWriter

logger = logging.getLogger(__name__)

Cells = Sequence[pa.Array]
"""One batch: a column of text for each of ``columns.read``, in that order."""

Digested = tuple[Bytes, Bytes, RowCounts]
"""Records and second digests of a batch, and its account."""


def take_snapshot(
    batches: Iterable[Cells],
    columns: Columns,
    folder: StoragePath,
    *,
    interval_end: str,
    unique: str,
    query: str = "",
    total: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Snapshot:
    """Write a snapshot; nothing is published when it fails. ``query`` is the fingerprint of the source."""
    counts, progress = RowCounts(), Progress(logger, "Read", clock, total)
    with SnapshotWriter(columns) as writer:
        for records, aliases, account in in_threads(partial(_digest, columns), batches):
            writer.add(records, aliases)
            counts.add(account)
            progress.advance(account.rows_read)
        progress.report()
        snapshot = writer.publish(folder, counts, interval_end, unique, query)
    _summarise(snapshot)
    return snapshot


def _digest(columns: Columns, cells: Cells) -> Digested:
    counts = RowCounts()
    records, aliases = digest_batch(cells, columns, counts)
    return records, aliases, counts


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
    for warning in snapshot.warnings:
        logger.warning(warning)
