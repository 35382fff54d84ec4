"""Cuts records into batches that fit one request."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes, Mask

MAX_BATCH_ROWS = 10_000
"""Rows in one request. TikTok documents no limit; connectors in production use 1,000 to 10,000."""

MAX_BATCH_BYTES = 1_000_000
"""Body of one request in bytes. Source: Tealium's connector flushes at 1 MB; no limit is documented."""

ENVELOPE_BYTES = 4_000
"""Room for the schema and the advertisers of a request, of which there may be a hundred."""

CELL_BYTES = 30
"""JSON of a cell around its digest and its segment id, with the comma or bracket behind it."""


def rows_per_batch(batch_rows: int, kinds: Sequence[IdentifierKind], segment_id: str) -> int:
    """Rows that fit one request; ``batch_rows`` is what the user asked for."""
    if not 1 <= batch_rows <= MAX_BATCH_ROWS:
        raise ValueError(f"batch_rows is {batch_rows}; use 1 to {MAX_BATCH_ROWS:,}")
    row_bytes = 2 + sum(2 * kind.digest_size + CELL_BYTES + len(segment_id) for kind in kinds)
    return max(1, min(batch_rows, (MAX_BATCH_BYTES - ENVELOPE_BYTES) // row_bytes))


def batches(blocks: Iterable[Bytes], size: int) -> Iterator[Bytes]:
    """Cut blocks of records into batches of ``size``, the last one shorter; holds little more than one batch."""
    waiting: list[Bytes] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count < size:
            continue
        records = np.concatenate(waiting)
        full = count - count % size
        yield from (records[start : start + size] for start in range(0, full, size))
        waiting, count = [records[full:]], count - full
    if count:
        yield np.concatenate(waiting)


def marked(blocks: Iterable[Bytes], marks: Mask) -> Iterator[Bytes]:
    """The marked records of blocks whose first record has the first mark; reads nothing when none is marked."""
    if not marks.any():
        return
    number = 0
    for records in blocks:
        yield records[marks[number : number + len(records)]]
        number += len(records)
