"""Set algebra on identifiers, bucket by bucket: what to add and what to remove.

A delivery that was interrupted leaves a segment in a state that lies between two bounds: identifiers that are surely in
it and identifiers that are possibly in it. Both are kept, so that the next delivery is exact whatever happened:

* add the members that hold an identifier which is not surely in the segment;
* remove the identifiers that are possibly in it and that no member holds.

An append removes only those that are possibly in it and that the snapshot's suppression holds, so that people who opted
out leave the segment whatever is delivered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, repeat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Mask
from airflow_provider_tiktok.snapshots.files import BUCKETS
from airflow_provider_tiktok.snapshots.log import DeliveryLog, Operation
from airflow_provider_tiktok.snapshots.store import Numbers, Snapshot

OpenSnapshot = Callable[[str], Snapshot]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Digests of one bucket that are surely, and that are possibly, in a segment."""

    surely: pa.Array
    possibly: pa.Array

    def after(self, mode: str, digests: pa.Array, *, settled: bool, refused: pa.Array) -> "Bounds":
        """The bounds after a delivery of ``digests`` was begun, or settled but for those that were ``refused``."""
        taken = _minus(digests, refused)
        if mode == "append":
            return Bounds(_union(self.surely, taken) if settled else self.surely, _union(self.possibly, digests))
        if mode == "remove":
            left = _minus(self.possibly, taken) if settled else self.possibly
            return Bounds(_minus(self.surely, digests), left)
        if settled:
            return Bounds(taken, _union(digests, refused))
        return Bounds(_intersection(self.surely, digests), _union(self.possibly, digests))


@dataclass(frozen=True, slots=True)
class Difference:
    """What a delivery has to do: rows to add (members first, aliases after them), identifiers to remove of each kind.

    ``delivered`` counts the identifiers that are possibly in the segment.
    """

    marks: Mask
    removes: dict[IdentifierKind, int]
    delivered: int


def known_bounds(kind: IdentifierKind, logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot) -> Iterator[Bounds]:
    """Bounds of one kind, bucket by bucket, for all advertisers whose logs are given."""
    for bounds in zip(*(_log_bounds(kind, log, open_snapshot) for log in logs), strict=True):
        yield Bounds(
            reduce(_intersection, (each.surely for each in bounds)), reduce(_union, (each.possibly for each in bounds))
        )


def removes(
    snapshot: Snapshot,
    kind: IdentifierKind,
    logs: Sequence[DeliveryLog],
    open_snapshot: OpenSnapshot,
    mode: str = "mirror",
) -> Iterator[pa.Array]:
    """Digests of one kind to be removed by a mirror or an append of the snapshot, bucket by bucket."""
    known = known_bounds(kind, logs, open_snapshot)
    if mode == "append":
        for bounds, suppressed in zip(known, _suppressed(snapshot, kind, open_snapshot), strict=True):
            yield _intersection(bounds.possibly, suppressed)
        return
    for bounds, digests in zip(known, distinct_digests(snapshot, kind), strict=True):
        yield _minus(bounds.possibly, digests)


def delivered_kinds(logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot) -> tuple[IdentifierKind, ...]:
    """Kinds of identifiers that were ever delivered, according to the logs."""
    operations = [operation for log in logs for operation in log.operations]
    uris = dict.fromkeys(operation.snapshot_uri for operation in operations)
    refused = (IdentifierKind(kind) for operation in operations for kind in operation.refused)
    return tuple(dict.fromkeys((*(kind for uri in uris for kind in open_snapshot(uri).kinds), *refused)))


def compare(
    snapshot: Snapshot, logs: Sequence[DeliveryLog], open_snapshot: OpenSnapshot, mode: str = "mirror"
) -> "Difference":
    """Compare a snapshot, of which a mirror or an append is planned, with what was delivered; read every file once."""
    rows = snapshot.counts.members + snapshot.aliases
    if not any(log.operations for log in logs):
        return Difference(np.ones(rows, bool), {}, 0)
    marks, removes, delivered = np.zeros(rows, bool), {}, 0
    for kind in dict.fromkeys((*snapshot.kinds, *delivered_kinds(logs, open_snapshot))):
        removes[kind] = 0
        known = known_bounds(kind, logs, open_snapshot)
        out = _suppressed(snapshot, kind, open_snapshot) if mode == "append" else repeat(None, BUCKETS)
        for bounds, (digests, numbers), suppressed in zip(known, _index(snapshot, kind), out, strict=True):
            there = pc.is_in(digests, value_set=bounds.surely).to_numpy(zero_copy_only=False)
            marks[numbers[~there]] = True
            possibly = bounds.possibly
            removes[kind] += len(
                _minus(possibly, digests) if suppressed is None else _intersection(possibly, suppressed)
            )
            delivered += len(bounds.possibly)
    return Difference(marks, removes, delivered)


def _log_bounds(kind: IdentifierKind, log: DeliveryLog, open_snapshot: OpenSnapshot) -> Iterator[Bounds]:
    steps = [step for operation in log.operations for step in _steps(operation, kind, open_snapshot)]
    nothing = pa.array([], pa.binary(kind.digest_size))
    for bucket in range(BUCKETS):
        bounds = Bounds(nothing, nothing)
        for step in steps:
            refused = step.refused.get(bucket, nothing)
            bounds = bounds.after(step.mode, next(step.digests), settled=step.settled, refused=refused)
        yield bounds


@dataclass(frozen=True, slots=True)
class _Step:
    """A change of one kind: a delivery, or one of the two halves of an append with a suppression."""

    mode: str
    digests: Iterator[pa.Array]
    settled: bool
    refused: dict[int, pa.Array]


def _steps(operation: Operation, kind: IdentifierKind, open_snapshot: OpenSnapshot) -> Iterator[_Step]:
    snapshot, refused = open_snapshot(operation.snapshot_uri), _by_bucket(operation, kind)
    yield _Step(operation.mode, distinct_digests(snapshot, kind), operation.settled, refused)
    if operation.mode == "append" and snapshot.suppression:
        yield _Step("remove", _suppressed(snapshot, kind, open_snapshot), operation.settled, refused)


def _by_bucket(operation: Operation, kind: IdentifierKind) -> dict[int, pa.Array]:
    digests = sorted(map(bytes.fromhex, set(operation.refused.get(kind, []))))
    return {
        bucket: pa.array(list(some), pa.binary(kind.digest_size))
        for bucket, some in groupby(digests, key=lambda digest: digest[0])
    }


def distinct_digests(snapshot: Snapshot, kind: IdentifierKind) -> Iterator[pa.Array]:
    """Distinct digests of one kind, bucket by bucket; empty buckets when the snapshot has no such kind."""
    return (pc.unique(digests) for digests, _ in _index(snapshot, kind))


def _suppressed(snapshot: Snapshot, kind: IdentifierKind, open_snapshot: OpenSnapshot) -> Iterator[pa.Array]:
    """Distinct digests of a snapshot's suppression, bucket by bucket."""
    if snapshot.suppression:
        return distinct_digests(open_snapshot(snapshot.suppression), kind)
    return repeat(pa.array([], pa.binary(kind.digest_size)), BUCKETS)


def _index(snapshot: Snapshot, kind: IdentifierKind) -> Iterator[tuple[pa.Array, Numbers]]:
    if kind in snapshot.kinds:
        return snapshot.index(kind)
    return repeat((pa.array([], pa.binary(kind.digest_size)), np.zeros(0, np.uint32)), BUCKETS)


def _minus(left: pa.Array, right: pa.Array) -> pa.Array:
    # Most often nothing was refused or suppressed, and looking up millions of digests in nothing takes time.
    return left.filter(pc.invert(pc.is_in(left, value_set=right))) if len(left) and len(right) else left


def _intersection(left: pa.Array, right: pa.Array) -> pa.Array:
    return left.filter(pc.is_in(left, value_set=right))


def _union(left: pa.Array, right: pa.Array) -> pa.Array:
    if not (len(left) and len(right)):
        return left if len(left) else right
    return pa.concat_arrays([left, _minus(right, left)])
