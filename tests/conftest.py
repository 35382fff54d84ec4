"""One emulator in a process of its own for all tests, reset before each; Airflow's home is a temporary folder."""

import os
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings

HOME = tempfile.TemporaryDirectory(prefix="tiktok-tests-")
os.environ["AIRFLOW_HOME"] = HOME.name  # before anything imports Airflow

from airflow_provider_tiktok.api.client import AudienceClient  # noqa: E402
from airflow_provider_tiktok.emulator import Emulator  # noqa: E402
from tests.kit import Desk, client_for, connect  # noqa: E402
from tests.s3 import bucket, s3_url  # noqa: E402

__all__ = ["bucket", "s3_url"]

settings.register_profile("busy", deadline=None)  # pytest-timeout ends what hangs; a busy machine is no failure
settings.load_profile("busy")

ON_AIRFLOW_2 = version("apache-airflow").startswith("2.")
FOLDERS_OF_AIRFLOW_3 = {"plugins"}
"""Their files import what Airflow 2 does not have."""


class OnlyOnAirflow3(pytest.Module):
    """A file that is not even imported."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.skip("only on Airflow 3", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    if ON_AIRFLOW_2 and module_path.parent.name in FOLDERS_OF_AIRFLOW_3:
        return OnlyOnAirflow3.from_parent(parent, path=module_path)
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what belongs to the other line of Airflow: see the markers in pyproject.toml."""
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if ON_AIRFLOW_2 and marks & {"airflow", "airflow_3"} and "airflow_2" not in marks:
            item.add_marker(pytest.mark.skip(reason="only on Airflow 3"))
        if not ON_AIRFLOW_2 and "airflow_2" in marks:
            item.add_marker(pytest.mark.skip(reason="only on Airflow 2.11: make test-full"))


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tiktok(emulator_process: Emulator) -> Emulator:
    emulator_process.reset()
    return emulator_process


@pytest.fixture
def client(tiktok: Emulator) -> AudienceClient:
    return client_for(tiktok.url)


@pytest.fixture
def desk(tiktok: Emulator, tmp_path: Path) -> Desk:
    """A segment, a snapshot folder and a client: what a delivery needs."""
    return Desk(tiktok, tmp_path)


@pytest.fixture
def connection(tiktok: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Emulator:
    """The connection ``tiktok_default`` to the emulator, and a snapshot root of the test's own."""
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "root").as_uri())
    connect(monkeypatch, tiktok)
    return tiktok
