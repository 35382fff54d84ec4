"""Bringing a segment to a snapshot: ``plan`` what to send, ``deliver`` it, account for every member.

Adds go first, then removes. The two never touch the same identifier, since an identifier is removed only when no member
of the snapshot holds it; so this order decides just what an interruption leaves behind: somebody to be removed later,
never somebody missing.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Literal

from airflow_provider_tiktok.api.client import Answer, AudienceClient
from airflow_provider_tiktok.api.wire import Action
from airflow_provider_tiktok.core.batching import batches, rows_per_batch
from airflow_provider_tiktok.core.columns import Identifiers
from airflow_provider_tiktok.core.guards import GuardError, Guards
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.progress import Progress
from airflow_provider_tiktok.snapshots import diff
from airflow_provider_tiktok.snapshots.files import StoragePath, write_json
from airflow_provider_tiktok.snapshots.store import DeliveryLog, DeliveryLogs, Snapshot

logger = logging.getLogger(__name__)

Mode = Literal["mirror", "append", "remove"]
OnOlder = Literal["skip", "fail", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A segment and the advertisers to deliver for; a request lists the owner besides them."""

    segment_id: str
    owner_advertiser_id: str
    advertiser_ids: tuple[str, ...]

    @property
    def requested_advertiser_ids(self) -> tuple[str, ...]:
        """The owner first, then the others, each once."""
        return tuple(dict.fromkeys((self.owner_advertiser_id, *self.advertiser_ids)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a delivery is going to do. ``marks`` has one byte a member, 1 for those to be added."""

    snapshot: Snapshot
    target: Target
    mode: Mode
    logs: tuple[DeliveryLog, ...]
    superseded: bool = False
    marks: bytearray = field(default_factory=bytearray, repr=False)
    removes: dict[IdentifierKind, int] = field(default_factory=dict)

    @property
    def baseline(self) -> bool:
        """Whether nothing was delivered to this target before."""
        return not any(log.operations for log in self.logs)

    @property
    def added(self) -> int:
        """Members to be added."""
        return sum(self.marks)

    @property
    def removed(self) -> int:
        """Identifiers to be taken out."""
        return sum(self.removes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request's worth of rows."""

    action: Action
    kinds: tuple[IdentifierKind, ...]
    rows: list[Identifiers]


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """What a delivery works with. ``unique`` names this attempt in file names."""

    client: AudienceClient
    logs: DeliveryLogs
    open_snapshot: diff.OpenSnapshot
    unique: str
    batch_rows: int = 1000
    max_concurrency: int = 8
    clock: Callable[[], float] = time.monotonic

    def plan(self, snapshot: Snapshot, target: Target, *, mode: Mode, on_older: OnOlder, guards: Guards) -> Plan:
        """Compare the snapshot with what was delivered. Changes nothing; raises when a guard says stop."""
        guards.check_members(snapshot.counts.members)
        for warning in guards.warnings(snapshot.counts.members):
            logger.warning(warning)
        logs = tuple(self.logs.load(target.segment_id, advertiser) for advertiser in target.advertiser_ids)
        plan = Plan(snapshot=snapshot, target=target, mode=mode, logs=logs)
        if mode == "mirror" and self._is_older(snapshot, target, logs, on_older):
            return replace(plan, superseded=True)
        if mode == "remove":
            done = all(log.ends_with(mode, snapshot) for log in logs)
            removes = {} if done else {kind: snapshot.counts.identifiers[kind] for kind in snapshot.kinds}
            return replace(plan, marks=bytearray(snapshot.counts.members), removes=removes)
        plan = replace(plan, marks=diff.members_to_add(snapshot, logs, self.open_snapshot))
        if mode == "append":
            return plan
        kinds = dict.fromkeys((*snapshot.kinds, *diff.delivered_kinds(logs, self.open_snapshot)))
        removes = {kind: sum(map(len, diff.removes(snapshot, kind, logs, self.open_snapshot))) for kind in kinds}
        delivered = sum(
            len(bounds.possibly) for kind in kinds for bounds in diff.known_bounds(kind, logs, self.open_snapshot)
        )
        guards.check_removes(sum(removes.values()), delivered)
        return replace(plan, removes=removes)

    def deliver(self, plan: Plan) -> Receipt:
        """Send what the plan says; record it as begun before the first change and as settled after the last."""
        if plan.superseded:
            return self._file(plan, _receipt(plan, []))
        if plan.added or plan.removed:
            self._record(plan, lambda log: log.begun(plan.mode, plan.snapshot))
        answers = list(self._send_all(plan))
        self._record(plan, lambda log: log.settled(plan.mode, plan.snapshot))
        return self._file(plan, _receipt(plan, answers))

    def _is_older(self, snapshot: Snapshot, target: Target, logs: tuple[DeliveryLog, ...], on_older: OnOlder) -> bool:
        owner = self.logs.load(target.segment_id, target.owner_advertiser_id)
        newest = max(log.interval_end for log in (owner, *logs))
        if snapshot.interval_end >= newest or on_older == "apply":
            return False
        if on_older == "fail":
            raise GuardError(
                f"the snapshot's interval ends {snapshot.interval_end}, but segment {target.segment_id} holds the one "
                f"that ends {newest}; nothing was changed. Use on_older='skip' or 'apply' if that is meant"
            )
        logger.info("Superseded: segment %s holds the newer interval that ends %s", target.segment_id, newest)
        return True

    def _send_all(self, plan: Plan) -> Iterator[tuple[Batch, Answer]]:
        """Send all batches, up to ``max_concurrency`` at a time; the first failure stops what has not begun."""
        progress = Progress(logger, "Sent", self.clock, total=plan.added + plan.removed)
        pool = ThreadPoolExecutor(self.max_concurrency, thread_name_prefix="tiktok")
        try:
            for batch_group in (self._adds(plan), self._removes(plan)):
                for batch, answer in _run(
                    pool, batch_group, lambda b: self._send(plan.target, b), self.max_concurrency
                ):
                    progress.advance(len(batch.rows))
                    yield batch, answer
            progress.report()
        finally:
            pool.shutdown(cancel_futures=True)

    def _send(self, target: Target, batch: Batch) -> Answer:
        return self.client.map_members(
            batch.action, target.segment_id, target.requested_advertiser_ids, batch.kinds, batch.rows
        )

    def _adds(self, plan: Plan) -> Iterator[Batch]:
        kinds = plan.snapshot.kinds
        rows = _marked_members(plan.snapshot, plan.marks) if plan.added else iter(())
        for some in batches(rows, rows_per_batch(self.batch_rows, len(kinds))):
            yield Batch(action="add", kinds=kinds, rows=some)

    def _removes(self, plan: Plan) -> Iterator[Batch]:
        for kind in (kind for kind, count in plan.removes.items() if count):
            buckets = (
                diff.distinct_digests(plan.snapshot, kind)
                if plan.mode == "remove"
                else diff.removes(plan.snapshot, kind, plan.logs, self.open_snapshot)
            )
            rows: Iterator[Identifiers] = ((digest,) for bucket in buckets for digest in bucket.to_pylist())
            for some in batches(rows, rows_per_batch(self.batch_rows, 1)):
                yield Batch(action="delete", kinds=(kind,), rows=some)

    def _record(self, plan: Plan, change: Callable[[DeliveryLog], DeliveryLog]) -> None:
        for advertiser in plan.target.advertiser_ids:
            log = self.logs.load(plan.target.segment_id, advertiser)
            self.logs.save(plan.target.segment_id, advertiser, change(log), self.unique)

    def _file(self, plan: Plan, receipt: Receipt) -> Receipt:
        path: StoragePath = plan.snapshot.folder / f"receipt-{plan.target.segment_id}-{self.unique}.json"
        receipt = replace(receipt, receipt_uri=str(path))
        write_json(path, receipt.to_dict(), self.unique)
        return receipt


def dry_run(plan: Plan) -> Receipt:
    """The receipt of a plan that is not carried out."""
    return replace(_receipt(plan, []), dry_run=True)


def _receipt(plan: Plan, answers: list[tuple[Batch, Answer]]) -> Receipt:
    members = plan.snapshot.counts.members
    request_ids = [answer.request_id for _, answer in answers if answer.request_id]
    attempts = sum(answer.attempts for _, answer in answers)
    return Receipt(
        segment_id=plan.target.segment_id,
        owner_advertiser_id=plan.target.owner_advertiser_id,
        advertiser_ids=list(plan.target.advertiser_ids),
        mode=plan.mode,
        snapshot_uri=plan.snapshot.uri,
        interval_end=plan.snapshot.interval_end,
        members=members,
        added=plan.added,
        unchanged=0 if plan.superseded else members - plan.added,
        removed=plan.removed,
        sent=sum(len(batch.rows) for batch, _ in answers),
        batches=len(answers),
        requests=attempts,
        retries=attempts - len(answers),
        request_ids=request_ids[:1] + request_ids[1:][-1:],
        baseline=plan.baseline,
        superseded=plan.superseded,
    )


def _marked_members(snapshot: Snapshot, marks: bytearray) -> Iterator[Identifiers]:
    number = 0
    for table in snapshot.members():
        columns = [column.to_pylist() for column in table.columns]
        for identifiers in zip(*columns, strict=True):
            if marks[number]:
                yield identifiers
            number += 1


def _run(
    pool: ThreadPoolExecutor, work: Iterator[Batch], send: Callable[[Batch], Answer], limit: int
) -> Iterator[tuple[Batch, Answer]]:
    """Run ``send`` on each batch with at most ``limit`` under way, so that memory does not grow with latency."""
    under_way: dict[Future[Answer], Batch] = {}
    for batch in work:
        under_way[pool.submit(send, batch)] = batch
        if len(under_way) >= limit:
            yield from _completed(under_way)
    while under_way:
        yield from _completed(under_way)


def _completed(under_way: dict[Future[Answer], Batch]) -> Iterator[tuple[Batch, Answer]]:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        yield under_way.pop(future), future.result()
