"""Guards stop a delivery that looks like a mistake, before anything was changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.guards import GuardError, Guards, refuse


def test_an_empty_snapshot_is_refused() -> None:
    """A query that returns nobody would empty the segment; the error says what to do when that is meant."""
    with pytest.raises(GuardError, match=r"no members.*allow_empty=True"):
        refuse(Guards().on_members(0))


def test_an_empty_snapshot_is_let_through_when_meant() -> None:
    """allow_empty lets it pass, and one member is not empty."""
    refuse(Guards(allow_empty=True).on_members(0))
    refuse(Guards().on_members(1))


@pytest.mark.parametrize(("removes", "delivered"), [(51, 100), (1, 1), (2, 3)])
def test_too_large_a_removal_is_refused(removes: int, delivered: int) -> None:
    """The error gives both numbers and the name of the limit."""
    with pytest.raises(GuardError, match=rf"remove {removes} of {delivered} .*max_delete_pct=50"):
        refuse(Guards().on_removes(removes, delivered))


@pytest.mark.parametrize(("removes", "delivered"), [(0, 0), (0, 100), (50, 100), (1, 2)])
def test_a_removal_within_the_limit_passes(removes: int, delivered: int) -> None:
    """The limit itself is allowed, and a first delivery removes nothing."""
    assert Guards().on_removes(removes, delivered) == []


@given(st.integers(1, 10**9).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(0, 100))
def test_a_removal_passes_exactly_up_to_its_percentage(counts: tuple[int, int], percent: int) -> None:
    """The limit is exact for every size."""
    removes, delivered = counts
    allowed = removes * 100 <= percent * delivered
    assert allowed == (Guards(max_delete_pct=float(percent)).on_removes(removes, delivered) == [])


@pytest.mark.parametrize(("members", "small"), [(999, True), (1000, False)])
def test_few_members_are_worth_a_warning_or_an_objection(members: int, small: bool) -> None:
    """Below min_members both numbers are told; whether that stops the delivery is the user's choice."""
    for guards, told in (
        (Guards(min_members=1000), Guards.warnings),
        (Guards(min_members=1000, on_small="fail"), Guards.on_members),
    ):
        texts = told(guards, members)
        assert bool(texts) == small
        assert all("999 members" in text and "min_members=1000" in text for text in texts)
    assert Guards(min_members=1000).on_members(members) == []
    assert Guards(min_members=1000, on_small="fail").warnings(members) == []


def test_all_objections_are_told_at_once() -> None:
    """Nobody wants to mend one thing and be told the next."""
    with pytest.raises(GuardError, match="first; second"):
        refuse(["first", "second"])
