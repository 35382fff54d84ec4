"""What a code means is a table; TikTok's document is the judge (tiktok-api.md sections 3.5 and 7)."""

import hashlib

import pytest

from airflow_provider_tiktok.api.resolution import error_for, error_for_status
from airflow_provider_tiktok.errors import (
    ApiError,
    AuthError,
    PauseError,
    RejectedError,
    TokenExpiredError,
    TransientError,
)

RATE_LIMITED = {40016, 40100, 40132, 40133}
MAINTENANCE = {60001}
LATER = {40201, 40202, 40902, 40903, 40913, 50000, 50002, 51001, 51002, 51039, 51305}
BOUNDED = {40200, 40700}
EXPIRED = {40102, 40105}
AUTH = {40001, *range(40101, 40126)} - EXPIRED
FINAL = {
    20001, 40000, 40002, 40006, 40007, 40008, 40009, 40010, 40011, 40013, 40014, 40050, 40051, 40301,
    40900, 40905, 40906, 40907, 40908, 40909, 40910, 40914, 40915, 41000, 41001, 41002,
}  # fmt: skip
NOT_EDITABLE = "Audience is not editable, please check audience status"


def kind_of(code: int, message: str = "Some text.") -> type[ApiError]:
    return type(error_for(code, message, "2026010112000001"))


@pytest.mark.parametrize("code", sorted(LATER | BOUNDED))
def test_what_may_work_later_is_transient(code: int) -> None:
    """Time-outs and outages pass."""
    assert kind_of(code) is TransientError


@pytest.mark.parametrize("code", sorted(RATE_LIMITED | MAINTENANCE))
def test_what_needs_a_pause_says_so(code: int) -> None:
    """Rate limits and maintenance pass too, but not within seconds when they last."""
    assert kind_of(code) is PauseError
    assert issubclass(PauseError, TransientError)


@pytest.mark.parametrize("code", sorted(EXPIRED))
def test_an_expired_or_revoked_token_can_be_renewed(code: int) -> None:
    """These two codes, and no other, are worth a refresh."""
    assert kind_of(code) is TokenExpiredError


@pytest.mark.parametrize("code", sorted(AUTH))
def test_a_missing_right_needs_a_person(code: int) -> None:
    """Neither a retry nor a refresh gives a role, a scope or an allow-listed app."""
    assert kind_of(code) is AuthError


@pytest.mark.parametrize("code", sorted(FINAL))
def test_a_refused_request_is_final(code: int) -> None:
    """The same request would be refused again."""
    assert kind_of(code) is RejectedError


def test_no_other_code_is_retried_or_refreshed() -> None:
    """A code that TikTok does not document is final: a retry by guess may do harm."""
    retried = {code for code in range(1, 70_000) if issubclass(kind_of(code), TransientError)}
    renewed = {code for code in range(1, 70_000) if kind_of(code) is TokenExpiredError}
    assert retried == RATE_LIMITED | MAINTENANCE | LATER | BOUNDED
    assert renewed == EXPIRED


@pytest.mark.parametrize("code", [-1, 1, 42900, 49999, 99999])
def test_an_unknown_code_is_final(code: int) -> None:
    """Also outside the ranges that TikTok uses."""
    assert kind_of(code) is RejectedError


@pytest.mark.parametrize("status", [500, 503, 599])
def test_a_code_with_http_5xx_is_an_outage_unless_a_person_must_act(status: int) -> None:
    """A refusal by a failing server is not the last word; a missing right or an old token is."""
    kinds = {code: type(error_for(code, "Some text.", None, status)) for code in (99999, 40000, 40001, 40105, 50000)}
    assert kinds == {
        99999: TransientError,
        40000: TransientError,
        40001: AuthError,
        40105: TokenExpiredError,
        50000: TransientError,
    }


@pytest.mark.parametrize("status", [200, 400, 403, 404, 499])
def test_below_500_the_code_alone_decides(status: int) -> None:
    """The status says nothing that the code does not say better."""
    for code in (99999, 40000, 40001, 40105, 50000):
        assert type(error_for(code, "Some text.", None, status)) is kind_of(code)


def test_a_busy_audience_is_tried_again() -> None:
    """An audience that is being processed says that it is not editable; the same text with another code is final."""
    assert kind_of(40002, NOT_EDITABLE) is TransientError
    assert kind_of(40002, "custom_audience_name: required") is RejectedError
    assert kind_of(40000, NOT_EDITABLE) is RejectedError


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        (40001, "Operator or Admin"),
        (40001, "Audience Management"),
        (40101, "App secret (password)"),
        (40102, "authorise again"),
        (40103, "authorise again"),
        (40105, "authorise again"),
        (40107, "authorise again"),
        (40110, "authorise again"),
        (40113, "App id (login)"),
        (40118, "allow-listed"),
        (40300, "advertiser id"),
    ],
)
def test_the_text_says_what_a_person_can_do(code: int, cure: str) -> None:
    """TikTok's own words come first, then where to mend it."""
    said = str(error_for(code, "No permission to operate advertiser: 7012345678901234567.", "2026010112000001"))
    assert said.startswith("TikTok says: No permission to operate advertiser: 7012345678901234567; ")
    assert cure in said
    assert said.endswith(f"(code {code}, request id 2026010112000001)")


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(hashlib.sha256(b"jane@example.com").hexdigest(), id="SHA-256"),
        pytest.param(hashlib.sha256(b"jane@example.com").hexdigest().upper(), id="upper-case SHA-256"),
        pytest.param(hashlib.md5(b"jane@example.com").hexdigest(), id="MD5"),
        pytest.param(hashlib.sha1(b"token").hexdigest(), id="token of 40 digits"),
    ],
)
@pytest.mark.parametrize("code", [40000, 40002, 40105, 50000])
@pytest.mark.parametrize(
    "before", ["id ", "id=", "['", "", "x" * 280], ids=["space", "equals", "quoted", "bare", "at the cut"]
)
def test_digests_and_tokens_in_tiktoks_message_are_masked(code: int, secret: str, before: str) -> None:
    """An error text may be logged: it never quotes what was sent, not even the part before a long text is cut."""
    said = str(error_for(code, f"Invalid value {before}{secret}' in batch_data", None))
    assert secret[:12] not in said
    assert "Invalid value" in said


def test_a_long_message_is_cut() -> None:
    """TikTok's message does not fill the log, and the code stays at its end."""
    said = str(error_for(40000, "no " * 1000, "2026010112000001"))
    assert len(said) < 400
    assert said.endswith("(code 40000, request id 2026010112000001)")


@pytest.mark.parametrize("status", [200, 400, 429, 500, 502, 503, 504, 599])
def test_an_outage_on_the_way_is_transient(status: int) -> None:
    """A gateway that answers instead of the API may let the next request through; 400 was seen from a new segment."""
    error = error_for_status(status, "log-7")
    assert type(error) is (PauseError if status == 429 else TransientError)
    assert (error.code, error.request_id) == (None, "log-7")


@pytest.mark.parametrize("status", [204, 301, 401, 403, 404, 405, 410])
def test_another_status_without_an_answer_is_final(status: int) -> None:
    """The request went to the wrong place."""
    assert type(error_for_status(status, None)) is RejectedError
