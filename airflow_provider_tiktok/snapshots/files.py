"""Files of digests: one Parquet file with one row group for each bucket, a bucket being a first byte of a digest.

Two files bucketed alike can be compared bucket by bucket, so memory does not grow with the number of members.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_tiktok.core.records import Bytes, Mask

BUCKETS = 256

SHOWN_WHEN_COMPLETE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})
"""Protocols of storage where a file that is being written is not there, or is the former one, until it is closed."""


class StoragePath(Protocol):
    """The part of ``pathlib.Path`` that is used here; ``ObjectStoragePath`` and ``UPath`` offer it too."""

    @property
    def parent(self) -> "StoragePath":
        """The folder."""
        ...

    def __truediv__(self, name: str) -> "StoragePath": ...
    def open(self, mode: str) -> IO[Any]:
        """Open the file."""
        ...

    def exists(self) -> bool:
        """Whether there is such a file."""
        ...

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the folder."""
        ...

    def with_name(self, name: str) -> "StoragePath":
        """A sibling."""
        ...

    @property
    def name(self) -> str:
        """The last part of the path."""
        ...

    def iterdir(self) -> Iterable["StoragePath"]:
        """What a folder holds."""
        ...

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        ...

    def unlink(self) -> Any:
        """Delete the file."""
        ...

    def rename(self, target: Any) -> Any:
        """Move the file."""
        ...


def read_json(path: StoragePath) -> dict[str, Any] | None:
    """Read a JSON object; ``None`` when there is no such file."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        return cast("dict[str, Any]", json.loads(file.read()))


def write_json(path: StoragePath, value: dict[str, Any], unique: str) -> None:
    """Write a JSON object so that a reader sees all of it or the former one.

    Object storage shows a file when it is complete, and moves one by a copy. Elsewhere a draft is renamed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(value, indent=1, sort_keys=True).encode()
    whole = getattr(path, "protocol", "") in SHOWN_WHEN_COMPLETE
    draft = path if whole else path.with_name(f".{unique}.json")
    with draft.open("wb") as file:
        file.write(content)
    if not whole:
        draft.rename(path)


def list_names(folder: StoragePath) -> list[str]:
    """Names of the files in a folder as it is now; none when there is no such folder."""
    filesystem: Any = getattr(folder, "fs", None)
    try:
        if filesystem is None:
            return [path.name for path in folder.iterdir()]
        # A listing kept from before, by another thread too, would hide what others wrote since.
        filesystem.invalidate_cache()
        paths = filesystem.ls(cast("Any", folder).path, detail=False, refresh=True)
    except (FileNotFoundError, NotADirectoryError):  # in object storage a folder ends with its last file
        return []
    return [str(path).rstrip("/").rpartition("/")[2] for path in paths]


@contextmanager
def bucket_writer(path: StoragePath, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Open a file for one :func:`write_bucket` after another, from bucket 0 to the last."""
    # Digests are random bytes: dictionaries and compression cost time and save nothing.
    with path.open("wb") as file, pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer:
        yield writer


def write_bucket(writer: pq.ParquetWriter, arrays: Iterable[pa.Array]) -> None:
    """Write the next bucket, which may be empty."""
    table = pa.Table.from_arrays(list(arrays), schema=writer.schema)
    writer.write_table(table, row_group_size=max(1, table.num_rows))


def read_buckets(path: StoragePath, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a file bucket by bucket, holding one at a time."""
    with path.open("rb") as file:
        parquet = pq.ParquetFile(file, pre_buffer=False)  # which would keep what was read
        for bucket in range(parquet.num_row_groups):
            yield parquet.read_row_group(bucket, columns=columns, use_threads=False)  # threads cost more than a bucket


def digest_array(digests: Bytes, present: Mask | None = None) -> pa.Array:
    """Digests, one a row, as an Arrow array, with null where ``present`` says so. No object for a digest."""
    count, size = digests.shape
    valid = None if present is None else pa.py_buffer(np.packbits(present, bitorder="little").tobytes())
    data = pa.py_buffer(np.ascontiguousarray(digests).tobytes())
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), count, [valid, data])


def digests_of(array: pa.Array) -> tuple[Bytes, Mask]:
    """Digests of an Arrow array, one a row, and which of them there are."""
    size = array.type.byte_width
    data = np.frombuffer(array.buffers()[1] or b"", np.uint8)
    start = array.offset * size
    digests = data[start : start + len(array) * size].reshape(len(array), size)
    return digests, array.is_valid().to_numpy(zero_copy_only=False)
