"""A worker that is killed in the middle of a delivery: the next try is exact, and sends almost nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_tiktok.api.client import Answer, AudienceClient
from airflow_provider_tiktok.emulator import Emulator
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from airflow_provider_tiktok.plans import Plan
from airflow_provider_tiktok.snapshots.acknowledged import Acknowledged, AcknowledgedFile
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from tests.kit import EMAIL, MAPPING, PERSON, Desk, digests, email_digests, emails

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 60
SLOW = 0.02
"""Seconds that the emulator takes for a request: most of the time, requests are under way."""

HOLDER = "delivery.upload run 1"

CHILD = """
import sys
from pathlib import Path
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.delivery import Courier
from airflow_provider_tiktok.plans import Target
from airflow_provider_tiktok.emulator import ADVERTISER_ID
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from airflow_provider_tiktok.snapshots.acknowledged import Acknowledged, AcknowledgedFile
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import client_for

url, root, segment_id, uri, holder, batch_rows, max_concurrency = sys.argv[1:]
open_snapshot = lambda uri: Snapshot.open(Path(uri))
courier = Courier(
    client=client_for(url), logs=DeliveryLogs(Path(root)), open_snapshot=open_snapshot, unique="killed", holder=holder,
    max_concurrency=int(max_concurrency),
)
target, guards = Target.of(segment_id, ADVERTISER_ID), Guards(max_delete_pct=100.0)
with courier.lock(target):
    plan = courier.plan(
        open_snapshot(uri), target, mode="mirror", on_older="skip", guards=guards, batch_rows=int(batch_rows)
    )
    courier.deliver(plan)
"""


@contextmanager
def child(*command: str, env: dict[str, str] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of its own; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", *command],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_requests(tiktok: Emulator, number: int, process: "subprocess.Popen[bytes]") -> None:
    """Return as soon as the emulator has answered so many mappings."""
    end = time.monotonic() + SECONDS
    while tiktok.count_requests(MAPPING) < number:
        if process.poll() is not None:
            assert process.stderr
            raise AssertionError(process.stderr.read().decode())
        assert time.monotonic() < end, "the child hangs"


@dataclass
class Case:
    """A delivery to be broken off, chosen by chance from a seed, and what the segment must hold after it."""

    seed: int
    max_concurrency: int
    three_kinds: bool = field(init=False)
    people: range = field(init=False)
    batch_rows: int = field(init=False)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.three_kinds = self.seed % 3 == 2
        start, added = self.chance.randint(30, 70), self.chance.randint(60, 120)
        self.people, self.batch_rows = range(start, 100 + added), self.chance.randint(5, 9)

    def rows(self, people: range) -> list[tuple[object, ...]]:
        """Three of four people have a phone, two share one; one in two has a device."""
        if not self.three_kinds:
            return list(emails(*people))
        return [(f"person{n}@example.com", self.phone(n), self.device(n)) for n in people]

    @staticmethod
    def phone(n: int) -> str | None:
        return f"+1212555{n // 2:04}" if n % 4 else None

    @staticmethod
    def device(n: int) -> str | None:
        return f"{n:08x}-0000-4000-8000-00000000abcd" if n % 2 else None

    @property
    def columns(self) -> dict[str, str]:
        return PERSON if self.three_kinds else EMAIL

    def expected(self, people: range) -> dict[str, set[str]]:
        found = {"EMAIL_SHA256": email_digests(*people)}
        if self.three_kinds:
            found["PHONE_SHA256"] = digests(filter(None, map(self.phone, people)))
            found["IDFA_SHA256"] = digests(filter(None, map(self.device, people)))
        return found


def held(desk: Desk) -> dict[str, set[str]]:
    return {kind: some for kind, some in desk.tiktok.members(desk.segment_id).items() if some}


CASES = [Case(seed, 1 if seed % 2 else 4) for seed in range(20)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed {case.seed}, {case.max_concurrency} at a time")
def test_a_killed_delivery_goes_on_where_it_stopped(desk: Desk, case: Case) -> None:
    """Killed after any number of requests, the next try ends exact, and sends twice at most what was under way."""
    before = range(100)
    desk.deliver(desk.snapshot(case.rows(before), day=1, columns=case.columns), batch_rows=1000)
    assert held(desk) == case.expected(before)
    snapshot = desk.snapshot(case.rows(case.people), day=2, columns=case.columns)
    options = {"max_concurrency": case.max_concurrency, "holder": HOLDER}
    plan = desk.plan(snapshot, batch_rows=case.batch_rows)
    everything = desk.courier(**options).dry_run(plan)
    sent_before = desk.mapping_requests()

    moment = case.chance.randint(1, everything.batches - 2)
    desk.tiktok.delay(MAPPING, SLOW, times=None)
    desk.tiktok.delay(MAPPING, 2.0, times=None, skip=everything.batches - 2)  # it cannot end before it is killed
    arguments = (desk.tiktok.url, str(desk.root), desk.segment_id, snapshot.uri, HOLDER)
    with child(CHILD, *arguments, str(case.batch_rows), str(case.max_concurrency)) as process:
        wait_for_requests(desk.tiktok, sent_before + moment, process)
    assert process.returncode == -signal.SIGKILL
    desk.tiktok.clear_faults()
    saved = saved_progress(desk, plan).requests

    courier = desk.courier(**options)
    with courier.lock(desk.target()):
        receipt = courier.deliver(desk.plan(snapshot, batch_rows=case.batch_rows))

    assert held(desk) == case.expected(case.people)
    assert (receipt.added, receipt.removed) == (everything.added, everything.removed)
    assert everything.removed > 0
    assert receipt.sent == plan.rows
    assert receipt.batches == everything.batches
    total, resent = desk.mapping_requests() - sent_before, receipt.requests - saved
    acknowledged = total - resent  # by the first try, with those whose answer was never read
    print(f"{everything.batches} batches, killed at {moment}: {acknowledged} acknowledged, {resent} sent by the retry")
    assert acknowledged >= moment
    assert resent <= everything.batches - acknowledged + case.max_concurrency
    assert not list((desk.root / "delivered" / desk.segment_id / "claims").iterdir())


def saved_progress(desk: Desk, plan: Plan) -> Acknowledged:
    """What the tries at a plan have put into their account."""
    return AcknowledgedFile(DeliveryLogs(desk.root).folder(desk.segment_id), "reader").load(plan.name)


class Watching:
    """A client that compares, at the start of each call, the calls so far with the progress that was saved."""

    def __init__(self, client: AudienceClient, saved: Callable[[], Acknowledged]) -> None:
        self._client, self._saved = client, saved
        self.calls, self.unsaved = 0, [0]

    def map_members(self, *arguments: Any) -> Answer:
        self.calls += 1
        self.unsaved.append(self.calls - self._saved().batches)
        return self._client.map_members(*arguments)


@pytest.mark.parametrize("max_concurrency", [1, 2, 4], ids="{} at a time".format)
def test_no_more_than_what_is_under_way_is_ever_unsaved(desk: Desk, max_concurrency: int) -> None:
    """Batches that were begun and are not in the saved progress are as many as go at a time: a kill costs no more."""
    plan = desk.plan(desk.snapshot(emails(*range(100))))
    watching = Watching(desk.client, lambda: saved_progress(desk, plan))
    replace(desk.courier(max_concurrency=max_concurrency), client=watching).deliver(plan)
    assert watching.calls == 50
    assert max(watching.unsaved) <= max_concurrency


TASK = """
import sys
from tests.test_killed_deliveries import upload
upload(*sys.argv[1:])
"""


def upload(segment_id: str, uri: str) -> dict[str, Any]:
    """What a worker does with the task."""
    operator = TikTokUploadSegmentOperator(
        task_id="upload", segment=segment_id, source=uri, max_delete_pct=100, batch_rows=5, max_concurrency=1
    )
    ti = SimpleNamespace(dag_id="delivery", task_id="upload", run_id="run 1", map_index=-1)
    end = datetime(2026, 1, 2, tzinfo=UTC)
    context: Any = {"data_interval_end": end, "dag_run": SimpleNamespace(run_after=None), "ti": ti}
    return operator.execute(context)


def test_a_task_that_is_killed_twice_costs_two_batches(connection: Emulator, tmp_path: Path) -> None:
    """The operator itself, in workers killed among the adds and among the removes; their claims do not hold it up."""
    desk = Desk(connection, tmp_path / "root")
    desk.deliver(desk.snapshot(emails(*range(50)), day=1), batch_rows=50)
    snapshot = desk.snapshot(emails(*range(25, 100)), day=2)
    sent_before = desk.mapping_requests()
    connection.delay(MAPPING, SLOW, times=None)
    for moment in (4, 13):
        with child(TASK, desk.segment_id, snapshot.uri) as process:
            wait_for_requests(connection, sent_before + moment, process)
        assert process.returncode == -signal.SIGKILL
    started = time.monotonic()
    receipt = upload(desk.segment_id, snapshot.uri)
    took = time.monotonic() - started
    assert desk.members() == email_digests(*range(25, 100))
    assert (receipt["added"], receipt["removed"], receipt["sent"], receipt["batches"]) == (50, 25, 75, 15)
    total = desk.mapping_requests() - sent_before
    print(f"15 batches, killed at 4 and at 13: {total} requests; the third try took {took:.1f} s")
    assert total <= 15 + 2
    assert took < 30, "it waits for nobody"
