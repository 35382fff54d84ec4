"""The plan of a snapshot against what was delivered, beside ``pandas.merge`` of the same two sets."""

from typing import Any

from benchmarks.child import MeasurementError, Usage, measure
from benchmarks.contenders import OURS
from benchmarks.delivery import Case, Track
from benchmarks.people import People
from benchmarks.progress import say
from benchmarks.table import Cell

HEADS = (
    "rows",
    "what to add and to remove",
    "seconds",
    "x pandas",
    "CPU s",
    "peak MB",
    "at start MB",
    "added",
    "removed",
)


def compare(people: People, source: str, track: Track) -> list[list[Cell]]:
    """Measure both on one data set; rows under ``HEADS``."""
    say(f"{people.rows:,} rows: plan of 2 % churn beside pandas.merge")
    pandas = measure("benchmarks.merging:prepare", {"before": str(people.digests(1)), "now": str(people.digests(2))})
    plan = _plan(Case(people=people, source=source, identifiers=1, contender=OURS), track)
    rows: list[list[Cell]] = []
    for label, usage in (("pandas.merge of hex digests", pandas), ("ours: plan (dry run of the upload)", plan)):
        found = usage.result["added"], usage.result["removed"]
        if found != (people.churned, people.churned):
            raise MeasurementError(f"{label} found {found} instead of {people.churned} each")
        times = pandas.seconds / usage.seconds
        rows.append(
            [people.rows, label, usage.seconds, times, usage.cpu_seconds, usage.peak_mb, usage.start_mb, *found]
        )
    return rows


def _plan(case: Case, track: Track) -> Usage:
    """Deliver version 1, take a snapshot of version 2, and measure the plan."""
    track.clear()
    variables = track.variables(fast=False)

    def run(job: str, **arguments: Any) -> Usage:
        return measure(f"benchmarks.operators:{job}", arguments, variables)

    run("prepare", columns=case.columns, day=1, **case.where(1))
    snapshot = run("prepare_snapshot", columns=case.columns, day=2, **case.where(2)).result
    usage = run("prepare_plan", snapshot=snapshot, day=2)
    track.clear()
    return usage
