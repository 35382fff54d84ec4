"""What was delivered to a segment: begun and settled operations, one log for each advertiser."""

from dataclasses import asdict, dataclass, replace

from airflow_provider_tiktok.snapshots.files import StoragePath, read_json, write_json
from airflow_provider_tiktok.snapshots.store import Snapshot


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
        is_last = self.operations[-1:] in {(unsettled,), (operation,)}
        before = self.operations[:-1] if is_last else self.operations
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
