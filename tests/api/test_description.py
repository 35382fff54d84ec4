"""What TikTok says of a segment, read from its answer."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.core.readiness import Description


def test_a_description_is_read_with_its_times_in_utc() -> None:
    """Size, flags, end, newest change and TikTok's words, in which a person's data is masked."""
    details = {
        "cover_num": 2500,
        "is_valid": True,
        "is_expiring": False,
        "expired_time": "2027-02-02 16:27:49",
        "error_msg": "row jane@example.com",
        "msg": None,
    }
    history = [{"opt_time": "2026-02-01 00:00:00"}, {"opt_time": "2026-02-02 16:27:49"}, {"opt_time": None}]
    seen = wire.description({"list": [{"audience_details": details, "audience_history": history}]})
    assert seen == Description(
        size=2500,
        is_valid=True,
        expires_at=datetime(2027, 2, 2, 16, 27, 49, tzinfo=UTC),
        changed_at=datetime(2026, 2, 2, 16, 27, 49, tzinfo=UTC),
        error="row ***",
    )


def test_an_unknown_audience_has_no_description() -> None:
    """TikTok leaves out what the advertiser does not have."""
    assert wire.description({"list": []}) is None
    assert wire.description({}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
DETAILS = ["cover_num", "is_valid", "is_expiring", "expired_time", "error_msg", "msg"]


@given(st.dictionaries(st.sampled_from(DETAILS), json_values), st.lists(json_values, max_size=3))
def test_no_details_make_the_reading_fail(details: dict[str, object], moments: list[object]) -> None:
    """Values of a wrong kind count as not told: an invalid segment of size 0, and never a crash."""
    history = [{"opt_time": moment} for moment in moments]
    seen = wire.description({"list": [{"audience_details": details, "audience_history": history}]})
    assert seen is not None
    assert seen.size >= 0
    assert seen.is_valid is (details.get("is_valid") is True)
