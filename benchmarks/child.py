"""Measures one piece of work in a process of its own: wall time, CPU time, and the peak of its memory.

A target is named ``module:function``. The function is called with the arguments and prepares a :class:`Job`; imports
and preparation are not measured, ``work`` is, and ``report`` turns what it returns into JSON.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class MeasurementError(RuntimeError):
    """A child failed; the text ends with what it wrote last."""


@dataclass(frozen=True, slots=True)
class Job:
    """Prepared work, and how to report what it returned."""

    work: Callable[[], Any]
    report: Callable[[Any], dict[str, Any]] = dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a piece of work cost. ``start_mb`` is the peak of memory before it began: libraries and preparation."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    start_mb: float
    result: dict[str, Any]


def measure(target: str, arguments: Mapping[str, Any], environment: Mapping[str, str | None] | None = None) -> Usage:
    """Run a target in a fresh Python. An environment value of ``None`` removes the variable."""
    changed = {**os.environ, **(environment or {})}
    variables = {name: value for name, value in changed.items() if value is not None}
    with tempfile.TemporaryDirectory(prefix="tiktok-bench-") as folder:
        answer, log = Path(folder) / "usage.json", Path(folder) / "log"
        command = [sys.executable, "-m", "benchmarks.child", target, json.dumps(arguments), str(answer)]
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603  our own module
                command, cwd=ROOT, env=variables, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False
            )
        if done.returncode:
            raise MeasurementError(f"{target} ended with {done.returncode}:\n{log.read_text(errors='replace')[-3000:]}")
        return Usage(**json.loads(answer.read_text()))


def _run(target: str, arguments: dict[str, Any]) -> Usage:
    module, _, function = target.partition(":")
    job: Job = getattr(importlib.import_module(module), function)(**arguments)
    start_mb, cpu, started = _peak_mb(), _cpu_seconds(), time.perf_counter()
    value = job.work()
    seconds, cpu, peak_mb = time.perf_counter() - started, _cpu_seconds() - cpu, _peak_mb()
    return Usage(seconds=seconds, cpu_seconds=cpu, peak_mb=peak_mb, start_mb=start_mb, result=job.report(value))


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    # Linux carries ru_maxrss over from the process that forked this one; VmHWM begins anew.
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1e6 if sys.platform == "darwin" else 1e3)
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3 * 1.024


if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(asdict(_run(sys.argv[1], json.loads(sys.argv[2])))))
