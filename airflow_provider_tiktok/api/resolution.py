"""What an answer means and what to do about it, as data.

Source: return codes of TikTok portal document 1737172488964097, with observations of production connectors.
"""

from collections.abc import Mapping
from types import MappingProxyType

from airflow_provider_tiktok.core.scrub import scrub_digests
from airflow_provider_tiktok.errors import (
    ApiError,
    AuthError,
    PauseError,
    RejectedError,
    TokenExpiredError,
    TransientError,
)

OK = 0

PAUSE_CODES = frozenset({40016, 40100, 40132, 40133, 60001})
"""Rate limits and maintenance."""

OUTAGE_CODES = frozenset({40200, 40201, 40202, 40700, 40902, 40903, 40913, 50000, 50002, 51001, 51002, 51039, 51305})
EXPIRED_TOKEN_CODES = frozenset({40102, 40105})
AUTH_CODES = frozenset({40001, 40101, 40103, 40104, *range(40106, 40126), 40300})
NOT_EDITABLE = "is not editable"

CURES: Mapping[int, str] = MappingProxyType(
    {
        40001: "the account needs the role Operator or Admin (Analyst cannot change audiences) and the token the "
        "scopes Audience Management and Ad Account Management",
        40101: "check App id (login) and App secret (password) of the connection",
        40102: "the access token has expired; authorise again and put the new token into the connection",
        40103: "the refresh token has expired; authorise again and put the new token into the connection",
        40104: "the connection holds no access token",
        40105: "the access token is wrong or was revoked; authorise again and put the new token into the connection",
        40107: "the refresh token is not valid (used already, revoked, or of a long-term token); authorise again",
        40110: "the auth code was used or has expired; authorise again",
        40113: "check App id (login) and App secret (password) of the connection",
        40118: "the app is not allow-listed for the Segment API; ask TikTok for access",
        40300: "check the advertiser id",
    }
)


def error_for(code: int, message: str, request_id: str | None, status: int = 200) -> ApiError:
    """Turn a non-zero code into an error whose type says what to do next. HTTP 5xx is an outage, whatever the code."""
    cure = CURES.get(code)
    said = scrub_digests(message).rstrip(". ")
    text = f"TikTok says: {said}" + (f"; {cure}" if cure else "")
    found = _type_for(code, message)
    if found is RejectedError and status == 429:
        found = PauseError
    elif found is RejectedError and status >= 500:
        found = TransientError
    return found(text, code=code, request_id=request_id)


def error_for_status(status: int, request_id: str | None) -> ApiError:
    """Turn an answer that is not the API's own envelope into an error.

    5xx and HTML mean an outage on the way; 400 was seen for minutes after a segment was created.
    """
    if status == 429:
        return PauseError("TikTok's gateway gave HTTP 429: too many requests", request_id=request_id)
    if status in {200, 400} or status >= 500:
        return TransientError(f"TikTok's gateway gave HTTP {status} without an API answer", request_id=request_id)
    return RejectedError(
        f"HTTP {status}: the request never reached the API; check Host of the connection", request_id=request_id
    )


def _type_for(code: int, message: str) -> type[ApiError]:
    if code in EXPIRED_TOKEN_CODES:
        return TokenExpiredError
    if code in PAUSE_CODES:
        return PauseError
    if code in OUTAGE_CODES or (code == 40002 and NOT_EDITABLE in message):
        return TransientError
    return AuthError if code in AUTH_CODES else RejectedError
