"""Digests go through Arrow and Parquet without change, and a file is read bucket by bucket."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.snapshots.files import (
    bucket_writer,
    digest_array,
    digests_of,
    read_buckets,
    write_bucket,
)

SIZES = pytest.mark.parametrize("size", [16, 32])
SCHEMA = pa.schema([("digest", pa.binary(16)), ("member", pa.uint32())])


def column(size: int) -> st.SearchStrategy[list[bytes | None]]:
    return st.lists(st.none() | st.binary(min_size=size, max_size=size), max_size=40)


@SIZES
@given(data=st.data())
def test_digests_become_an_arrow_array_and_come_back(data: st.DataObject, size: int) -> None:
    """Absent ones are null there, also in a slice that begins anywhere."""
    cells = data.draw(column(size))
    present = np.array([cell is not None for cell in cells], bool)
    digests = np.frombuffer(b"".join(cell or b"\xaa" * size for cell in cells), np.uint8).reshape(-1, size)
    array = digest_array(digests, present)
    assert array.to_pylist() == cells
    array.validate(full=True)
    start = data.draw(st.integers(0, len(cells)))
    stop = data.draw(st.integers(start, len(cells)))
    found, there = digests_of(array[start:stop])
    assert [digest.tobytes() if is_there else None for digest, is_there in zip(found, there, strict=True)] == cells[
        start:stop
    ]


@SIZES
@given(data=st.data())
def test_digests_without_gaps_need_no_mask(data: st.DataObject, size: int) -> None:
    """All are there; a view of a wider array is as good as an array of its own."""
    cells = data.draw(st.lists(st.binary(min_size=size, max_size=size), max_size=9))
    wide = np.frombuffer(b"".join(b"\x01" + cell + b"\x02" for cell in cells), np.uint8).reshape(-1, size + 2)
    array = digest_array(wide[:, 1:-1])
    assert (array.to_pylist(), array.null_count) == (cells, 0)
    found, there = digests_of(array)
    assert [digest.tobytes() for digest in found] == cells
    assert there.all()


def test_buckets_are_read_one_by_one_as_they_were_written(tmp_path: Path) -> None:
    """Empty ones stand in their places, and each is one row group whatever its size."""
    sizes = [0, 3, 0, 0, 2_000, 1, 0]
    with bucket_writer(tmp_path / "x.parquet", SCHEMA) as writer:
        for size in sizes:
            digests = [number.to_bytes(16, "big") for number in range(size)]
            write_bucket(writer, [pa.array(digests, pa.binary(16)), pa.array(range(size), pa.uint32())])
    tables = list(read_buckets(tmp_path / "x.parquet"))
    assert [table.num_rows for table in tables] == sizes
    assert [table["member"].to_pylist() for table in tables] == [list(range(size)) for size in sizes]
    assert [table.column_names for table in read_buckets(tmp_path / "x.parquet", ["digest"])] == [["digest"]] * 7
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == len(sizes)
