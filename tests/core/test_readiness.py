"""The state of a segment, decided from what TikTok says of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.readiness import Description, SegmentState, Sighting, segment_state

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)


def seen(size: int, *, valid: bool = False, expiring: bool = False, error: str = "", **since: timedelta) -> Description:
    """A description; ``expires`` and ``changed`` are given as distances from now."""
    return Description(
        size=size,
        is_valid=valid,
        is_expiring=expiring,
        error=error,
        expires_at=NOW + since.get("expires", YEAR),
        changed_at=NOW + since["changed"] if "changed" in since else None,
    )


@pytest.mark.parametrize(
    ("description", "state"),
    [
        pytest.param(seen(1000, valid=True), SegmentState.READY, id="valid and just large enough"),
        pytest.param(seen(999, valid=True), SegmentState.TOO_SMALL, id="valid and one too few"),
        pytest.param(seen(5000, valid=True, expiring=True), SegmentState.EXPIRING, id="valid for some weeks more"),
        pytest.param(seen(5000, valid=True, expires=-HOUR), SegmentState.READY, id="valid by TikTok's own clock"),
        pytest.param(seen(5000, valid=True, error="3 rows"), SegmentState.READY, id="valid in spite of an error"),
        pytest.param(seen(5000, expires=-HOUR), SegmentState.EXPIRED, id="expired"),
        pytest.param(seen(5000, expires=timedelta(0)), SegmentState.EXPIRED, id="expires this moment"),
        pytest.param(seen(0, expires=-HOUR, error="boom"), SegmentState.EXPIRED, id="expired after an error"),
        pytest.param(seen(0, error="boom"), SegmentState.FAILED, id="failed"),
        pytest.param(seen(0), SegmentState.PROCESSING, id="nothing computed, no history"),
        pytest.param(seen(0, changed=-HOUR), SegmentState.PROCESSING, id="nothing computed, just filled"),
        pytest.param(seen(0, changed=-48 * HOUR), SegmentState.PROCESSING, id="TikTok's last hour"),
        pytest.param(seen(0, changed=-49 * HOUR), SegmentState.TOO_SMALL, id="TikTok had its 48 hours"),
        pytest.param(seen(400), SegmentState.TOO_SMALL, id="computed and small"),
        pytest.param(seen(2500), SegmentState.PROCESSING, id="large enough, and computed anew"),
    ],
)
def test_every_line_of_the_decision_table(description: Description, state: SegmentState) -> None:
    """One description for each line and each edge of the table, for a wanted size of 1,000."""
    assert segment_state(description, 1000, NOW) is state


def test_the_wanted_size_counts_beside_tiktoks_own() -> None:
    """A wish above 1,000 makes a valid segment too small; a wish below does not make an invalid one large enough."""
    assert segment_state(seen(2500, valid=True), 3000, NOW) is SegmentState.TOO_SMALL
    assert segment_state(seen(2500), 3000, NOW) is SegmentState.TOO_SMALL
    assert segment_state(seen(500), 10, NOW) is SegmentState.TOO_SMALL
    assert segment_state(seen(500, valid=True), 10, NOW) is SegmentState.READY


moments = st.none() | st.datetimes(timezones=st.just(UTC))
descriptions = st.builds(
    Description,
    size=st.integers(),
    is_valid=st.booleans(),
    is_expiring=st.booleans(),
    expires_at=moments,
    changed_at=moments,
    error=st.text(max_size=20),
    message=st.text(max_size=20),
)


@given(descriptions, st.integers(-5, 10_000), st.datetimes(timezones=st.just(UTC)))
def test_every_description_has_a_state_and_words_for_it(description: Description, wanted: int, now: datetime) -> None:
    """Whatever TikTok says, there is one state; only a valid segment of the wanted size is usable; each has a text."""
    state = segment_state(description, wanted, now)
    assert state.usable == (description.is_valid and description.size >= wanted)
    assert not (state.usable and state.final)
    sighting = Sighting(segment_id="7", advertiser_id="9", state=state, min_size=wanted, seen=description)
    assert str(sighting).startswith("Segment 7 of advertiser 9 ")
    assert bool(sighting.cure) is not state.usable
    assert sighting.to_dict()["state"] == state.value


@given(descriptions, st.timedeltas(timedelta(0), timedelta(days=9999)))
def test_time_alone_never_makes_a_segment_usable(description: Description, later: timedelta) -> None:
    """An unchanged description goes from processing to too small or to expired, and never to ready."""
    if not segment_state(description, 1000, NOW).usable:
        assert not segment_state(description, 1000, NOW + later).usable
