"""Plan and approve on a real Airflow: a person answers, and only what was looked at is carried out."""

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import Emulator
from demo.expected import expect
from demo.local_airflow import LocalAirflow
from demo.processes import poll
from demo.shop import read_customers
from tests.airflow.worker import has_left
from tests.kit import MAPPING

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

DAG, PATIENCE = "tiktok_plan_and_approve", 120


@pytest.fixture
def asking(connected: LocalAirflow) -> LocalAirflow:
    connected.unpause(DAG)
    return connected


def asked(airflow: LocalAirflow) -> tuple[str, dict[str, Any]]:
    """Start a run and wait until a person is asked; return the run and the question."""
    run_id = airflow.trigger(DAG)
    path = f"dags/{DAG}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"

    def question() -> dict[str, Any] | None:
        airflow.check()
        states = {task["task_id"]: task["state"] for task in airflow.task_instances(DAG, run_id)}
        assert "failed" not in states.values(), states
        waiting = states.get("approve") in {"awaiting_input", "deferred"}
        return airflow.request("GET", path) if waiting and has_left(airflow, run_id, "approve") else None

    return run_id, poll(question, timeout=PATIENCE, what="the question to a person")


def answer(airflow: LocalAirflow, run_id: str, option: str) -> str:
    path = f"dags/{DAG}/dagRuns/{run_id}/taskInstances/approve/-1/hitlDetails"
    airflow.request("PATCH", path, json={"chosen_options": [option], "params_input": {}})
    return airflow.wait(DAG, run_id, timeout=PATIENCE)


def state_of(airflow: LocalAirflow, run_id: str, task: str) -> str:
    return str({one["task_id"]: one["state"] for one in airflow.task_instances(DAG, run_id)}[task])


def test_a_delivery_waits_for_a_person(asking: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """The person reads counts, requests and time; nothing is sent before the answer, and all of it after."""
    run_id, question = asked(asking)
    plan = asking.xcom(DAG, run_id, "plan")
    assert question["subject"] == f"Deliver to TikTok segment {plan['segment_id']}?"
    for told in (
        f"| to be added | {plan['added']:,} |",
        f"| Requests | {plan['requests']} |",
        "| Seconds",
        "| Guards |",
    ):
        assert told in question["body"]
    assert "@" not in question["body"]
    assert tiktok.count_requests(MAPPING) == 0
    assert answer(asking, run_id, "Approve") == "success"
    receipt = asking.xcom(DAG, run_id, "upload")
    assert (receipt["plan"], receipt["added"], receipt["batches"]) == (plan["plan"], plan["added"], plan["batches"])
    expected = expect(read_customers(shop, "marketing_consent = 1")).digests
    held = tiktok.members(receipt["segment_id"])
    assert {kind: held[kind] for kind in ("EMAIL_SHA256", "PHONE_SHA256")} == {
        kind: expected[kind] for kind in ("EMAIL_SHA256", "PHONE_SHA256")
    }


def test_what_a_person_rejects_is_not_sent(asking: LocalAirflow, tiktok: Emulator) -> None:
    """The upload is skipped, and the segment stays as it was."""
    run_id, _ = asked(asking)
    assert answer(asking, run_id, "Reject") == "success"
    assert state_of(asking, run_id, "upload") == "skipped"
    assert tiktok.count_requests(MAPPING) == 0


def test_an_approval_is_void_when_the_segment_changed(asking: LocalAirflow, tiktok: Emulator) -> None:
    """Two runs ask about the same state; when the first was carried out, the answer to the second counts no more."""
    first, _ = asked(asking)
    second, _ = asked(asking)
    assert answer(asking, first, "Approve") == "success"
    sent = tiktok.count_requests(MAPPING)
    assert answer(asking, second, "Approve") == "failed"
    assert "what was approved is not what would be done now" in asking.task_logs(DAG, second, "upload")
    assert tiktok.count_requests(MAPPING) == sent


def test_an_approval_is_void_when_the_snapshot_changed(asking: LocalAirflow, tiktok: Emulator) -> None:
    """The query runs once more while a person thinks: what it found then was not approved."""
    run_id, _ = asked(asking)
    asking.request(
        "POST",
        f"dags/{DAG}/clearTaskInstances",
        json={"dry_run": False, "dag_run_id": run_id, "task_ids": ["query_customers"], "only_failed": False},
    )

    def queried_again() -> bool | None:
        tasks = {task["task_id"]: task for task in asking.task_instances(DAG, run_id)}
        task = tasks["query_customers"]
        return (task["state"] == "success" and task["try_number"] == 2) or None

    poll(queried_again, timeout=PATIENCE, what="the second query")
    assert answer(asking, run_id, "Approve") == "failed"
    assert "what was approved is not what would be done now" in asking.task_logs(DAG, run_id, "upload")
    assert tiktok.count_requests(MAPPING) == 0
