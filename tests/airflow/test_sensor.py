"""The sensor on a real scheduler, executor and triggerer; a campaign DAG that its Asset event starts."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Layout
from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    APP_ID,
    APP_SECRET,
    BC_ID,
    REFRESH_TOKEN,
    Emulator,
)
from demo.local_airflow import LocalAirflow
from demo.processes import poll
from tests.airflow.leaks import leaks, written_by
from tests.airflow.worker import has_left
from tests.kit import client_for, emails, records

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_3, pytest.mark.timeout(300)]

REPOSITORY = Path(__file__).parents[2]
GET, REFRESH = "/dmp/custom_audience/get/", "/oauth2/refresh_token/"
EMAIL = Layout((IdentifierKind.EMAIL_SHA256,))
EXAMPLE_SEGMENT = "987654321"
DAY = 86_400.0
PATIENCE = 120
NOISE = ("Traceback", "Deprecat", "cannot be called outside", "was never awaited")


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow whose scheduler starts runs by itself, with the sensor's DAGs only."""
    dags = tmp_path_factory.mktemp("dags")
    for path in ("tests/airflow/dags/tiktok_ready_dags.py", "dags/tiktok_when_ready.py"):
        shutil.copy(REPOSITORY / path, dags)
    env = {"PYTHONPATH": str(REPOSITORY)}
    with LocalAirflow(tmp_path_factory.mktemp("airflow"), dags, env=env, triggerer=True, schedule=True) as local:
        yield local


@pytest.fixture
def connected(airflow: LocalAirflow, tiktok: Emulator) -> LocalAirflow:
    connect(airflow, tiktok, "tiktok_default", access_token=ACCESS_TOKEN)
    return airflow


def connect(airflow: LocalAirflow, tiktok: Emulator, conn_id: str, **extra: str) -> None:
    fields = {"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **extra}
    airflow.add_connection(conn_id, "tiktok", host=tiktok.url, login=APP_ID, password=APP_SECRET, extra=fields)


def start(airflow: LocalAirflow, dag: str, **conf: Any) -> str:
    airflow.unpause(dag)
    return airflow.trigger(dag, conf=conf)


def await_state(airflow: LocalAirflow, dag: str, run_id: str, wanted: str) -> None:
    def reached() -> bool | None:
        airflow.check()
        [state] = [one["state"] for one in airflow.task_instances(dag, run_id) if one["task_id"] == "ready"]
        assert state not in {"failed", "success", "skipped"}, airflow.task_logs(dag, run_id, "ready")
        return (state == wanted and (wanted != "deferred" or has_left(airflow, run_id, "ready"))) or None

    poll(reached, timeout=PATIENCE, what=f"state {wanted} of {dag}")


def await_looks(tiktok: Emulator, more: int) -> None:
    """Until TikTok was asked some times more."""
    wanted = tiktok.count_requests(GET) + more
    poll(lambda: tiktok.count_requests(GET) >= wanted or None, timeout=PATIENCE, what=f"{more} more looks")


def finish(airflow: LocalAirflow, dag: str, run_id: str) -> tuple[str, str]:
    """State of the sensor's task in the end, and its log, in which the triggerer's lines stand too."""
    airflow.wait(dag, run_id, timeout=PATIENCE)
    [state] = [one["state"] for one in airflow.task_instances(dag, run_id) if one["task_id"] == "ready"]
    return state, airflow.task_logs(dag, run_id, "ready")


def triggers(airflow: LocalAirflow) -> list[tuple[str, str]]:
    """Class and arguments of the triggers in the database."""
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        return database.execute("SELECT classpath, kwargs FROM trigger").fetchall()


def events(airflow: LocalAirflow, segment: str) -> list[dict[str, Any]]:
    uri = f"tiktok://advertiser/{ADVERTISER_ID}/segment/{segment}"
    found = airflow.request("GET", "assets/events", params={"limit": 100})["asset_events"]
    return [event for event in found if event["uri"] == uri]


def campaign_runs(airflow: LocalAirflow) -> list[dict[str, Any]]:
    return list(airflow.request("GET", "dags/tiktok_campaign/dagRuns")["dag_runs"])


def quiet(*texts: str) -> bool:
    """Nothing that a person would have to worry about."""
    return not [noise for noise in NOISE for text in texts if noise in text]


def fill(tiktok: Emulator, segment: str, people: int) -> None:
    """Upload as many people as a delivery would."""
    members = records(EMAIL, emails(*range(people)))
    client_for(tiktok.url).map_members("add", segment, [ADVERTISER_ID], EMAIL, members)


def test_a_campaign_starts_by_itself_when_the_segment_is_ready(connected: LocalAirflow, tiktok: Emulator) -> None:
    """The example: deferred while TikTok computes, looked at from the triggerer, ready, one event, one campaign run."""
    tiktok.configure(lag_seconds=3600.0)
    tiktok.create_audience(ADVERTISER_ID, "fresh", audience_id=EXAMPLE_SEGMENT)
    fill(tiktok, EXAMPLE_SEGMENT, 1200)
    connected.unpause("tiktok_campaign")
    run_id = start(connected, "ready_deferred", segment_id=EXAMPLE_SEGMENT)
    await_state(connected, "ready_deferred", run_id, "deferred")
    [(path, kwargs)] = triggers(connected)
    assert path == "airflow_provider_tiktok.triggers.ready.SegmentReadyTrigger"
    await_looks(tiktok, 3)  # the task is deferred: it is the triggerer that looks
    await_state(connected, "ready_deferred", run_id, "deferred")
    assert campaign_runs(connected) == []
    tiktok.advance(3600)
    state, log = finish(connected, "ready_deferred", run_id)
    assert state == "success"
    told = connected.xcom("ready_deferred", run_id, "ready")
    assert (told["segment_id"], told["state"], told["size"]) == (EXAMPLE_SEGMENT, "ready", 1200)
    run = poll(
        lambda: next((one for one in campaign_runs(connected) if one["state"] == "success"), None),
        timeout=PATIENCE,
        what="the campaign's run",
    )
    assert run["run_type"] == "asset_triggered"
    assert connected.xcom("tiktok_campaign", run["dag_run_id"], "use_segment") == EXAMPLE_SEGMENT
    [event] = events(connected, EXAMPLE_SEGMENT)  # after the run: while it is queued, Airflow 3.3.2 answers HTTP 500
    assert event["extra"] == told
    assert log.count("is still computed by TikTok: size 0, 1,000 wanted") > 3
    assert "is ready: size 1,200, 1,000 wanted" in log
    assert quiet(log, (connected.home / "triggerer.out").read_text())
    assert leaks({"trigger": str(kwargs), **written_by(connected.home)}, [ACCESS_TOKEN, APP_SECRET]) == []


def test_the_example_waits_for_a_verified_segment(connected: LocalAirflow, tiktok: Emulator) -> None:
    """verify >> ready, as it is in dags/: ready at once when the segment is, without a stay in the triggerer."""
    tiktok.create_audience(ADVERTISER_ID, "usable", audience_id=EXAMPLE_SEGMENT, cover_num=2500)
    run_id = start(connected, "tiktok_when_ready")
    state, log = finish(connected, "tiktok_when_ready", run_id)
    assert state == "success"
    assert connected.xcom("tiktok_when_ready", run_id, "ready")["size"] == 2500
    assert quiet(log)


def test_the_triggerer_renews_a_token_that_is_refused(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """A refresh token works in the triggerer too: it renews once, and the task goes on with the token that it kept."""
    connect(airflow, tiktok, "tiktok_renewing", refresh_token=REFRESH_TOKEN)
    segment = tiktok.create_audience(ADVERTISER_ID, "renewing")
    run_id = start(airflow, "ready_renewing", segment_id=segment)
    await_state(airflow, "ready_renewing", run_id, "deferred")
    assert tiktok.count_requests(REFRESH) == 1
    tiktok.advance(2 * DAY)  # the access token is expired at TikTok, though not by this machine's clock
    await_looks(tiktok, 3)
    await_state(airflow, "ready_renewing", run_id, "deferred")
    assert tiktok.count_requests(REFRESH) == 2, "renewed while the task held no worker"
    tiktok.set_cover(segment, 5000)
    state, log = finish(airflow, "ready_renewing", run_id)
    assert state == "success"
    assert tiktok.count_requests(REFRESH) == 2
    assert quiet(log, (airflow.home / "triggerer.out").read_text())
    kept = json.loads(airflow.cli("variables", "get", "tiktok_token_tiktok_renewing"))
    secrets = [REFRESH_TOKEN, APP_SECRET, kept["refresh_token"], kept["access_token"]]
    assert leaks(written_by(airflow.home), secrets) == []


def test_a_deferred_wait_ends_at_its_time_out(connected: LocalAirflow, tiktok: Emulator) -> None:
    """The error says what the segment was and what to do; no event is sent."""
    segment = tiktok.create_audience(ADVERTISER_ID, "small", cover_num=400)
    run_id = start(connected, "ready_in_vain", segment_id=segment)
    state, log = finish(connected, "ready_in_vain", run_id)
    assert state == "failed"
    assert "AirflowSensorTimeout: not ready within 0:00:10. Segment " in log
    assert "is too small: size 400, 1,000 wanted" in log
    assert "Deliver more members" in log
    assert events(connected, segment) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda tiktok, segment: None, id="time-out"),
        pytest.param(lambda tiktok, segment: tiktok.fail_audience(segment, "internal error"), id="failed"),
    ],
)
def test_soft_fail_skips(connected: LocalAirflow, tiktok: Emulator, change: Callable[[Emulator, str], None]) -> None:
    """The task is skipped, with the reason in its log."""
    segment = tiktok.create_audience(ADVERTISER_ID, "small", cover_num=400)
    change(tiktok, segment)
    run_id = start(connected, "ready_or_skipped", segment_id=segment)
    state, log = finish(connected, "ready_or_skipped", run_id)
    assert state == "skipped"
    assert "Skipping: " in log


@pytest.mark.parametrize("dag", [pytest.param("ready_rescheduled", marks=pytest.mark.slow), "ready_poked"])
def test_the_other_modes_wait_too(connected: LocalAirflow, tiktok: Emulator, dag: str) -> None:
    """Rescheduled or in its worker, the task looks again until the segment is ready, and sends the event."""
    segment = tiktok.create_audience(ADVERTISER_ID, "fresh")
    run_id = start(connected, dag, segment_id=segment)
    await_state(connected, dag, run_id, "up_for_reschedule" if dag == "ready_rescheduled" else "running")
    await_looks(tiktok, 1)
    tiktok.set_cover(segment, 2500)
    state, log = finish(connected, dag, run_id)
    assert state == "success", connected.output("scheduler")
    assert connected.xcom(dag, run_id, "ready")["size"] == 2500
    assert [event["extra"]["size"] for event in events(connected, segment)] == [2500]
    assert quiet(log)


@pytest.mark.slow
def test_a_rescheduled_wait_ends_at_its_time_out(connected: LocalAirflow, tiktok: Emulator) -> None:
    """Counted over all its starts, and with the same text."""
    segment = tiktok.create_audience(ADVERTISER_ID, "fresh")
    run_id = start(connected, "ready_rescheduled_in_vain", segment_id=segment)
    state, log = finish(connected, "ready_rescheduled_in_vain", run_id)
    assert state == "failed"
    assert tiktok.count_requests(GET) > 1
    assert "AirflowSensorTimeout: not ready within 0:00:04. Segment " in log


def test_mapped_sensors_send_an_event_each(connected: LocalAirflow, tiktok: Emulator) -> None:
    """One sensor over many segments; each that is ready updates an asset of its own."""
    segments = [tiktok.create_audience(ADVERTISER_ID, f"segment {number}") for number in range(3)]
    run_id = start(connected, "ready_mapped", segment_ids=segments)
    poll(lambda: has_left(connected, run_id, "ready", instances=3) or None, timeout=PATIENCE, what="three deferrals")
    for number, segment in enumerate(segments):
        tiktok.set_cover(segment, 2000 + number)
    assert connected.wait("ready_mapped", run_id, timeout=PATIENCE) == "success"
    assert [event["extra"]["size"] for one in segments for event in events(connected, one)] == [2000, 2001, 2002]
