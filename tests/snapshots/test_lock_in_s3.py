"""The lock where several workers have it: in a bucket, spoken to over real HTTP."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.errors import BusyError
from airflow_provider_tiktok.hooks.storage import snapshot_root
from airflow_provider_tiktok.snapshots.lock import PATIENCE_SECONDS, STALE_SECONDS, SegmentLock
from tests.s3 import Bucket
from tests.snapshots.test_lock import (
    QUICK,
    SECONDS,
    Waiting,
    await_beat,
    hammer,
    increment,
    nobody_sleeps,
)

CHILD = """
import sys
from pathlib import Path
from airflow_provider_tiktok.hooks.storage import snapshot_root
from tests.snapshots.test_lock import increment
counter, folder, unique, times = sys.argv[1:]
root = snapshot_root(folder)
root.exists()
print("ready", flush=True)
sys.stdin.readline()
increment(Path(counter), root, unique, int(times))
"""


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket, by a connection of this module's own: a process remembers the server of a connection."""
    extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
    fields = {"conn_type": "aws", "login": "testing", "password": "testing", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_LOCK", json.dumps(fields))
    bucket = Bucket(s3_url, f"bucket-{abs(hash(request.node.name))}")
    bucket.uri = f"s3://aws_lock@{bucket.name}"
    return bucket


@pytest.fixture
def folder(bucket: Bucket) -> Any:
    return snapshot_root(bucket.uri) / "delivered" / "1"


def claims(bucket: Bucket) -> list[str]:
    return [name.rpartition("/")[2] for name in bucket.names(".json")]


def test_threads_never_hold_a_segment_at_once_in_a_bucket(bucket: Bucket, folder: Any, tmp_path: Path) -> None:
    """Of one process, which share a file system and its memory of listings."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    with ThreadPoolExecutor(3) as pool:
        for each in [pool.submit(increment, counter, folder, f"thread{n}", 4) for n in range(3)]:
            each.result(timeout=2 * SECONDS)
    assert counter.read_text() == "12"
    assert claims(bucket) == []


def test_processes_never_hold_a_segment_at_once_in_a_bucket(bucket: Bucket, folder: Any, tmp_path: Path) -> None:
    """Workers that share nothing but the bucket."""
    took = hammer(CHILD, tmp_path / "counter", str(folder), processes=3, times=4)
    print(f"12 turns of 3 processes in {took:.1f} s")
    assert (tmp_path / "counter").read_text() == "12"
    assert claims(bucket) == []


def test_the_living_the_dead_and_the_replaced_in_a_bucket(bucket: Bucket, folder: Any) -> None:
    """A beating holder keeps the segment, a silent one loses it after a minute, a second try has it at once."""
    with SegmentLock(folder, "first", "1", beat_seconds=QUICK) as holder:
        waiting = Waiting(lambda: await_beat(folder, "1"))
        waiting_long: Callable[[], float] = lambda: 60.0  # noqa: E731  # ten polls of two minutes
        with pytest.raises(BusyError, match="first"):
            SegmentLock(folder, "second", "2", jitter=waiting_long, **waiting.options()).__enter__()
        assert waiting.now > PATIENCE_SECONDS
        holder.check()

    silent = SegmentLock(folder, "first", "3", beat_seconds=threading.TIMEOUT_MAX).__enter__()
    waiting = Waiting()
    with SegmentLock(folder, "second", "4", **waiting.options()) as other:
        assert STALE_SECONDS < waiting.now <= STALE_SECONDS + 5
        with pytest.raises(BusyError, match="another task has taken"):
            silent.check()
        silent.__exit__(None, None, None)
        with SegmentLock(folder, "second", "5", sleep=nobody_sleeps) as again:
            with pytest.raises(BusyError, match="another task has taken"):
                other.check()
            again.check()
            assert claims(bucket) == ["5.json"]
    assert claims(bucket) == []
