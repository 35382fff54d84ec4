"""Run the example DAG on a real Airflow against the local TikTok, and prove that TikTok holds what the query says.

``python -m demo.run`` needs no network and no account; it ends by itself, with exit code 0 when both are equal.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID, Emulator
from demo.airflow_rest import TaskChange
from demo.expected import expect
from demo.local_airflow import LocalAirflow
from demo.report import DemoResult, scrub, tables
from demo.shop import SEED, build_shop, read_customers

ROOT = Path(__file__).resolve().parent.parent
DAG_ID = "tiktok_segment_delivery"
AUDIENCE = "marketing_consent = 1 AND signed_up_at < ?"
"""Whom the example DAG's query selects; its parameter is the end of the data interval."""

Say = Callable[[str], None]


class DemoError(RuntimeError):
    """The demo could not be carried out, or its result is wrong."""


def run_demo(
    workdir: Path,
    *,
    customers: int = 25_000,
    seed: int = SEED,
    now: datetime | None = None,
    dags: Path = ROOT / "dags",
    say: Say = print,
) -> DemoResult:
    """Build the shop, start TikTok and Airflow, run the DAG for yesterday, and gather what came of it."""
    midnight = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    shop = workdir / "shop.db"
    build_shop(shop, customers, seed, before=midnight + timedelta(days=1))  # some sign up after the interval
    say(f"Shop     {customers:,} invented customers in {shop}")
    with Emulator() as tiktok:
        say(f"TikTok   local emulator at {tiktok.url}")
        with _airflow(workdir, dags) as airflow:
            say(f"Airflow  real scheduler and API server at {airflow.url}, ready after {airflow.start_seconds:.0f} s")
            _connect(airflow, tiktok.url, shop)
            run_id = _deliver(airflow, midnight, say)
            left = {task: airflow.xcom(DAG_ID, run_id, task) for task in ("query_customers", "verify", "upload", "map")}
        held = tiktok.members(left["upload"]["segment_id"])
    return DemoResult(
        airflow_home=airflow.home,
        run_id=run_id,
        snapshot=left["query_customers"],
        verify=left["verify"],
        upload=left["upload"],
        map=left["map"],
        expected=expect(read_customers(shop, AUDIENCE, (_sql_time(midnight),))),
        held=held,
    )


def _airflow(workdir: Path, dags: Path) -> LocalAirflow:
    paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
    return LocalAirflow(workdir / "airflow", dags, env={"PYTHONPATH": os.pathsep.join(paths)})


def _connect(airflow: LocalAirflow, tiktok_url: str, shop: Path) -> None:
    """Add both connections the way a person does it in the UI."""
    airflow.add_connection(
        "tiktok_default",
        "tiktok",
        login=APP_ID,
        password=APP_SECRET,
        host=tiktok_url,
        extra={"access_token": ACCESS_TOKEN, "advertiser_id": ADVERTISER_ID, "bc_id": BC_ID},
    )
    airflow.add_connection("shop", "sqlite", host=str(shop))


def _deliver(airflow: LocalAirflow, midnight: datetime, say: Say) -> str:
    """Run the DAG for the day that ended at ``midnight`` and return the run's id."""
    start = midnight - timedelta(days=1)
    airflow.unpause(DAG_ID)
    run_id = airflow.trigger(DAG_ID, start, data_interval_start=start, data_interval_end=midnight)
    say(f"Run      {DAG_ID} for {start:%Y-%m-%d}\n")

    def progress(change: TaskChange) -> None:
        say(f"  {change.elapsed:5.1f} s  {change.label:<18} {change.state}")

    state = airflow.wait(DAG_ID, run_id, on_progress=progress)
    if state != "success":
        raise DemoError(f"the run ended as {state}\n{_failed_logs(airflow, run_id)}")
    return run_id


def _failed_logs(airflow: LocalAirflow, run_id: str, lines: int = 40) -> str:
    texts = []
    for task in airflow.task_instances(DAG_ID, run_id):
        if task["state"] == "failed":
            log = airflow.task_logs(DAG_ID, run_id, task["task_id"], map_index=task["map_index"])
            tail = "\n".join(log.splitlines()[-lines:])
            texts.append(f"the end of the log of {task['task_id']}:\n{scrub(tail, (ACCESS_TOKEN, APP_SECRET))}")
    return "\n".join(texts)


def _sql_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Yield a new folder: below ``keep``, or a temporary one."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="tiktok-demo-") as name:
            yield Path(name).resolve()
        return
    folder = keep.resolve() / datetime.now(UTC).strftime("demo-%Y%m%dT%H%M%S")
    folder.mkdir(parents=True)
    yield folder


def _conclude(result: DemoResult, keep: Path | None) -> None:
    print(f"\n{tables(result)}\n")
    if result.differences:
        raise DemoError("TikTok does not hold what the query says:\n  " + "\n  ".join(result.differences))
    print("TikTok holds exactly what the query says.")
    print(f"Receipt: {result.receipt_uri}")
    if keep is None:
        print("It goes with the temporary folder; --keep DIR keeps it, and the logs and database of this Airflow.")
    else:
        print(f"Task logs, database and settings of this Airflow: {result.airflow_home}")


def main(arguments: list[str] | None = None) -> int:
    """Run the demo from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo.run", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the working folder, below DIR")
    parser.add_argument("--customers", type=int, default=25_000, metavar="N", help="rows in the shop (default 25000)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `with` block still ends its processes
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # progress is seen through a pipe too
    begin = time.monotonic()
    try:
        with _folder(options.keep) as folder:
            _conclude(run_demo(folder, customers=options.customers), options.keep)
    except (DemoError, ImportError, RuntimeError, TimeoutError) as error:
        hint = "" if options.keep else "\n--keep DIR keeps the logs and the database of this Airflow."
        print(f"\nThe demo failed: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; no process is left.", file=sys.stderr)
        return 130
    print(f"Done in {time.monotonic() - begin:.0f} s; no process is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
