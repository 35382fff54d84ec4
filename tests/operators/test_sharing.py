"""Sharing a segment with many advertisers: calls of at most ten, and TikTok's share log has the last word."""

from typing import Any

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import TransientError
from airflow_provider_tiktok.operators.segment import TikTokMapAdvertisersOperator
from tests.kit import connect, context

MANY = [str(7_100_000_000_000_000_000 + number) for number in range(25)]
SHARE = "/custom_audience/share/"


@pytest.fixture
def business(connection: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A business of 25 more advertisers, and a connection whose token reaches them all."""
    for advertiser in MANY:
        connection.add_advertiser(advertiser)
    connect(monkeypatch, connection, extra={"access_token": connection.issue_token()["access_token"]})
    return connection


def share(segment_id: str, advertisers: list[str]) -> dict[str, Any]:
    operator = TikTokMapAdvertisersOperator(
        task_id="map", segment=segment_id, advertiser_ids=advertisers, strategy="share"
    )
    return operator.execute(context())


def test_25_advertisers_are_three_calls(business: Emulator) -> None:
    """Each names one segment and at most ten advertisers; all of them see the segment, and a second run asks only."""
    segment_id = business.create_audience(ADVERTISER_ID, "VIP")
    assert share(segment_id, MANY)["mapped_advertiser_ids"] == MANY
    assert business.audiences()[0]["shared_with"] == MANY
    assert business.count_requests(SHARE) == 3
    share(segment_id, MANY)
    assert business.count_requests(SHARE) == 3


def test_only_those_that_the_log_lacks_are_shared_with(business: Emulator) -> None:
    """Advertisers that have the segment already cost no call."""
    segment_id = business.create_audience(ADVERTISER_ID, "VIP", shared_with=MANY[:15])
    share(segment_id, MANY)
    assert business.audiences()[0]["shared_with"] == MANY
    assert business.count_requests(SHARE) == 1


def test_a_share_that_the_log_does_not_confirm_is_told_and_made_up_for(business: Emulator) -> None:
    """TikTok answered OK to the second ten and did nothing: the task fails, and its retry shares with these ten."""
    segment_id = business.create_audience(ADVERTISER_ID, "VIP")
    business.fail_with_code(SHARE, 0, skip=1)
    with pytest.raises(TransientError, match="share log does not list") as caught:
        share(segment_id, MANY)
    assert all(one in str(caught.value) for one in MANY[10:20])
    share(segment_id, MANY)
    assert set(business.audiences()[0]["shared_with"]) == set(MANY)
    assert business.count_requests(SHARE) == 4
