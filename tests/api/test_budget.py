"""An app never asks faster than TikTok allows; the emulator's throttle is the judge."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.budget import BURST, CALLS_PER_SECOND, TokenBucket, app_budget
from airflow_provider_tiktok.api.client import AudienceClient, RetryPolicy
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import PauseError
from tests.kit import MAPPING, Desk, client_for, email_digests, emails


class Time:
    """A clock that moves when somebody sleeps, and the emulator's with it."""

    def __init__(self, tiktok: Emulator | None = None) -> None:
        self.now, self._tiktok = 0.0, tiktok

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._tiktok:
            self._tiktok.advance(seconds)


@given(pauses=st.lists(st.floats(0.0, 2.0), max_size=60))
def test_no_second_holds_more_calls_than_allowed(pauses: list[float]) -> None:
    """Whenever callers come, any window of a second holds at most the rate and the burst."""
    time = Time()
    bucket, calls = TokenBucket(clock=time.clock, sleep=time.sleep), []
    for pause in pauses:
        time.now += pause
        bucket.take()
        calls.append(time.now)
    for start in calls:
        assert sum(start <= call < start + 1 - 1e-6 for call in calls) <= CALLS_PER_SECOND + BURST


def test_the_rate_is_used_to_the_full() -> None:
    """A hundred calls take no longer than they must."""
    time = Time()
    bucket = TokenBucket(clock=time.clock, sleep=time.sleep)
    for _ in range(100):
        bucket.take()
    assert time.now == pytest.approx((100 - BURST) / CALLS_PER_SECOND)


def test_threads_share_the_rate() -> None:
    """Callers at the same moment get turns one after the other, and none gets the turn of another."""
    waits: list[float] = []
    bucket = TokenBucket(clock=lambda: 0.0, sleep=waits.append)
    threads = [threading.Thread(target=bucket.take) for _ in range(10 + BURST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(waits) == pytest.approx([turn / CALLS_PER_SECOND for turn in range(1, 11)])


def test_clients_of_one_app_share_one_budget() -> None:
    """Two hooks of one app in one process are one caller to TikTok."""
    assert app_budget("7001") is app_budget("7001")
    assert app_budget("7001") is not app_budget("7002")


@pytest.mark.parametrize("limited", [True, False], ids=["with a budget", "without"])
def test_many_questions_pass_a_throttle_without_one_refusal(tiktok: Emulator, limited: bool) -> None:
    """At TikTok's lowest level forty calls go through at once with a budget, and do not without one."""
    tiktok.configure(qps=10)
    time = Time(tiktok)
    bucket = TokenBucket(clock=time.clock, sleep=time.sleep)
    client = client_for(tiktok.url, budget=bucket if limited else None, policy=RetryPolicy(attempts=1))
    if not limited:
        with pytest.raises(PauseError):
            ask(client, 40)
        return
    ask(client, 40)
    assert tiktok.count_requests("custom_audience/list/") == 40


def test_the_segment_api_has_a_limit_of_its_own(desk: Desk) -> None:
    """Batches do not wait for the budget of the other endpoints."""
    waits: list[float] = []
    desk.client = client_for(desk.tiktok.url, budget=TokenBucket(clock=lambda: 0.0, sleep=waits.append))
    desk.deliver(desk.snapshot(emails(*range(40))))
    assert desk.members() == email_digests(*range(40))
    assert (desk.tiktok.count_requests(MAPPING), waits) == (20, [])


def ask(client: AudienceClient, times: int) -> None:
    for _ in range(times):
        client.segments(ADVERTISER_ID)
