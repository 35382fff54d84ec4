"""A person sets up the connection: a real browser on a running Airflow, and the emulator as TikTok."""

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ANALYST_ADVERTISER_ID,
    APP_ID,
    APP_SECRET,
    Emulator,
)
from demo.local_airflow import LocalAirflow
from tests.airflow.browser import Person, needs_browser
from tests.airflow.leaks import leaks, written_by

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.timeout(300),
    needs_browser,
]


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAirflow]:
    with LocalAirflow(tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("dags")) as local:
        yield local


@pytest.fixture
def person(airflow: LocalAirflow) -> Iterator[Person]:
    with closing(Person(airflow)) as somebody:
        yield somebody


def add(person: Person, tiktok: Emulator, conn_id: str, advertiser_id: str) -> None:
    """Fill in the form and save it, as the README's table says."""
    address = urlsplit(tiktok.url)
    person.opens("connections")
    person.presses("Add Connection")
    person.writes("Connection ID", conn_id)
    person.writes("Connection Type", "TikTok")
    person.chooses("TikTok Ads")
    person.writes("Host", f"http://{address.hostname}")
    person.writes("App id", APP_ID)
    person.writes("App secret", APP_SECRET)
    person.writes("Port", str(address.port))
    person.keeps_picture(f"connection-{conn_id}")
    person.presses("Extra Fields")
    person.writes("Access token", ACCESS_TOKEN)
    person.writes("Advertiser id", advertiser_id)
    person.keeps_picture(f"connection-{conn_id}-extra")
    person.presses("Save")


def test_a_person_adds_the_connection_and_tests_it(airflow: LocalAirflow, tiktok: Emulator, person: Person) -> None:
    """The form has the fields by their names, and the button turns green; nothing was changed at TikTok."""
    add(person, tiktok, "tiktok_default", ADVERTISER_ID)
    person.presses("Test Connection")
    person.sees_icon("Test Connection", "green")
    person.keeps_picture("connection-tested")
    assert {request["method"] for request in tiktok.requests()} == {"GET"}
    assert leaks(written_by(airflow.home), [ACCESS_TOKEN, APP_SECRET]) == []


def test_a_person_with_an_analyst_account_is_told_so(airflow: LocalAirflow, tiktok: Emulator, person: Person) -> None:
    """The page shows the cause and what to do."""
    airflow.request("DELETE", "connections/tiktok_default")
    add(person, tiktok, "tiktok_analyst", ANALYST_ADVERTISER_ID)
    person.presses("Test Connection")
    said = person.reads("Analyst")
    assert "ask for the role Operator or Admin" in said
    person.keeps_picture("connection-refused")
