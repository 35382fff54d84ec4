"""Backfills on a real scheduler: the commands of docs/how-to/backfill.md, and what TikTok holds afterwards."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID, Emulator
from demo.expected import Row, expect
from demo.local_airflow import LocalAirflow
from demo.processes import poll
from demo.shop import read_customers
from tests.airflow.airflow_2 import Airflow2
from tests.airflow.conftest import REPOSITORY, TODAY
from tests.kit import MAPPING
from tests.postgres import Postgres, missing_programs

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

EXAMPLE, DATED = "tiktok_segment_delivery", "tiktok_dated_segments"
SEGMENT = "Customers with consent"
PAGE = (REPOSITORY / "docs" / "how-to" / "backfill.md").read_text()
PATIENCE = 1000


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Iterator[LocalAirflow]:
    """An Airflow on PostgreSQL: on SQLite, creating a backfill and scheduling its runs lock each other out."""
    if missing_programs():
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    with Postgres() as postgres:
        database = f"postgres@/postgres?host={postgres.folder}"
        env = {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{database}",
            "PYTHONPATH": str(REPOSITORY),
        }
        with LocalAirflow(tmp_path_factory.mktemp("backfill"), REPOSITORY / "dags", env=env, parallelism=8) as local:
            local.add_connection("shop", "sqlite", host=str(shop))
            yield local


@pytest.fixture
def airflow(on_postgres: LocalAirflow, tiktok: Emulator) -> LocalAirflow:
    """Connected, with both DAGs paused and without runs of an earlier test."""
    extra = {"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, "access_token": ACCESS_TOKEN}
    fields = {"host": tiktok.url, "login": APP_ID, "password": APP_SECRET, "extra": extra}
    on_postgres.add_connection("tiktok_default", "tiktok", **fields)
    for dag in (EXAMPLE, DATED):
        on_postgres.wait_for_dag(dag)
        on_postgres.request("PATCH", f"dags/{dag}", json={"is_paused": True})
        for run in runs(on_postgres, dag):
            on_postgres.request("DELETE", f"dags/{dag}/dagRuns/{run['dag_run_id']}")
    return on_postgres


def commands(heading: str) -> list[list[str]]:
    """The commands under a heading of the page, as lists of arguments."""
    [section] = re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", PAGE)
    blocks = "".join(re.findall(r"(?ms)^```console\n(.*?)^```$", section))
    return [shlex.split(line) for line in blocks.replace("\\\n", " ").splitlines()]


def run_command(airflow: LocalAirflow, command: list[str], days: int = 30) -> str:
    """Run a command of the page; with fewer ``days`` it begins later."""
    program, *arguments = command
    assert program == "airflow"
    if "--from-date" in arguments:
        place = arguments.index("--from-date") + 1
        assert arguments[place] == str(first_day(30)), "the page speaks of 30 days"
        arguments[place] = str(first_day(days))
    return airflow.cli(*arguments)


def first_day(days: int) -> date:
    return (TODAY - timedelta(days=days)).date()


def runs(airflow: LocalAirflow, dag: str) -> list[dict[str, Any]]:
    """All runs, the oldest interval first."""
    found: list[dict[str, Any]] = airflow.request(
        "GET", f"dags/{dag}/dagRuns", params={"limit": 100, "order_by": "run_after"}
    )["dag_runs"]
    return found


def states(airflow: LocalAirflow, dag: str) -> list[str]:
    """How each run stands, the oldest interval first."""
    return [run["state"] for run in runs(airflow, dag)]


def call(airflow: LocalAirflow, command: list[str], number: int) -> Any:
    """Send the request of one of the page's curl commands, for the backfill of this number."""
    method = command[command.index("-X") + 1] if "-X" in command else "GET"
    path = command[-1].removeprefix("$AIRFLOW/api/v2/").replace("backfills/1/", f"backfills/{number}/")
    return airflow.request(method, path)


def latest_backfill(airflow: LocalAirflow, dag: str) -> dict[str, Any]:
    found = airflow.request("GET", "backfills", params={"dag_id": dag, "limit": 100})["backfills"]
    return max(found, key=lambda one: int(one["id"]))


def await_completed(airflow: LocalAirflow, dag: str) -> float:
    """Wait until the scheduler calls the backfill completed; seconds from its creation to the end of its last run."""

    def completed() -> bool | None:
        airflow.check()
        return latest_backfill(airflow, dag)["completed_at"] is not None or None

    poll(completed, timeout=PATIENCE, what=f"completion of the backfill of {dag}")
    end = max(datetime.fromisoformat(run["end_date"]) for run in runs(airflow, dag))
    return (end - datetime.fromisoformat(latest_backfill(airflow, dag)["created_at"])).total_seconds()


def held(tiktok: Emulator, name: str) -> dict[str, set[str]]:
    """What TikTok holds in the one segment of this name."""
    [segment] = [one for one in tiktok.audiences() if one["name"] == name]
    return {kind: found for kind, found in tiktok.members(segment["audience_id"]).items() if found}


def customers(shop: Path, end: datetime, days: int = 10_000) -> list[Row]:
    """Customers with consent of so many days before a moment."""
    period = tuple(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in (end - timedelta(days=days), end))
    return read_customers(shop, "marketing_consent = 1 AND signed_up_at >= ? AND signed_up_at < ?", period)


def receipts(airflow: LocalAirflow, tiktok: Emulator, name: str) -> list[dict[str, Any]]:
    """All receipts of the one segment of this name: of uploads, and of maps, which serve two advertisers."""
    [segment] = [one["audience_id"] for one in tiktok.audiences() if one["name"] == name]
    return [json.loads(path.read_text()) for path in airflow.home.rglob(f"receipt-{segment}-*.json")]


def uploads(airflow: LocalAirflow, dag: str, task: str = "upload") -> list[dict[str, Any]]:
    """What the uploads returned, oldest interval first."""
    return [airflow.xcom(dag, run["dag_run_id"], task) for run in runs(airflow, dag)]


def one_after_the_other(tiktok: Emulator, delivered: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The receipts that sent something, in the order of their requests, which must not interleave."""
    order = [one["request_id"] for one in tiktok.requests(MAPPING)]
    sent = [one for one in delivered if one["requests"]]
    sent.sort(key=lambda one: min(map(order.index, one["request_ids"])))
    begin = 0
    for one in sent:
        span = range(begin, begin := begin + one["requests"])
        assert {order.index(request_id) for request_id in one["request_ids"]} <= set(span)
    assert begin == len(order), "every request has a receipt"
    return sent


def assert_mirrored(airflow: LocalAirflow, tiktok: Emulator, shop: Path) -> list[dict[str, Any]]:
    """The segment is that of the newest interval, and the receipts of all runs add up; returns those of the uploads."""
    done = uploads(airflow, EXAMPLE)
    assert held(tiktok, SEGMENT) == expect(customers(shop, TODAY)).digests
    written = receipts(airflow, tiktok, SEGMENT)
    sent = one_after_the_other(tiktok, written)
    assert sum(one["sent"] for one in written) == sum(one["rows"] for one in tiktok.requests(MAPPING))
    own = [one["interval_end"] for one in sent if one["advertiser_ids"] == [ADVERTISER_ID]]
    assert own == sorted(own), "never back to an older interval"
    assert own == [one["interval_end"] for one in done if not one["superseded"]]
    assert not done[-1]["superseded"]
    for one in done:
        moved = 0 if one["superseded"] else one["members"]
        assert one["added"] + one["unchanged"] == moved
        assert one["sent"] == one["added"] + one["removed"]
    return done


@pytest.mark.slow
def test_the_dry_run_lists_thirty_days(airflow: LocalAirflow) -> None:
    """From the first to the last interval that the page names; nothing is created."""
    [command] = commands("Look first")
    printed = run_command(airflow, command)
    assert re.findall(r"^\| (2026\S+ \S+)\+", printed, re.MULTILINE) == [
        f"{TODAY - timedelta(days=days):%Y-%m-%d %H:%M:%S}" for days in range(30, 0, -1)
    ]
    assert states(airflow, EXAMPLE) == []


@pytest.mark.slow
def test_newest_first_then_again(airflow: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """Side by side and backwards, the segment is created once and ends exact; once more, nobody is sent."""
    tiktok.delay("/segment/audience/", 2.0, times=None)  # long enough for another verify to find no segment either
    tiktok.delay(MAPPING, 0.5, times=None)
    [backwards] = commands("Newest first")
    airflow.unpause(EXAMPLE)
    run_command(airflow, backwards, days=5)
    took = await_completed(airflow, EXAMPLE)
    assert states(airflow, EXAMPLE) == ["success"] * 5
    superseded = [one["superseded"] for one in assert_mirrored(airflow, tiktok, shop)]
    assert superseded[0], "it started after a newer one was through"
    sent, [_, again] = tiktok.count_requests(MAPPING), commands("Run again")
    run_command(airflow, again, days=5)
    second = await_completed(airflow, EXAMPLE)
    assert states(airflow, EXAMPLE) == ["success"] * 5
    assert tiktok.count_requests(MAPPING) == sent
    done = uploads(airflow, EXAMPLE)
    assert [one["superseded"] for one in done] == [True] * 4 + [False]
    assert done[-1]["unchanged"] == done[-1]["members"]
    *_, deliveries = commands("Follow, pause, cancel")
    told = json.loads(run_command(airflow, [*deliveries, "--output", "json"]))[:20]
    assert {(one["interval_end"][:10], one["state"]) for one in told} >= {
        (f"{first_day(4)}", "superseded"),
        (f"{TODAY:%Y-%m-%d}", "no change"),
    }
    print(f"5 days in {took:.0f} s, superseded: {superseded}; again in {second:.0f} s")


@pytest.mark.slow
def test_pausing_and_cancelling_leave_the_segment_exact(airflow: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """Runs that were started end well, the others wait or fail, and ``failed`` brings those and no more."""
    unpause, create = commands("Create")
    look, pause, go_on, cancel = commands("Follow, pause, cancel")[:4]
    [failed, _] = commands("Run again")
    run_command(airflow, create, days=6)
    assert states(airflow, EXAMPLE) == ["queued"] * 6, "while the DAG is paused"
    number = max(one["id"] for one in call(airflow, look, 0)["backfills"])
    run_command(airflow, unpause)
    await_states(airflow, ["running"] * 4 + ["queued"] * 2)
    for command, paused in ((pause, True), (go_on, False), (pause, True)):
        assert call(airflow, command, number)["is_paused"] is paused
    await_states(airflow, ["success"] * 4 + ["queued"] * 2)
    assert call(airflow, cancel, number)["completed_at"] is not None
    await_states(airflow, ["success"] * 4 + ["failed"] * 2)
    assert held(tiktok, SEGMENT) == expect(customers(shop, TODAY - timedelta(days=2))).digests
    started = starts(airflow)
    run_command(airflow, failed, days=6)
    await_completed(airflow, EXAMPLE)
    assert states(airflow, EXAMPLE) == ["success"] * 6
    assert starts(airflow)[:4] == started[:4]
    assert_mirrored(airflow, tiktok, shop)


def await_states(airflow: LocalAirflow, wanted: list[str]) -> None:
    poll(lambda: states(airflow, EXAMPLE) == wanted or None, timeout=PATIENCE, what=str(wanted))


def starts(airflow: LocalAirflow) -> list[str]:
    """When each run began, the oldest interval first."""
    return [run["start_date"] for run in runs(airflow, EXAMPLE)]


@pytest.mark.slow
@pytest.mark.parametrize("days", [3, pytest.param(30, marks=pytest.mark.timeout(1200))])
def test_each_day_has_a_segment(airflow: LocalAirflow, tiktok: Emulator, shop: Path, days: int) -> None:
    """Each holds what its own interval says; the same backfill again makes no second one and sends nobody."""
    unpause, create = commands("A segment for each day")
    run_command(airflow, unpause)
    run_command(airflow, create, days)
    took = await_completed(airflow, DATED)
    assert_dated(airflow, tiktok, shop, days)
    sent = tiktok.count_requests(MAPPING)
    run_command(airflow, [*create, "--reprocess-behavior", "completed"], days)
    again = await_completed(airflow, DATED)
    assert_dated(airflow, tiktok, shop, days)
    assert tiktok.count_requests(MAPPING) == sent
    print(f"{days} dated segments in {took:.0f} s, again in {again:.0f} s")


def assert_dated(airflow: LocalAirflow, tiktok: Emulator, shop: Path, days: int) -> None:
    assert states(airflow, DATED) == ["success"] * days
    ends = {f"VIP {TODAY - timedelta(days=day + 1):%Y-%m-%d}": TODAY - timedelta(days=day) for day in range(days)}
    assert sorted(one["name"] for one in tiktok.audiences()) == sorted(ends)
    for name, end in ends.items():
        expected = expect([(email, phone, None) for email, phone, _ in customers(shop, end, days=30)])
        assert held(tiktok, name) == {kind: found for kind, found in expected.digests.items() if found}
    assert not any(one["superseded"] for one in uploads(airflow, DATED, "delivery.upload"))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_thirty_days_side_by_side(airflow: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """Whatever order they end in, the segment is that of the newest interval."""
    unpause, create = commands("Create")
    run_command(airflow, unpause)
    run_command(airflow, create)
    took = await_completed(airflow, EXAMPLE)
    assert states(airflow, EXAMPLE) == ["success"] * 30
    done = assert_mirrored(airflow, tiktok, shop)
    print(f"30 days in {took:.0f} s, {sum(one['superseded'] for one in done)} of them superseded")


@pytest.mark.airflow_2
def test_on_airflow_2_the_command_runs_the_days_itself(airflow_2: Airflow2, tiktok: Emulator, shop: Path) -> None:
    """One after the other, as ``max_active_runs`` says; again and backwards, it sends nobody."""
    airflow_2.add_connections({"shop": {"conn_type": "sqlite", "host": str(shop)}})
    airflow_2.connect("tiktok_default", tiktok, access_token=ACCESS_TOKEN)
    once, again = (arguments for _, *arguments in commands(r"On Airflow 2\.11"))
    airflow_2.cli(*once)
    assert held(tiktok, SEGMENT) == expect(customers(shop, TODAY)).digests
    sent = tiktok.count_requests(MAPPING)
    assert "finished run 4 of 4" in airflow_2.cli(*again)
    assert held(tiktok, SEGMENT) == expect(customers(shop, TODAY)).digests
    assert tiktok.count_requests(MAPPING) == sent
