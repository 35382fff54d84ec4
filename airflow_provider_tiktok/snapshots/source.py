"""From batches of cells to a published snapshot: digest, collect, publish.

Batches are digested in threads of their own, so that the driver goes on reading meanwhile.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial

import pyarrow as pa

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.records import Bytes
from airflow_provider_tiktok.core.refusals import Refusals
from airflow_provider_tiktok.core.suppression import Suppressed
from airflow_provider_tiktok.progress import Progress, log_table
from airflow_provider_tiktok.snapshots.ahead import in_threads
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.rejects import RejectFile
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.snapshots.suppression import load_suppressed
from airflow_provider_tiktok.snapshots.writer import SnapshotWriter

logger = logging.getLogger(__name__)

Cells = Sequence[pa.Array]
"""One batch: a column of text for each of ``columns.read``, in that order; keys may be of any type."""

Digested = tuple[Bytes, Bytes, RowCounts, list[Refusals]]
"""Records and second digests of a batch, its account, and its refused cells where they are asked for."""


def take_snapshot(
    batches: Iterable[Cells],
    columns: Columns,
    folder: StoragePath,
    *,
    interval_end: str,
    unique: str,
    query: str = "",
    suppression: Snapshot | None = None,
    rejects: bool = False,
    total: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Snapshot:
    """Write a snapshot; nothing is published when it fails. ``query`` is the fingerprint of the source.

    People in the ``suppression`` are left out; ``rejects`` asks for a file of the cells that were refused.
    """
    suppressed = load_suppressed(suppression, columns) if suppression else None
    counts, progress = RowCounts(), Progress(logger, "Read", clock, total)
    with SnapshotWriter(columns) as writer, RejectFile(columns.names) if rejects else nullcontext() as reject_file:
        digest = partial(_digest, columns, suppressed, rejects)
        for records, aliases, account, refusals in in_threads(digest, batches):
            writer.add(records, aliases)
            counts.add(account)
            if reject_file:
                reject_file.add(*refusals)
            progress.advance(account.rows_read)
        progress.report()
        if reject_file:
            logger.info("Refused cells, if there are any, are listed in %s", reject_file.publish(folder))
        address = suppression.uri if suppression else ""
        snapshot = writer.publish(folder, counts, interval_end, unique, query, suppression=address)
    _summarise(snapshot)
    return snapshot


def _digest(columns: Columns, suppressed: Suppressed | None, rejects: bool, cells: Cells) -> Digested:
    counts, refusals = RowCounts(), list[Refusals]()
    records, aliases = digest_batch(cells, columns, counts, suppressed, refusals if rejects else None)
    return records, aliases, counts, refusals


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
    log_table(logger, lines)
    for warning in snapshot.warnings:
        logger.warning(warning)
