"""The commands where several workers keep their snapshots: in a bucket, spoken to over real HTTP."""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from airflow_provider_tiktok.emulator import Emulator
from airflow_provider_tiktok.hooks.storage import snapshot_root
from airflow_provider_tiktok.snapshots.pruning import Pruning
from tests.kit import EMAIL, email_digests
from tests.s3 import Bucket
from tests.test_cli import Capture, run
from tests.transfers.test_object_storage import members, segment, upload

__all__ = ["segment"]


def deliver(bucket: Bucket, segment: str, *days: int) -> None:
    for day in days:
        rows = [{"email": f"person{number}@example.com"} for number in range(day, day + 10)]
        upload(segment, rows, day, columns=EMAIL)


def test_deliveries_in_a_bucket_are_listed(capsys: Capture, bucket: Bucket, segment: str) -> None:
    """By one listing and the newest receipts, whatever other processes wrote meanwhile."""
    deliver(bucket, segment, 1, 2)
    listed = [json.loads(run(capsys, "deliveries", "--output", "json")[1])]
    bucket.delete(bucket.names(".json")[-1])
    listed.append(json.loads(run(capsys, "deliveries", "--output", "json")[1]))
    assert [len(one) for one in listed] == [2, 1]
    assert listed[0][0]["receipt"].startswith(f"{bucket.uri}/tiktok/snapshots/")
    assert {one["segment"] for one in listed[0]} == {segment}


@pytest.mark.parametrize("conn", ["aws_default@", "other@"])
def test_old_snapshots_in_a_bucket_go(
    bucket: Bucket, segment: str, tiktok: Emulator, conn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every object of them, and the next delivery is exact; another connection may lead to the same bucket."""
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
    deliver(bucket, segment, 1, 2, 3)
    bucket.put("tiktok/snapshots/vip/2026/x/members.parquet", b"torn")
    bucket.put("snapshots/vip/2026/x/members.parquet", b"of another root")
    root = cast("Any", snapshot_root(f"s3://{conn}{bucket.name}/tiktok"))
    later = Pruning(root, timedelta(days=90), lambda: datetime.now(UTC) + timedelta(days=91))
    verdict = later.look()
    assert len(verdict.goes) == 3
    assert len(list(later.remove(verdict))) == 3
    left = bucket.names()
    assert len(left) == 6
    assert len([name for name in left if "/2026-01-03" in name]) == 3
    deliver(bucket, segment, 4)
    assert members(tiktok, segment) == email_digests(*range(4, 14))


def test_a_bucket_that_is_not_there_is_one_message(capsys: Capture, bucket: Bucket) -> None:
    """Naming the root."""
    code, out, err = run(capsys, "deliveries", "--snapshot-root", "s3://aws_default@no-such-bucket/tiktok")
    assert "Traceback" not in err
    assert (code, "no-such-bucket" in out + err) == (1, True)
