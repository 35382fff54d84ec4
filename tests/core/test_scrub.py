"""Somebody else's message is shown without digests, tokens and people."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.scrub import scrub_digests, scrub_values


@given(
    st.text(max_size=400), st.binary(max_size=8), st.sampled_from(["md5", "sha1", "sha256", "sha512"]), st.booleans()
)
def test_a_digest_is_masked_wherever_it_stands(before: str, secret: bytes, algorithm: str, upper: bool) -> None:
    """A digest or hex token never shows, not even its first half at the end of a cut message."""
    digest = hashlib.new(algorithm, secret).hexdigest()
    for scrub in (scrub_digests, scrub_values):
        shown = scrub(f"{before}{digest.upper() if upper else digest}:")
        assert digest[:16] not in shown.lower()


def test_ids_stay_readable() -> None:
    """The ids of advertisers and segments are needed to mend what is wrong."""
    said = "No permission to operate advertiser: 7012345678901234567, audience 167290896"
    assert scrub_digests(said) == said


@pytest.mark.parametrize(
    "value",
    ["jane.doe+x@example.com", "+1 (212) 555-0123", "2125550123", "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"],
)
def test_people_in_a_database_error_are_masked(value: str) -> None:
    """A database likes to quote the row that it stumbled over."""
    shown = scrub_values(f"DETAIL: Key (contact)=({value}) already exists, value '{value}'")
    assert value not in shown
    assert "already exists" in shown


def test_a_long_message_is_cut() -> None:
    """A page of HTML does not fill the log."""
    assert len(scrub_digests("no " * 1000)) <= 300
