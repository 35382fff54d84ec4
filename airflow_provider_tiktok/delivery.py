"""Bringing a segment to a snapshot: ``plan`` what to send, ``deliver`` it, account for every member.

Adds go first, then removes. The two never touch the same identifier, since an identifier is removed only when no member
of the snapshot holds it; so this order decides just what an interruption leaves behind: somebody to be removed later,
never somebody missing.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np

from airflow_provider_tiktok.api.client import Answer, AudienceClient
from airflow_provider_tiktok.core.batching import batches, marked, rows_per_batch
from airflow_provider_tiktok.core.guards import Guards, refuse
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.plans import Mode, OnOlder, Plan, Target
from airflow_provider_tiktok.progress import Progress
from airflow_provider_tiktok.sending import Batch, Sender, count_sent
from airflow_provider_tiktok.snapshots import diff
from airflow_provider_tiktok.snapshots.acknowledged import Acknowledged, AcknowledgedFile
from airflow_provider_tiktok.snapshots.files import StoragePath, digests_of, write_json
from airflow_provider_tiktok.snapshots.lock import LOOK_SECONDS, SegmentLock
from airflow_provider_tiktok.snapshots.log import DeliveryLog, DeliveryLogs
from airflow_provider_tiktok.snapshots.store import Snapshot

logger = logging.getLogger(__name__)

PHONES = Layout((IdentifierKind.PHONE_SHA256,))
REFUSED = "refused_by_tiktok"
"""Reason of a member that TikTok did not take, in the receipt."""

STREAMING_QPS = 10_000
"""Rate of the Segment API at TikTok's lowest level. Whether requests or records are meant is unknown; records are taken
here, which is the slower reading. Source: portal document 1740029171730433.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """What a delivery works with. ``holder`` names the task, ``unique`` this attempt of it."""

    client: AudienceClient
    logs: DeliveryLogs
    open_snapshot: diff.OpenSnapshot
    unique: str
    holder: str = ""
    max_concurrency: int = 8
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep

    def lock(self, target: Target) -> SegmentLock:
        """Keep others from delivering to the segment; hold it from the plan to the receipt."""
        folder = self.logs.folder(target.segment_id)
        return SegmentLock(folder, self.holder, self.unique, sleep=self.sleep, clock=self.clock)

    def plan(
        self,
        snapshot: Snapshot,
        target: Target,
        *,
        mode: Mode,
        on_older: OnOlder,
        guards: Guards,
        batch_rows: int = 1000,
    ) -> Plan:
        """Compare the snapshot with what was delivered. Changes nothing."""
        for warning in guards.warnings(snapshot.counts.members):
            logger.warning(warning)
        logs = tuple(self.logs.load(target.segment_id, advertiser) for advertiser in target.advertiser_ids)
        plan = Plan(snapshot=snapshot, target=target, mode=mode, batch_rows=batch_rows, logs=logs)
        newest = max(log.interval_end for log in logs)
        if mode == "mirror" and snapshot.interval_end < newest and on_older != "apply":
            return _superseded(plan, newest, on_older)
        plan = replace(plan, objections=tuple(guards.on_members(snapshot.counts.members)))
        if plan.done:
            return plan
        if mode == "remove":
            removes = {kind: sum(map(len, diff.distinct_digests(snapshot, kind))) for kind in snapshot.kinds}
            return replace(plan, removes=removes)
        difference = diff.compare(snapshot, logs, self.open_snapshot, mode)
        plan = replace(plan, marks=difference.marks, removes=difference.removes)
        return replace(plan, objections=(*plan.objections, *guards.on_removes(plan.removed, difference.delivered)))

    def deliver(self, plan: Plan, lock: SegmentLock | None = None) -> Receipt:
        """Send what the plan says; record it as begun before the first change and as settled after the last.

        Goes on where an earlier attempt at the same plan stopped. Raises when a guard objects, and when another task
        has taken the segment, whose record is then left alone.
        """
        refuse(plan.objections)
        if plan.superseded:
            return self._file(plan, _receipt(plan))
        if plan.rows:
            self._record(plan, lambda log: log.begun(plan.mode, plan.snapshot))
        done = self._send_all(plan, lock)
        if lock:
            lock.check()
        self._record(plan, lambda log: log.settled(plan.mode, plan.snapshot, done.refused))
        return self._file(plan, _receipt(plan, done))

    def dry_run(self, plan: Plan) -> Receipt:
        """The receipt of a plan that is not carried out."""
        numbers = [
            (plan.added, _size(plan, plan.snapshot.layout)),
            (plan.aliases, _size(plan, PHONES)),
            *((removes, _size(plan, Layout((kind,)))) for kind, removes in plan.removes.items()),
        ]
        requests = sum(-(-rows // size) for rows, size in numbers)
        return replace(
            _receipt(plan),
            dry_run=True,
            batches=requests,
            requests=requests,
            stopped_by=list(plan.objections),
            estimated_seconds=round(plan.rows / STREAMING_QPS, 1),
        )

    def _send_all(self, plan: Plan, lock: SegmentLock | None = None) -> Acknowledged:
        """Send all batches that were not acknowledged yet: the adds, and when all of them are through, the removes."""
        file = AcknowledgedFile(self.logs.folder(plan.target.segment_id), self.unique)
        done = file.load(plan.name)
        if done.batches:
            logger.info("Going on after %d batches, %d rows, of an earlier attempt", done.batches, done.rows)
        progress = Progress(logger, "Sent", self.clock, total=plan.rows)
        progress.advance(done.rows)
        sender = Sender(
            call=lambda batch: self._map(plan.target, batch),
            max_concurrency=self.max_concurrency,
            sleep=self.sleep,
            accepted=bool(done.batches),
            known=frozenset(chain.from_iterable(log.refused() for log in plan.logs)),
        )
        numbers = count()
        for batches_of_part in (self._adds(plan, numbers), self._removes(plan, numbers)):
            left = (batch for batch in batches_of_part if batch.number not in done)
            for answered in sender.send(left, fresh=plan.baseline):
                for sent in answered:
                    count_sent(done, sent)
                    progress.advance(len(sent.batch.records))
                if lock:
                    lock.check(every=LOOK_SECONDS)
                file.save(done)
        if plan.rows:
            progress.report()
        return done

    def _map(self, target: Target, batch: Batch) -> Answer:
        return self.client.map_members(
            batch.action, target.segment_id, target.advertiser_ids, batch.layout, batch.records
        )

    def _adds(self, plan: Plan, numbers: Iterator[int]) -> Iterator[Batch]:
        snapshot, members = plan.snapshot, plan.snapshot.counts.members
        for records in _cut(plan, snapshot.layout, marked(snapshot.members(), plan.marks)):
            yield Batch(number=next(numbers), part="members", layout=snapshot.layout, records=records)
        aliases = (PHONES.pack([digests], [np.ones(len(digests), bool)]) for digests in snapshot.alias_digests())
        for records in _cut(plan, PHONES, marked(aliases, plan.marks[members:])):
            yield Batch(number=next(numbers), part="aliases", layout=PHONES, records=records)

    def _removes(self, plan: Plan, numbers: Iterator[int]) -> Iterator[Batch]:
        for kind in (kind for kind, removes in plan.removes.items() if removes):
            layout = Layout((kind,))
            buckets = (
                diff.distinct_digests(plan.snapshot, kind)
                if plan.mode == "remove"
                else diff.removes(plan.snapshot, kind, plan.logs, self.open_snapshot, plan.mode)
            )
            found = (digests_of(bucket) for bucket in buckets)
            blocks = (layout.pack([digests], [present]) for digests, present in found)
            for records in _cut(plan, layout, blocks):
                yield Batch(number=next(numbers), part="removes", layout=layout, records=records)

    def _record(self, plan: Plan, change: Callable[[DeliveryLog], DeliveryLog]) -> None:
        for advertiser in plan.target.advertiser_ids:
            log = self.logs.load(plan.target.segment_id, advertiser)
            self.logs.save(plan.target.segment_id, advertiser, change(log), self.unique)

    def _file(self, plan: Plan, receipt: Receipt) -> Receipt:
        path: StoragePath = plan.snapshot.folder / f"receipt-{plan.target.segment_id}-{self.unique}.json"
        receipt = replace(receipt, receipt_uri=str(path))
        write_json(path, receipt.to_dict(), self.unique)
        if receipt.refused:
            logger.warning(
                "TikTok refused %d rows (%s); they are not part of the segment, and the next delivery tries them again",
                sum(receipt.refused.values()),
                ", ".join(f"{part}: {rows}" for part, rows in receipt.refused.items()),
            )
        return receipt


def _cut(plan: Plan, layout: Layout, blocks: Iterable[Bytes]) -> Iterator[Bytes]:
    return batches(blocks, _size(plan, layout))


def _size(plan: Plan, layout: Layout) -> int:
    return rows_per_batch(plan.batch_rows, layout.kinds, plan.target.segment_id)


def _superseded(plan: Plan, newest: str, on_older: OnOlder) -> Plan:
    segment = plan.target.segment_id
    if on_older == "skip":
        logger.info("Superseded: segment %s holds the newer interval that ends %s", segment, newest)
        return replace(plan, superseded=True)
    objection = (
        f"the snapshot's interval ends {plan.snapshot.interval_end}, but segment {segment} holds the one that ends "
        f"{newest}; nothing was changed. Use on_older='skip' or 'apply' if that is meant"
    )
    return replace(plan, superseded=True, objections=(objection,))


def _receipt(plan: Plan, done: Acknowledged | None = None) -> Receipt:
    done = done or Acknowledged(plan="")
    members, refused = plan.snapshot.counts.members, done.refused_rows
    refused_members = refused.get("members", 0)
    return Receipt(
        segment_id=plan.target.segment_id,
        owner_advertiser_id=plan.target.owner_advertiser_id,
        advertiser_ids=list(plan.target.advertiser_ids),
        mode=plan.mode,
        snapshot_uri=plan.snapshot.uri,
        interval_end=plan.snapshot.interval_end,
        plan=plan.name,
        members=members,
        added=plan.added - refused_members,
        unchanged=0 if plan.superseded else members - plan.added,
        removed=plan.removed - refused.get("removes", 0),
        sent=done.rows,
        batches=done.batches,
        requests=done.requests,
        retries=done.requests - done.batches,
        rejected={REFUSED: refused_members} if refused_members else {},
        refused=dict(refused),
        request_ids=done.request_ids,
        baseline=plan.baseline,
        superseded=plan.superseded,
    )
