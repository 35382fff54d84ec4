"""Records come back from their bucket as they went in, and nothing stays on the disk."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.core.records import Bytes
from airflow_provider_tiktok.snapshots.files import BUCKETS
from airflow_provider_tiktok.snapshots.spill import FLUSH_BYTES, Spill

Batch = list[tuple[int, bytes]]
WIDTH = 4
BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from([0, 1, 127, 254, 255]), st.binary(min_size=WIDTH, max_size=WIDTH)), max_size=6),
    max_size=5,
)


def add(spill: Spill, batch: Batch, width: int = WIDTH) -> None:
    buckets = np.array([bucket for bucket, _ in batch], np.uint8)
    records = np.frombuffer(b"".join(record for _, record in batch), np.uint8).reshape(-1, width)
    spill.add(buckets, records)


def texts(records: Bytes) -> list[bytes]:
    return [record.tobytes() for record in records]


@settings(deadline=None)
@given(batches=BATCHES)
def test_every_bucket_gives_its_records_in_the_order_in_which_they_came(
    tmp_path_factory: pytest.TempPathFactory, batches: list[Batch]
) -> None:
    """None is lost, doubled, or put into another bucket; empty batches and buckets are no trouble."""
    spill = Spill(tmp_path_factory.mktemp("spill") / "members", WIDTH)
    for batch in batches:
        add(spill, batch)
    everything = [pair for batch in batches for pair in batch]
    for bucket in range(BUCKETS):
        assert texts(spill.take(bucket)) == [record for own, record in everything if own == bucket]


def test_more_than_a_buffer_goes_over_the_disk(tmp_path: Path) -> None:
    """Buckets that were flushed, some of them several times, are whole, and each is gone once it was taken."""
    rng, width = random.Random(20260101), 83
    spill = Spill(tmp_path / "members", width)
    batches = [[(min(255, int(rng.expovariate(0.5))), rng.randbytes(width)) for _ in range(2000)] for _ in range(6)]
    for batch in batches:
        add(spill, batch, width)
    everything = [pair for batch in batches for pair in batch]
    assert sum(own == 0 for own, _ in everything) * width > 3 * FLUSH_BYTES
    assert any((tmp_path / "members").iterdir())
    for bucket in range(BUCKETS):
        assert texts(spill.take(bucket)) == [record for own, record in everything if own == bucket]
    assert list((tmp_path / "members").iterdir()) == []


def test_a_bucket_is_taken_once(tmp_path: Path) -> None:
    """What was taken is not kept, in memory or on disk."""
    spill = Spill(tmp_path / "members", WIDTH)
    add(spill, [(7, b"abcd")])
    assert texts(spill.take(7)) == [b"abcd"]
    assert spill.take(7).shape == (0, WIDTH)


def test_records_may_be_every_other_row_of_an_array(tmp_path: Path) -> None:
    """A view is written as what it shows."""
    spill = Spill(tmp_path / "members", WIDTH)
    records = np.arange(6 * WIDTH, dtype=np.uint8).reshape(-1, WIDTH)
    spill.add(np.zeros(3, np.uint8), records[::2])
    spill.add(np.zeros(2, np.uint8), np.asfortranarray(records[:2]))
    assert texts(spill.take(0)) == [records[place].tobytes() for place in (0, 2, 4, 0, 1)]
