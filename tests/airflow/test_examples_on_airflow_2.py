"""Every example DAG runs against the emulator on a real Airflow 2.11: scheduler, LocalExecutor and triggerer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, REFRESH_TOKEN, Emulator
from tests.airflow.airflow_2 import DAG_FOLDERS, Airflow2

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_2, pytest.mark.timeout(300)]

FILLED = {
    "tiktok_dated_segments": 1,
    "tiktok_many_advertisers": 3,
    "tiktok_many_segments": 3,
    "tiktok_plan_and_approve": 0,  # on Airflow 2.11, which asks nobody, the run ends with the plan
    "tiktok_rows_from_python": 2,
    "tiktok_segment_delivery": 1,
    "tiktok_task_group": 1,
    "tiktok_token_keeper": 0,
    "tiktok_tutorial": 1,
    "tiktok_when_ready": 0,
}
"""How many segments hold members after one run, by the name of the file and of the DAG. A new example needs a line."""

TODAY = datetime(2026, 3, 2, 6, tzinfo=UTC)
"""When the last customers signed up at the shop of these tests."""

EXAMPLES = sorted(path.stem for path in DAG_FOLDERS["examples"].glob("*.py"))


@pytest.fixture(scope="module")
def prepared(airflow_2: Airflow2, shop: Path) -> Airflow2:
    """With the connection to the shop, and the pool that the keeper names."""
    airflow_2.add_connections({"shop": {"conn_type": "sqlite", "host": str(shop)}})
    airflow_2.cli("pools", "set", "tiktok_token", "1", "renews TikTok tokens")
    return airflow_2


def test_each_example_has_a_line_in_the_table() -> None:
    """And each line an example."""
    assert sorted(FILLED) == EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_example_runs(example: str, prepared: Airflow2, tiktok: Emulator) -> None:
    """Its run ends in success, and the emulator holds members in as many segments as the table says."""
    token = {"refresh_token": REFRESH_TOKEN} if example == "tiktok_token_keeper" else {"access_token": ACCESS_TOKEN}
    prepared.connect("tiktok_default", tiktok, **token)
    if example == "tiktok_when_ready":
        tiktok.create_audience(ADVERTISER_ID, "usable", audience_id="987654321", cover_num=2500)
    assert prepared.run(example, TODAY) == "success", prepared.logs(example)
    held = [tiktok.members(segment["audience_id"]) for segment in tiktok.audiences()]
    assert sum(any(kinds.values()) for kinds in held) == FILLED[example]


def test_no_plugin_of_the_package_is_in_the_way(prepared: Airflow2) -> None:
    """What only Airflow 3 can show is not an error here."""
    assert "Failed to import plugin" not in prepared.cli("plugins", "--verbose")
    assert [name for name, text in prepared.written().items() if "Failed to import plugin" in text] == []
