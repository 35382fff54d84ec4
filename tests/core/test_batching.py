"""Batches join back to the members, and each fits one request."""

from collections.abc import Iterator
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.wire import map_members
from airflow_provider_tiktok.core.batching import MAX_BATCH_BYTES, MAX_BATCH_ROWS, batches, rows_per_batch
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes, Layout
from tests.kit import pack

KINDS = tuple(IdentifierKind)
BLOCKS = st.lists(st.integers(0, 20), max_size=8)
"""Sizes of blocks, as buckets have them: empty ones, and ones smaller and larger than a batch."""


def blocks(sizes: list[int]) -> list[Bytes]:
    """Blocks of two-byte records that are all different."""
    numbers = [np.arange(end - size, end, dtype=">u2") for size, end in zip(sizes, accumulate(sizes), strict=True)]
    return [block.view(np.uint8).reshape(-1, 2) for block in numbers]


@given(BLOCKS, st.integers(1, 12))
def test_batches_join_back_to_the_records(sizes: list[int], size: int) -> None:
    """No record is lost, doubled or moved."""
    joined = [row.tobytes() for batch in batches(blocks(sizes), size) for row in batch]
    assert joined == [number.to_bytes(2, "big") for number in range(sum(sizes))]


@given(BLOCKS, st.integers(1, 12))
def test_every_batch_but_the_last_is_full(sizes: list[int], size: int) -> None:
    """There are as few batches as possible, and none is empty or too large, however the blocks are cut."""
    rows = sum(sizes)
    cut = [len(batch) for batch in batches(blocks(sizes), size)]
    assert cut == [size] * (rows // size) + [rows % size] * (rows % size > 0)


@pytest.mark.parametrize(("block", "blocks_read"), [(1, 3), (2, 2), (3, 1), (4, 1)])
def test_batches_hold_one_batch_at_a_time(block: int, blocks_read: int) -> None:
    """Blocks are read only when their batch is asked for, so memory does not grow with the result."""
    read = []

    def source() -> Iterator[Bytes]:
        for number in range(1_000_000):
            read.append(number)
            yield np.full((block, 1), number, np.uint8)

    assert next(batches(source(), 3)).ravel().tolist() == [place // block for place in range(3)]
    assert read == list(range(blocks_read))


@pytest.mark.parametrize("digits", [9, 19, 20])
@pytest.mark.parametrize("kinds", range(1, 7))
def test_the_largest_batch_fits_one_request(kinds: int, digits: int) -> None:
    """The real body of a full batch keeps the byte limit, for long ids, every kind present and 100 advertisers."""
    layout = Layout(KINDS[:kinds])
    row = tuple(b"\xff" * kind.digest_size for kind in layout.kinds)
    rows = rows_per_batch(MAX_BATCH_ROWS, layout.kinds, "9" * digits)
    body = map_members("delete", "9" * digits, ["9" * 20] * 100, layout, pack(layout, [row] * rows)).body
    assert body is not None
    assert 0.99 * MAX_BATCH_BYTES < len(body) <= MAX_BATCH_BYTES


@given(st.integers(1, MAX_BATCH_ROWS), st.integers(1, 6))
def test_a_batch_holds_what_was_asked_for_unless_bytes_forbid_it(batch_rows: int, kinds: int) -> None:
    """The user's number is obeyed up to a limit that still lets at least 1,000 rows through."""
    rows = rows_per_batch(batch_rows, KINDS[:kinds], "9" * 20)
    assert 1 <= rows <= batch_rows
    assert rows == batch_rows or rows >= 1000


@pytest.mark.parametrize("batch_rows", [0, -1, MAX_BATCH_ROWS + 1])
def test_a_batch_size_out_of_bounds_is_refused(batch_rows: int) -> None:
    """The error names the parameter, its value and the bounds."""
    with pytest.raises(ValueError, match=rf"batch_rows is {batch_rows}; use 1 to 10,000"):
        rows_per_batch(batch_rows, KINDS[:1], "9")
