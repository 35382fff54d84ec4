"""What ``authorize`` and ``whoami`` of :mod:`airflow_provider_tiktok.cli` do.

They run where Airflow's own commands run, on a machine that may use the metadata database, and use Airflow's models.
"""

import json
import os
import sys
import time
from argparse import Namespace
from dataclasses import asdict, replace
from datetime import UTC, datetime
from getpass import getpass

from airflow.cli.simple_table import AirflowConsole
from airflow.models import Connection
from airflow.models.pool import Pool
from airflow.utils.session import create_session

from airflow_provider_tiktok.api.settings import Secret, Settings
from airflow_provider_tiktok.api.transport import HttpTransport
from airflow_provider_tiktok.authorisation import (
    Authorisation,
    RedirectListener,
    authorisation_url,
    code_of,
    exchange,
    new_state,
)
from airflow_provider_tiktok.commands import telling
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.connection import read_settings
from airflow_provider_tiktok.hooks.connection_store import FIELD
from airflow_provider_tiktok.hooks.stored import kept_tokens, stored_connection
from airflow_provider_tiktok.identity import MOST_SEGMENTS, Identity, identify

POOL = "tiktok_token"
HTTPS = 443
"""Port of a new connection to TikTok: without one the Test button of Airflow 3.3.2 does not work."""

SECRET_VARIABLE = "TIKTOK_APP_SECRET"  # noqa: S105  the name of a variable


@telling
def whoami(arguments: Namespace) -> None:
    """Tell what the token of a connection is good for, without any token."""
    connection = stored_connection(arguments.conn_id)
    if connection is None:
        raise ConfigurationError(
            f"there is no connection {arguments.conn_id!r}; make it in the UI or with: airflow tiktok authorize"
        )
    settings = read_settings(connection)
    found = identify(settings, kept_tokens(connection, settings), HttpTransport(settings), time.time())
    _show(found, arguments.output)
    if found.problems:
        raise ConfigurationError("\n".join(found.problems))


@telling
def authorize(arguments: Namespace) -> None:
    """Lead a person through the authorisation and keep what it grants in a connection."""
    before = stored_connection(arguments.conn_id)
    if before and before.conn_type != "tiktok":
        raise ConfigurationError(
            f"connection {arguments.conn_id!r} is of type {before.conn_type!r}; choose another --conn-id"
        )
    app_id = arguments.app_id or (before.login if before else None)
    if not app_id:
        raise ConfigurationError("give the id of the developer app: --app-id")
    stored_secret = before.password if before and before.login == app_id else None
    secret = Secret(os.environ.get(SECRET_VARIABLE) or stored_secret or _ask_secret())
    same = before if before and not arguments.host else None
    host = same.host if same else arguments.host
    port = same.port if same else None if host else HTTPS
    settings = _address(Connection(conn_id=arguments.conn_id, conn_type="tiktok", host=host, port=port))
    code = code_of(arguments.auth_code) if arguments.auth_code else _ask_tiktok(app_id, arguments.port)
    granted = exchange(HttpTransport(settings), app_id, secret, code)
    advertiser = _chosen(arguments.advertiser_id, before, granted)
    wanted = Connection(conn_id=arguments.conn_id, host=host, port=port, login=app_id, password=str(secret))
    _keep(wanted, _extra(advertiser, granted))
    _say(f"Connection {arguments.conn_id!r} is saved.")
    if advertiser is None:
        _say("Several accounts are granted: fill in Advertiser id in the UI with the one that owns the segments.")
    if granted.refresh_token:
        Pool.create_or_update_pool(POOL, slots=1, description="renews TikTok tokens", include_deferred=False)
        _say(f"The token has to be renewed: run the DAG tiktok_token_keeper; its pool {POOL!r} is there.")
    for name in granted.missing_scopes():
        _say(f"The token lacks the scope {name}: tick it for the app in TikTok's portal, and authorise again.")
    settings = replace(
        settings, app_id=app_id, app_secret=secret, access_token=granted.access_token, refresh_token=None
    )
    _show(identify(replace(settings, scopes=granted.scopes), None, HttpTransport(settings), time.time()), "table")


def _ask_secret() -> str:
    try:
        return getpass("App secret (not shown): ")
    except EOFError:
        raise ConfigurationError(
            f"there is no terminal to ask for the app secret on; set the environment variable {SECRET_VARIABLE}"
        ) from None


def _ask_tiktok(app_id: str, port: int) -> str:
    state = new_state()
    try:
        listener = RedirectListener(port, state)
    except OSError as error:
        raise ConfigurationError(f"port {port} cannot be used ({error.strerror}); choose another --port") from None
    with listener:
        _say(f"1. In TikTok's developer portal, {listener.redirect_uri} must be among the redirect URLs of the app.")
        _say("2. As a person with the role Operator or Admin, open this page and agree:\n")
        _say(authorisation_url(app_id, listener.redirect_uri, state))
        _say("\nWaiting for the browser to come back. If it cannot reach this machine: stop this (Ctrl-C), copy the")
        _say("address to which TikTok led it, and run the command again with --auth-code '<that address>'.")
        return listener.wait()


def _chosen(given: str | None, before: Connection | None, granted: Authorisation) -> str | None:
    """The connection's advertiser: as asked for, as before, or the only one there is."""
    wanted = given or (before.extra_dejson.get("advertiser_id") if before else None)
    if wanted and granted.advertiser_ids and wanted not in granted.advertiser_ids:
        raise ConfigurationError(
            f"the authorisation does not reach advertiser {wanted} but {', '.join(granted.advertiser_ids)}; tick the "
            "account on TikTok's page, or choose another --advertiser-id. Nothing was saved"
        )
    only = granted.advertiser_ids[0] if len(granted.advertiser_ids) == 1 else None
    return wanted or only


def _extra(advertiser: str | None, granted: Authorisation) -> dict[str, object]:
    """The extra fields that an authorisation decides; ``None`` takes what an earlier one left."""
    return {
        "access_token": None if granted.refresh_token else str(granted.access_token),
        "refresh_token": str(granted.refresh_token) if granted.refresh_token else None,
        "advertiser_id": advertiser,
        "scopes": sorted(granted.scopes) or None,
        FIELD: None,
    }


def _keep(wanted: Connection, extra: dict[str, object]) -> None:
    """Create or update the connection; other extra fields stay as they are."""
    with create_session() as session:
        connection = session.query(Connection).filter_by(conn_id=wanted.conn_id).one_or_none()
        if connection is None:
            connection = Connection(conn_id=wanted.conn_id, conn_type="tiktok")
            session.add(connection)
        connection.host, connection.port, connection.login = wanted.host, wanted.port, wanted.login
        connection.set_password(wanted.password)
        merged = {**connection.extra_dejson, **extra}
        connection.set_extra(json.dumps({name: value for name, value in merged.items() if value is not None}))


def _address(connection: Connection) -> Settings:
    """Where TikTok is, checked as for a connection that is complete."""
    connection.set_extra(json.dumps({"access_token": "none yet"}))
    return read_settings(connection)


def _show(found: Identity, output: str) -> None:
    console = AirflowConsole()
    if output == "json":
        console.print_as_json(asdict(found))
        return
    ends = "no timed expiry" if found.expires_at is None else datetime.fromtimestamp(found.expires_at, UTC).isoformat()
    scopes = "not known" if found.missing_scopes is None else ", ".join(found.missing_scopes) or "none"
    rows = {
        "mode": found.mode,
        "token": found.state,
        "good until": ends,
        "generation": str(found.generation),
        "missing scopes": scopes,
    }
    for label, value in rows.items():
        _say(f"{label:15} {value}")
    if found.advertisers:
        _say("")
        console.print_as_table(
            [
                {
                    "advertiser": one.advertiser_id,
                    "role": one.role,
                    "business center": one.bc_id,
                    "audiences": "not readable" if one.segments is None else f"{one.segments} of {MOST_SEGMENTS}",
                }
                for one in found.advertisers
            ]
        )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
