"""Connections and their tokens as Airflow's database has them: for commands and pages, which no supervisor serves.

A task has :mod:`airflow_provider_tiktok.hooks.tiktok` instead.
"""

import json

from airflow.models import Connection, Variable
from airflow.utils.session import create_session

from airflow_provider_tiktok.api.settings import Settings
from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.hooks.connection_store import FIELD
from airflow_provider_tiktok.hooks.token_store import variable_key


def stored_connection(conn_id: str) -> Connection | None:
    """The connection of an id; ``None`` when the database has none."""
    with create_session() as session:
        connection: Connection | None = session.query(Connection).filter_by(conn_id=conn_id).one_or_none()
        if connection is not None:
            session.expunge(connection)
        return connection


def stored_connections() -> list[Connection]:
    """All connections of type ``tiktok`` by their ids."""
    with create_session() as session:
        found: list[Connection] = (
            session.query(Connection).filter_by(conn_type="tiktok").order_by(Connection.conn_id).all()
        )
        session.expunge_all()
        return found


def kept_tokens(connection: Connection, settings: Settings) -> TokenState | None:
    """What is kept of the rotated tokens of a connection; ``None`` when nothing is."""
    if settings.token_store == "connection":  # noqa: S105  the name of a place
        values = connection.extra_dejson.get(FIELD)
        return TokenState.from_dict(values) if values else None
    text = Variable.get(variable_key(connection.conn_id), default_var=None)
    return TokenState.from_dict(json.loads(text)) if text else None
