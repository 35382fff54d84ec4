"""Accounts add up, or nobody is told that all is well."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.receipt import AccountingError, Receipt, SnapshotCounts

COUNT = st.integers(0, 1000)
REJECTED = st.dictionaries(st.sampled_from(["empty", "placeholder", "invalid_email"]), COUNT)


def snapshot_counts(**values: Any) -> SnapshotCounts:
    defaults = {"suppressed": 0, "rejected": {}, "identifiers": {}, "refused_identifiers": {}}
    return SnapshotCounts(**{**defaults, **values})


def receipt(**values: Any) -> Receipt:
    defaults = {
        "segment_id": "167290896",
        "owner_advertiser_id": "7012345678901234567",
        "advertiser_ids": ["7012345678901234567"],
        "mode": "mirror",
        "snapshot_uri": "file:///snapshots/1",
        "interval_end": "2026-01-01",
        "plan": "plan-1",
    }
    return Receipt(**{**defaults, **values})


@given(COUNT, COUNT, COUNT, REJECTED, st.integers(-3, 3))
def test_a_snapshot_accounts_for_every_row(
    members: int, duplicates: int, suppressed: int, rejected: dict[str, int], lost: int
) -> None:
    """Rows read are members, duplicates, suppressed or rejected; one lost or counted twice is an error."""
    read = members + duplicates + suppressed + sum(rejected.values()) + lost
    values = {"members": members, "duplicates": duplicates, "suppressed": suppressed, "rejected": rejected}
    if lost == 0:
        assert snapshot_counts(rows_read=read, **values).rows_read == read
    else:
        with pytest.raises(AccountingError, match=rf"^{read} rows were read but {read - lost} "):
            snapshot_counts(rows_read=read, **values)


@given(COUNT, COUNT, REJECTED, st.integers(-3, 3))
def test_a_receipt_accounts_for_every_member(added: int, unchanged: int, rejected: dict[str, int], lost: int) -> None:
    """Members are added, unchanged or refused; one lost or counted twice is an error."""
    members = added + unchanged + sum(rejected.values()) + lost
    values = {"members": members, "added": added, "unchanged": unchanged, "rejected": rejected}
    if lost == 0:
        assert receipt(**values).members == members
    else:
        with pytest.raises(AccountingError, match=rf"^{members} members .* {members - lost} "):
            receipt(**values)


def test_a_superseded_delivery_delivers_nobody() -> None:
    """A snapshot older than what the segment holds has members, of which none was added or found unchanged."""
    assert receipt(members=5, superseded=True).to_dict()["added"] == 0


def test_a_receipt_survives_json() -> None:
    """What goes into XCom comes out the same."""
    values = receipt(members=3, added=2, rejected={"refused_by_tiktok": 1}, request_ids=["a", "b"]).to_dict()
    assert json.loads(json.dumps(values)) == values
