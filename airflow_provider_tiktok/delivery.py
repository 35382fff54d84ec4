"""Bringing a segment to a snapshot: ``plan`` what to send, ``deliver`` it, account for every member.

Adds go first, then removes. The two never touch the same identifier, since an identifier is removed only when no member
of the snapshot holds it; so this order decides just what an interruption leaves behind: somebody to be removed later,
never somebody missing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from airflow_provider_tiktok.api.client import Answer, AudienceClient
from airflow_provider_tiktok.api.wire import Action
from airflow_provider_tiktok.core.batching import batches, rows_per_batch
from airflow_provider_tiktok.core.guards import GuardError, Guards
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.core.records import Bytes, Layout, Mask
from airflow_provider_tiktok.progress import Progress
from airflow_provider_tiktok.snapshots import diff
from airflow_provider_tiktok.snapshots.files import StoragePath, digests_of, write_json
from airflow_provider_tiktok.snapshots.log import DeliveryLog, DeliveryLogs
from airflow_provider_tiktok.snapshots.store import Snapshot

logger = logging.getLogger(__name__)

Mode = Literal["mirror", "append", "remove"]
OnOlder = Literal["skip", "fail", "apply"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A segment and the advertisers to deliver for: its owner first, each once, as a request lists them."""

    segment_id: str
    advertiser_ids: tuple[str, ...]

    @classmethod
    def of(cls, segment_id: str, owner: str, others: Iterable[str] = ()) -> "Target":
        """The owner and others, of whom the owner may be one."""
        return cls(segment_id=segment_id, advertiser_ids=tuple(dict.fromkeys((owner, *others))))

    @property
    def owner_advertiser_id(self) -> str:
        """The advertiser that the segment belongs to."""
        return self.advertiser_ids[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a delivery is going to do. ``marks`` tells for each row, members first, whether it is to be added."""

    snapshot: Snapshot
    target: Target
    mode: Mode
    logs: tuple[DeliveryLog, ...]
    superseded: bool = False
    marks: Mask = field(default_factory=lambda: np.zeros(0, bool), repr=False)
    removes: dict[IdentifierKind, int] = field(default_factory=dict)

    @property
    def baseline(self) -> bool:
        """Whether nothing was delivered to this target before."""
        return not any(log.operations for log in self.logs)

    @property
    def added(self) -> int:
        """Members to be added."""
        return int(self.marks[: self.snapshot.counts.members].sum())

    @property
    def rows(self) -> int:
        """Rows to be sent: members and second digests of phones to be added, and identifiers to be taken out."""
        return int(self.marks.sum()) + self.removed

    @property
    def removed(self) -> int:
        """Identifiers to be taken out."""
        return sum(self.removes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One request's worth of rows."""

    action: Action
    layout: Layout
    records: Bytes


@dataclass(slots=True)
class Tally:
    """What was acknowledged: counts, and the first and the last request id."""

    rows: int = 0
    batches: int = 0
    requests: int = 0
    request_ids: list[str] = field(default_factory=list)

    def count(self, rows: int, answer: Answer) -> None:
        """Add one acknowledged batch."""
        self.rows += rows
        self.batches += 1
        self.requests += answer.attempts
        if answer.request_id:
            self.request_ids = [*self.request_ids[:1], answer.request_id]


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
        if mode == "mirror" and _is_older(snapshot, target, logs, on_older):
            return replace(plan, superseded=True)
        if mode == "remove":
            done = all(log.ends_with(mode, snapshot) for log in logs)
            leaving = () if done else snapshot.kinds
            removes = {kind: sum(map(len, diff.distinct_digests(snapshot, kind))) for kind in leaving}
            return replace(plan, removes=removes)
        difference = diff.compare(snapshot, logs, self.open_snapshot)
        plan = replace(plan, marks=difference.marks)
        if mode == "append":
            return plan
        guards.check_removes(sum(difference.removes.values()), difference.delivered)
        return replace(plan, removes=difference.removes)

    def deliver(self, plan: Plan) -> Receipt:
        """Send what the plan says; record it as begun before the first change and as settled after the last."""
        if plan.superseded:
            return self._file(plan, _receipt(plan, Tally()))
        if plan.rows:
            self._record(plan, lambda log: log.begun(plan.mode, plan.snapshot))
        tally = Tally()
        for rows, answer in self._send_all(plan):
            tally.count(rows, answer)
        self._record(plan, lambda log: log.settled(plan.mode, plan.snapshot))
        return self._file(plan, _receipt(plan, tally))

    def _send_all(self, plan: Plan) -> Iterator[tuple[int, Answer]]:
        """Send all batches, up to ``max_concurrency`` at a time; the first failure stops what has not begun."""
        progress = Progress(logger, "Sent", self.clock, total=plan.rows)
        pool = ThreadPoolExecutor(self.max_concurrency, thread_name_prefix="tiktok")
        try:
            for batch_group in (self._adds(plan), self._removes(plan)):
                for rows, answer in _run(pool, batch_group, lambda b: self._send(plan.target, b), self.max_concurrency):
                    progress.advance(rows)
                    yield rows, answer
            if plan.rows:
                progress.report()
        finally:
            pool.shutdown(cancel_futures=True)

    def _send(self, target: Target, batch: Batch) -> Answer:
        return self.client.map_members(
            batch.action, target.segment_id, target.advertiser_ids, batch.layout, batch.records
        )

    def _adds(self, plan: Plan) -> Iterator[Batch]:
        snapshot, number = plan.snapshot, 0
        phone = Layout((IdentifierKind.PHONE_SHA256,))
        aliases = (phone.pack([digests], [np.ones(len(digests), bool)]) for digests in snapshot.alias_digests())
        for layout, blocks in ((snapshot.layout, snapshot.members()), (phone, aliases)):
            marks = plan.marks[number:]
            number += snapshot.counts.members
            for records in self._batches(plan, layout, _marked(blocks, marks)):
                yield Batch(action="add", layout=layout, records=records)

    def _removes(self, plan: Plan) -> Iterator[Batch]:
        for kind in (kind for kind, count in plan.removes.items() if count):
            layout = Layout((kind,))
            buckets = (
                diff.distinct_digests(plan.snapshot, kind)
                if plan.mode == "remove"
                else diff.removes(plan.snapshot, kind, plan.logs, self.open_snapshot)
            )
            found = (digests_of(bucket) for bucket in buckets)
            blocks = (layout.pack([digests], [present]) for digests, present in found)
            for records in self._batches(plan, layout, blocks):
                yield Batch(action="delete", layout=layout, records=records)

    def _batches(self, plan: Plan, layout: Layout, blocks: Iterable[Bytes]) -> Iterator[Bytes]:
        return batches(blocks, rows_per_batch(self.batch_rows, layout.kinds, plan.target.segment_id))

    def _record(self, plan: Plan, change: Callable[[DeliveryLog], DeliveryLog]) -> None:
        for advertiser in plan.target.advertiser_ids:
            log = self.logs.load(plan.target.segment_id, advertiser)
            self.logs.save(plan.target.segment_id, advertiser, change(log), self.unique)

    def _file(self, plan: Plan, receipt: Receipt) -> Receipt:
        path: StoragePath = plan.snapshot.folder / f"receipt-{plan.target.segment_id}-{self.unique}.json"
        receipt = replace(receipt, receipt_uri=str(path))
        write_json(path, receipt.to_dict(), self.unique)
        logger.info(
            "Segment %s: %d members, of which %d added and %d unchanged; %d identifiers removed; %d rows sent in %d "
            "requests, %d of them retries. Receipt: %s",
            *(receipt.segment_id, receipt.members, receipt.added, receipt.unchanged, receipt.removed),
            *(receipt.sent, receipt.requests, receipt.retries, receipt.receipt_uri),
        )
        return receipt


def _is_older(snapshot: Snapshot, target: Target, logs: tuple[DeliveryLog, ...], on_older: OnOlder) -> bool:
    newest = max(log.interval_end for log in logs)
    if snapshot.interval_end >= newest or on_older == "apply":
        return False
    if on_older == "fail":
        raise GuardError(
            f"the snapshot's interval ends {snapshot.interval_end}, but segment {target.segment_id} holds the one "
            f"that ends {newest}; nothing was changed. Use on_older='skip' or 'apply' if that is meant"
        )
    logger.info("Superseded: segment %s holds the newer interval that ends %s", target.segment_id, newest)
    return True


def dry_run(plan: Plan) -> Receipt:
    """The receipt of a plan that is not carried out."""
    return replace(_receipt(plan, Tally()), dry_run=True)


def _receipt(plan: Plan, tally: Tally) -> Receipt:
    members = plan.snapshot.counts.members
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
        sent=tally.rows,
        batches=tally.batches,
        requests=tally.requests,
        retries=tally.requests - tally.batches,
        request_ids=tally.request_ids,
        baseline=plan.baseline,
        superseded=plan.superseded,
    )


def _marked(blocks: Iterable[Bytes], marks: Mask) -> Iterator[Bytes]:
    """The marked records of blocks whose first record has the first mark; reads nothing when none is marked."""
    if not marks.any():
        return
    number = 0
    for records in blocks:
        yield records[marks[number : number + len(records)]]
        number += len(records)


def _run(
    pool: ThreadPoolExecutor, work: Iterator[Batch], send: Callable[[Batch], Answer], limit: int
) -> Iterator[tuple[int, Answer]]:
    """Run ``send`` on each batch with at most ``limit`` under way, so that memory does not grow with latency."""
    under_way: dict[Future[Answer], int] = {}
    for batch in work:
        under_way[pool.submit(send, batch)] = len(batch.records)
        if len(under_way) >= limit:
            yield from _completed(under_way)
    while under_way:
        yield from _completed(under_way)


def _completed(under_way: dict[Future[Answer], int]) -> Iterator[tuple[int, Answer]]:
    done, _ = wait(under_way, return_when=FIRST_COMPLETED)
    for future in done:
        yield under_way.pop(future), future.result()
