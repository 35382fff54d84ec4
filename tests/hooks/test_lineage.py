"""What the operators tell Airflow's hook lineage, read back from its own collector."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat import sdk
from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

from airflow_provider_tiktok.assets import segment_asset
from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.hooks.lineage import segment_uris, without_connection
from airflow_provider_tiktok.operators.segment import TikTokMapAdvertisersOperator, TikTokUploadSegmentOperator
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import EMAIL, context

PEOPLE = [{"email": f"canary{number}@example.com"} for number in range(3)]
Told = list[tuple[str, dict[str, Any]]]


class Collected:
    """Assets that this package's operators reported; Airflow itself adds the files that were opened."""

    def __init__(self, collector: Any) -> None:
        self._collector = collector

    @property
    def inputs(self) -> Told:
        return self._told(self._collector.collected_assets.inputs)

    @property
    def outputs(self) -> Told:
        return self._told(self._collector.collected_assets.outputs)

    @staticmethod
    def _told(found: Any) -> Told:
        own = [one.asset for one in found if "tiktok" in type(one.context).__module__]
        return [(asset.uri, asset.extra) for asset in own]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    """A collector as Airflow has it where somebody reads the lineage."""
    collector = sdk.HookLineageCollector()
    monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector, raising=False)
    return Collected(get_hook_lineage_collector())


def upload(segment: Any, **options: Any) -> dict[str, Any]:
    values = {"source": PEOPLE, "columns": EMAIL, **options}
    return TikTokUploadSegmentOperator(task_id="upload", segment=segment, **values).execute(context())


def test_the_uris_of_a_segment_are_those_of_its_asset(connection: Emulator) -> None:
    """Lineage and the sensor's events name the same thing."""
    assert segment_uris([ADVERTISER_ID], "123") == (segment_asset(ADVERTISER_ID, "123").uri,)


@pytest.mark.parametrize(
    ("uri", "plain"),
    [
        ("s3://aws_default@bucket/a/b", "s3://bucket/a/b"),
        ("file:///tmp/a", "file:///tmp/a"),
        ("/tmp/a", "/tmp/a"),
    ],
)
def test_a_storage_address_is_told_without_its_connection(uri: str, plain: str) -> None:
    """Two tasks that reach the same file by different connections mean the same asset."""
    assert without_connection(uri) == plain


def test_an_upload_leads_from_the_snapshot_to_the_segment_of_each_advertiser(
    connection: Emulator, collected: Collected
) -> None:
    """Its input is the snapshot, its outputs are the segment's assets; counts are extra."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    receipt = upload(segment_id, advertiser_ids=[ADVERTISER_ID_2])
    assert collected.inputs == [(receipt["snapshot_uri"], {"rows": 3})]
    assert collected.outputs == [
        (segment_asset(ADVERTISER_ID, segment_id).uri, {"rows": 3}),
        (segment_asset(ADVERTISER_ID_2, segment_id).uri, {"rows": 3}),
    ]


def test_a_dry_run_and_a_superseded_run_tell_nothing(connection: Emulator, collected: Collected) -> None:
    """What did not touch the segment is not in its lineage."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    upload(segment_id, dry_run=True)
    assert (collected.inputs, collected.outputs) == ([], [])


def test_mapping_tells_the_members_way_and_sharing_the_audiences(connection: Emulator, collected: Collected) -> None:
    """By mapping the members go from the snapshot again; a share leads from the owner's segment to the others'."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    receipt = upload(segment_id)
    for options in ({"source": receipt["snapshot_uri"]}, {"strategy": "share"}):
        TikTokMapAdvertisersOperator(
            task_id="map", segment=segment_id, advertiser_ids=[ADVERTISER_ID_2], **options
        ).execute(context())
    owner, other = segment_uris([ADVERTISER_ID, ADVERTISER_ID_2], segment_id)
    assert [uri for uri, _ in collected.inputs] == [receipt["snapshot_uri"]] * 2 + [owner]
    assert [uri for uri, _ in collected.outputs] == [owner, owner, other, other]


def test_a_file_leads_to_its_snapshot(connection: Emulator, collected: Collected, tmp_path: Path) -> None:
    """The file's address is told as it was given."""
    (tmp_path / "people.csv").write_text("email\ncanary1@example.com\n\ncanary2@example.com\ncanary1@example.com\n")
    path = (tmp_path / "people.csv").as_uri()
    account = FileToTikTokSnapshotOperator(task_id="read", path=path, columns=EMAIL).execute(context())
    assert collected.inputs == [(path, {"rows": account["rows_read"]})]
    assert collected.outputs == [(account["snapshot_uri"], {"rows": 2})]


def test_a_query_is_not_told_by_its_text(
    connection: Emulator, collected: Collected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the snapshot is reported: the text of a query may hold values."""
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE people (email TEXT)")
        database.execute("INSERT INTO people VALUES ('canary1@example.com')")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "shop.db")}))
    sql = "SELECT email FROM people WHERE email LIKE 'canary%'"
    account = SqlToTikTokSnapshotOperator(task_id="q", sql=sql, conn_id="shop", columns=EMAIL).execute(context())
    assert (collected.inputs, collected.outputs) == ([], [(account["snapshot_uri"], {"rows": 1})])
    everything = get_hook_lineage_collector().collected_assets
    assert "canary" not in repr((everything.inputs, everything.outputs, everything.extra))


def test_trouble_with_lineage_fails_no_task(
    connection: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A collector of the user's that raises is worth a line in the log, without its words."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("canary1@example.com")

    monkeypatch.setattr("airflow_provider_tiktok.hooks.lineage.get_hook_lineage_collector", Broken)
    assert upload(connection.create_audience(ADVERTISER_ID, "VIP"))["added"] == 3
    assert "The lineage of this task was not reported: RuntimeError" in caplog.text
    assert "canary" not in caplog.text
