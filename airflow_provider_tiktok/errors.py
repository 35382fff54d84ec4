"""Exceptions, grouped by what to do next.

==================  ==========================================================
Type                What to do
==================  ==========================================================
ConfigurationError  Mend the connection, the operator or the segment's name.
QueryError          Mend the query or its database; nothing was sent.
AuthError           Authorise again, or ask for the missing role or scope.
RejectedError       TikTok refuses this request for good: read its message.
TransientError      Already retried within bounds; run the task again later.
PauseError          As TransientError; TikTok wants a pause of minutes first.
BusyError           Another task delivers to the segment; run the task again later.
==================  ==========================================================

A bad row is data, counted by reason, and never an exception.
"""


class TikTokError(Exception):
    """Base of all errors of this provider that concern TikTok."""


class ConfigurationError(TikTokError, ValueError):
    """The connection, an operator's argument or the set-up in TikTok is wrong; a person must mend it."""


class QueryError(TikTokError):
    """The database refused or broke off the query. The text is the database's, with personal values masked."""


class BusyError(TikTokError):
    """Another task delivers to the same segment, and two must not interleave."""


class ApiError(TikTokError):
    """TikTok answered, or failed to answer, a request."""

    def __init__(self, message: str, *, code: int | None = None, request_id: str | None = None) -> None:
        self.code = code
        self.request_id = request_id
        details = ", ".join(
            f"{name} {value}" for name, value in (("code", code), ("request id", request_id)) if value is not None
        )
        super().__init__(f"{message} ({details})" if details else message)


class AuthError(ApiError):
    """The token, its scopes or the account's role do not allow the request; a person must authorise again."""


class TokenExpiredError(AuthError):
    """The access token is expired or revoked; with a refresh token it is renewed once, else a person must act."""


class RejectedError(ApiError):
    """TikTok refuses the request; repeating it changes nothing."""


class TransientError(ApiError):
    """The request may succeed later: a rate limit, an outage, or a lost connection."""


class PauseError(TransientError):
    """TikTok wants less traffic for minutes: a rate limit that lasts, or maintenance."""
