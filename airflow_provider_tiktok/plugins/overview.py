"""What the page shows of segments and deliveries: one listing of the snapshot root, and the receipts that are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from airflow_provider_tiktok.core.receipt import Receipt, SnapshotCounts
from airflow_provider_tiktok.hooks.storage import snapshot_root
from airflow_provider_tiktok.plugins.chart import Chart, Frame, Step, draw, steps_of
from airflow_provider_tiktok.snapshots.keeping import SNAPSHOTS
from airflow_provider_tiktok.snapshots.receipts import (
    Delivery,
    delivery_of,
    find_receipt,
    newest_receipts,
    read_deliveries,
    read_rejections,
    read_with_snapshot,
    rejections_of,
    segment_of,
)
from airflow_provider_tiktok.snapshots.tree import StoredFile, StoredPath, list_tree, reaching

ROWS = 25
"""Deliveries on a page."""

SEGMENTS = 20
"""Segments on a page: those delivered to last."""

SMALL, LARGE = Frame(width=230, height=64, bars=20), Frame(width=920, height=260, bars=70, left=64)
SMALL_STEPS, LARGE_STEPS = 30, 120
"""Deliveries in a chart, which are as many receipts to be read."""

REFUSED = "refused by TikTok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery with its rejections: rows by reason, of the snapshot and of TikTok."""

    delivery: Delivery
    rejections: Mapping[str, int]

    @property
    def rejected(self) -> int:
        """Rows that were rejected for any reason."""
        return sum(self.rejections.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment by its receipts. ``name`` is that of the folder of its last snapshot, ``last`` its last delivery."""

    segment_id: str
    name: str
    deliveries: int
    last: Delivery | None
    step: Step | None
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A page of deliveries, the newest first, and the segments they went to."""

    root: str
    segment_ids: Sequence[str]
    segments: Sequence[Segment]
    rows: Sequence[Row]
    deliveries: int
    page: int

    @property
    def pages(self) -> int:
        """Number of the last page, counted from 1."""
        return max(-(-self.deliveries // ROWS), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeReceipt:
    """One receipt in full, with the account of its snapshot: fields and their values as lines of text."""

    row: Row
    receipt: Mapping[str, list[str]]
    snapshot: Mapping[str, list[str]]


def look(segment_id: str | None, page: int) -> Overview:
    """Look at all segments or at one, which has a larger chart; raise when the storage cannot be read."""
    folder, files = _list()
    names = newest_receipts(files)
    by_segment: dict[str, list[str]] = {}
    for name in names:
        by_segment.setdefault(segment_of(name) or "", []).append(name)
    chosen = names if segment_id is None else by_segment.get(segment_id, [])
    shown = list(by_segment)[:SEGMENTS] if segment_id is None else [segment_id] if chosen else []
    page = min(page, max(-(-len(chosen) // ROWS), 1))
    rows = chosen[(page - 1) * ROWS : page * ROWS]
    frame, steps = (SMALL, SMALL_STEPS) if segment_id is None else (LARGE, LARGE_STEPS)
    needed = dict.fromkeys([*rows, *(name for one in shown for name in by_segment[one][:steps])])
    read = {delivery.receipt: delivery for delivery in read_deliveries(folder, files, needed)}
    found = {name: read[str(folder / name)] for name in needed if str(folder / name) in read}
    return Overview(
        root=str(folder.parent),
        segment_ids=sorted(by_segment),
        segments=[_segment(by_segment[one], found, frame, steps) for one in shown],
        rows=_rows(folder, {name: found[name] for name in rows if name in found}),
        deliveries=len(chosen),
        page=page,
    )


def look_at_receipt(segment_id: str, unique: str) -> WholeReceipt | None:
    """Read one receipt; ``None`` when there is none of that name among those under the snapshot root."""
    folder, files = _list()
    name = find_receipt(files, segment_id, unique)
    if name is None:
        return None
    receipt, manifest = read_with_snapshot(folder, name)
    delivery = delivery_of(folder, files, name, receipt)
    row = _row(delivery, rejections_of(manifest))
    counts = manifest.get("counts") if isinstance(manifest, dict) else None
    return WholeReceipt(row=row, receipt=_lines(receipt, Receipt), snapshot=_lines(counts, SnapshotCounts))


def _list() -> tuple[StoredPath, Mapping[str, StoredFile]]:
    with reaching("[tiktok] snapshot_root"):
        folder = cast("StoredPath", snapshot_root() / SNAPSHOTS)
    return folder, list_tree(folder)


def _segment(names: Sequence[str], found: Mapping[str, Delivery], frame: Frame, most: int) -> Segment:
    newest = [found[name] for name in names[:most] if name in found]
    steps = list(steps_of(reversed(newest)))
    return Segment(
        segment_id=segment_of(names[0]) or "",
        name=names[0].split("/")[0],
        deliveries=len(names),
        last=newest[0] if newest else None,
        step=steps[-1] if steps else None,
        chart=draw(steps, frame),
    )


def _rows(folder: StoredPath, deliveries: Mapping[str, Delivery]) -> list[Row]:
    rejections = read_rejections(folder, deliveries)
    return [_row(delivery, rejections[name]) for name, delivery in deliveries.items()]


def _row(delivery: Delivery, rejected: Mapping[str, int]) -> Row:
    refused = {REFUSED: delivery.rejected} if delivery.rejected else {}
    return Row(delivery=delivery, rejections={**rejected, **refused})


def _lines(values: Any, kind: type) -> dict[str, list[str]]:
    """The fields that a dataclass has, and no others that somebody wrote into the file."""
    if not isinstance(values, dict):
        return {}
    return {
        field.name.replace("_", " "): list(_text(values[field.name])) for field in fields(kind) if field.name in values
    }


def _text(value: Any) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, int):
        return [f"{value:,}"]
    if isinstance(value, list):
        return [str(one) for one in value]
    if isinstance(value, dict):
        return [f"{name}: {line}" for name, one in value.items() for line in _text(one)]
    return [] if value is None else [str(value)]
