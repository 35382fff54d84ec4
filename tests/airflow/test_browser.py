"""A person sets up the connection: a real browser on a running Airflow, and the emulator as TikTok.

The screenshots of the form and of the answers go to the folder in ``TIKTOK_SCREENS`` where that is set.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
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
from tests.airflow.leaks import leaks, written_by

webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.expected_conditions import element_to_be_clickable  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PATIENCE = 60

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no browser: apt-get install chromium chromium-driver"),
]


class Person:
    """Somebody at Airflow's pages, who reads labels and presses buttons."""

    def __init__(self, airflow: LocalAirflow) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER or ""
        for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "no-proxy-server"):
            options.add_argument(f"--{argument}")
        options.add_argument("--window-size=1200,1500")
        self._airflow = airflow
        self._browser = webdriver.Chrome(options=options, service=Service(DRIVER))

    def close(self) -> None:
        self._browser.quit()

    def opens(self, page: str) -> None:
        self._browser.get(f"{self._airflow.url}/{page}")

    def presses(self, button: str) -> None:
        self._clickable(By.XPATH, f"//button[normalize-space()='{button}' or @aria-label='{button}']").click()

    def writes(self, field: str, text: str) -> None:
        """Write into the field with a label; the label's text may go on after it."""
        labels = "//*[@role='dialog']//*[self::label or self::p or self::span]"
        label = self._clickable(By.XPATH, f"{labels}[starts-with(normalize-space(), '{field}')]")
        found = label.find_elements(By.XPATH, "./following::*[self::input or self::textarea]")
        found[0].send_keys(text)

    def chooses(self, option: str) -> None:
        self._clickable(By.XPATH, f"//*[@role='option'][normalize-space()='{option}']").click()

    def reads(self, text: str) -> str:
        """Wait until the page shows a text, and return what stands there."""
        return str(self._clickable(By.XPATH, f"//*[contains(text(), '{text}')]").text)

    def sees_icon(self, button: str, colour: str) -> None:
        """Wait until the icon on a button has a colour, as it tells the outcome of a test."""
        path = f"//button[@aria-label='{button}']//*[name()='svg']"
        WebDriverWait(self._browser, PATIENCE).until(
            lambda browser: colour in (browser.find_element(By.XPATH, path).get_attribute("outerHTML") or "")
        )

    def keeps_picture(self, name: str) -> None:
        folder = os.environ.get("TIKTOK_SCREENS")
        if folder:
            self._browser.save_screenshot(str(Path(folder) / f"{name}.png"))

    def _clickable(self, by: str, value: str) -> WebElement:
        return WebDriverWait(self._browser, PATIENCE).until(element_to_be_clickable((by, value)))


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
