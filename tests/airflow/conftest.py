"""One real Airflow for all tests that need no settings of their own: all its parts, the examples, the tests' DAGs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID, Emulator
from demo.local_airflow import LocalAirflow
from demo.shop import build_shop
from tests.airflow.airflow_2 import airflow_2

__all__ = ["airflow_2"]

REPOSITORY = Path(__file__).parents[2]
TODAY = datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers who signed up before ``TODAY``, in a SQLite file."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    build_shop(path, customers=3000, before=TODAY)
    return path


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, shop: Path) -> Iterator[LocalAirflow]:
    """Scheduler, executor, API server, DAG processor and triggerer. Tests unpause the DAGs that they run."""
    folders = [REPOSITORY / "dags", REPOSITORY / "tests" / "airflow" / "dags"]
    env = {"PYTHONPATH": str(REPOSITORY), "AIRFLOW__TIKTOK__API_USERNAME": "admin", "TIKTOK_APP_SECRET": APP_SECRET}
    home = tmp_path_factory.mktemp("airflow")
    with LocalAirflow(home, folders, env=env, triggerer=True, parallelism=8) as local:
        local.add_connection("shop", "sqlite", host=str(shop))
        yield local


@pytest.fixture
def connected(airflow: LocalAirflow, tiktok: Emulator) -> LocalAirflow:
    """The shared Airflow, with a long-lived token in ``tiktok_default``."""
    airflow.add_connection(
        "tiktok_default",
        "tiktok",
        host=tiktok.url,
        login=APP_ID,
        password=APP_SECRET,
        extra={"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, "access_token": ACCESS_TOKEN},
    )
    return airflow
