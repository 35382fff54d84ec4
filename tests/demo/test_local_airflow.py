"""A real Airflow starts, runs DAGs through its REST API, and leaves nothing behind."""

import os
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from demo.airflow_rest import AirflowRestError
from demo.local_airflow import LocalAirflow
from demo.processes import poll

DAGS = """
    import time
    from airflow.sdk import Connection, dag, task

    @dag(schedule="@daily")
    def plain():
        @task
        def read(logical_date=None):
            print("hello from a task")
            connection = Connection.get("probe")
            return {"password": connection.password, "extra": connection.extra_dejson, "year": logical_date.year}

        @task
        def double(number):
            if number < 0:
                raise ValueError("a number below zero")
            return number * 2

        read() >> double.expand(number=[1, 2])

    @dag(schedule=None)
    def endless():
        @task
        def hang():
            time.sleep(600)

        hang()

    plain()
    endless()
"""


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_real_airflow_runs_dags_and_leaves_no_process(tmp_path, monkeypatch):
    """From an empty folder to results, logs and import errors; then the end, with a task still running."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "NoSuchExecutor")  # the caller's own Airflow does not leak in
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "plain.py").write_text(textwrap.dedent(DAGS))
    with LocalAirflow(tmp_path / "airflow", tmp_path / "dags") as airflow:
        _check_a_run(airflow)
        _check_errors(airflow, tmp_path / "dags")
        processes = _leave_a_task_running(airflow)
    assert airflow.process_ids() == []
    assert [pid for pid in processes if _runs(pid)] == []
    assert os.listdir(tmp_path / "user") == []


def _check_a_run(airflow: LocalAirflow) -> None:
    airflow.add_connection("probe", "generic", password="first")
    airflow.add_connection("probe", "generic", password="second", extra={"a": 1})
    airflow.unpause("plain")
    changes = []
    run_id = airflow.trigger("plain", datetime(2026, 3, 1, tzinfo=UTC))
    assert airflow.wait("plain", run_id, on_progress=changes.append) == "success"
    assert airflow.xcom("plain", run_id, "read") == {"password": "second", "extra": {"a": 1}, "year": 2026}
    assert [airflow.xcom("plain", run_id, "double", map_index=index) for index in (0, 1)] == [2, 4]
    assert {change.label for change in changes if change.state == "success"} == {"read", "double[0]", "double[1]"}
    assert "hello from a task" in airflow.task_logs("plain", run_id, "read")
    runs = airflow.request("GET", "dags/plain/dagRuns")["dag_runs"]
    assert [run["dag_run_id"] for run in runs] == [run_id]  # unpausing a scheduled DAG started nothing by itself


def _check_errors(airflow: LocalAirflow, dags: Path) -> None:
    (dags / "broken.py").write_text("from airflow.sdk import dag\nimport no_such_module\n")
    with pytest.raises(ImportError, match="no_such_module"):
        airflow.wait_for_dag("broken", grace=0)
    with pytest.raises(AirflowRestError, match="404"):
        airflow.trigger("broken")
    with pytest.raises(KeyError, match="no XCom"):
        airflow.xcom("plain", "no-such-run", "read")


def _leave_a_task_running(airflow: LocalAirflow) -> list[int]:
    airflow.unpause("endless")
    run_id = airflow.trigger("endless")

    def hangs() -> bool | None:
        return airflow.task_instances("endless", run_id)[0]["state"] == "running" or None

    poll(hangs, timeout=60, what="start of the endless task")
    with pytest.raises(TimeoutError, match="hang"):
        airflow.wait("endless", run_id, timeout=0)
    return airflow.process_ids()


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
