"""A person at Airflow's pages: a real browser, driven by what can be read on the screen.

Pictures of the screen go to the folder in ``TIKTOK_SCREENS`` where that is set.
"""

import os
import shutil
from pathlib import Path

import pytest

from demo.local_airflow import LocalAirflow

webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install selenium")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.remote.webelement import WebElement  # noqa: E402
from selenium.webdriver.support.expected_conditions import (  # noqa: E402
    element_to_be_clickable,
    frame_to_be_available_and_switch_to_it,
)
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PATIENCE = 60

needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="no browser: apt-get install chromium chromium-driver"
)


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

    def opens_address(self, url: str) -> None:
        """Open a page that is not Airflow's."""
        self._browser.get(url)

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

    def sees(self, *texts: str) -> None:
        """Wait until the page shows these texts, each by itself."""
        for text in texts:
            WebDriverWait(self._browser, PATIENCE).until(
                lambda browser, text=text: any(
                    found.is_displayed()
                    for found in browser.find_elements(By.XPATH, f"//*[normalize-space(text())='{text}']")
                ),
                f"{text!r} is not to be seen",
            )

    def follows(self, link: str) -> None:
        """Follow a link, or choose an item of a menu, by its text."""
        self._clickable(By.XPATH, f"//*[self::a or @role='menuitem'][normalize-space()='{link}']").click()

    def looks_into(self, frame: str) -> None:
        """Turn to the page in a frame of that title."""
        WebDriverWait(self._browser, PATIENCE).until(
            frame_to_be_available_and_switch_to_it((By.XPATH, f"//iframe[@title='{frame}']"))
        )

    def reads_row(self, table: str, first: str) -> dict[str, str]:
        """The row of a table, which a heading is above, that has a text in it: texts of the cells by their columns."""
        path = f"//section[h2[starts-with(normalize-space(), '{table}')]]//table"
        row = self._clickable(By.XPATH, f"{path}//tr[td and contains(., '{first}')]")
        names = [cell.text for cell in self._browser.find_elements(By.XPATH, f"{path}/thead//th")]
        return dict(zip(names, (cell.text for cell in row.find_elements(By.XPATH, "./*")), strict=True))

    def sees_drawings(self, what: str) -> list[str]:
        """The points of the lines of a drawing that is named so, for as many lines as are to be seen."""
        path = f"//*[name()='svg'][*[name()='title'][contains(., '{what}')]]"
        lines = self._clickable(By.XPATH, path).find_elements(By.CSS_SELECTOR, "polyline")
        return [str(line.get_attribute("points")) for line in lines if line.is_displayed()]

    @property
    def page(self) -> str:
        """The HTML of the page or of the frame that is looked into."""
        return str(self._browser.page_source)

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
