"""Measure the script that people have today and this package side by side: ``python -m benchmarks.run``.

Progress goes to standard error, the tables to standard output and, with ``--output``, to a file. Data, and a PostgreSQL
with it, are made once in the work folder and kept there for the next run.
"""

import argparse
import contextlib
import fcntl
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import delivery
from benchmarks.child import MeasurementError
from benchmarks.columns import compare_hashing, measure_limits
from benchmarks.contenders import LABELS, SCRIPT, missing, reads_files
from benchmarks.database import Database, missing_programs
from benchmarks.machine import describe
from benchmarks.people import People
from benchmarks.progress import say
from benchmarks.report import Report
from benchmarks.sets import compare
from benchmarks.sink import Sink

TABLES = ("delivery", "hashing", "sets", "limits")
POSTGRES, PARQUET = "postgres", "parquet"


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--rows", type=_rows, nargs="+", default=[1_000_000, 10_000_000], help="as 300k or 10M")
    parser.add_argument("--quick", action="store_true", help="100,000 rows for everything")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    parser.add_argument("--sources", nargs="+", choices=(POSTGRES, PARQUET), default=(POSTGRES, PARQUET))
    parser.add_argument("--identifiers", nargs="+", type=int, choices=(1, 2, 3), default=(1, 3), help="of each person")
    parser.add_argument("--contenders", nargs="+", choices=tuple(LABELS), default=tuple(LABELS))
    parser.add_argument("--runs", nargs="+", choices=tuple(delivery.RUNS), default=(delivery.FULL, delivery.CHURN))
    parser.add_argument("--latency-ms", type=float, default=50.0, help="of the sink")
    parser.add_argument("--workdir", type=Path, default=Path(tempfile.gettempdir()) / "tiktok-bench")
    parser.add_argument("--output", type=Path, help="also write the tables to this file")
    options = parser.parse_args(arguments)
    options.rows = [100_000] if options.quick else sorted(set(options.rows))
    options.workdir = options.workdir.absolute()
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything that was asked for; 1 when something wrong arrived at the sink."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options.contenders, options.sources = _possible(options.contenders, options.sources)
    report = Report(head=describe(), latency_ms=options.latency_ms)
    people = [People(folder=options.workdir, rows=rows) for rows in options.rows]
    try:
        with _alone(options.workdir), _database(options, people) as database, Sink(options.latency_ms) as sink:
            track = delivery.Track(sink=sink, database=database, folder=options.workdir)
            for each in people:
                _measure(options, each, track, report)
            if "limits" in options.tables:
                report.limits += measure_limits(people[-1], sink, options.latency_ms)
    except KeyboardInterrupt:
        say("Ended early; this is what was measured so far")
        return 130
    except MeasurementError as error:
        say(f"Ended early: {error}")
        return 1
    finally:
        report.write(options.output)
    return 0 if report.right else 1


def _measure(options: argparse.Namespace, people: People, track: delivery.Track, report: Report) -> None:
    if "hashing" in options.tables:
        report.hashing += compare_hashing(people, track.folder)
    if "sets" in options.tables and (track.database or reads_files()):
        report.sets += compare(people, PARQUET if reads_files() else POSTGRES, track)
    if "delivery" in options.tables:
        for case in _cases(options, people):
            for delivered in delivery.deliver(case, options.runs, track):
                report.delivered.append(delivered)


def _cases(options: argparse.Namespace, people: People) -> Iterator[delivery.Case]:
    for source in options.sources:
        for identifiers in options.identifiers:
            for contender in options.contenders:
                if source == PARQUET and contender != SCRIPT and not reads_files():
                    say(f"Skipped {LABELS[contender]} from Parquet: there is no FileToTikTokSnapshotOperator")
                    continue
                yield delivery.Case(people=people, source=source, identifiers=identifiers, contender=contender)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the work folder: a second run there would delete the state of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MeasurementError(f"another run uses {folder}; wait for it, or give another --workdir") from None
        yield


@contextlib.contextmanager
def _database(options: argparse.Namespace, people: list[People]) -> Iterator[Database | None]:
    for each in people:
        each.generate()
    if POSTGRES not in options.sources:
        yield None
        return
    with Database(options.workdir / "postgres") as database:
        for each in people:
            for version in (1, 2):
                database.load(delivery.table_name(each, version), each.parquet(version))
        yield database


def _possible(contenders: Sequence[str], sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Leave out what this machine cannot run, and say so."""
    for contender, reason in missing().items():
        if contender in contenders:
            say(f"Skipped {LABELS[contender]}: {reason}")
    programs = missing_programs() if POSTGRES in sources else []
    if programs:
        say(f"Skipped PostgreSQL: {' and '.join(programs)} not found; install PostgreSQL and put it on the PATH")
    left = [source for source in sources if source != POSTGRES or not programs]
    return [contender for contender in contenders if contender not in missing()], left


def _rows(text: str) -> int:
    units = {"k": 1_000, "m": 1_000_000}
    unit = units.get(text[-1:].lower(), 1)
    rows = int(text.rstrip("kKmM").replace("_", "").replace(",", "")) * unit
    if rows < 1000:
        raise argparse.ArgumentTypeError("give at least 1000 rows")
    return rows


if __name__ == "__main__":
    sys.exit(main())
