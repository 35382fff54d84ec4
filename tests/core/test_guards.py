"""Guards stop a delivery that looks like a mistake, before anything was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.guards import GuardError, Guards


def test_an_empty_snapshot_is_refused() -> None:
    """A query that returns nobody would empty the segment; the error says what to do when that is meant."""
    with pytest.raises(GuardError, match=r"no members.*allow_empty=True"):
        Guards().check_members(0)


def test_an_empty_snapshot_is_let_through_when_meant() -> None:
    """allow_empty lets it pass, and one member is not empty."""
    Guards(allow_empty=True).check_members(0)
    Guards().check_members(1)


@pytest.mark.parametrize(("removes", "delivered"), [(51, 100), (1, 1), (2, 3)])
def test_too_large_a_removal_is_refused(removes: int, delivered: int) -> None:
    """The error gives both numbers and the name of the limit."""
    with pytest.raises(GuardError, match=rf"remove {removes} of {delivered} .*max_delete_pct=50"):
        Guards().check_removes(removes, delivered)


@pytest.mark.parametrize(("removes", "delivered"), [(0, 0), (0, 100), (50, 100), (1, 2)])
def test_a_removal_within_the_limit_passes(removes: int, delivered: int) -> None:
    """The limit itself is allowed, and a first delivery removes nothing."""
    Guards().check_removes(removes, delivered)


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 100))
def test_a_removal_passes_exactly_up_to_its_percentage(counts: tuple[int, int], percent: int) -> None:
    """The limit is exact for every size."""
    removes, delivered = counts
    allowed = removes * 100 <= percent * delivered
    try:
        Guards(max_delete_pct=float(percent)).check_removes(removes, delivered)
    except GuardError:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(("members", "warned"), [(999, True), (1000, False)])
def test_few_members_are_worth_a_warning(members: int, warned: bool) -> None:
    """Below min_members a warning with both numbers is given, and nothing stops."""
    warnings = Guards(min_members=1000).warnings(members)
    assert bool(warnings) == warned
    assert all("999 members" in text and "min_members=1000" in text for text in warnings)
