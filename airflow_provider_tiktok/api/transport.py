"""The one seam to the network, and the only module that imports ``requests``."""

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Protocol

import requests

from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.wire import Reply, Request
from airflow_provider_tiktok.errors import TransientError

CONNECT_TIMEOUT = 10.0
TOKEN_HEADER = "Access-Token"  # noqa: S105  the name of a header
LOG_ID_HEADER = "X-TT-LOGID"


class Transport(Protocol):
    """Sends a request and returns what came back; raises :class:`TransientError` when nothing did."""

    def send(self, request: Request, access_token: Secret | None) -> Reply:
        """Send one request once."""
        ...


class HttpTransport:
    """HTTP with pooled connections: one session a thread, since ``requests`` promises no thread safety.

    ``skew`` tells by how many seconds this machine's clock was ahead of the server's at the last answer that told one.
    """

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings, self._now = settings, now
        self._local = threading.local()
        self.skew: float | None = None

    def send(self, request: Request, access_token: Secret | None) -> Reply:
        """Send one request once, with time-outs for connecting and for each read."""
        headers = {"Content-Type": "application/json"} if request.body is not None else {}
        if access_token is not None:
            headers[TOKEN_HEADER] = access_token
        try:
            response = self._session().request(
                request.method,
                self._settings.base_url.rstrip("/") + request.path,
                params=request.params,
                data=request.body,
                headers=headers,
                timeout=(min(CONNECT_TIMEOUT, self._settings.timeout), self._settings.timeout),
                allow_redirects=False,
                verify=self._settings.verify_tls,
            )
        except requests.Timeout:
            raise TransientError(f"{request.path}: no answer within {self._settings.timeout:g} s") from None
        except requests.RequestException as error:
            # The library's own text may hold the URL with its query string: keep the type only.
            raise TransientError(f"{request.path}: connection failed ({type(error).__name__})") from None
        self._compare_clocks(response.headers.get("Date"))
        return Reply(status=response.status_code, body=response.content, log_id=response.headers.get(LOG_ID_HEADER))

    def _compare_clocks(self, date: str | None) -> None:
        try:
            self.skew = self._now() - parsedate_to_datetime(date or "").timestamp()
        except ValueError:  # no date, or one that is none
            return

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = "airflow-provider-tiktok"
            if self._settings.is_loopback:
                session.trust_env = False  # a proxy for the world must not catch the emulator
        return session
