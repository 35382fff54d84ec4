"""Rotated tokens in the connection itself, for those who want them in one place: ``token_store = "connection"``.

A task of Airflow 3 has no way to save a connection but the public REST API: ``[tiktok] api_username`` and
``api_password`` name a user who may edit connections, and ``api_url`` is needed where tasks reach the API server by
another address than ``[api] base_url``. A task of Airflow 2 writes the metadata database directly.
"""

import json
import ssl
import urllib.error
import urllib.request
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import BaseHook, conf

from airflow_provider_tiktok.api.settings import LOOPBACK, Secret
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.errors import ConfigurationError, TransientError
from airflow_provider_tiktok.hooks.token_store import host_lock, masked

FIELD = "token_state"
"""Extra field that holds the state. Airflow masks it wherever it shows a connection, since its name holds ``token``."""

TIMEOUT = 30.0


class ConnectionTokenStore:
    """Keeps the tokens of a connection in its extra field ``token_state``, encrypted like the rest of it."""

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id

    def load(self) -> TokenState | None:
        """Return what is kept. A connection that cannot be read is an error, and never taken for an empty one."""
        values = self._extra().get(FIELD)
        return masked(TokenState.from_dict(values)) if values else None

    def save(self, state: TokenState) -> None:
        """Keep a state and read it back."""
        masked(state)
        values = state.to_dict()
        _write_extra(self._conn_id, {**self._extra(), FIELD: values})
        if self._extra().get(FIELD) != values:
            raise ConfigurationError(
                f"connection {self._conn_id!r} was saved, but another one of that id is read: a secrets backend or the "
                f"environment variable AIRFLOW_CONN_{self._conn_id.upper()} shadows it; remove that entry, or keep the "
                "tokens in the Variable (leave token_store out)"
            )

    def lock(self) -> AbstractContextManager[object]:
        """Exclude other tasks on this machine; on several machines use a pool with one slot besides."""
        return host_lock(f"connection {self._conn_id}")

    def _extra(self) -> dict[str, Any]:
        extra: dict[str, Any] = BaseHook.get_connection(self._conn_id).extra_dejson
        return extra


def _write_extra(conn_id: str, extra: dict[str, Any]) -> None:
    url = conf.get("tiktok", "api_url", fallback=None) or conf.get("api", "base_url", fallback=None)
    user = conf.get("tiktok", "api_username", fallback=None)
    if url and user:
        login = {"username": user, "password": conf.get("tiktok", "api_password", fallback="")}
        _write_through_api(str(url).rstrip("/"), login, conn_id, extra)
        return
    try:
        from airflow.models import Connection  # noqa: PLC0415  a task of Airflow 3 may not use it
        from airflow.utils.session import create_session  # noqa: PLC0415

        with create_session() as session:
            stored = session.query(Connection).filter_by(conn_id=conn_id).one_or_none()
            if stored is None:
                raise ConfigurationError(
                    f"connection {conn_id!r} is not in Airflow's database, so renewed tokens cannot be kept in it; "
                    "leave token_store out to keep them in a Variable"
                )
            stored.set_extra(json.dumps(extra))
    except (ImportError, RuntimeError):
        raise ConfigurationError(
            "token_store is 'connection', but a task may save a connection through Airflow's API only: set [tiktok] "
            "api_username and api_password (and api_url where [api] base_url is not the address for tasks), or leave "
            "token_store out to keep the tokens in a Variable"
        ) from None


def _write_through_api(url: str, login: dict[str, Any], conn_id: str, extra: dict[str, Any]) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ConfigurationError(
            f"{url} uses http, which would send tokens in clear text; set [tiktok] api_url to https"
        )
    token = Secret(_call("POST", f"{url}/auth/token", login)["access_token"])
    body = {
        "connection_id": conn_id,
        "conn_type": BaseHook.get_connection(conn_id).conn_type,
        "extra": json.dumps(extra),
    }
    _call("PATCH", f"{url}/api/v2/connections/{quote(conn_id, safe='')}?update_mask=extra", body, token)


def _call(method: str, url: str, body: dict[str, Any], token: Secret | None = None) -> dict[str, Any]:
    """Call Airflow's own API; its answers may quote what was sent, so errors tell the status only."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)  # noqa: S310  checked above
    try:
        with _opener(url).open(request, timeout=TIMEOUT) as reply:
            answer: dict[str, Any] = json.loads(reply.read())
            return answer
    except urllib.error.HTTPError as error:
        path, status = urlsplit(url).path, error.code
        if status >= 500:
            raise TransientError(f"Airflow's API answered HTTP {status} to {path}; tokens were not renewed") from None
        raise ConfigurationError(
            f"Airflow's API answered HTTP {status} to {path}: check [tiktok] api_url, and that api_username may edit "
            "this connection"
        ) from None
    except OSError as error:
        raise TransientError(
            f"Airflow's API at {urlsplit(url).netloc} did not answer ({type(error).__name__})"
        ) from None


def _opener(url: str) -> urllib.request.OpenerDirector:
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=ssl.create_default_context())]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy for the world does not know this machine
    return urllib.request.build_opener(*handlers)
