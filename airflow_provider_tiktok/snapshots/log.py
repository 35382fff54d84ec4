"""What was delivered to a segment: begun and settled operations, one log for each advertiser."""

from dataclasses import asdict, dataclass, field, replace

from airflow_provider_tiktok.snapshots.files import StoragePath, read_json, write_json
from airflow_provider_tiktok.snapshots.store import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One delivery of a snapshot. Not ``settled``: it was begun, and how much TikTok applied is not known.

    ``refused`` holds the digests, in hex by identifier kind, of the rows that TikTok did not take.
    """

    mode: str
    snapshot_uri: str
    settled: bool
    refused: dict[str, list[str]] = field(default_factory=dict)

    def is_of(self, mode: str, snapshot: Snapshot) -> bool:
        """Whether this is a delivery of a snapshot in a mode."""
        return (self.mode, self.snapshot_uri) == (mode, snapshot.uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLog:
    """What was delivered to one segment for one advertiser, since the last mirror that was settled."""

    interval_end: str = ""
    operations: tuple[Operation, ...] = ()

    def refused(self) -> set[str]:
        """Digests, in hex, that TikTok did not take."""
        return {digest for operation in self.operations for some in operation.refused.values() for digest in some}

    def is_done(self, mode: str, snapshot: Snapshot) -> bool:
        """Whether the last delivery was this one, settled, and TikTok took all of it."""
        last = self.operations[-1:]
        return bool(last) and last[0].settled and not last[0].refused and last[0].is_of(mode, snapshot)

    def mode_for(self, snapshot: Snapshot) -> str | None:
        """The mode in which others get what this advertiser got last; ``None`` when a mirror would undo that."""
        last = self.operations[-1:]
        if last and last[0].snapshot_uri == snapshot.uri:
            return last[0].mode
        return "mirror" if all(operation.mode == "mirror" for operation in self.operations) else None

    def before(self, mode: str, snapshot: Snapshot) -> tuple[Operation, ...]:
        """The deliveries before this one, which may have been begun."""
        last = self.operations[-1:]
        return (
            self.operations[:-1] if last and not last[0].settled and last[0].is_of(mode, snapshot) else self.operations
        )

    def begun(self, mode: str, snapshot: Snapshot) -> "DeliveryLog":
        """The log with a delivery that is about to change something; a retry of the last one is not a new one."""
        operation = Operation(mode=mode, snapshot_uri=snapshot.uri, settled=False)
        return replace(self, operations=(*self.before(mode, snapshot), operation))

    def settled(self, mode: str, snapshot: Snapshot, refused: dict[str, list[str]] | None = None) -> "DeliveryLog":
        """The log after everything was acknowledged; a settled mirror makes what came before it irrelevant."""
        operation = Operation(mode=mode, snapshot_uri=snapshot.uri, settled=True, refused=refused or {})
        before = self.before(mode, snapshot)
        before = before[:-1] if before and before[-1].is_of(mode, snapshot) else before
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

    def folder(self, segment_id: str) -> StoragePath:
        """Where all is kept that concerns deliveries to a segment."""
        return self._root / "delivered" / segment_id

    def _path(self, segment_id: str, advertiser_id: str) -> StoragePath:
        return self.folder(segment_id) / f"{advertiser_id}.json"
