"""Writes a snapshot: deduplicated, hashed members, the same whatever the order of the rows, in constant memory.

Members go to local spill files, one for each bucket, and from there, bucket by bucket, to the snapshot's folder:

``members.parquet``
    one nullable column of digests for each identifier kind, in the order of the columns.
``<KIND>.parquet``
    for each kind but the first: ``digest`` and ``member`` (the number of the row in ``members.parquet``). The first
    kind needs none, since members are bucketed by it.
``aliases.parquet``
    with ``phone_format="both"``: the second digest of each phone number.
``rejects.csv``
    where asked for, see :mod:`~airflow_provider_tiktok.snapshots.rejects`.
``suppressed/``
    where a query told whom to leave out: a snapshot of them, with a manifest of its own.
``manifest.json``
    counts, columns, rules, warnings, interval and content digest. Written last: a folder without it is no snapshot.
"""

import hashlib
import json
import tempfile
from collections import Counter
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import SnapshotCounts
from airflow_provider_tiktok.core.records import Bytes, Mask, first_of_each, longest_run, ordered
from airflow_provider_tiktok.core.warnings import Repeats, column_warnings
from airflow_provider_tiktok.snapshots.ahead import in_threads
from airflow_provider_tiktok.snapshots.files import (
    BUCKETS,
    StoragePath,
    bucket_writer,
    digest_array,
    write_bucket,
    write_json,
)
from airflow_provider_tiktok.snapshots.spill import Spill
from airflow_provider_tiktok.snapshots.store import ALIASES, MANIFEST, MEMBERS, SCHEMA_VERSION, Snapshot

MEMBER_BYTES = 4
PHONE = IdentifierKind.PHONE_SHA256


class SnapshotWriter:
    """Collects members and publishes them as a snapshot; use it as a context manager."""

    def __init__(self, columns: Columns) -> None:
        self._columns, self._layout = columns, columns.layout
        self._temporary = tempfile.TemporaryDirectory(prefix="tiktok-snapshot-")
        self._members = self._spill("members", self._layout.width)
        self._aliases = self._spill("aliases", PHONE.digest_size)
        self._indexes = {kind: self._spill(kind, kind.digest_size + MEMBER_BYTES) for kind in self._layout.kinds[1:]}
        self._repeats: Repeats = Counter()
        self._identifiers: Counter[IdentifierKind] = Counter(dict.fromkeys(self._layout.kinds, 0))
        self._kept = 0

    def __enter__(self) -> "SnapshotWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._temporary.cleanup()

    def add(self, records: Bytes, aliases: Bytes) -> None:
        """Add the records of some rows, each with at least one digest, and second digests of their phones."""
        self._members.add(self._layout.first_bytes(records), records)
        self._aliases.add(aliases[:, 0], aliases)
        self._kept += len(records)

    def publish(
        self,
        folder: StoragePath,
        rows: RowCounts,
        interval_end: str,
        unique: str,
        query: str,
        *,
        suppression: str = "",
    ) -> Snapshot:
        """Write the files, the manifest last, and return the snapshot."""
        folder.mkdir(parents=True, exist_ok=True)
        members, content = self._write_members(folder)
        for kind in self._layout.kinds[1:]:
            self._write_index(folder, kind)
        aliases = self._write_aliases(folder)
        counts = SnapshotCounts(
            rows_read=rows.rows_read,
            members=members,
            duplicates=self._kept - members,
            suppressed=rows.suppressed,
            rejected={reason: rows.rejected[reason] for reason in sorted(rows.rejected)},
            identifiers={str(kind): self._identifiers[kind] for kind in self._layout.kinds},
            refused_identifiers={str(kind): dict(sorted(n.items())) for kind, n in rows.refused_identifiers.items()},
        )
        snapshot = Snapshot(
            folder=folder,
            kinds=self._layout.kinds,
            interval_end=interval_end,
            content_digest=content,
            query_fingerprint=query,
            rules=self._columns.rules.to_dict(),
            aliases=aliases,
            suppression=suppression,
            counts=counts,
            warnings=column_warnings(rows, self._repeats),
        )
        write_json(folder / MANIFEST, {"schema_version": SCHEMA_VERSION, **snapshot.to_manifest()}, unique)
        return snapshot

    def _write_members(self, folder: StoragePath) -> tuple[int, str]:
        """Write members bucket by bucket; return how many there are and the digest of their content."""
        layout, members = self._layout, 0
        content = hashlib.sha256(json.dumps([layout.kinds, self._columns.rules.to_dict()]).encode())
        schema = pa.schema([(kind.value, pa.binary(kind.digest_size)) for kind in layout.kinds])
        with bucket_writer(folder / MEMBERS, schema) as writer:
            for records, firsts in in_threads(self._ordered_members, range(BUCKETS)):
                content.update(records.data)
                write_bucket(
                    writer,
                    [digest_array(layout.digests(records, k), layout.present(records, k)) for k in layout.kinds],
                )
                self._index(records, members)
                self._observe(layout.kinds[0], firsts)
                members += len(records)
        return members, content.hexdigest()

    def _ordered_members(self, bucket: int) -> tuple[Bytes, Mask]:
        """Different members of a bucket, in order; and which digests of the first kind, of all rows, are new."""
        rows, kind = ordered(self._members.take(bucket), key_at=1), self._layout.kinds[0]
        digests = self._layout.digests(rows, kind)[self._layout.present(rows, kind)]
        return np.compress(first_of_each(rows), rows, axis=0), first_of_each(digests)

    def _index(self, records: Bytes, number: int) -> None:
        numbers = np.arange(number, number + len(records), dtype=">u4").view(np.uint8).reshape(-1, MEMBER_BYTES)
        for kind, spill in self._indexes.items():
            there = self._layout.present(records, kind)
            digests = self._layout.digests(records, kind)[there]
            spill.add(digests[:, 0], np.concatenate([digests, numbers[there]], axis=1))

    def _observe(self, kind: IdentifierKind, first: Mask) -> None:
        """Count different digests of a kind, and how often one repeats, in rows that are in order."""
        self._identifiers[kind] += int(first.sum())
        self._repeats[kind] = max(self._repeats[kind], longest_run(first))

    def _write_index(self, folder: StoragePath, kind: IdentifierKind) -> None:
        size, spill = kind.digest_size, self._indexes[kind]
        schema = pa.schema([("digest", pa.binary(size)), ("member", pa.uint32())])
        with bucket_writer(folder / f"{kind}.parquet", schema) as writer:
            for records in in_threads(lambda bucket: ordered(spill.take(bucket), key_at=0), range(BUCKETS)):
                digests = records[:, :size]
                numbers = np.ascontiguousarray(records[:, size:]).view(">u4").ravel().astype(np.uint32)
                write_bucket(writer, [digest_array(digests), pa.array(numbers)])
                self._observe(kind, first_of_each(digests))

    def _write_aliases(self, folder: StoragePath) -> int:
        if self._columns.rules.phone_format != "both":
            return 0
        count = 0
        with bucket_writer(folder / ALIASES, pa.schema([(PHONE.value, pa.binary(PHONE.digest_size))])) as writer:
            for rows in in_threads(lambda bucket: ordered(self._aliases.take(bucket), key_at=0), range(BUCKETS)):
                digests = rows[first_of_each(rows)]
                write_bucket(writer, [digest_array(digests)])
                count += len(digests)
        return count

    def _spill(self, name: str, width: int) -> Spill:
        return Spill(Path(self._temporary.name) / name, width)
