"""Snapshots that were published, and the log of what was delivered from them."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import pyarrow as pa

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import JsonValue, SnapshotCounts
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.snapshots.files import StoragePath, read_buckets, read_json, write_json

MANIFEST = "manifest.json"
MEMBERS = "members.parquet"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An immutable, hashed result of one query for one interval."""

    folder: StoragePath
    kinds: tuple[IdentifierKind, ...]
    interval_end: str
    content_digest: str
    counts: SnapshotCounts

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
            counts=SnapshotCounts(**manifest["counts"]),
        )

    @property
    def uri(self) -> str:
        """Where it is."""
        return str(self.folder)

    def members(self) -> Iterator[pa.Table]:
        """Members bucket by bucket, one column for each kind."""
        return read_buckets(self.folder / MEMBERS)

    def to_manifest(self) -> dict[str, Any]:
        """Content of ``manifest.json``."""
        return {
            "kinds": list(self.kinds),
            "interval_end": self.interval_end,
            "content_digest": self.content_digest,
            "counts": asdict(self.counts),
        }

    def to_xcom(self) -> dict[str, JsonValue]:
        """What the next task needs to know: an address and counts."""
        return {"snapshot_uri": self.uri, "interval_end": self.interval_end, **asdict(self.counts)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One delivery of a snapshot. Not ``settled``: it was begun, and how much TikTok applied is not known."""

    mode: str
    snapshot_uri: str
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLog:
    """What was delivered to one segment for one advertiser, since the last mirror that was settled."""

    interval_end: str = ""
    operations: tuple[Operation, ...] = ()

    def ends_with(self, mode: str, snapshot: Snapshot) -> bool:
        """Whether the last delivery was this one, and settled."""
        return self.operations[-1:] == (Operation(mode=mode, snapshot_uri=snapshot.uri, settled=True),)

    def begun(self, mode: str, snapshot: Snapshot) -> "DeliveryLog":
        """The log with a delivery that is about to change something; a retry of the last one is not a new one."""
        operation = Operation(mode=mode, snapshot_uri=snapshot.uri, settled=False)
        operations = self.operations if self.operations[-1:] == (operation,) else (*self.operations, operation)
        return replace(self, operations=operations)

    def settled(self, mode: str, snapshot: Snapshot) -> "DeliveryLog":
        """The log after everything was acknowledged; a settled mirror makes what came before it irrelevant."""
        operation = Operation(mode=mode, snapshot_uri=snapshot.uri, settled=True)
        unsettled = replace(operation, settled=False)
        before = self.operations[:-1] if self.operations[-1:] == (unsettled,) else self.operations
        return DeliveryLog(
            interval_end=max(self.interval_end, snapshot.interval_end),
            operations=(operation,) if mode == "mirror" else (*before, operation),
        )


class DeliveryLogs:
    """Delivery logs under the snapshot root, one JSON file for each segment and advertiser."""

    def __init__(self, root: StoragePath) -> None:
        self._root = root

    def load(self, segment_id: str, advertiser_id: str) -> DeliveryLog:
        """Return the log, an empty one when nothing was ever delivered."""
        values = read_json(self._path(segment_id, advertiser_id))
        if values is None:
            return DeliveryLog()
        operations = tuple(Operation(**operation) for operation in values["operations"])
        return DeliveryLog(interval_end=values["interval_end"], operations=operations)

    def save(self, segment_id: str, advertiser_id: str, log: DeliveryLog, unique: str) -> None:
        """Replace the log."""
        write_json(self._path(segment_id, advertiser_id), asdict(log), unique)

    def _path(self, segment_id: str, advertiser_id: str) -> StoragePath:
        return self._root / "delivered" / segment_id / f"{advertiser_id}.json"
