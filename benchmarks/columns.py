"""Hashing one column of e-mail addresses, three ways, compared row by row; and the limits of the machine."""

import filecmp
import shutil
import subprocess
from pathlib import Path

from benchmarks.child import MeasurementError, Usage, measure
from benchmarks.contenders import FAST, OURS, SCRIPT, missing
from benchmarks.people import People
from benchmarks.progress import say
from benchmarks.sink import Sink
from benchmarks.table import Cell

HASH_HEADS = (
    "rows",
    "normalise and hash e-mails",
    "engine",
    "seconds",
    "rows/s",
    "x pandas",
    "CPU s",
    "peak MB",
    "at start MB",
)
LIMIT_HEADS = ("limit", "rows", "seconds", "rows/s", "CPU s")
CONTENDERS = {
    SCRIPT: ("pandas .str and hashlib", "benchmarks.hashing:prepare_pandas", None),
    OURS: ("ours", "benchmarks.hashing:prepare_ours", "1"),
    FAST: ("ours [fast]", "benchmarks.hashing:prepare_ours", None),
}


def compare_hashing(people: People, folder: Path) -> list[list[Cell]]:
    """Hash the column of version 1; rows under ``HASH_HEADS``. Raises when one digest differs."""
    measured: dict[str, Usage] = {}
    for contender, (label, target, no_fast) in CONTENDERS.items():
        if contender in missing():
            continue
        say(f"{people.rows:,} rows: hashing, {label}")
        arguments = {"parquet": str(people.parquet(1)), "digests": str(folder / f"hashed-{contender}")}
        measured[contender] = measure(target, arguments, {"AIRFLOW_TIKTOK_NO_FAST": no_fast})
        if not filecmp.cmp(folder / f"hashed-{contender}", folder / f"hashed-{SCRIPT}", shallow=False):
            raise MeasurementError(f"{label} gives other digests than pandas and hashlib")
    for contender in measured:
        (folder / f"hashed-{contender}").unlink()
    pandas = measured[SCRIPT].seconds
    return [_hash_row(people, CONTENDERS[contender][0], usage, pandas) for contender, usage in measured.items()]


def measure_limits(people: People, sink: Sink, latency_ms: float) -> list[list[Cell]]:
    """Rows under ``LIMIT_HEADS``."""
    say("Limits of the machine")
    jobs = {"hashlib on prepared bytes, one core": "prepare_hashlib"}
    if FAST not in missing():
        jobs["stringzilla on prepared bytes, one core"] = "prepare_stringzilla"
    rows = [_limit(label, measure(f"benchmarks.limits:{job}", {})) for label, job in jobs.items()]
    posts = measure("benchmarks.limits:prepare_posts", {"url": sink.url, "rows": people.people})
    if not posts.result["ok"]:
        raise MeasurementError("the sink did not answer 200")
    return [*_openssl(), *rows, _limit(f"HTTPS, prepared bodies, 8 threads, {latency_ms:g} ms latency", posts)]


def _openssl() -> list[list[Cell]]:
    """Speed of SHA-256 from C, in blocks as long as an e-mail address."""
    program = shutil.which("openssl")
    if program is None:
        return []
    size = 26
    command = [program, "speed", "-mr", "-bytes", str(size), "-seconds", "2", "-evp", "sha256"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    rate = float(done.stdout.strip().rpartition(":")[2]) / size
    return [[f"openssl speed, SHA-256 of {size} bytes, one core", int(2 * rate), 2.0, rate, 2.0]]


def _limit(label: str, usage: Usage) -> list[Cell]:
    rows: int = usage.result["rows"]
    return [label, rows, usage.seconds, rows / usage.seconds, usage.cpu_seconds]


def _hash_row(people: People, label: str, usage: Usage, pandas: float) -> list[Cell]:
    rate, times = people.rows / usage.seconds, pandas / usage.seconds
    engine: str = usage.result["engine"]
    return [people.rows, label, engine, usage.seconds, rate, times, usage.cpu_seconds, usage.peak_mb, usage.start_mb]
