"""Any history of deliveries, failures and refusals ends exact: random histories against a model of plain sets."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.errors import RejectedError
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import EMAIL, MAPPING, PERSON, Desk, sha256

Row = tuple[str | None, ...]
Identifiers = set[tuple[str, str]]

KINDS = tuple(PERSON.values())
EMAILS = [f"person{number}@example.com" for number in range(7)]
PHONES = [f"+1212555010{number}" for number in range(4)]
DEVICES = [f"0000000{number}-0000-4000-8000-00000000abcd" for number in range(4)]
EVERYTHING = [
    *((KINDS[0], text) for text in EMAILS),
    *((KINDS[1], text) for text in PHONES),
    *((KINDS[2], text) for text in DEVICES),
]

person = st.tuples(*(st.none() | st.sampled_from(texts) for texts in (EMAILS, PHONES, DEVICES))).filter(any)
"""Few people: they share phones, change e-mails, and come back."""

queries = st.lists(st.tuples(st.sampled_from(EMAILS)), max_size=7) | st.lists(person, max_size=8)

PASSING = ["code 40100", "code 50000", "code 50002, applied", "HTTP 502", "HTTP 504, applied", "drop", "drop, applied"]

options = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["mirror", "mirror", "mirror", "append", "remove"]),
        "on_older": st.sampled_from(["skip", "apply"]),
        "batch_rows": st.integers(1, 4),
        "max_concurrency": st.integers(1, 3),
        "two": st.booleans(),
        "passing": st.none() | st.tuples(st.sampled_from(PASSING), st.integers(0, 4)),
        "crash": st.none() | st.integers(0, 6),
    }
)


def identifiers(row: Row) -> Identifiers:
    return {(kind, sha256(text)) for kind, text in zip(KINDS, row, strict=False) if text}


def union(rows: Sequence[Row]) -> Identifiers:
    return set().union(*map(identifiers, rows))


class History(RuleBasedStateMachine):
    """Deliveries to one segment. The model: who is in it, who is refused, and which interval is the newest."""

    tiktok: Emulator
    outcomes: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.tiktok.reset()
        self.desk = Desk(self.tiktok, Path(self._folder.name))
        self.snapshots: list[tuple[Snapshot, list[Row], str]] = []
        self.held: Identifiers = set()
        self.poisoned: Identifiers = set()
        self.newest = {ADVERTISER_ID: "", ADVERTISER_ID_2: ""}
        self.last: tuple[object, ...] = ()

    def teardown(self) -> None:
        self._folder.cleanup()

    @rule(rows=queries, day=st.integers(1, 4), how=options)
    def deliver_a_new_query(self, rows: list[Row], day: int, how: dict[str, Any]) -> None:
        columns = PERSON if rows and len(rows[0]) == 3 else EMAIL
        snapshot = self.desk.snapshot(rows, day=day, columns=columns)
        self.snapshots.append((snapshot, rows, f"2026-01-{day:02}"))
        self.deliver(*self.snapshots[-1], **how)

    @precondition(lambda self: self.snapshots)
    @rule(data=st.data(), how=options)
    def deliver_a_former_snapshot_again(self, data: st.DataObject, how: dict[str, Any]) -> None:
        number = data.draw(st.integers(1, min(3, len(self.snapshots))))
        self.deliver(*self.snapshots[-number], **how)

    @precondition(lambda self: self.snapshots)
    @rule(two=st.booleans())
    def the_last_one_succeeds_in_the_end(self, two: bool) -> None:
        self.heal()
        how = {"on_older": "apply", "batch_rows": 3, "max_concurrency": 2, "passing": None, "crash": None}
        self.deliver(*self.snapshots[-1], mode="mirror", two=two, **how)
        assert self.held == union(self.snapshots[-1][1])

    @rule(some=st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=2))
    def tiktok_begins_to_refuse_some(self, some: list[tuple[str, str]]) -> None:
        self.poisoned |= {(kind, sha256(text)) for kind, text in some}
        self.set_faults()

    @precondition(lambda self: self.poisoned)
    @rule()
    def heal(self) -> None:
        self.poisoned = set()
        self.set_faults()

    def set_faults(self, passing: tuple[str, int] | None = None, crash: int | None = None) -> None:
        self.tiktok.clear_faults()
        if self.poisoned:
            self.tiktok.poison(digest for _, digest in self.poisoned)
        if passing:
            what, skip = passing
            applied, number = "applied" in what, "".join(filter(str.isdigit, what))
            if what.startswith("code"):
                self.tiktok.fail_with_code(MAPPING, int(number), times=2, skip=skip, applied=applied)
            elif what.startswith("HTTP"):
                self.tiktok.fail_with_http(MAPPING, int(number), times=2, skip=skip, applied=applied)
            else:
                (self.tiktok.drop_after if applied else self.tiktok.drop_before)(MAPPING, times=2, skip=skip)
        if crash is not None:
            self.tiktok.fail_with_code(MAPPING, 40007, times=None, skip=crash)

    def deliver(self, snapshot: Snapshot, rows: list[Row], end: str, **how: Any) -> None:
        """One try; whatever comes of it is compared with the model."""
        advertisers = (ADVERTISER_ID, ADVERTISER_ID_2) if how["two"] else (ADVERTISER_ID,)
        before, requests = self.look(), self.desk.mapping_requests()
        assert before == self.held, "nobody else changes it"
        self.set_faults(how["passing"], how["crash"])
        courier = {"max_concurrency": how["max_concurrency"]}
        plan = {name: how[name] for name in ("mode", "on_older", "batch_rows")}
        plan["target"] = self.desk.target(*advertisers[1:])
        try:
            receipt = self.desk.deliver(snapshot, courier=courier, **plan)
        except RejectedError:
            assert self.poisoned or how["crash"] is not None
            self.outcomes["failed"] += 1
            self.failed(how["mode"], before, union(rows))
        else:
            note(f"{how['mode']}: {receipt}")
            self.succeeded(how, rows, end, advertisers, receipt, before)
            done = (snapshot.uri, how["mode"], advertisers)
            if self.last == done and not receipt.superseded:
                assert self.desk.mapping_requests() == requests, "it was done"
                self.outcomes["nothing to do"] += 1
            self.last = () if receipt.refused or receipt.superseded else done
        self.set_faults()

    def failed(self, mode: str, before: Identifiers, asked: Identifiers) -> None:
        """Nothing but what was asked for was touched."""
        self.held, self.last = self.look(), ()
        least = {"mirror": before & asked, "append": before, "remove": before - asked}[mode]
        most = {"mirror": before | asked, "append": before | asked, "remove": before}[mode]
        assert least <= self.held <= most

    def succeeded(
        self,
        how: dict[str, Any],
        rows: list[Row],
        end: str,
        advertisers: tuple[str, ...],
        receipt: Receipt,
        before: Identifiers,
    ) -> None:
        mode, asked = how["mode"], union(rows)
        good = union([row for row in rows if not identifiers(row) & self.poisoned])
        older = mode == "mirror" and end < max(self.newest[one] for one in advertisers) and how["on_older"] == "skip"
        assert receipt.superseded == older
        if older:
            expected = before
        elif mode == "mirror":
            expected = good | (before & (asked | self.poisoned))
        elif mode == "append":
            expected = before | good
        else:
            expected = before - (asked - self.poisoned)
        self.held = self.look()
        assert self.held == expected
        if not older:
            self.newest.update({one: max(self.newest[one], end) for one in advertisers})
            assert receipt.members == receipt.added + receipt.unchanged + sum(receipt.rejected.values())
        self.outcomes["superseded" if older else f"{mode}, some refused" if receipt.refused else mode] += 1

    def look(self) -> Identifiers:
        found = self.tiktok.members(self.desk.segment_id)
        return {(kind, digest) for kind, some in found.items() for digest in some}


@pytest.mark.timeout(600)
def test_any_history_ends_exact(emulator_process: Emulator) -> None:
    """After every delivery that succeeds, whatever came before it, the segment holds what it should and no more."""
    outcomes: Counter[str] = Counter()

    class Here(History):
        pass

    Here.tiktok, Here.outcomes = emulator_process, outcomes
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=45,
            stateful_step_count=10,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(outcomes))
