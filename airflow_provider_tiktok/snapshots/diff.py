"""Set algebra on identifiers, bucket by bucket: what to add and what to remove.

A delivery that was interrupted leaves a segment in a state that lies between two bounds: identifiers that are surely in
it and identifiers that are possibly in it. Both are kept, so that the next delivery is exact whatever happened:

* add the members that hold an identifier which is not surely in the segment;
* remove the identifiers that are possibly in it and that no member holds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import repeat

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.snapshots.files import BUCKETS, read_buckets
from airflow_provider_tiktok.snapshots.store import DeliveryLog, Snapshot

OpenSnapshot = Callable[[str], Snapshot]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Digests of one bucket that are surely, and that are possibly, in a segment."""

    surely: pa.Array
    possibly: pa.Array

    def after(self, mode: str, digests: pa.Array, *, settled: bool) -> "Bounds":
        """The bounds after a delivery of ``digests`` was begun, or settled."""
        if mode == "append":
            return Bounds(_union(self.surely, digests) if settled else self.surely, _union(self.possibly, digests))
        if mode == "remove":
            return Bounds(_minus(self.surely, digests), _minus(self.possibly, digests) if settled else self.possibly)
        if settled:
            return Bounds(digests, digests)
        return Bounds(_intersection(self.surely, digests), _union(self.possibly, digests))


def known_bounds(kind: IdentifierKind, logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot) -> Iterator[Bounds]:
    """Bounds of one kind, bucket by bucket, for all advertisers whose logs are given."""
    for bounds in zip(*(_log_bounds(kind, log, open_snapshot) for log in logs), strict=True):
        yield Bounds(
            reduce(_intersection, (each.surely for each in bounds)), reduce(_union, (each.possibly for each in bounds))
        )


def removes(
    snapshot: Snapshot, kind: IdentifierKind, logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot
) -> Iterator[pa.Array]:
    """Digests of one kind to be removed so that the segment equals the snapshot, bucket by bucket."""
    known = known_bounds(kind, logs, open_snapshot)
    for bounds, digests in zip(known, distinct_digests(snapshot, kind), strict=True):
        yield _minus(bounds.possibly, digests)


def delivered_kinds(logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot) -> tuple[IdentifierKind, ...]:
    """Kinds of identifiers that were ever delivered, according to the logs."""
    uris = dict.fromkeys(operation.snapshot_uri for log in logs for operation in log.operations)
    return tuple(dict.fromkeys(kind for uri in uris for kind in open_snapshot(uri).kinds))


def members_to_add(snapshot: Snapshot, logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot) -> bytearray:
    """One byte for each member: 1 when it holds an identifier that is not surely in the segment."""
    marks = bytearray(snapshot.counts.members)
    for kind in snapshot.kinds:
        known = known_bounds(kind, logs, open_snapshot)
        buckets = read_buckets(snapshot.folder / f"{kind}.parquet")
        for bounds, table in zip(known, buckets, strict=True):
            new = pc.invert(pc.is_in(table["digest"], value_set=bounds.surely))
            for member in table["member"].filter(new).to_pylist():
                marks[member] = 1
    return marks


def _log_bounds(kind: IdentifierKind, log: DeliveryLog, open_snapshot: OpenSnapshot) -> Iterator[Bounds]:
    operations = [(op.mode, op.settled, open_snapshot(op.snapshot_uri)) for op in log.operations]
    nothing = pa.array([], pa.binary(kind.digest_size))
    sources = [distinct_digests(snapshot, kind) for _, _, snapshot in operations]
    for _ in range(BUCKETS):
        bounds = Bounds(nothing, nothing)
        for (mode, settled, _), source in zip(operations, sources, strict=True):
            bounds = bounds.after(mode, next(source), settled=settled)
        yield bounds


def distinct_digests(snapshot: Snapshot, kind: IdentifierKind) -> Iterator[pa.Array]:
    """Distinct digests of one kind, bucket by bucket; empty buckets when the snapshot has no such kind."""
    if kind not in snapshot.kinds:
        yield from repeat(pa.array([], pa.binary(kind.digest_size)), BUCKETS)
        return
    for table in read_buckets(snapshot.folder / f"{kind}.parquet", columns=["digest"]):
        yield pc.unique(table["digest"].combine_chunks())


def _minus(left: pa.Array, right: pa.Array) -> pa.Array:
    return left.filter(pc.invert(pc.is_in(left, value_set=right)))


def _intersection(left: pa.Array, right: pa.Array) -> pa.Array:
    return left.filter(pc.is_in(left, value_set=right))


def _union(left: pa.Array, right: pa.Array) -> pa.Array:
    return pa.concat_arrays([left, _minus(right, left)])
