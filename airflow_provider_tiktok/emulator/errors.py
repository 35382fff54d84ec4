"""The two ways in which the emulator refuses a request."""


class ApiError(Exception):
    """TikTok's API logic says no: HTTP 200 with a non-zero ``code`` (portal doc 1737172488964097)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class HttpError(Exception):
    """The gateway says no: an HTTP error whose body is not an envelope (portal doc 1749734684478466)."""

    def __init__(self, status: int, body: str, *, media_type: str = "text/plain; charset=utf-8") -> None:
        super().__init__(body)
        self.status = status
        self.body = body
        self.media_type = media_type


def parameter_error(message: str) -> ApiError:
    """Code 40002, whose message says which parameter is wrong. (C)"""
    return ApiError(40002, message)


def html_page(status: int, title: str) -> str:
    """The kind of HTML body that TikTok's infrastructure sends with HTTP 5xx."""
    heading = f"{status} {title}"
    return f"<html><head><title>{heading}</title></head><body><center><h1>{heading}</h1></center></body></html>"
