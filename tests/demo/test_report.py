"""What the demo prints and when it calls itself failed."""

from dataclasses import replace
from pathlib import Path

import pytest

from demo.expected import EMAIL, PHONE, expect
from demo.report import DemoResult, scrub, tables

ROWS = [("ana@example.com", "212-555-0123", None), ("broken", "212-555-0199", None), (None, None, "x")]


@pytest.fixture
def result():
    expected = expect(ROWS)
    upload = {"segment_id": "7", "members": 2, "added": 2, "unchanged": 0, "removed": 0, "sent": 2, "batches": 1}
    return DemoResult(
        airflow_home=Path("home"),
        run_id="manual",
        snapshot=expected.counts(),
        verify={"created": True},
        upload={**upload, "requests": 1, "retries": 0, "rejected": {}, "receipt_uri": "file:///receipt.json"},
        map={"owner_advertiser_id": "1", "mapped_advertiser_ids": ["2"]},
        expected=expected,
        held={kind: set(digests) for kind, digests in expected.digests.items()},
    )


def test_equal_sets_are_no_difference(result):
    """When TikTok holds what the rows call for, the demo succeeds."""
    assert result.differences == []
    assert tables(result).count("equal") == 3


def test_missing_and_surplus_identifiers_are_reported(result):
    """One identifier missing and one too many are two different things."""
    held = {**result.held, EMAIL: set(), PHONE: result.held[PHONE] | {"f" * 64}}
    assert replace(result, held=held).differences == [
        f"TikTok: {EMAIL}: 1 identifiers are missing, 0 should not be there",
        f"TikTok: {PHONE}: 0 identifiers are missing, 1 should not be there",
    ]


def test_wrong_count_is_reported(result):
    """A count of the snapshot that the raw rows do not call for fails the demo."""
    wrong = replace(result, snapshot={**result.snapshot, "duplicates": 9})
    assert wrong.differences == ["snapshot: duplicates is 9, the raw rows call for 0"]


def test_tables_show_counts_and_no_person(result):
    """Reasons and numbers are shown, no digest and no raw value."""
    text = tables(result)
    assert "invalid_device_id" in text
    assert "invalid_email" in text
    assert "ana@" not in text
    assert not any(digest in text for digests in result.held.values() for digest in digests)


def test_scrub_takes_out_what_is_personal():
    """A log tail shows ids and times, no address, digest, phone or secret."""
    log = f"12:00 task 7012345678901234567 failed for 'Ana@Example.com' +1 (212) 555-0123 {'ab' * 32} s3cret"
    assert scrub(log, ["s3cret"]) == "12:00 task 7012345678901234567 failed for '<e-mail>' <phone> <digest> ***"
