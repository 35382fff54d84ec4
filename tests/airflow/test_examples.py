"""The examples of dags/ on a real Airflow: the segments hold exactly what the queries say."""

from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, ADVERTISER_ID_3, Emulator
from demo.expected import Row, expect
from demo.local_airflow import LocalAirflow
from demo.shop import read_customers
from tests.airflow.conftest import TODAY
from tests.airflow.leaks import leaks, written_by
from tests.kit import digests

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

EMAIL, PHONE, IDFA = "EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"


def run(airflow: LocalAirflow, dag: str) -> tuple[str, str]:
    """Run a DAG for the day that ends at TODAY."""
    airflow.unpause(dag)
    start = TODAY - timedelta(days=1)
    run_id = airflow.trigger(dag, start, data_interval_start=start, data_interval_end=TODAY)
    return run_id, airflow.wait(dag, run_id, timeout=200)


def states(airflow: LocalAirflow, dag: str, run_id: str) -> dict[tuple[str, int], str]:
    return {(one["task_id"], one["map_index"]): one["state"] for one in airflow.task_instances(dag, run_id)}


def wanted(rows: list[Row], *kinds: str) -> dict[str, set[str]]:
    """What TikTok should hold of these kinds."""
    places = (EMAIL, PHONE, IDFA)
    only = [tuple(cell if kind in kinds else None for kind, cell in zip(places, row, strict=True)) for row in rows]
    return {kind: expect(only).digests[kind] for kind in kinds}  # type: ignore[arg-type]  # three cells each


def held(tiktok: Emulator, name: str, owner: str = ADVERTISER_ID) -> dict[str, set[str]]:
    """What TikTok holds in the one segment of this name and owner."""
    [segment] = [one for one in tiktok.audiences() if (one["name"], one["owner_id"]) == (name, owner)]
    return {kind: found for kind, found in tiktok.members(segment["audience_id"]).items() if found}


def test_the_task_group_is_the_whole_chain(connected: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """One call delivers the query's result, maps the second advertiser, and ends when TikTok can use the segment."""
    run_id, state = run(connected, "tiktok_task_group")
    assert state == "success"
    rows = read_customers(shop, "marketing_consent = 1 AND email IS NOT NULL")
    assert held(tiktok, "Customers with an e-mail address") == wanted(rows, EMAIL)
    assert tiktok.audiences()[0]["shared_with"] == [ADVERTISER_ID_2]
    ready = connected.xcom("tiktok_task_group", run_id, "delivery.ready")
    assert (ready["state"], ready["size"]) == ("ready", tiktok.audiences()[0]["cover_num"])


def test_one_advertiser_that_fails_leaves_the_others_alone(
    connected: LocalAirflow, tiktok: Emulator, shop: Path
) -> None:
    """Of three advertisers one is held as Analyst: its verify says so, its upload does not run, the others deliver."""
    tiktok.set_role(ADVERTISER_ID_2, "ANALYST")
    dag = "tiktok_many_advertisers"
    run_id, state = run(connected, dag)
    assert state == "failed"
    done = states(connected, dag, run_id)
    verify, upload = "advertiser.delivery.verify", "advertiser.delivery.upload"
    assert [done[verify, index] for index in range(3)] == ["success", "failed", "success"]
    assert [done[upload, index] for index in range(3)] == ["success", "upstream_failed", "success"]
    log = connected.task_logs(dag, run_id, verify, map_index=1)
    assert f"the authorised user is Analyst of advertiser {ADVERTISER_ID_2}" in log
    everybody = wanted(read_customers(shop, "marketing_consent = 1 AND phone IS NOT NULL"), PHONE)
    for owner in (ADVERTISER_ID, ADVERTISER_ID_3):
        assert held(tiktok, "Customers with a phone", owner) == everybody
    assert {one["owner_id"] for one in tiktok.audiences()} == {ADVERTISER_ID, ADVERTISER_ID_3}


def test_many_segments_are_delivered_side_by_side(connected: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """Each segment of the table holds the result of its own query for the run's interval, and is shared."""
    assert run(connected, "tiktok_many_segments")[1] == "success"
    days = [(TODAY - timedelta(days=number)).strftime("%Y-%m-%d") for number in (0, 30, 60, 10_000)]
    names = (
        "Customers of the last 30 days",
        "Customers since 30 to 60 days",
        "Customers since more than 60 days",
    )
    for name, until, since in zip(names, days, days[1:], strict=False):
        period = "marketing_consent = 1 AND signed_up_at >= ? AND signed_up_at < ?"
        assert held(tiktok, name) == wanted(read_customers(shop, period, (since, until)), EMAIL, IDFA)
    assert [one["shared_with"] for one in tiktok.audiences()] == [[ADVERTISER_ID_2, ADVERTISER_ID_3]] * 3


def test_rows_of_python_tasks_are_delivered_and_not_shown(connected: LocalAirflow, tiktok: Emulator) -> None:
    """A list of mappings and a DataFrame go out; logs and rendered templates hold nobody, XCom alone does."""
    assert run(connected, "tiktok_rows_from_python")[1] == "success"
    people = ["ada@example.com", "grace@example.org"]
    device = "6d92078a-8246-4ba4-ae5b-76104861e7dc"
    assert held(tiktok, "Subscribers of the newsletter") == {EMAIL: digests(people), PHONE: digests(["+12125550101"])}
    assert held(tiktok, "Visitors of the app") == {IDFA: digests([device])}
    logs = {name: text for name, text in written_by(connected.home).items() if name != "metadata database"}
    assert leaks(logs, [*people, device]) == []
