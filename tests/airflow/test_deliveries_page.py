"""The deliveries page in a running Airflow: what a person sees there, and that nobody else sees it."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ACCESS_TOKEN, APP_ID, APP_SECRET, Emulator
from airflow_provider_tiktok.hooks.storage import new_snapshot_folder
from airflow_provider_tiktok.snapshots.source import take_snapshot
from demo.local_airflow import LocalAirflow
from tests.airflow.browser import Person, needs_browser
from tests.airflow.leaks import leaks
from tests.kit import EMAIL, Desk, emails

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

EXAMPLE = "tiktok_segment_delivery"
PAGE = "tiktok/deliveries"


class History:
    """Deliveries of the past days to a segment of its own, made one after the other."""

    def __init__(self, tiktok: Emulator, root: Path, name: str) -> None:
        self._desk, self._root, self._name = Desk(tiktok, root), root, name
        self.segment_id = self._desk.segment_id

    def deliver(self, sizes: Sequence[int]) -> list[Receipt]:
        """One delivery a day, the last one yesterday; each day some leave, some come, and a few cells are bad."""
        end = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
        days = [end - timedelta(days=len(sizes) - number) for number in range(len(sizes))]
        return [self._deliver(day, number, size) for number, (day, size) in enumerate(zip(days, sizes, strict=True))]

    def _deliver(self, day: datetime, number: int, size: int) -> Receipt:
        parsed = Columns.parse(EMAIL)
        folder = new_snapshot_folder(self._root, self._name, day.isoformat(), f"day{number}")
        rows = [*emails(*range(number * 9, number * 9 + size)), *[("no address",)] * (number % 4), ("",)]
        unique = f"{self.segment_id}{number:02d}"
        snapshot = take_snapshot([from_rows(rows, parsed)], parsed, folder, interval_end=day.isoformat(), unique=unique)
        receipt = self._desk.deliver(snapshot, batch_rows=1000)
        written = day + timedelta(minutes=4)
        os.utime(Path(receipt.receipt_uri or ""), (written.timestamp(),) * 2)
        return receipt


@pytest.fixture
def person(connected: LocalAirflow) -> Iterator[Person]:
    with closing(Person(connected)) as somebody:
        yield somebody


def run_example(airflow: LocalAirflow) -> dict[str, object]:
    """Run the example DAG and return the receipt that its upload left in XCom."""
    airflow.unpause(EXAMPLE)
    run_id = airflow.trigger(EXAMPLE)
    assert airflow.wait(EXAMPLE, run_id, timeout=240) == "success"
    receipt: dict[str, object] = airflow.xcom(EXAMPLE, run_id, "upload")
    return receipt


@needs_browser
def test_a_person_reads_the_delivery_from_the_navigation(
    connected: LocalAirflow, tiktok: Emulator, person: Person
) -> None:
    """The numbers on the page are those of the receipt in XCom, the chart is drawn, and the receipt opens."""
    past = History(tiktok, connected.home / "tiktok", "Newsletter readers")
    past.deliver([1800 + 14 * day + (day * day * 37) % 160 for day in range(30)])
    receipt = run_example(connected)
    unique = str(receipt["receipt_uri"]).rpartition("-")[2].removesuffix(".json")

    person.opens("")
    person.presses("Browse")
    person.follows("TikTok deliveries")
    person.looks_into("TikTok deliveries")
    row = person.reads_row("Deliveries", unique)
    for column, field in {
        "Segment": "segment_id",
        "Members": "members",
        "Added": "added",
        "Unchanged": "unchanged",
        "Removed": "removed",
    }.items():
        assert row[column].replace(",", "") == str(receipt[field]), column
    assert row["Requests"].split() == [str(receipt["requests"]), str(receipt["retries"]), "retries"]
    assert row["State"].split() == ["baseline", "mirror"]
    assert person.reads_row("Tokens", "tiktok_default")["State"] == "valid"
    assert leaks({"page": person.page}, [ACCESS_TOKEN, APP_SECRET]) == []
    person.keeps_picture("deliveries")

    [line] = person.sees_drawings(f"Members of segment {past.segment_id}")
    assert len(line.split()) == 30
    person.follows(unique)
    assert person.reads(str(receipt["plan"])) == receipt["plan"]
    person.follows("TikTok deliveries")
    person.follows("Newsletter-readers")
    person.reads("One step is one delivery")
    person.keeps_picture("deliveries-of-a-segment")


DIRECT = {"http": ""}
PASSWORDS = {"olive": "first", "vera": "second"}
GUARDED = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "olive:op,vera:viewer",
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    """An Airflow with people who log in: Olive may read connections, Vera may not."""
    home = tmp_path_factory.mktemp("guarded")
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS))
    env = {**GUARDED, "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords)}
    with LocalAirflow(home, tmp_path_factory.mktemp("dags"), env=env) as local:
        yield local


def token_of(airflow: LocalAirflow, username: str, password: str) -> str:
    """Log in as a person does, through Airflow's own door."""
    answer = requests.post(
        f"{airflow.url}/auth/token", json={"username": username, "password": password}, timeout=30, proxies=DIRECT
    )
    assert answer.status_code == 201
    return str(answer.json()["access_token"])


def look(airflow: LocalAirflow, path: str, token: str | None = None, *, cookie: bool = False) -> requests.Response:
    cookies = {"_token": token} if token and cookie else {}
    headers = {"Authorization": f"Bearer {token}"} if token and not cookie else {}
    return requests.get(
        f"{airflow.url}/{path}", headers=headers, cookies=cookies, timeout=30, allow_redirects=False, proxies=DIRECT
    )


def add_connection(airflow: LocalAirflow, conn_id: str) -> None:
    """As Olive, who may."""
    extra = json.dumps({"access_token": ACCESS_TOKEN})
    answer = requests.post(
        f"{airflow.url}/api/v2/connections",
        json={"connection_id": conn_id, "conn_type": "tiktok", "login": APP_ID, "password": APP_SECRET, "extra": extra},
        headers={"Authorization": f"Bearer {token_of(airflow, 'olive', PASSWORDS['olive'])}"},
        timeout=30,
        proxies=DIRECT,
    )
    assert answer.status_code == 201


@pytest.fixture(scope="module")
def receipt(guarded: LocalAirflow) -> str:
    """The address of a receipt, which was delivered where that Airflow looks."""
    with Emulator() as tiktok:
        past = History(tiktok, guarded.home / "tiktok", "Guarded")
        [receipt] = past.deliver([20])
    unique = (receipt.receipt_uri or "").rpartition("-")[2].removesuffix(".json")
    add_connection(guarded, "tiktok_default")
    return f"{PAGE}/{past.segment_id}/{unique}"


def test_nothing_is_shown_to_who_is_not_logged_in(guarded: LocalAirflow, receipt: str) -> None:
    """No page tells a segment, a number or a connection; Airflow's own pages do not either."""
    segment_id = receipt.split("/")[2]
    for path in (PAGE, f"{PAGE}?segment={segment_id}", receipt, f"{PAGE}/{segment_id}/gone"):
        for answer in (look(guarded, path), look(guarded, path, "not.a.token", cookie=True)):
            assert answer.status_code in {401, 403}
            assert "Guarded" not in answer.text
            assert "tiktok_default" not in answer.text
    assert look(guarded, "api/v2/dags").status_code == 401


@pytest.mark.parametrize("cookie", [True, False], ids=["cookie", "header"])
def test_who_logs_in_sees_what_the_role_allows(guarded: LocalAirflow, receipt: str, cookie: bool) -> None:
    """Vera, a viewer, the deliveries; Olive, an operator, the tokens too, and neither of them a token's text."""
    seen = {}
    for username, password in PASSWORDS.items():
        token = token_of(guarded, username, password)
        answers = [look(guarded, path, token, cookie=cookie) for path in (PAGE, receipt)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert "Guarded" in answers[0].text
        assert leaks({"page": answers[0].text}, [ACCESS_TOKEN, APP_SECRET, token]) == []
        seen[username] = "tiktok_default" in answers[0].text
    assert seen == {"olive": True, "vera": False}


def test_airflow_has_nothing_to_say_against_the_plugin(guarded: LocalAirflow) -> None:
    """It is loaded once, without an error, and its view stands in the menu Browse."""
    token = token_of(guarded, *next(iter(PASSWORDS.items())))
    assert look(guarded, "api/v2/plugins/importErrors", token).json()["total_entries"] == 0
    plugins = look(guarded, "api/v2/plugins", token).json()["plugins"]
    [plugin] = [one for one in plugins if one["name"] == "tiktok_deliveries"]
    assert [(view["name"], view["category"]) for view in plugin["external_views"]] == [("TikTok deliveries", "browse")]
