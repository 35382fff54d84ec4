"""Whatever goes wrong on the way, the segment ends equal to the snapshot; the emulator's membership is the judge."""

from collections.abc import Callable

import pytest

from airflow_provider_tiktok.api.client import RetryPolicy
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import PauseError, RejectedError, TransientError
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import MAPPING, PERSON, Desk, client_for, digests, email_digests, emails

Trouble = Callable[[Emulator], object]

PASSING = {
    "rate limit of the endpoint": lambda tiktok: tiktok.fail_with_code(MAPPING, 40016, times=2, skip=1),
    "rate limit of the app": lambda tiktok: tiktok.fail_with_code(MAPPING, 40100, times=2, skip=1),
    "rate limit of the advertiser": lambda tiktok: tiktok.fail_with_code(MAPPING, 40133, times=2, skip=1),
    "rate limit of the gateway": lambda tiktok: tiktok.fail_with_http(MAPPING, 429, times=2, skip=1),
    "maintenance": lambda tiktok: tiktok.fail_with_code(MAPPING, 60001, times=2, skip=1),
    "system error": lambda tiktok: tiktok.fail_with_code(MAPPING, 50000, times=2, skip=1),
    "system error after the change": lambda tiktok: tiktok.fail_with_code(
        MAPPING, 50002, times=2, skip=1, applied=True
    ),
    "satellite error": lambda tiktok: tiktok.fail_with_code(MAPPING, 51305, times=2, skip=1),
    "HTTP 400": lambda tiktok: tiktok.fail_with_http(MAPPING, 400, times=2, skip=1),
    "HTTP 502 in HTML": lambda tiktok: tiktok.fail_with_http(MAPPING, 502, times=2, skip=1),
    "HTTP 504 after the change": lambda tiktok: tiktok.fail_with_http(MAPPING, 504, times=2, skip=1, applied=True),
    "HTML with HTTP 200": lambda tiktok: tiktok.fail_with_http(MAPPING, 200, times=2, skip=1),
    "HTML with HTTP 200 after the change": lambda tiktok: tiktok.fail_with_http(
        MAPPING, 200, times=2, skip=1, applied=True
    ),
    "connection dropped before the change": lambda tiktok: tiktok.drop_before(MAPPING, times=2, skip=1),
    "connection dropped after the change": lambda tiktok: tiktok.drop_after(MAPPING, times=2, skip=1),
    "too slow an answer": lambda tiktok: tiktok.delay(MAPPING, 3.0, times=1, skip=1),
}
"""What passes by itself: each hits two tries of the second request."""


@pytest.fixture
def started(desk: Desk) -> Desk:
    """A desk that has delivered 0 to 9, with a client that gives up waiting for an answer after a second."""
    desk.client = client_for(desk.tiktok.url, policy=RetryPolicy(attempts=3), timeout=1.0)
    desk.deliver(desk.snapshot(emails(*range(10)), day=1))
    return desk


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_trouble_that_passes_is_retried(started: Desk, trouble: Trouble) -> None:
    """Adds and removes go through, each once, and the receipt tells the retries."""
    trouble(started.tiktok)
    receipt = started.deliver(started.snapshot(emails(*range(4, 14)), day=2))
    assert started.members() == email_digests(*range(4, 14))
    assert (receipt.added, receipt.unchanged, receipt.removed, receipt.sent) == (4, 6, 4, 8)
    assert receipt.retries > 0
    assert receipt.requests == receipt.batches + receipt.retries


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_trouble_that_lasts_ends_the_task_and_the_next_try_goes_on(started: Desk, trouble: Trouble) -> None:
    """A client that does not retry at all fails; what was acknowledged is not sent again, and all of it arrives."""
    patient, started.client = (
        started.client,
        client_for(started.tiktok.url, policy=RetryPolicy(attempts=1), timeout=1.0),
    )
    snapshot = started.snapshot(emails(*range(4, 14)), day=2)
    trouble(started.tiktok)
    with pytest.raises(TransientError):
        started.deliver(snapshot)
    started.tiktok.clear_faults()
    started.client = patient
    before = started.mapping_requests()
    receipt = started.deliver(snapshot)
    assert started.members() == email_digests(*range(4, 14))
    assert started.mapping_requests() == before + 3, "one of four batches was acknowledged"
    assert (receipt.added, receipt.unchanged, receipt.removed, receipt.sent) == (4, 6, 4, 8)


def test_a_rate_limit_that_lasts_is_not_waited_for_in_the_worker(desk: Desk) -> None:
    """After ten seconds the caller is told to pause, so that it can let its worker go."""
    waited: list[float] = []
    desk.client = client_for(desk.tiktok.url, sleep=waited.append, clock=lambda: sum(waited))
    desk.tiktok.fail_with_code(MAPPING, 40100, times=None)
    with pytest.raises(PauseError, match="request id"):
        desk.deliver(desk.snapshot(emails(1, 2, 3)))
    assert 0 < sum(waited) <= 10
    desk.tiktok.clear_faults()
    desk.deliver(desk.snapshot(emails(1, 2, 3)))
    assert desk.members() == email_digests(1, 2, 3)


@pytest.mark.parametrize("code", [40000, 40001, 40007, 40118, 41001, 99999])
def test_a_permanent_refusal_stops_at_once_and_is_cleaned_up_later(started: Desk, code: int) -> None:
    """One request is enough; the error names the request, and a later delivery is exact."""
    started.tiktok.fail_with_code(MAPPING, code, times=None, skip=1)
    before = started.mapping_requests()
    with pytest.raises(Exception, match=rf"code {code}, request id"):
        started.deliver(started.snapshot(emails(*range(4, 14)), day=2))
    assert started.mapping_requests() == before + 2
    assert started.members() == email_digests(*range(12)), "two were added, nobody was removed yet"
    started.tiktok.clear_faults()
    started.deliver(started.snapshot(emails(*range(5)), day=3))
    assert started.members() == email_digests(*range(5))


# --- rows that TikTok refuses ---


def refused(receipt: Receipt) -> tuple[int, dict[str, int], dict[str, int]]:
    return receipt.added, receipt.rejected, receipt.refused


def test_the_good_rows_of_a_refused_batch_go_out(desk: Desk) -> None:
    """A bad row in each half of a batch costs these two rows and a few calls, and is accounted for."""
    desk.tiktok.poison(email_digests(3, 60))
    snapshot = desk.snapshot(emails(*range(100)))
    receipt = desk.deliver(snapshot, batch_rows=100)
    assert desk.members() == email_digests(*range(100)) - email_digests(3, 60)
    assert refused(receipt) == (98, {"refused_by_tiktok": 2}, {"members": 2})
    assert receipt.members == receipt.added + receipt.unchanged + 2
    assert desk.mapping_requests() <= 2 * 2 * 8, "a row among 100 is found by seven halvings"


def test_a_refused_row_is_tried_again_by_the_next_delivery(desk: Desk) -> None:
    """It is not taken for delivered: when TikTok takes it, it is there, and as long as not, every receipt says so."""
    desk.tiktok.poison(email_digests(3))
    desk.deliver(desk.snapshot(emails(*range(10)), day=1))
    again = desk.deliver(desk.snapshot(emails(*range(10)), day=2))
    assert refused(again) == (0, {"refused_by_tiktok": 1}, {"members": 1})
    desk.tiktok.clear_faults()
    healed = desk.deliver(desk.snapshot(emails(*range(10)), day=3))
    assert refused(healed) == (1, {}, {})
    assert desk.members() == email_digests(*range(10))
    assert desk.deliver(desk.snapshot(emails(*range(10)), day=4)).requests == 0


def test_a_removal_that_is_refused_is_not_forgotten(desk: Desk) -> None:
    """Who could not be taken out is taken out by the next delivery."""
    desk.deliver(desk.snapshot(emails(*range(10)), day=1))
    desk.tiktok.poison(email_digests(8))
    receipt = desk.deliver(desk.snapshot(emails(*range(5)), day=2))
    assert desk.members() == email_digests(*range(5), 8)
    assert (receipt.removed, receipt.refused) == (4, {"removes": 1})
    desk.tiktok.clear_faults()
    assert desk.deliver(desk.snapshot(emails(*range(5)), day=3)).removed == 1
    assert desk.members() == email_digests(*range(5))


def test_a_refused_second_digest_is_told_and_tried_again(desk: Desk) -> None:
    """With both formats of a phone, one may be refused; the member is there by the other."""
    phones, rules = {"phone": "PHONE_SHA256"}, {"phone_format": "both"}
    rows = [("+12125550101",), ("+12125550102",)]
    desk.tiktok.poison(digests(["12125550102"]))
    receipt = desk.deliver(desk.snapshot(rows, day=1, columns=phones, rules=rules))
    assert refused(receipt) == (2, {}, {"aliases": 1})
    desk.tiktok.clear_faults()
    desk.deliver(desk.snapshot(rows, day=2, columns=phones, rules=rules))
    expected = {"+12125550101", "+12125550102", "12125550101", "12125550102"}
    assert desk.members("PHONE_SHA256") == digests(expected)


def test_a_refused_row_keeps_the_identifiers_it_shares(desk: Desk) -> None:
    """The phone of a refused row is there when another row holds it, and stays exact in later deliveries."""
    phone = "+442079460018"
    rows = [("bad@example.com", phone, None), ("good@example.com", phone, None), ("other@example.com", None, None)]
    desk.tiktok.poison(digests(["bad@example.com"]))
    desk.deliver(desk.snapshot(rows, day=1, columns=PERSON), batch_rows=3)
    assert desk.members("PHONE_SHA256") == digests([phone])
    assert desk.members("EMAIL_SHA256") == digests(["good@example.com", "other@example.com"])
    desk.deliver(desk.snapshot(rows[2:], day=2, columns=PERSON))
    assert desk.members("PHONE_SHA256") == set()
    assert desk.members("EMAIL_SHA256") == digests(["other@example.com"])


def test_a_request_that_is_refused_whatever_its_rows_fails_after_few_calls(desk: Desk) -> None:
    """A segment that does not exist is not a thousand bad rows."""
    desk.segment_id = "7999999999999999999"
    snapshot = desk.snapshot(emails(*range(1000)))
    with pytest.raises(RejectedError, match="does not exist"):
        desk.deliver(snapshot, batch_rows=1000)
    assert desk.mapping_requests() < 60


def test_a_single_row_that_is_refused_first_fails_the_delivery(desk: Desk) -> None:
    """With nothing accepted there is no telling a bad row from a bad request."""
    desk.tiktok.poison(email_digests(1))
    with pytest.raises(RejectedError, match="request id"):
        desk.deliver(desk.snapshot(emails(1)))


def test_a_row_with_several_identifiers_that_is_refused_first_is_told_like_any_other(desk: Desk) -> None:
    """With TikTok's own error; a later try passes over what is known to be refused."""
    person = [("bad@example.com", "+442079460018", None)]
    desk.tiktok.poison(digests(["bad@example.com"]))
    for _ in range(2):
        with pytest.raises(RejectedError, match="request id"):
            desk.deliver(desk.snapshot(person, columns=PERSON))
    good = [("good@example.com", "+442079460019", None)]
    receipt = desk.deliver(desk.snapshot(person + good, day=2, columns=PERSON), batch_rows=2)
    assert receipt.rejected == {"refused_by_tiktok": 1}
    assert desk.deliver(desk.snapshot(person, day=3, columns=PERSON)).refused == {"members": 1}


def test_too_many_refused_rows_fail_the_delivery(desk: Desk) -> None:
    """The calls are bounded; the rows that were taken stay known to the next try."""
    desk.tiktok.poison(email_digests(*range(1000, 2000)))
    snapshot = desk.snapshot(emails(*range(2000)))
    with pytest.raises(RejectedError):
        desk.deliver(snapshot, batch_rows=100)
    assert desk.mapping_requests() < 3000
    desk.tiktok.clear_faults()
    tried = desk.deliver(snapshot, batch_rows=100)
    assert len(desk.members()) == tried.added == 2000 - tried.rejected["refused_by_tiktok"]
    desk.deliver(desk.snapshot(emails(*range(2000)), day=2), batch_rows=100)
    assert desk.members() == email_digests(*range(2000))


@pytest.mark.parametrize("http_400", [False, True], ids=["code 40002", "HTTP 400"])
def test_a_segment_made_just_now_is_given_time(desk: Desk, http_400: bool) -> None:
    """A first delivery meets a segment that takes no rows for a minute, and waits instead of blaming the rows."""
    desk.tiktok.configure(warm_up_seconds=60.0, warm_up_http_400=http_400)
    desk.segment_id = desk.tiktok.create_audience(ADVERTISER_ID, "fresh")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        desk.tiktok.advance(seconds)

    desk.client = client_for(desk.tiktok.url, sleep=sleep, clock=lambda: sum(waited))
    receipt = desk.deliver(desk.snapshot(emails(*range(5))), courier={"sleep": sleep})
    assert desk.members() == email_digests(*range(5))
    assert 50 <= sum(waited) <= 150  # the emulator's clock runs between the waits too
    assert (receipt.added, receipt.rejected) == (5, {})


# --- a try that was broken off ---


def broken(desk: Desk, snapshot: Snapshot, after: int, **courier: object) -> None:
    """Deliver until a number of requests went through and one failed for good."""
    desk.tiktok.fail_with_code(MAPPING, 40007, times=None, skip=after)
    with pytest.raises(RejectedError):
        desk.deliver(snapshot, courier=courier)
    desk.tiktok.clear_faults()


@pytest.mark.parametrize("after", range(10))
def test_a_retry_sends_only_what_was_not_acknowledged(started: Desk, after: int) -> None:
    """Wherever it was broken off, among the adds or among the removes; and its receipt accounts for both tries."""
    snapshot = started.snapshot(emails(*range(10, 20)), day=2)
    broken(started, snapshot, after)
    before = started.mapping_requests()
    receipt = started.deliver(snapshot)
    assert started.mapping_requests() == before + 10 - after
    assert started.members() == email_digests(*range(10, 20))
    assert (receipt.added, receipt.removed, receipt.sent, receipt.batches) == (10, 10, 20, 10)
    assert len(receipt.request_ids) == 2


def test_side_by_side_requests_are_counted_when_one_fails(started: Desk) -> None:
    """What was under way when another request failed is not sent again."""
    snapshot = started.snapshot(emails(*range(10, 50)), day=2)
    broken(started, snapshot, 7, max_concurrency=4)
    applied = 7
    before = started.mapping_requests()
    started.deliver(snapshot, courier={"max_concurrency": 4})
    assert started.mapping_requests() == before + 20 + 5 - applied
    assert started.members() == email_digests(*range(10, 50))


@pytest.mark.parametrize("change", ["batch size", "another snapshot", "something in between"])
def test_progress_counts_only_for_the_plan_it_belongs_to(started: Desk, change: str) -> None:
    """Whatever is different makes other batches, so all of them are sent."""
    snapshot = started.snapshot(emails(*range(5, 15)), day=2)
    broken(started, snapshot, 2)
    if change == "another snapshot":
        snapshot = started.snapshot(emails(*range(5, 15)), day=2)
    if change == "something in between":
        started.deliver(started.snapshot(emails(*range(3)), day=2))
    rows = 3 if change == "batch size" else 2
    started.deliver(snapshot, batch_rows=rows)
    assert started.members() == email_digests(*range(5, 15))


def test_a_retry_that_has_nothing_left_to_send_settles_the_delivery(started: Desk) -> None:
    """Killed between the last answer and the log, the next try finds all acknowledged."""
    snapshot = started.snapshot(emails(*range(5, 15)), day=2)
    plan, courier = started.plan(snapshot), started.courier()
    courier._record(plan, lambda log: log.begun(plan.mode, plan.snapshot))
    courier._send_all(plan)
    before = started.mapping_requests()
    receipt = started.deliver(snapshot)
    assert started.mapping_requests() == before
    assert (receipt.added, receipt.removed, receipt.sent) == (5, 5, 10)
    assert started.deliver(started.snapshot(emails(*range(5, 15)), day=3)).requests == 0
