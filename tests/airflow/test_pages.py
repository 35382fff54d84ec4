"""What a person sees of a delivery besides the deliveries page: the graph, the question for approval, the emulator."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from airflow_provider_tiktok.emulator import Emulator
from demo.local_airflow import LocalAirflow
from tests.airflow.browser import Person, needs_browser
from tests.airflow.test_approval import DAG as ASKING
from tests.airflow.test_approval import PATIENCE, asked

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300), needs_browser]

EXAMPLE = "tiktok_segment_delivery"


@pytest.fixture
def person(airflow: LocalAirflow) -> Iterator[Person]:
    with closing(Person(airflow)) as somebody:
        yield somebody


def test_a_person_follows_a_delivery(connected: LocalAirflow, tiktok: Emulator, person: Person) -> None:
    """The graph has the four tasks, a task links to its receipt, and the emulator's page shows the audience."""
    connected.unpause(EXAMPLE)
    run_id = connected.trigger(EXAMPLE)
    assert connected.wait(EXAMPLE, run_id, timeout=PATIENCE) == "success"
    person.opens(f"dags/{EXAMPLE}/runs/{run_id}")
    person.presses("Show Graph (Press g)")
    person.sees("query_customers", "verify", "upload", "map", "TikTokUploadSegmentOperator")
    person.keeps_picture("graph")
    person.opens(f"dags/{EXAMPLE}/runs/{run_id}/tasks/upload/details")
    person.sees("TikTok Ads Manager", "Receipt")
    person.keeps_picture("links")
    person.opens_address(tiktok.url)
    person.sees("Customers with consent")
    person.keeps_picture("emulator")


def test_a_person_approves_a_plan_in_the_browser(connected: LocalAirflow, tiktok: Emulator, person: Person) -> None:
    """The counts are on the page with the button, and the button starts the upload."""
    connected.unpause(ASKING)
    run_id, _ = asked(connected)
    plan = connected.xcom(ASKING, run_id, "plan")
    person.opens(f"dags/{ASKING}/runs/{run_id}/tasks/approve/required_actions")
    assert person.reads("to be added")
    assert person.reads(f"{plan['added']:,}")
    person.presses("Approve")
    assert connected.wait(ASKING, run_id, timeout=PATIENCE) == "success"
    assert connected.xcom(ASKING, run_id, "upload")["added"] == plan["added"]
    assert connected.xcom(ASKING, run_id, "approve")["approved"]
