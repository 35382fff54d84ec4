"""Snapshots, delivery logs and source files in S3: spoken to over real HTTP, as on several workers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import open_snapshot, snapshot_root
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from tests.kit import EMAIL, connect, context, email_digests
from tests.s3 import SECONDS, Bucket

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def segment(tiktok: Emulator) -> str:
    return tiktok.create_audience(ADVERTISER_ID, "vip")


def csv_of(*numbers: int) -> bytes:
    return "".join(["email\n", *(f" Person{number}@example.com\n" for number in numbers)]).encode()


def read(path: str, day: int = 1, **options: Any) -> dict[str, Any]:
    values = {"path": path, "columns": EMAIL, **options}
    return FileToTikTokSnapshotOperator(task_id="read", dag=None, **values).execute(context(day))


def upload(segment: str, source: Any, day: int = 1, **options: Any) -> dict[str, Any]:
    values = {"segment": segment, "source": source, "max_delete_pct": 100, "batch_rows": 2, **options}
    return TikTokUploadSegmentOperator(task_id="upload", **values).execute(context(day))


def members(tiktok: Emulator, segment: str) -> set[str]:
    return tiktok.members(segment)["EMAIL_SHA256"]


def test_the_whole_chain_runs_in_a_bucket(bucket: Bucket, tiktok: Emulator, segment: str) -> None:
    """Files in S3 become snapshots in S3, a second mirror takes out who left, and the segment is exact each time."""
    bucket.put("shop/1.csv", csv_of(*range(50)))
    first = read(f"{bucket.uri}/shop/1.csv")
    assert first["snapshot_uri"].startswith(f"{bucket.uri}/tiktok/snapshots/")
    assert upload(segment, first)["added"] == 50
    assert members(tiktok, segment) == email_digests(*range(50))

    bucket.put("shop/2.csv", csv_of(*range(10, 55)))
    second = read(f"{bucket.uri}/shop/2.csv", day=2)
    receipt = upload(segment, second, day=2)
    assert (receipt["added"], receipt["removed"]) == (5, 10)
    assert members(tiktok, segment) == email_digests(*range(10, 55))

    requests = tiktok.count_requests("/segment/mapping/")
    upload(segment, second, day=2)
    assert tiktok.count_requests("/segment/mapping/") == requests


def test_only_finished_files_with_hashes_are_left_in_the_bucket(bucket: Bucket, segment: str) -> None:
    """A snapshot, a receipt, the log and the progress; no draft, claim, address or hex digest is left."""
    rows = [{"email": f"person{number}@example.com"} for number in range(20)]
    receipt = upload(segment, rows, columns=EMAIL)
    folder = receipt["snapshot_uri"].removeprefix(f"{bucket.uri}/")
    log = f"tiktok/delivered/{segment}/{ADVERTISER_ID}.json"
    [written] = bucket.names(".json")[-1:]
    progress = f"tiktok/delivered/{segment}/progress.json"
    assert bucket.names() == [log, progress, f"{folder}/manifest.json", f"{folder}/members.parquet", written]
    assert written.startswith(f"{folder}/receipt-{segment}-")
    assert json.loads(bucket.get(written))["added"] == 20
    assert json.loads(bucket.get(log))["operations"][-1]["snapshot_uri"] == receipt["snapshot_uri"]
    content = b"".join(bucket.get(key) for key in bucket.names())
    assert b"person" not in content
    assert not [digest for digest in email_digests(*range(20)) if digest.encode() in content]


def test_who_opted_out_leaves_and_refused_cells_are_listed_in_a_bucket(
    bucket: Bucket, tiktok: Emulator, segment: str
) -> None:
    """A suppression in S3 is found by every later delivery, and the file of refused cells stands beside the members."""
    bucket.put("shop.csv", csv_of(1, 2, 3) + b"nobody\n")
    bucket.put("optouts.csv", csv_of(2))
    upload(segment, read(f"{bucket.uri}/shop.csv"), mode="append")
    optouts = read(f"{bucket.uri}/optouts.csv", day=2)
    second = read(f"{bucket.uri}/shop.csv", day=2, suppress_snapshot=optouts, reject_file=True)
    assert (second["members"], second["suppressed"]) == (2, 1)
    upload(segment, second, day=2, mode="append")
    assert members(tiktok, segment) == email_digests(1, 3)
    upload(segment, read(f"{bucket.uri}/shop.csv", day=3), day=3, mode="append")
    assert members(tiktok, segment) == email_digests(1, 2, 3)
    written = bucket.get(second["reject_uri"].removeprefix(f"{bucket.uri}/")).decode()
    assert written.splitlines()[1:] == ['4,"","email","invalid_email",true']


def test_a_folder_of_files_in_a_bucket_is_read(bucket: Bucket) -> None:
    """Parquet and CSV under a prefix are one source; a marker is none."""
    table = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [1, 2], "email": ["person1@example.com", "person2@example.com"]}), table)
    bucket.put("in/1.parquet", table.getvalue().to_pybytes())
    bucket.put("in/2.csv", csv_of(2, 3))
    bucket.put("in/_SUCCESS", b"")
    for path in (f"{bucket.uri}/in", f"{bucket.uri}/in/"):
        xcom = read(path)
        assert (xcom["rows_read"], xcom["members"]) == (4, 3)


def test_a_file_that_came_later_is_seen(bucket: Bucket) -> None:
    """A process that looked into a folder before does not answer from memory."""
    bucket.put("in/1.csv", csv_of(1))
    assert read(f"{bucket.uri}/in")["members"] == 1
    bucket.put("in/2.csv", csv_of(2))
    assert read(f"{bucket.uri}/in")["members"] == 2


def test_a_mistake_in_a_bucket_names_the_file(bucket: Bucket) -> None:
    """A torn file and a folder that is not there are told by their URI."""
    bucket.put("in/1.csv", csv_of(1))
    bucket.put("in/2.csv", b"email\nperson4@example.com,1\n")
    with pytest.raises(QueryError, match=r"s3://.*/in/2\.csv cannot be read: a row is torn") as caught:
        read(f"{bucket.uri}/in")
    assert "person" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"no \.parquet or \.csv file at s3://"):
        read(f"{bucket.uri}/nowhere")


def test_rules_that_need_more_files_work_in_a_bucket(bucket: Bucket, tiktok: Emulator, segment: str) -> None:
    """A second kind and second digests of phones have files of their own."""
    bucket.put("in.csv", b"email,phone\nperson1@example.com,+12125550123\n,+12125550124\n")
    kinds = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
    xcom = read(f"{bucket.uri}/in.csv", columns=kinds, rules={"phone_format": "both"})
    upload(segment, xcom)
    assert len(tiktok.members(segment)["PHONE_SHA256"]) == 4
    files = [key.rsplit("/", 1)[1] for key in bucket.names(".parquet")]
    assert files == ["PHONE_SHA256.parquet", "aliases.parquet", "members.parquet"]


def test_a_snapshot_that_was_deleted_is_one_clear_error(bucket: Bucket, segment: str) -> None:
    """A lifecycle rule of the bucket may take a snapshot; the error says where it was looked for."""
    bucket.put("in.csv", csv_of(1))
    xcom = read(f"{bucket.uri}/in.csv")
    [manifest] = bucket.names("manifest.json")
    bucket.delete(manifest)
    with pytest.raises(ConfigurationError, match=r"there is no snapshot at s3://.*\[tiktok\] snapshot_root"):
        open_snapshot(xcom["snapshot_uri"])
    with pytest.raises(ConfigurationError, match="there is no snapshot at s3://"):
        upload(segment, xcom)


WORKER = """
import sys, json, tempfile
from datetime import UTC, datetime
from types import SimpleNamespace
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
segment, xcom = sys.argv[1], json.loads(sys.argv[2])
operator = TikTokUploadSegmentOperator(task_id="upload", segment=segment, source=xcom, max_delete_pct=100)
context = {"data_interval_end": datetime(2026, 1, 1, tzinfo=UTC), "dag_run": SimpleNamespace(run_after=None)}
print("RECEIPT", json.dumps(operator.execute(context)))
"""


def test_another_worker_with_another_disk_delivers_the_snapshot(
    bucket: Bucket, tiktok: Emulator, segment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that shares nothing but the bucket delivers, and the first one knows from there what was delivered."""
    connect(monkeypatch, tiktok)
    bucket.put("1.csv", csv_of(*range(30)))
    bucket.put("2.csv", csv_of(*range(5, 30)))
    xcom = read(f"{bucket.uri}/1.csv")
    disk = {name: str(tmp_path / name.lower()) for name in ("AIRFLOW_HOME", "TMPDIR", "HOME")}
    for folder in disk.values():
        Path(folder).mkdir()
    worker = subprocess.run(
        [sys.executable, "-c", WORKER, segment, json.dumps(xcom)],
        cwd=ROOT,
        env={**os.environ, **disk},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert worker.returncode == 0, worker.stderr
    assert "RECEIPT" in worker.stdout
    assert members(tiktok, segment) == email_digests(*range(30))
    assert not list((tmp_path / "tmpdir").iterdir())

    receipt = upload(segment, read(f"{bucket.uri}/2.csv", day=2), day=2)
    assert (receipt["added"], receipt["removed"]) == (0, 5)
    assert members(tiktok, segment) == email_digests(*range(5, 30))


def test_the_root_may_be_the_bucket_itself(bucket: Bucket, segment: str) -> None:
    """No folder is needed in the bucket."""
    rows = [{"email": "person1@example.com"}]
    receipt = upload(segment, rows, columns=EMAIL, snapshot_root=bucket.uri)
    assert receipt["snapshot_uri"].startswith(f"{bucket.uri}/snapshots/")
    assert snapshot_root(f"{bucket.uri}/").exists()


CHILD = f"""
import sys
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.hooks.storage import list_files
from airflow_provider_tiktok.snapshots.reading import read_file
batches = read_file(list_files(sys.argv[1])[0], Columns.parse({EMAIL}))
next(batches)
print("READ")
"""


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_a_process_ends_though_nobody_closed_the_batches(bucket: Bucket, end: str) -> None:
    """A failed task's traceback may keep a file until the process ends; no thread still reads it then."""
    emails = [f"person{number}@example.com" for number in range(1_000_000)]
    table = pa.BufferOutputStream()
    pq.write_table(pa.table({"email": emails}), table)
    content = "\n".join(["email", *emails]).encode() if end == "csv" else table.getvalue().to_pybytes()
    bucket.put(f"long.{end}", content)
    child = subprocess.run(
        [sys.executable, "-c", CHILD, f"{bucket.uri}/long.{end}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    assert "READ" in child.stdout
