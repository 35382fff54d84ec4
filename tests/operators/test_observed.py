"""What an upload tells when it is done: the receipt in the log, metrics, and lineage also after a pause."""

import logging
import re
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.operators.segment import TikTokMapAdvertisersOperator, TikTokUploadSegmentOperator
from tests.kit import EMAIL, context, sha256

PEOPLE = [{"email": f"canary{number}@example.com"} for number in range(3)]
Counted = list[tuple[str, float, dict[str, str]]]


@pytest.fixture
def segment_id(connection: Emulator) -> str:
    return connection.create_audience(ADVERTISER_ID, "VIP")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Metrics as they go to Airflow."""
    found: Counted = []

    class Stats:
        @staticmethod
        def incr(stat: str, count: int, *, tags: dict[str, str]) -> None:
            found.append((stat, count, tags))

        @staticmethod
        def timing(stat: str, dt: float, *, tags: dict[str, str]) -> None:
            found.append((stat, dt, tags))

    monkeypatch.setattr("airflow_provider_tiktok.hooks.metrics.Stats", Stats)
    return found


def operator(segment_id: str, people: list[dict[str, str]] = PEOPLE, **options: Any) -> TikTokUploadSegmentOperator:
    values = {"columns": EMAIL, "max_delete_pct": 100, "min_members": 0, **options}
    return TikTokUploadSegmentOperator(task_id="upload", segment=segment_id, source=people, **values)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Lines of the receipt, with one space where there are several and without what differs from run to run."""
    lines = [record.message for record in caplog.records if record.name.endswith("receipt_log")]
    caplog.clear()
    shown = [re.sub(r"  +", " ", line.strip()) for line in lines]
    return [line for line in shown if not line.startswith(("Receipt: file://", "seconds "))]


def test_the_log_ends_with_the_receipt(segment_id: str, caplog: pytest.LogCaptureFixture) -> None:
    """A first delivery, one with nothing to change and one with removes read differently; none shows a person."""
    caplog.set_level(logging.INFO)
    who = f"segment {segment_id} of advertiser {ADVERTISER_ID}"
    operator(segment_id).execute(context())
    assert told(caplog) == [
        f"First delivery to {who} is done:",
        *("members 3", "added 3", "unchanged 0", "identifiers removed 0", "rows sent 3", "requests 1"),
    ]
    operator(segment_id).execute(context(2))
    assert told(caplog)[0] == f"Nothing to change: {who} holds this snapshot already"
    operator(segment_id, PEOPLE[:1]).execute(context(3))
    assert told(caplog) == [
        f"Delivery to {who} is done:",
        *("members 1", "added 0", "unchanged 1", "identifiers removed 2", "rows sent 2", "requests 1"),
    ]
    operator(segment_id).execute(context(2))
    assert told(caplog) == [f"Nothing was done: {who} holds a newer interval than 2026-01-02T00:00:00.000000+00:00"]
    assert "canary" not in caplog.text


def test_the_log_of_a_dry_run_is_its_plan(segment_id: str, caplog: pytest.LogCaptureFixture) -> None:
    """It says that nothing was changed, what would be done, and which guard would stop it."""
    operator(segment_id).execute(context())
    caplog.clear()
    caplog.set_level(logging.INFO)
    operator(segment_id, PEOPLE[:1], dry_run=True, max_delete_pct=10).execute(context(2))
    lines = told(caplog)
    assert lines[0].startswith(f"Plan for segment {segment_id} of advertiser {ADVERTISER_ID}; nothing was changed.")
    assert "identifiers removed 2" in lines
    assert any(line.startswith("stopped by: ") for line in lines)
    assert not any(line.startswith("rows sent") for line in lines)


def test_the_log_names_what_tiktok_refused(
    connection: Emulator, segment_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows that TikTok refused are in the receipt with their reason, and not with their value."""
    operator(segment_id, PEOPLE[:1]).execute(context())
    connection.poison([sha256("canary1@example.com")])
    caplog.clear()
    caplog.set_level(logging.INFO)
    operator(segment_id).execute(context(2))
    lines = told(caplog)
    assert lines[2:4] == ["added 1", "unchanged 1"]
    assert "rejected: refused_by_tiktok 1" in lines
    assert sha256("canary1@example.com") not in caplog.text


def test_a_delivery_is_counted_once_it_is_done(segment_id: str, counted: Counted) -> None:
    """Counters and a duration with ids as tags; nothing for a dry run and a superseded one."""
    operator(segment_id, dry_run=True).execute(context(2))
    assert {stat for stat, _, _ in counted} == {
        f"tiktok.snapshot.{name}"
        for name in ("rows_read", "members", "duplicates", "suppressed", "rejected", "duration")
    }, "rows that are given are a snapshot too"
    counted.clear()
    operator(segment_id).execute(context(2))
    operator(segment_id, PEOPLE[:1]).execute(context(1))
    delivered = [one for one in counted if one[0].startswith("tiktok.delivery.")]
    assert {stat.rpartition(".")[2]: number for stat, number, _ in delivered[:-1]} == {
        "added": 3,
        "removed": 0,
        "rows_sent": 3,
        "refused": 0,
        "requests": 1,
        "retries": 0,
    }
    stat, milliseconds, tags = delivered[-1]
    assert stat == "tiktok.delivery.duration"
    assert 0 < milliseconds < 60_000
    assert {name: tags[name] for name in ("task_id", "segment_id", "advertiser_id", "mode")} == {
        "task_id": "upload",
        "segment_id": segment_id,
        "advertiser_id": ADVERTISER_ID,
        "mode": "mirror",
    }


def test_mapping_is_counted_as_a_delivery_of_its_own(segment_id: str, counted: Counted) -> None:
    """Its rows are sent again, and its tag is its task."""
    receipt: Any = operator(segment_id).execute(context())
    counted.clear()
    TikTokMapAdvertisersOperator(
        task_id="map", segment=segment_id, advertiser_ids=[ADVERTISER_ID_2], source=receipt["snapshot_uri"]
    ).execute(context())
    sent = [(number, tags["task_id"]) for stat, number, tags in counted if stat == "tiktok.delivery.rows_sent"]
    assert sent == [(3, "map")]


def test_lineage_is_right_after_a_pause(segment_id: str) -> None:
    """A task that goes on in another process tells of the whole delivery."""
    pytest.importorskip("airflow.providers.openlineage")
    plan: Any = operator(segment_id, dry_run=True).execute(context())
    resumed = operator(segment_id)
    resumed.resume(context(), event={}, uri=plan["snapshot_uri"], pauses=1)
    lineage = resumed.get_openlineage_facets_on_complete(None)
    assert lineage is not None
    assert [one.name for one in lineage.outputs] == [f"segment/{segment_id}"]
    assert lineage.outputs[0].outputFacets["outputStatistics"].rowCount == 3
