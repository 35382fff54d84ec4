"""The receipts of deliveries, which are in the folders of the snapshots that were delivered."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from airflow_provider_tiktok.snapshots.tree import StoredFile, StoredPath, read_each

_NAME = re.compile(r"(?:.*/)?receipt-(?P<segment>[^/]+)-[^-/]+\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One receipt, as a person is shown it. Counts are ``None`` when the file is not a receipt."""

    delivered_at: str
    interval_end: str | None
    segment: str
    advertisers: list[str]
    mode: str | None
    members: int | None
    added: int | None
    unchanged: int | None
    removed: int | None
    rejected: int
    requests: int | None
    state: str
    receipt: str


def segment_of(name: str) -> str | None:
    """The segment of a receipt by the name of its file; ``None`` when that is no receipt's name."""
    found = _NAME.fullmatch(name)
    return found["segment"] if found else None


def newest_receipts(files: Mapping[str, StoredFile], segment: str | None = None) -> list[str]:
    """Names of the receipts among files, of one segment or of all, the newest first."""
    names = [name for name in files if (of := segment_of(name)) and segment in {None, of}]
    return sorted(names, key=lambda name: (files[name].modified, name), reverse=True)


def read_deliveries(folder: StoredPath, files: Mapping[str, StoredFile], names: list[str]) -> Iterator[Delivery]:
    """Read the receipts of these names."""
    for name, receipt in read_each(folder, names):
        values: dict[str, Any] = receipt if isinstance(receipt, dict) else {}
        yield Delivery(
            delivered_at=files[name].modified.astimezone(UTC).isoformat(timespec="seconds"),
            interval_end=values.get("interval_end"),
            segment=segment_of(name) or "",
            advertisers=values.get("advertiser_ids", []),
            mode=values.get("mode"),
            members=values.get("members"),
            added=values.get("added"),
            unchanged=values.get("unchanged"),
            removed=values.get("removed"),
            rejected=sum(values.get("rejected", {}).values()),
            requests=values.get("requests"),
            state=_state(values),
            receipt=str(folder / name),
        )


def _state(receipt: Mapping[str, Any]) -> str:
    states = [
        ("unreadable", not receipt),
        ("dry run", receipt.get("dry_run")),
        ("superseded", receipt.get("superseded")),
        ("no change", not receipt.get("sent")),
        ("baseline", receipt.get("baseline")),
    ]
    return next((state for state, is_so in states if is_so), "delivered")
