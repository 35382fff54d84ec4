"""Authorising the app: from the page on which a person agrees, to the tokens and what they are good for.

Sources: portal documents 1738373141733378 (authorisation), 1739965703387137 (exchange), 1753986142651394 (scopes).
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from airflow_provider_tiktok.api import wire
from airflow_provider_tiktok.api.settings import Secret
from airflow_provider_tiktok.api.transport import Transport
from airflow_provider_tiktok.errors import ConfigurationError

PORTAL = "https://business-api.tiktok.com/portal/auth"
LISTEN_SECONDS = 300.0

NEEDED_SCOPES = {
    30: ("Read audiences", {30, 3}),
    31: ("Create and update audiences", {31, 3}),
    32: ("Share audiences", {32, 3}),
    100: ("Read ad accounts", {100, 10, 1}),
}
"""What the operators need: number, name, and the scopes that include it. A parent implies its children."""

PAGE = b"<!doctype html><title>TikTok for Airflow</title><p>Done. You may close this page and go back to the terminal."


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """What a person granted. ``refresh_token`` and ``scopes`` may be absent from TikTok's answer."""

    access_token: Secret
    refresh_token: Secret | None
    advertiser_ids: tuple[str, ...]
    scopes: frozenset[int]

    def missing_scopes(self) -> list[str]:
        """Names of the scopes that the operators need and the token lacks; empty when TikTok did not tell any."""
        return missing_scopes(self.scopes) if self.scopes else []


def missing_scopes(scopes: Collection[int]) -> list[str]:
    """Names and numbers of the needed scopes that are not among those given."""
    return [f"{name} ({number})" for number, (name, given_by) in NEEDED_SCOPES.items() if given_by.isdisjoint(scopes)]


def authorisation_url(app_id: str, redirect_uri: str, state: str) -> str:
    """The page on which a person with the role Operator or Admin agrees."""
    return f"{PORTAL}?{urlencode({'app_id': app_id, 'redirect_uri': redirect_uri, 'state': state})}"


def new_state() -> str:
    """A value that comes back with the redirect, and shows that it belongs to the page that was opened."""
    return secrets.token_urlsafe(16)


def exchange(transport: Transport, app_id: str, app_secret: Secret, auth_code: str) -> Authorisation:
    """Turn an auth code, which is good for one hour and one use, into tokens. Never repeated."""
    data, _ = wire.read(transport.send(wire.exchange(app_id, app_secret, auth_code), None))
    grant = wire.grant(data)
    return Authorisation(
        access_token=Secret(grant.access_token),
        refresh_token=Secret(grant.refresh_token) if grant.refresh_token else None,
        advertiser_ids=grant.advertiser_ids,
        scopes=grant.scopes,
    )


def code_of(pasted: str, state: str | None = None) -> str:
    """The auth code in what a person pasted: the address to which TikTok led the browser, or the code alone.

    In an address the state must be the one that was sent; another one is a redirect that nobody here asked for.
    """
    text = pasted.strip()
    query = parse_qs(urlsplit(text).query)
    if not query and text and not any(sign in text for sign in "?&=/ "):
        return text
    codes = query.get("auth_code") or query.get("code") or []
    if not codes:
        raise ConfigurationError(
            "there is no auth_code in that; paste the whole address that the browser shows, or the code"
        )
    if state is not None and query.get("state") != [state]:
        raise ConfigurationError("the address belongs to another authorisation (its state differs); begin again")
    return codes[0]


class RedirectListener:
    """Waits on this machine for the browser that TikTok sends back; use it as a context manager."""

    def __init__(self, port: int, state: str) -> None:
        self._state, self._code = state, ""
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = listener._receive(self.path)
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(PAGE if found else b"Not the redirect that is waited for.")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the base class
                """Nothing: the address holds the code."""

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self._server.timeout = 1.0

    def __enter__(self) -> "RedirectListener":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    @property
    def redirect_uri(self) -> str:
        """The address to be entered as redirect URL of the app in TikTok."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    def wait(self, seconds: float = LISTEN_SECONDS) -> str:
        """Return the auth code; raise when nobody came in time."""
        for _ in range(max(1, round(seconds / (self._server.timeout or 1.0)))):
            self._server.handle_request()
            if self._code:
                return self._code
        raise ConfigurationError(
            f"nobody came back from TikTok within {seconds:g} s; begin again, or paste the address with --auth-code"
        )

    def _receive(self, path: str) -> bool:
        try:
            self._code = code_of(path, self._state)
        except ConfigurationError:
            return False
        return True
