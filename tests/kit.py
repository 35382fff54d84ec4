"""What tests share: digests by plain hashlib, clients that do not wait, connections, and a desk for deliveries."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from airflow_provider_tiktok.api.budget import TokenBucket
from airflow_provider_tiktok.api.client import AudienceClient, RetryPolicy
from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.tokens import LongLivedToken, TokenSource
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.delivery import Courier
from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID, Emulator
from airflow_provider_tiktok.plans import Plan, Target
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot

EMAIL = {"email": "EMAIL_SHA256"}
PERSON = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"}
MAPPING = "/segment/mapping/"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digests(texts: Iterable[str]) -> set[str]:
    return {sha256(text) for text in texts}


def records(layout: Layout, rows: Sequence[Sequence[str | None]]) -> Bytes:
    """Records of texts that are normal already, hashed by plain hashlib."""
    return np.array([_record(layout, row) for row in rows], np.uint8).reshape(-1, layout.width)


def _record(layout: Layout, row: Sequence[str | None]) -> list[int]:
    cells = zip(layout.kinds, row, strict=True)
    return [
        byte
        for kind, text in cells
        for byte in (
            bytes(1 + kind.digest_size)
            if text is None
            else b"\x01" + hashlib.new(kind.algorithm, text.encode()).digest()
        )
    ]


def pack(layout: Layout, rows: Sequence[Sequence[bytes | None]]) -> Bytes:
    """Records of digests, joined by hand: a flag and a digest for each kind."""
    joined = [
        b"".join(
            bytes(1 + kind.digest_size) if cell is None else b"\x01" + cell
            for kind, cell in zip(layout.kinds, row, strict=True)
        )
        for row in rows
    ]
    return np.frombuffer(b"".join(joined), np.uint8).reshape(-1, layout.width)


def unpack(layout: Layout, records: Bytes) -> list[tuple[bytes | None, ...]]:
    """Records as tuples of digests, cut by hand: the reverse of :func:`pack`."""
    return [tuple(_cut(layout, record.tobytes())) for record in records]


def _cut(layout: Layout, record: bytes) -> Iterator[bytes | None]:
    for kind in layout.kinds:
        cell, record = record[: 1 + kind.digest_size], record[1 + kind.digest_size :]
        assert cell[:1] == b"\x01" or not any(cell)
        yield cell[1:] if cell[0] else None


def members_of(snapshot: Snapshot) -> list[tuple[bytes | None, ...]]:
    """The members of a snapshot as tuples of digests, in the order of their numbers."""
    return [member for records in snapshot.members() for member in unpack(snapshot.layout, records)]


def emails(*numbers: int) -> list[tuple[str]]:
    return [(f"person{number}@example.com",) for number in numbers]


def email_digests(*numbers: int) -> set[str]:
    return digests(f"person{number}@example.com" for number in numbers)


def settings_for(url: str, **values: Any) -> Settings:
    defaults = {"app_id": APP_ID, "app_secret": Secret(APP_SECRET), "access_token": Secret(ACCESS_TOKEN)}
    return Settings(base_url=url, **{**defaults, "advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **values})


def client_for(
    url: str,
    *,
    tokens: TokenSource | None = None,
    policy: RetryPolicy | None = None,
    sleep: Callable[[float], object] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    budget: TokenBucket | None = None,
    **values: Any,
) -> AudienceClient:
    """A client over real HTTP that does not sleep between tries, unless told how."""
    settings = settings_for(url, **values)
    source = tokens or LongLivedToken(settings.access_token or Secret())
    return AudienceClient(HttpTransport(settings), source, policy=policy, budget=budget, sleep=sleep, clock=clock)


def connect(monkeypatch: pytest.MonkeyPatch, tiktok: Emulator, conn_id: str = "tiktok_default", **values: Any) -> None:
    """Define an Airflow connection to the emulator; ``extra`` replaces extra fields, ``None`` removes one."""
    extra = {"access_token": ACCESS_TOKEN, "advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **values.pop("extra", {})}
    fields = {"conn_type": "tiktok", "host": tiktok.url, "login": APP_ID, "password": APP_SECRET, **values}
    fields["extra"] = {name: value for name, value in extra.items() if value is not None}
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


def context(day: int = 1) -> Any:
    """As much of a task's context as the operators read, for the interval that ends on a day of January."""
    return {"data_interval_end": datetime(2026, 1, day, tzinfo=UTC), "dag_run": SimpleNamespace(run_after=None)}


class Desk:
    """Delivers snapshots to one segment of the emulator, attempt after attempt."""

    def __init__(self, tiktok: Emulator, root: Path) -> None:
        self.tiktok, self.root, self._attempt = tiktok, root, 0
        self.client = client_for(tiktok.url, policy=RetryPolicy(attempts=3))
        self.segment_id = tiktok.create_audience(ADVERTISER_ID, "desk")

    def snapshot(
        self,
        rows: Sequence[Sequence[object]],
        day: int = 1,
        columns: dict[str, str] | None = None,
        suppression: Snapshot | None = None,
        **options: Any,
    ) -> Snapshot:
        self._attempt += 1
        parsed = Columns.parse(columns or EMAIL, default_region="US", **options)
        folder = self.root / "snapshots" / str(self._attempt)
        end = f"2026-01-{day:02d}"
        return take_snapshot(
            [from_rows(rows, parsed)],
            parsed,
            folder,
            interval_end=end,
            unique=str(self._attempt),
            suppression=suppression,
        )

    def courier(self, **options: Any) -> Courier:
        self._attempt += 1
        return Courier(
            client=self.client,
            logs=DeliveryLogs(self.root),
            open_snapshot=lambda uri: Snapshot.open(Path(uri)),
            unique=str(self._attempt),
            **{"max_concurrency": 1, "sleep": lambda _: None, **options},
        )

    def target(self, *advertisers: str) -> Target:
        return Target.of(self.segment_id, ADVERTISER_ID, advertisers)

    def plan(self, snapshot: Snapshot, **options: Any) -> Plan:
        guards = Guards(**{"max_delete_pct": 100.0, "allow_empty": True, **options.pop("guards", {})})
        target = options.pop("target", self.target())
        usual = {"mode": "mirror", "on_older": "skip", "batch_rows": 2}
        return self.courier().plan(snapshot, target, **{**usual, **options}, guards=guards)

    def deliver(self, snapshot: Snapshot, *, courier: dict[str, Any] | None = None, **options: Any) -> Receipt:
        return self.courier(**courier or {}).deliver(self.plan(snapshot, **options))

    def members(self, kind: str = "EMAIL_SHA256") -> set[str]:
        return self.tiktok.members(self.segment_id)[kind]

    def mapping_requests(self) -> int:
        return self.tiktok.count_requests(MAPPING)
