"""The size of a segment, from receipts alone, and its drawing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.plugins.chart import Frame, Step, draw, steps_of
from airflow_provider_tiktok.snapshots.receipts import Delivery

FRAME = Frame(width=300, height=100, bars=30, left=20)


def delivery(mode: str = "mirror", state: str = "delivered", **counts: Any) -> Delivery:
    numbers = {"members": 0, "added": 0, "unchanged": 0, "removed": 0, **counts}
    return Delivery(
        delivered_at="2026-01-01T00:00:00+00:00",
        interval_end="2026-01-01",
        segment="7",
        advertisers=[],
        mode=mode,
        rejected=0,
        requests=1,
        retries=0,
        state=state,
        receipt="receipt-7-x.json",
        **numbers,
    )


FIRST = delivery(state="baseline", added=10)


@pytest.mark.parametrize(
    ("deliveries", "sizes"),
    [
        ([FIRST, delivery(added=2, unchanged=9, removed=1)], [10, 11]),
        ([delivery("append", "baseline", added=10), delivery("append", added=5, unchanged=3)], [10, 15]),
        ([FIRST, delivery("append", added=5, unchanged=3)], [10, 15]),
        ([delivery("append", added=5, unchanged=3)], [None]),
        ([FIRST, delivery("remove", removed=3), delivery(added=1, unchanged=7)], [10, None, 8]),
        ([FIRST, delivery("remove", "no change")], [10, 10]),
        ([FIRST, delivery(state="dry run", added=9), delivery(state="superseded")], [10]),
        ([delivery(state="unreadable")], []),
    ],
    ids=[
        "mirror",
        "append",
        "append to a mirror",
        "part of a history",
        "remove",
        "nothing removed",
        "rehearsed",
        "torn",
    ],
)
def test_the_size_is_known_from_the_receipts_or_not_at_all(deliveries: list[Delivery], sizes: list[int | None]) -> None:
    """A mirror tells it, an append adds to it, and a removal of identifiers leaves it open."""
    assert [step.size for step in steps_of(deliveries)] == sizes


COUNTS = st.integers(0, 10**9)
DELIVERIES = st.builds(delivery, state=st.sampled_from(["baseline", "delivered"]), added=COUNTS, removed=COUNTS)
STEPS = st.lists(st.builds(Step, delivery=DELIVERIES, size=st.none() | COUNTS), max_size=40)


@given(steps=STEPS)
def test_every_step_is_drawn_inside_of_the_frame(steps: list[Step]) -> None:
    """From left to right; a larger size is higher, and what changed has a bar that can be seen."""
    chart = draw(steps, FRAME)
    assert [mark.step for mark in chart.marks] == steps
    assert [mark.x for mark in chart.marks] == sorted(mark.x for mark in chart.marks)
    for mark in chart.marks:
        assert FRAME.left <= mark.x <= FRAME.width
        assert mark.y is None or 0 <= mark.y <= FRAME.height - FRAME.bars
        assert all(0 <= bar <= FRAME.bars / 2 for bar in (mark.added, mark.removed))
        assert [bool(bar) for bar in (mark.added, mark.removed)] == [
            bool(mark.step.delivery.added),
            bool(mark.step.delivery.removed),
        ]
    heights = sorted(
        (mark.step.size, -mark.y) for mark in chart.marks if mark.y is not None and mark.step.size is not None
    )
    assert [height for _, height in heights] == sorted(height for _, height in heights)


@given(steps=STEPS)
def test_the_scale_covers_all_sizes_with_few_lines(steps: list[Step]) -> None:
    """Two to seven lines at round numbers."""
    sizes = [step.size for step in steps if step.size is not None]
    ticks = [size for _, size in draw(steps, FRAME).ticks]
    if sizes:
        assert ticks[0] <= min(sizes) <= max(sizes) <= ticks[-1]
        assert 2 <= len(ticks) <= 7
    else:
        assert ticks == []


def test_an_unknown_size_interrupts_the_line() -> None:
    """It is not bridged by a guess."""
    steps = [Step(delivery=FIRST, size=size) for size in (1, 2, None, 3)]
    assert [len(line.split()) for line in draw(steps, FRAME).lines] == [2, 1]
