"""The client against trouble: what is retried, what is not, and that the outcome is exact either way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.api.client import AudienceClient, RetryPolicy
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Layout
from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.errors import PauseError, RejectedError, TokenExpiredError, TransientError
from tests.kit import MAPPING, client_for, email_digests, records

EMAIL = Layout((IdentifierKind.EMAIL_SHA256,))
RECORDS = records(EMAIL, [(f"person{number}@example.com",) for number in range(3)])
CREATE = "/segment/audience/"


def add(client: AudienceClient, segment_id: str) -> int:
    return client.map_members("add", segment_id, [ADVERTISER_ID], EMAIL, RECORDS).attempts


@pytest.mark.parametrize("code", [40016, 40100, 40133, 50000, 50002, 51001, 51305, 60001])
def test_a_code_that_may_pass_is_retried(tiktok: Emulator, client: AudienceClient, code: int) -> None:
    """A rate limit or an outage costs another attempt and nothing else."""
    segment = tiktok.create_audience(ADVERTISER_ID, "one")
    tiktok.fail_with_code(MAPPING, code, times=2)
    assert add(client, segment) == 3
    assert tiktok.members(segment)["EMAIL_SHA256"] == email_digests(0, 1, 2)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_a_gateway_page_is_retried(tiktok: Emulator, client: AudienceClient, status: int, applied: bool) -> None:
    """HTML from a gateway says nothing about the change, which is repeated: sets make that harmless."""
    segment = tiktok.create_audience(ADVERTISER_ID, "one")
    tiktok.fail_with_http(MAPPING, status, applied=applied)
    assert add(client, segment) == 2
    assert tiktok.members(segment)["EMAIL_SHA256"] == email_digests(0, 1, 2)


@pytest.mark.parametrize("when", ["drop_before", "drop_after"])
def test_a_dropped_connection_is_retried(tiktok: Emulator, client: AudienceClient, when: str) -> None:
    """A connection that is dropped before or after the change ends in the same membership."""
    segment = tiktok.create_audience(ADVERTISER_ID, "one")
    getattr(tiktok, when)(MAPPING)
    assert add(client, segment) == 2
    assert tiktok.members(segment)["EMAIL_SHA256"] == email_digests(0, 1, 2)


def test_a_slow_answer_is_given_up_and_retried(tiktok: Emulator) -> None:
    """No request waits longer than the connection's time-out."""
    segment = tiktok.create_audience(ADVERTISER_ID, "one")
    tiktok.delay(MAPPING, 2.0)
    assert add(client_for(tiktok.url, timeout=0.3), segment) == 2
    assert tiktok.members(segment)["EMAIL_SHA256"] == email_digests(0, 1, 2)


def test_retries_are_bounded_in_attempts(tiktok: Emulator) -> None:
    """An outage that lasts ends in an error after the policy's attempts."""
    segment = tiktok.create_audience(ADVERTISER_ID, "one")
    tiktok.fail_with_http(MAPPING, 502, times=None)
    with pytest.raises(TransientError, match="HTTP 502"):
        add(client_for(tiktok.url, policy=RetryPolicy(attempts=4)), segment)
    assert tiktok.count_requests(MAPPING) == 4


@given(
    attempts=st.integers(1, 20),
    total=st.floats(0.0, 1000.0),
    jitter=st.lists(st.floats(0.0, 1.0, exclude_max=True), min_size=20, max_size=20),
)
def test_waits_are_bounded_in_time(attempts: int, total: float, jitter: list[float]) -> None:
    """Whatever the jitter, the waits of one request sum up to no more than the policy allows."""
    policy = RetryPolicy(attempts=attempts, total_seconds=total, pause_seconds=total / 10)
    for error, bound in ((TransientError("outage"), total), (PauseError("rate limit"), total / 10)):
        elapsed, waits = 0.0, 0
        while (wait := policy.wait(error, waits + 1, elapsed, jitter[waits])) is not None:
            assert 0 < wait <= policy.longest_wait
            elapsed += wait
            waits += 1
        assert elapsed <= bound
        assert waits < attempts


def test_an_outage_is_given_minutes_and_a_rate_limit_seconds() -> None:
    """By default; after that the caller pauses, and holds no worker meanwhile."""
    policy = RetryPolicy()
    for error, least, most in ((TransientError("outage"), 150.0, 300.0), (PauseError("rate limit"), 5.0, 10.0)):
        elapsed, waits = 0.0, 0
        while (wait := policy.wait(error, waits + 1, elapsed, 0.5)) is not None:
            elapsed, waits = elapsed + wait, waits + 1
        assert least <= elapsed <= most


def test_a_refusal_stops_at_once_with_the_request_id(tiktok: Emulator, client: AudienceClient) -> None:
    """What TikTok refuses for good is not repeated, and the error names the request for TikTok's support."""
    with pytest.raises(RejectedError) as caught:
        add(client, "123456789")
    request = tiktok.requests(MAPPING)[-1]
    assert tiktok.count_requests(MAPPING) == 1
    assert caught.value.code == request["code"]
    assert str(request["request_id"]) in str(caught.value)


def test_a_lost_answer_to_a_create_makes_no_second_segment(tiktok: Emulator, client: AudienceClient) -> None:
    """When the connection drops after the segment was made, the list tells its id."""
    tiktok.drop_after(CREATE)
    segment_id = client.create_segment(ADVERTISER_ID, "one")
    assert [(a["audience_id"], a["name"]) for a in tiktok.audiences()] == [(segment_id, "one")]
    assert tiktok.count_requests(CREATE) == 1


def test_a_create_that_was_not_made_is_an_error_and_not_repeated(tiktok: Emulator, client: AudienceClient) -> None:
    """When the connection drops before the segment was made, nothing is made and the task may run again."""
    tiktok.drop_before(CREATE)
    with pytest.raises(TransientError):
        client.create_segment(ADVERTISER_ID, "one")
    assert tiktok.audiences() == []
    assert tiktok.count_requests(CREATE) == 1


def test_a_create_that_tiktok_refused_for_now_is_repeated(tiktok: Emulator, client: AudienceClient) -> None:
    """A rate limit says that nothing was made, so the create goes out again."""
    tiktok.fail_with_code(CREATE, 40100)
    client.create_segment(ADVERTISER_ID, "one")
    assert len(tiktok.audiences()) == 1


def test_every_page_of_a_list_is_read(tiktok: Emulator, client: AudienceClient) -> None:
    """An account with more audiences than fit a page shows all of them, own and shared."""
    for number in range(230):
        tiktok.create_audience(ADVERTISER_ID, f"own {number}")
    tiktok.create_audience(ADVERTISER_ID_2, "another's", shared_with=[ADVERTISER_ID])
    assert len(client.segments(ADVERTISER_ID)) == 231
    assert {segment.name for segment in client.owned_segments(ADVERTISER_ID)} == {f"own {n}" for n in range(230)}


def test_an_expired_long_lived_token_asks_for_a_person(tiktok: Emulator) -> None:
    """Without a refresh token nothing can be renewed: one request, and a text that says what to do."""
    token = tiktok.issue_token()["access_token"]
    tiktok.expire_token(token)
    client = client_for(tiktok.url, access_token=token)
    with pytest.raises(TokenExpiredError, match="authorise again") as caught:
        client.check_token()
    assert token not in str(caught.value)
    assert tiktok.count_requests("/user/info/") == 1
