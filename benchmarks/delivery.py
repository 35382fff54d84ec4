"""From a source to the segment: the script and this package, in full and with little changed, checked at the sink."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.child import Usage, measure
from benchmarks.contenders import FAST, LABELS, SCRIPT, environment
from benchmarks.database import Database
from benchmarks.people import COLUMNS, Expected, People
from benchmarks.progress import say
from benchmarks.sink import Arrived, Sink
from benchmarks.table import Cell

FULL, CHURN, SAME = "full", "churn", "same"
RUNS = {FULL: "full", CHURN: "2 % churn", SAME: "nothing changed"}
VERSIONS = {FULL: 1, CHURN: 2, SAME: 2}
DAYS = {FULL: 1, CHURN: 2, SAME: 3}
NOBODY = Expected(people=0, fingerprint=0)
HEADS = (
    "rows", "source", "ids", "run", "contender", "seconds", "rows/s", "x script", "CPU s", "peak MB", "at start MB",
    "requests", "ids sent", "snapshot s", "upload s", "arrived",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One contender on one data set from one source."""

    people: People
    source: str
    identifiers: int
    contender: str

    @property
    def columns(self) -> dict[str, str]:
        """Columns to deliver."""
        return dict(list(COLUMNS.items())[: self.identifiers])

    def where(self, version: int) -> dict[str, str | None]:
        """Source of a version: a table, and the file it was made of."""
        table = table_name(self.people, version) if self.source == "postgres" else None
        return {"table": table, "parquet": str(self.people.parquet(version))}

    def __str__(self) -> str:
        return f"{self.people.rows:,} rows, {self.source}, {self.identifiers} of 3 kinds, {LABELS[self.contender]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One run of a case, and whether the right identifiers arrived."""

    case: Case
    run: str
    usage: Usage
    arrived: Arrived
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Where the contenders run."""

    sink: Sink
    database: Database | None
    folder: Path

    @property
    def root(self) -> Path:
        """Snapshots and what was delivered."""
        return self.folder / "state"

    def clear(self) -> None:
        """Forget what was delivered."""
        shutil.rmtree(self.root, ignore_errors=True)

    def variables(self, *, fast: bool) -> dict[str, str | None]:
        """Environment of our operators."""
        connection = self.database.airflow_connection() if self.database else None
        return environment(self.root, self.sink.url, connection, fast=fast)

    def run(self, case: Case, run: str) -> Usage:
        """Measure one run of a case."""
        arguments: dict[str, Any] = {"columns": case.columns, **case.where(VERSIONS[run])}
        if case.contender == SCRIPT:
            address = self.database.url if self.database and case.source == "postgres" else None
            return measure("benchmarks.script:prepare", {**arguments, "url": self.sink.url, "database": address})
        variables = self.variables(fast=case.contender == FAST)
        return measure("benchmarks.operators:prepare", {**arguments, "day": DAYS[run]}, variables)


def table_name(people: People, version: int) -> str:
    """Table of a version."""
    return f"people_{people.rows}_{version}"


def deliver(case: Case, runs: Sequence[str], track: Track) -> Iterator[Delivered]:
    """Run a case; the script has one run only, since it always sends everything."""
    track.clear()
    possible = (FULL,) if case.contender == SCRIPT else tuple(RUNS)
    for run in (run for run in possible if run in runs or run == FULL):
        say(f"{case}: {RUNS[run]}")
        track.sink.take()
        usage = track.run(case, run)
        arrived = track.sink.take()
        delivered = Delivered(case=case, run=run, usage=usage, arrived=arrived, problem=_problem(case, run, arrived))
        say(f"    {usage.seconds:.1f} s, {usage.peak_mb:.0f} MB, {arrived.requests} requests {delivered.problem}")
        yield delivered
    track.clear()


def _problem(case: Case, run: str, arrived: Arrived) -> str:
    """Say what is wrong with what arrived, ``""`` when each person arrived once."""
    expected = case.people.expected()
    added = {FULL: expected["version 1"], CHURN: expected["joined"], SAME: NOBODY}[run]
    left = expected["left"] if run == CHURN else NOBODY
    wrong = []
    if arrived.added != added.people * case.identifiers or arrived.added_fingerprint != added.fingerprint:
        wrong.append(f"{arrived.added} identifiers added instead of {added.people * case.identifiers}, or others")
    if arrived.deleted != left.people * case.identifiers or arrived.deleted_fingerprint != left.fingerprint:
        wrong.append(f"{arrived.deleted} identifiers deleted instead of {left.people * case.identifiers}, or others")
    return "; ".join(wrong)


def table_rows(delivered: Sequence[Delivered]) -> list[list[Cell]]:
    """Rows under ``HEADS``; each is compared with the script's run on the same data from the same source."""
    scripts = {_key(one): one.usage.seconds for one in delivered if one.case.contender == SCRIPT}
    return [_row(one, scripts.get(_key(one))) for one in delivered]


def _key(one: Delivered) -> tuple[int, str, int]:
    return one.case.people.rows, one.case.source, one.case.identifiers


def _row(one: Delivered, script_seconds: float | None) -> list[Cell]:
    case, usage, arrived = one.case, one.usage, one.arrived
    return [
        case.people.rows,
        case.source,
        case.identifiers,
        RUNS[one.run],
        LABELS[case.contender],
        usage.seconds,
        case.people.rows / usage.seconds,
        script_seconds / usage.seconds if script_seconds else None,
        usage.cpu_seconds,
        usage.peak_mb,
        usage.start_mb,
        arrived.requests,
        arrived.added + arrived.deleted,
        usage.result.get("snapshot_s"),
        usage.result.get("upload_s"),
        one.problem or "right",
    ]
