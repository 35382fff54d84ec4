"""Snapshots that were published: opened, and read bucket by bucket."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import JsonValue, SnapshotCounts
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.files import (
    StoragePath,
    digest_array,
    digests_of,
    read_buckets,
    read_json,
)

Numbers = NDArray[np.uint32]
MANIFEST = "manifest.json"
MEMBERS = "members.parquet"
ALIASES = "aliases.parquet"
SUPPRESSED = "suppressed"
"""Folder inside a snapshot's, with the snapshot of the people who were left out of it."""

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An immutable, hashed result of one query for one interval.

    ``suppression`` is the URI of the snapshot whose people were left out, if there is one.
    """

    folder: StoragePath
    kinds: tuple[IdentifierKind, ...]
    interval_end: str
    content_digest: str
    counts: SnapshotCounts
    query_fingerprint: str = ""
    rules: dict[str, str] = field(default_factory=dict)
    aliases: int = 0
    suppression: str = ""
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, folder: StoragePath) -> "Snapshot":
        """Open a published snapshot; a folder without a manifest is refused, with the likely cause."""
        manifest = read_json(folder / MANIFEST)
        if manifest is None:
            raise ConfigurationError(
                f"there is no snapshot at {folder} as seen from this worker. When tasks run on several machines, set "
                "[tiktok] snapshot_root to storage that all of them share, such as s3://bucket/tiktok"
            )
        if manifest["schema_version"] != SCHEMA_VERSION:
            raise ConfigurationError(
                f"the snapshot at {folder} has schema version {manifest['schema_version']}, this release reads "
                f"{SCHEMA_VERSION}; run the query task again"
            )
        return cls(
            folder=folder,
            kinds=tuple(map(IdentifierKind, manifest["kinds"])),
            interval_end=manifest["interval_end"],
            content_digest=manifest["content_digest"],
            query_fingerprint=manifest["query_fingerprint"],
            rules=manifest["rules"],
            aliases=manifest["aliases"],
            suppression=manifest.get("suppression", ""),  # which older snapshots lack
            warnings=manifest["warnings"],
            counts=SnapshotCounts(**manifest["counts"]),
        )

    @property
    def uri(self) -> str:
        """Where it is."""
        return str(self.folder)

    @property
    def layout(self) -> Layout:
        """Where each kind's digest stands in a record."""
        return Layout(self.kinds)

    def members(self) -> Iterator[Bytes]:
        """Records of the members, bucket by bucket."""
        for table in read_buckets(self.folder / MEMBERS):
            found = [digests_of(table[kind].combine_chunks()) for kind in self.kinds]
            yield self.layout.pack([digests for digests, _ in found], [present for _, present in found])

    def alias_digests(self) -> Iterator[Bytes]:
        """Second digests of phone numbers, bucket by bucket."""
        for table in read_buckets(self.folder / ALIASES) if self.aliases else ():
            yield digests_of(table.column(0).combine_chunks())[0]

    def index(self, kind: IdentifierKind) -> Iterator[tuple[pa.Array, Numbers]]:
        """Digests of one kind and the numbers of the rows that hold them, bucket by bucket.

        Members are numbered from 0 as they come, aliases after them.
        """
        own = self._first_kind_index() if kind == self.kinds[0] else self._file_index(kind)
        if not (self.aliases and kind == IdentifierKind.PHONE_SHA256):
            yield from own
            return
        number = self.counts.members
        for (digests, numbers), aliases in zip(own, self.alias_digests(), strict=True):
            more = np.arange(number, number + len(aliases), dtype=np.uint32)
            number += len(aliases)
            yield pa.concat_arrays([digests, digest_array(aliases)]), np.concatenate([numbers, more])

    def _first_kind_index(self) -> Iterator[tuple[pa.Array, Numbers]]:
        number = 0
        for table in read_buckets(self.folder / MEMBERS, columns=[self.kinds[0]]):
            column = table.column(0).combine_chunks()
            numbers = np.arange(number, number + len(column), dtype=np.uint32)
            number += len(column)
            yield column.drop_null(), numbers[column.is_valid().to_numpy(zero_copy_only=False)]

    def _file_index(self, kind: IdentifierKind) -> Iterator[tuple[pa.Array, Numbers]]:
        for table in read_buckets(self.folder / f"{kind}.parquet"):
            yield table["digest"].combine_chunks(), table["member"].to_numpy()

    def to_manifest(self) -> dict[str, Any]:
        """Content of ``manifest.json``."""
        return {
            "kinds": list(self.kinds),
            "interval_end": self.interval_end,
            "content_digest": self.content_digest,
            "query_fingerprint": self.query_fingerprint,
            "rules": self.rules,
            "aliases": self.aliases,
            "suppression": self.suppression,
            "warnings": self.warnings,
            "counts": asdict(self.counts),
        }

    def to_xcom(self) -> dict[str, JsonValue]:
        """What the next task needs to know: an address and counts."""
        return {"snapshot_uri": self.uri, "interval_end": self.interval_end, **asdict(self.counts)}
