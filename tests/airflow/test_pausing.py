"""Pauses without a worker, and two runs at once, with a real scheduler, executor and triggerer."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.snapshots.source import take_snapshot
from demo.local_airflow import LocalAirflow
from demo.processes import poll
from tests.kit import EMAIL, MAPPING, email_digests, emails

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

DAG = "pausing"
PATIENCE = 120


@pytest.fixture(autouse=True)
def unpaused(connected: LocalAirflow) -> None:
    connected.unpause(DAG)


def snapshot_of(folder: Path, numbers: range, day: int) -> dict[str, str]:
    """The configuration of a run that delivers these people."""
    columns, name = Columns.parse(EMAIL), f"{numbers.start}-{numbers.stop}"
    cells = [from_rows(emails(*numbers), columns)]
    take_snapshot(cells, columns, folder / name, interval_end=f"2026-01-{day:02}", unique=name)
    return {"snapshot_uri": (folder / name).as_uri()}


def upload_state(airflow: LocalAirflow, run_id: str) -> str | None:
    states = {task["task_id"]: task["state"] for task in airflow.task_instances(DAG, run_id)}
    return states.get("upload")


def await_state(airflow: LocalAirflow, run_id: str, wanted: str) -> None:
    def reached() -> bool | None:
        airflow.check()
        state = upload_state(airflow, run_id)
        assert state not in {"failed", "success"}, airflow.task_logs(DAG, run_id, "upload")
        return state == wanted or None

    poll(reached, timeout=PATIENCE, what=f"state {wanted} of the upload")


def await_log(airflow: LocalAirflow, run_id: str, text: str) -> None:
    poll(lambda: text in airflow.task_logs(DAG, run_id, "upload") or None, timeout=PATIENCE, what=f"log {text!r}")


def await_requests(tiktok: Emulator, number: int) -> None:
    poll(lambda: tiktok.count_requests(MAPPING) >= number or None, timeout=PATIENCE, what=f"request {number}")


def answers(tiktok: Emulator) -> list[dict[str, Any]]:
    """Mappings that were applied, in order."""
    return [one for one in tiktok.requests(MAPPING) if one["code"] == 0]


def test_a_rate_limit_that_lasts_is_waited_for_without_a_worker(
    connected: LocalAirflow, tiktok: Emulator, tmp_path: Path
) -> None:
    """The task is deferred while TikTok wants less; then it sends what was not acknowledged, and no batch twice."""
    conf = snapshot_of(tmp_path, range(20), day=1)
    tiktok.fail_with_code(MAPPING, 40100, times=None, skip=4)
    run_id = connected.trigger(DAG, conf=conf)
    await_state(connected, run_id, "deferred")
    [segment] = tiktok.audiences()
    assert len(tiktok.members(segment["audience_id"])["EMAIL_SHA256"]) == 8
    with closing(sqlite3.connect(connected.home / "airflow.db")) as database:
        [trigger] = database.execute("SELECT classpath FROM trigger").fetchall() or [("fired already",)]
    tiktok.clear_faults()
    assert connected.wait(DAG, run_id, timeout=PATIENCE) == "success", connected.task_logs(DAG, run_id, "upload")
    assert trigger[0] in {"airflow_provider_tiktok.triggers.pause.PauseTrigger", "fired already"}
    assert tiktok.members(segment["audience_id"])["EMAIL_SHA256"] == email_digests(*range(20))
    receipt = connected.xcom(DAG, run_id, "upload")
    assert (receipt["added"], receipt["sent"], receipt["batches"]) == (20, 20, 10)
    assert [one["rows"] for one in answers(tiktok)] == [2] * 10
    log = connected.task_logs(DAG, run_id, "upload")
    assert "Pausing until" in log
    assert "Going on after 4 batches, 8 rows, of an earlier attempt" in log
    assert "Deprecat" not in log
    assert "cannot be called outside" not in log


def test_two_runs_at_once_do_not_interleave(connected: LocalAirflow, tiktok: Emulator, tmp_path: Path) -> None:
    """The second waits until the first is through; both receipts are exact, and so is the segment at the end."""
    first, second = snapshot_of(tmp_path, range(20), day=1), snapshot_of(tmp_path, range(10, 40), day=2)
    tiktok.create_audience(ADVERTISER_ID, DAG)
    tiktok.fail_with_code(MAPPING, 50000, times=None, skip=4)
    runs = [connected.trigger(DAG, conf=first)]
    await_requests(tiktok, 5)
    runs.append(connected.trigger(DAG, conf=second))
    await_state(connected, runs[1], "running")
    await_log(connected, runs[1], f"another task works on it: {DAG}.upload {runs[0]}")
    assert upload_state(connected, runs[0]) == "running"
    assert len(answers(tiktok)) == 4
    tiktok.clear_faults()
    assert [connected.wait(DAG, run_id, timeout=PATIENCE) for run_id in runs] == ["success", "success"]
    [segment] = tiktok.audiences()
    assert tiktok.members(segment["audience_id"])["EMAIL_SHA256"] == email_digests(*range(10, 40))
    receipts = [connected.xcom(DAG, run_id, "upload") for run_id in runs]
    numbers = ("added", "unchanged", "removed", "batches")
    assert [tuple(receipt[number] for number in numbers) for receipt in receipts] == [(20, 0, 0, 10), (20, 10, 10, 15)]
    order = [one["request_id"] for one in answers(tiktok)]
    assert len(order) == 25
    ends = [order.index(receipt["request_ids"][end]) for receipt in receipts for end in (0, 1)]
    assert ends == [0, 9, 10, 24], "one after the other"
