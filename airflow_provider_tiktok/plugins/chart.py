"""The size of a segment over its deliveries, with what each of them added and removed, as points of a drawing."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from airflow_provider_tiktok.snapshots.receipts import Delivery

TICKS = 4
"""Lines of the scale, at most so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A delivery, and the members of the segment after it; ``None`` where the receipts do not tell."""

    delivery: Delivery
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The place for a drawing, in pixels: ``bars`` is the height of the bars below the line, ``left`` for the scale."""

    width: int
    height: int
    bars: int
    left: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is drawn for one delivery: a dot at ``x``, ``y``, and bars of these heights."""

    x: float
    y: float | None
    added: float
    removed: float
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing: lines as lists of points, marks from left to right, the scale as heights and sizes."""

    frame: Frame
    lines: list[str]
    marks: list[Mark]
    ticks: list[tuple[float, int]]
    axis: float
    bar_width: float


def steps_of(deliveries: Iterable[Delivery]) -> Iterator[Step]:
    """The deliveries that were carried out, the oldest first, with the size of the segment after each.

    A mirror tells the size. An append adds to it. After a removal it is not known until the next mirror: a removal
    counts identifiers, of which a member may have several.
    """
    size: int | None = None
    for delivery in deliveries:
        if delivery.is_carried_out:
            size = _size_after(size, delivery)
            yield Step(delivery=delivery, size=size)


def _size_after(before: int | None, delivery: Delivery) -> int | None:
    added, unchanged = delivery.added or 0, delivery.unchanged or 0
    if delivery.mode == "mirror" or (delivery.mode == "append" and delivery.state == "baseline"):
        return added + unchanged
    if before is None:
        return None
    if delivery.mode == "append":
        return before + added
    return None if delivery.removed else before


def draw(steps: Sequence[Step], frame: Frame) -> Chart:
    """Draw steps from left to right, at equal distances: in a backfill many deliveries share a day."""
    sizes = [step.size for step in steps if step.size is not None]
    low, high, unit = _scale(sizes)
    top, axis = 8.0, frame.height - frame.bars / 2
    floor = frame.height - frame.bars - top
    pitch = (frame.width - frame.left - 4) / max(len(steps), 1)

    def y_of(size: int) -> float:
        return round(floor - (floor - top) * (size - low) / (high - low), 1)

    most = max((_change(step) for step in steps if step.delivery.state != "baseline"), default=0)
    marks = [
        Mark(
            x=round(frame.left + pitch * (place + 0.5), 1),
            y=None if step.size is None else y_of(step.size),
            added=_bar(step.delivery.added, most, frame.bars / 2),
            removed=_bar(step.delivery.removed, most, frame.bars / 2),
            step=step,
        )
        for place, step in enumerate(steps)
    ]
    return Chart(
        frame=frame,
        lines=list(_lines(marks)),
        marks=marks,
        ticks=[(y_of(size), size) for size in range(low, high + 1, unit)] if sizes else [],
        axis=axis,
        bar_width=round(min(pitch * 0.6, 14), 1),
    )


def _lines(marks: Sequence[Mark]) -> Iterator[str]:
    for known, some in groupby(marks, lambda mark: mark.y is not None):
        if known:
            yield " ".join(f"{mark.x},{mark.y}" for mark in some)


def _scale(sizes: Sequence[int]) -> tuple[int, int, int]:
    """Lowest and highest size of the scale and the distance of its lines: 1, 2 or 5 times a power of ten."""
    low, high = min(sizes, default=0), max(sizes, default=0)
    low = 0 if low <= high / 2 else low
    rough = max((high - low) / (TICKS - 1), 1)
    power = 10 ** math.floor(math.log10(rough))
    unit = int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))
    low = low // unit * unit
    return low, max(-(-high // unit) * unit, low + unit), unit


def _change(step: Step) -> int:
    return max(step.delivery.added or 0, step.delivery.removed or 0)


def _bar(count: int | None, most: int, height: float) -> float:
    """Height of a bar; one that is too high, as that of a first delivery, ends at the edge, and none is invisible."""
    if not count:
        return 0.0
    return round(min(max(height * count / most, 1.5), height), 1) if most else height
