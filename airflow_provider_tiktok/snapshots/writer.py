"""Writes a snapshot: sorted, deduplicated, hashed members, whatever the order of the rows and in constant memory.

Members go to local spill files, one for each bucket, and from there, bucket by bucket, to the snapshot's folder:

``members.parquet``
    one nullable column of digests for each identifier kind, in the order of the columns.
``<KIND>.parquet``
    ``digest`` and ``member`` (the number of the row in ``members.parquet``), sorted by digest.
``manifest.json``
    counts, columns, interval and content digest. Written last: a folder without it is not a snapshot.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from airflow_provider_tiktok.core.columns import Columns, Identifiers, RowCounts
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import SnapshotCounts
from airflow_provider_tiktok.snapshots.files import BUCKETS, StoragePath, bucket_writer, write_bucket, write_json
from airflow_provider_tiktok.snapshots.store import MANIFEST, MEMBERS, SCHEMA_VERSION, Snapshot

FLUSH_BYTES = 64_000
MEMBER_BYTES = 4


class Spill:
    """Fixed-size records in local files, one file for each bucket. Holds digests only, and is removed at the end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._paths = [folder / f"{bucket:02x}" for bucket in range(BUCKETS)]
        self._buffers = [bytearray() for _ in range(BUCKETS)]

    def add(self, bucket: int, record: bytes) -> None:
        """Append one record to a bucket."""
        buffer = self._buffers[bucket]
        buffer += record
        if len(buffer) >= FLUSH_BYTES:
            self._flush(bucket)

    def take(self, bucket: int, width: int) -> list[bytes]:
        """Read all records of a bucket and remove its file."""
        self._flush(bucket)
        path = self._paths[bucket]
        if not path.exists():
            return []
        data = path.read_bytes()
        path.unlink()
        return [data[start : start + width] for start in range(0, len(data), width)]

    def _flush(self, bucket: int) -> None:
        buffer = self._buffers[bucket]
        if buffer:
            with self._paths[bucket].open("ab") as file:
                file.write(buffer)
            buffer.clear()


class SnapshotWriter:
    """Collects members and publishes them as a snapshot; use it as a context manager."""

    def __init__(self, columns: Columns) -> None:
        self._kinds = columns.kinds
        self._temporary = tempfile.TemporaryDirectory(prefix="tiktok-snapshot-")
        self._members = Spill(Path(self._temporary.name) / "members")
        self._kept = 0

    def __enter__(self) -> "SnapshotWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._temporary.cleanup()

    def add(self, members: Iterable[Identifiers]) -> None:
        """Add the identifiers of some rows, each with at least one digest."""
        for identifiers in members:
            first = next(digest for digest in identifiers if digest is not None)
            self._members.add(first[0], _record(identifiers, self._kinds))
            self._kept += 1

    def publish(self, folder: StoragePath, rows: RowCounts, interval_end: str, unique: str) -> Snapshot:
        """Write the files, the manifest last, and return the snapshot."""
        folder.mkdir(parents=True, exist_ok=True)
        content = hashlib.sha256(",".join(self._kinds).encode())
        spills = {kind: Spill(Path(self._temporary.name) / kind) for kind in self._kinds}
        schema = pa.schema([(kind.value, pa.binary(kind.digest_size)) for kind in self._kinds])
        members = 0
        with bucket_writer(folder / MEMBERS, schema) as writer:
            for records in self._deduplicated():
                for record in records:
                    content.update(record)
                self._write_members(writer, records, spills, members)
                members += len(records)
        identifiers = {str(kind): _write_identifiers(folder, kind, spill) for kind, spill in spills.items()}
        counts = SnapshotCounts(
            rows_read=rows.rows_read,
            members=members,
            duplicates=self._kept - members,
            suppressed=0,
            rejected={reason: rows.rejected[reason] for reason in sorted(rows.rejected)},
            identifiers=identifiers,
            refused_identifiers={str(kind): dict(sorted(n.items())) for kind, n in rows.refused_identifiers.items()},
        )
        snapshot = Snapshot(
            folder=folder,
            kinds=self._kinds,
            interval_end=interval_end,
            content_digest=content.hexdigest(),
            counts=counts,
        )
        write_json(folder / MANIFEST, {"schema_version": SCHEMA_VERSION, **snapshot.to_manifest()}, unique)
        return snapshot

    def _deduplicated(self) -> Iterator[list[bytes]]:
        width = sum(1 + kind.digest_size for kind in self._kinds)
        for bucket in range(BUCKETS):
            yield sorted(set(self._members.take(bucket, width)))

    def _write_members(
        self, writer: ParquetWriter, records: list[bytes], spills: dict[IdentifierKind, Spill], number: int
    ) -> None:
        start, arrays = 0, []
        for kind in self._kinds:
            end = start + 1 + kind.digest_size
            digests = [record[start + 1 : end] if record[start] else None for record in records]
            arrays.append(pa.array(digests, pa.binary(kind.digest_size)))
            spill = spills[kind]
            for member, digest in enumerate(digests, number):
                if digest is not None:
                    spill.add(digest[0], digest + member.to_bytes(MEMBER_BYTES, "big"))
            start = end
        write_bucket(writer, arrays)


def _record(identifiers: Identifiers, kinds: Sequence[IdentifierKind]) -> bytes:
    """One flag and one digest for each kind, so that records of a snapshot have one width and compare as bytes."""
    return b"".join(
        b"\x01" + digest if digest is not None else bytes(1 + kind.digest_size)
        for kind, digest in zip(kinds, identifiers, strict=True)
    )


def _write_identifiers(folder: StoragePath, kind: IdentifierKind, spill: Spill) -> int:
    """Write one kind's digests with the members that hold them; return how many different digests there are."""
    size, distinct = kind.digest_size, 0
    schema = pa.schema([("digest", pa.binary(size)), ("member", pa.uint32())])
    with bucket_writer(folder / f"{kind}.parquet", schema) as writer:
        for bucket in range(BUCKETS):
            records = sorted(spill.take(bucket, size + MEMBER_BYTES))
            digests = [record[:size] for record in records]
            members = [int.from_bytes(record[size:], "big") for record in records]
            distinct += len(set(digests))
            write_bucket(writer, [pa.array(digests, pa.binary(size)), pa.array(members, pa.uint32())])
    return distinct
