"""The tutorial, followed to the letter by a newcomer who installs the built wheel into an empty environment."""

from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from airflow_provider_tiktok.emulator import EmulatorControl
from tests.airflow.newcomer import Newcomer
from tests.airflow.page import sections
from tests.kit import MAPPING, digests
from tests.wheel import REPOSITORY, build

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(900)]

DELIVER, CHANGE, REAL = "7. Deliver", "8. Change the list, and deliver again", "With a real account"
Members = dict[str, set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the newcomer came to."""

    home: Path
    delivered: Members
    changed: Members
    rows: list[int]
    package: str
    paths: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    wheel, home = build("wheel", tmp_path_factory.mktemp("wheel")), tmp_path_factory.mktemp("newcomer")
    held: dict[str, Members] = {}
    with Newcomer(home, wheel) as newcomer:
        tiktok = EmulatorControl(f"http://127.0.0.1:{newcomer.port}")
        for heading, blocks in sections(REPOSITORY / "docs" / "tutorial.md").items():
            if heading == REAL:
                break
            newcomer.follow(blocks)
            if heading in (DELIVER, CHANGE):
                [segment] = [one for one in tiktok.audiences() if one["name"] == "Tutorial customers"]
                held[heading] = {kind: found for kind, found in tiktok.members(segment["audience_id"]).items() if found}
        rows = [request["rows"] for request in tiktok.requests(MAPPING)]
        package = newcomer.python("import airflow_provider_tiktok as package; print(package.__file__)")
        paths = newcomer.python("import sys; print(*sys.path, sep='\\n')")
    return Story(home=home, delivered=held[DELIVER], changed=held[CHANGE], rows=rows, package=package, paths=paths)


def test_the_segment_holds_the_customers(story: Story) -> None:
    """All but the row that names no address."""
    people = ("ada.park@example.com", "ben.okafor@example.org", "carla.ruiz@example.net", "dara.lind@example.com")
    assert story.delivered == {
        "EMAIL_SHA256": digests(people),
        "PHONE_SHA256": digests(["+12125550101", "+13035550102", "+447700900103"]),
    }


def test_a_change_of_the_list_is_all_that_is_sent(story: Story) -> None:
    """Ben is out and Emil is in; four rows went out for the first list and three for the second."""
    people = ("ada.park@example.com", "carla.ruiz@example.net", "dara.lind@example.com", "emil.sato@example.com")
    assert story.changed == {
        "EMAIL_SHA256": digests(people),
        "PHONE_SHA256": digests(["+12125550101", "+447700900103"]),
    }
    assert story.rows == [4, 1, 1, 1]


def test_the_wheel_was_used_and_not_the_checkout(story: Story) -> None:
    """The package lies in the new environment, and Python does not look for it in the checkout."""
    environment = story.home / "tiktok-tutorial" / "venv"
    assert Path(story.package).is_relative_to(environment)
    assert str(REPOSITORY) not in story.paths


def test_no_process_is_left(story: Story) -> None:
    """The terminals are closed and what ran in them has ended."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if str(story.home) in line] == []
