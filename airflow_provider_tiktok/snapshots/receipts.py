"""The receipts of deliveries, which are in the folders of the snapshots that were delivered."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from airflow_provider_tiktok.snapshots.store import MANIFEST
from airflow_provider_tiktok.snapshots.tree import StoredFile, StoredPath, read_each

_NAME = re.compile(r"(?:.*/)?receipt-(?P<segment>[^/]+)-(?P<unique>[^-/]+)\.json")


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
    retries: int | None
    state: str
    receipt: str

    @property
    def unique(self) -> str:
        """What tells this receipt from the others of its segment: the last part of its name."""
        found = _NAME.fullmatch(self.receipt)
        return found["unique"] if found else ""

    @property
    def is_carried_out(self) -> bool:
        """Whether the segment was brought to the snapshot, which may have needed no change."""
        return self.state in {"delivered", "baseline", "no change"}


def segment_of(name: str) -> str | None:
    """The segment of a receipt by the name of its file; ``None`` when that is no receipt's name."""
    found = _NAME.fullmatch(name)
    return found["segment"] if found else None


def newest_receipts(files: Mapping[str, StoredFile], segment: str | None = None) -> list[str]:
    """Names of the receipts among files, of one segment or of all, the newest first."""
    names = [name for name in files if (of := segment_of(name)) and segment in {None, of}]
    return sorted(names, key=lambda name: (files[name].modified, name), reverse=True)


def find_receipt(files: Mapping[str, StoredFile], segment: str, unique: str) -> str | None:
    """Name of a receipt among files; ``None`` when there is none."""
    found = ((name, _NAME.fullmatch(name)) for name in files)
    return next((name for name, match in found if match and match.groups() == (segment, unique)), None)


def read_deliveries(folder: StoredPath, files: Mapping[str, StoredFile], names: Iterable[str]) -> Iterator[Delivery]:
    """Read the receipts of these names."""
    for name, receipt in read_each(folder, names):
        yield delivery_of(folder, files, name, receipt)


def delivery_of(folder: StoredPath, files: Mapping[str, StoredFile], name: str, receipt: Any) -> Delivery:
    """What a receipt tells, given the content of its file. Values that no delivery writes are left out."""
    values: dict[str, Any] = receipt if isinstance(receipt, dict) else {}
    return Delivery(
        delivered_at=files[name].modified.astimezone(UTC).isoformat(timespec="seconds"),
        interval_end=_text(values.get("interval_end")),
        segment=segment_of(name) or "",
        advertisers=[one for one in _list(values.get("advertiser_ids")) if isinstance(one, str)],
        mode=_text(values.get("mode")),
        members=_count(values.get("members")),
        added=_count(values.get("added")),
        unchanged=_count(values.get("unchanged")),
        removed=_count(values.get("removed")),
        rejected=sum(_counts(values.get("rejected")).values()),
        requests=_count(values.get("requests")),
        retries=_count(values.get("retries")),
        state=_state(values),
        receipt=str(folder / name),
    )


def read_with_snapshot(folder: StoredPath, name: str) -> tuple[Any, Any]:
    """Content of a receipt and of the manifest of its snapshot; ``None`` for one that is gone or is not JSON."""
    found = dict(read_each(folder, [name, _manifest(name)]))
    return found.get(name), found.get(_manifest(name))


def read_rejections(folder: StoredPath, names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Rows that were rejected when the snapshots were taken, by reason, for the receipts of these names."""
    names = list(names)
    manifests = dict(read_each(folder, {_manifest(name) for name in names}))
    return {name: rejections_of(manifests.get(_manifest(name))) for name in names}


def rejections_of(manifest: Any) -> dict[str, int]:
    """Rows that were rejected, by reason, given the content of a manifest."""
    counts = manifest.get("counts") if isinstance(manifest, dict) else None
    return _counts(counts.get("rejected")) if isinstance(counts, dict) else {}


def _manifest(name: str) -> str:
    return "/".join([*name.split("/")[:-1], MANIFEST])


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _counts(value: Any) -> dict[str, int]:
    return {name: count for name, count in value.items() if type(count) is int} if isinstance(value, dict) else {}


def _state(receipt: Mapping[str, Any]) -> str:
    states = [
        ("unreadable", not receipt),
        ("dry run", receipt.get("dry_run")),
        ("superseded", receipt.get("superseded")),
        ("no change", not receipt.get("sent")),
        ("baseline", receipt.get("baseline")),
    ]
    return next((state for state, is_so in states if is_so), "delivered")
