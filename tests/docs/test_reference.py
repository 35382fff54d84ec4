"""The reference says what the code does: names, fields of what tasks return, kinds of faults, metrics."""

import importlib
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.core.identifiers import Reason
from airflow_provider_tiktok.core.readiness import SegmentState
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.emulator.faults import Fault, Kind
from airflow_provider_tiktok.operators.segment import (
    TikTokMapAdvertisersOperator,
    TikTokUploadSegmentOperator,
    TikTokVerifySegmentOperator,
)
from airflow_provider_tiktok.operators.token import TikTokRefreshTokenOperator
from airflow_provider_tiktok.sensors.segment import TikTokSegmentReadySensor
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from tests.docs.names import public_modules
from tests.docs.pages import DOCS, pages
from tests.kit import EMAIL, context

DIRECTIVE = re.compile(r"^\.\. auto(?:class|function):: (\S+)$", re.MULTILINE)
BESIDE = {
    "airflow_provider_tiktok.core.rules.Rules",
    "airflow_provider_tiktok.task_groups.tiktok_segment_delivery",
    "airflow_provider_tiktok.assets.segment_asset",
    "airflow_provider_tiktok.links.AdsManagerLink",
    "airflow_provider_tiktok.links.ReceiptLink",
    "airflow_provider_tiktok.pytest_plugin.TikTokRehearsal",
}
"""What users meet beside the modules of the provider info."""


def table(page: str, head: str) -> dict[str, str]:
    """First and last cell of each row of the table with this head; several names in a cell are several rows."""
    text = (DOCS / page).read_text()
    [body] = re.findall(rf"(?m)^\| {re.escape(head)} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", text)
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in body.splitlines()]
    return {name: row[-1] for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


@pytest.mark.airflow_3
def test_the_reference_has_each_public_name_and_no_other() -> None:
    """A class in a module of the provider info is described, and what is described is there."""
    public = set(BESIDE)
    for name in public_modules():
        module = importlib.import_module(name)
        listed = getattr(module, "__all__", None) or [
            short for short, value in vars(module).items() if _is_entry(value, name)
        ]
        public |= {f"{name}.{short}" for short in listed}
    described = [found for page in pages() for found in DIRECTIVE.findall(page.read_text())]
    assert sorted(described) == sorted(public)
    for full in described:
        module, _, short = full.rpartition(".")
        assert getattr(importlib.import_module(module), short).__doc__


def _is_entry(value: object, module: str) -> bool:
    endings = ("Operator", "Sensor", "Hook", "Trigger")
    return isinstance(value, type) and value.__module__ == module and value.__name__.endswith(endings)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the metrics that go to Airflow."""
    found: set[str] = set()

    class Stats:
        @staticmethod
        def incr(stat: str, count: int, *, tags: dict[str, str]) -> None:
            found.add(stat)

        @staticmethod
        def timing(stat: str, dt: float, *, tags: dict[str, str]) -> None:
            found.add(stat)

    monkeypatch.setattr("airflow_provider_tiktok.hooks.metrics.Stats", Stats)
    return found


@pytest.fixture
def returned(connection: Emulator, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """What each task returns when all of them run once."""
    path = tmp_path / "people.csv"
    path.write_text("email\nada@example.com\nben@example.com\n")
    values: dict[str, dict[str, Any]] = {}

    def run(operator: Any) -> dict[str, Any]:
        values[type(operator).__name__] = operator.execute(context())
        return values[type(operator).__name__]

    snapshot = run(FileToTikTokSnapshotOperator(task_id="read", path=path.as_uri(), columns=EMAIL, reject_file=True))
    segment = run(TikTokVerifySegmentOperator(task_id="verify", segment_name="All fields"))
    run(TikTokUploadSegmentOperator(task_id="upload", segment=segment, source=snapshot))
    run(TikTokMapAdvertisersOperator(task_id="map", segment=segment, source=snapshot, advertiser_ids=[ADVERTISER_ID_2]))
    run(TikTokRefreshTokenOperator(task_id="renew"))
    return values


def test_the_fields_of_a_snapshot(returned: dict[str, dict[str, Any]]) -> None:
    """Those that a snapshot operator returns, and no others."""
    assert set(table("reference/receipt.md", "Field of a snapshot")) == set(returned["FileToTikTokSnapshotOperator"])


def test_the_fields_of_a_receipt(returned: dict[str, dict[str, Any]]) -> None:
    """Those of the receipt, in its order, and no others."""
    listed = list(table("reference/receipt.md", "Field of a receipt"))
    assert set(listed) == {field.name for field in fields(Receipt)} == set(returned["TikTokUploadSegmentOperator"])


def test_the_fields_of_the_other_tasks(returned: dict[str, dict[str, Any]]) -> None:
    """Verify, map and the keeper; the sensor's and the approval's are named by their own tests."""
    text = (DOCS / "reference" / "receipt.md").read_text().split("## The others")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    found: dict[str, set[str]] = {}
    task = ""
    for row in rows[2:]:
        task = row[0].strip("`") or task
        found.setdefault(task, set()).update(re.findall(r"`(\w+)`", row[1]))
    for name in ("TikTokVerifySegmentOperator", "TikTokMapAdvertisersOperator", "TikTokRefreshTokenOperator"):
        assert found[name] == set(returned[name]), name
    assert found[TikTokSegmentReadySensor.__name__] == {"segment_id", "advertiser_id", "state", "size", "expires_at"}


def test_the_reasons_of_rejections() -> None:
    """Each reason has its line."""
    assert set(table("how-to/columns-and-identifiers.md", "Reason")) == {str(one) for one in Reason}


def test_the_states_of_a_segment() -> None:
    """Each state of the sensor has its line."""
    assert set(table("how-to/wait-until-ready.md", "What it sees")) == {str(one) for one in SegmentState}


def test_the_faults_of_the_emulator() -> None:
    """Each kind and each field of a fault has its line."""
    assert set(table("reference/emulator.md", "`kind`")) == {str(one) for one in Kind}
    assert set(table("reference/emulator.md", "Field")) == {field.name for field in fields(Fault)}


def test_the_metrics(counted: set[str], returned: dict[str, dict[str, Any]]) -> None:
    """The page names those that a snapshot and a delivery report, and no others."""
    assert set(table("how-to/observe.md", "Metric")) == counted
