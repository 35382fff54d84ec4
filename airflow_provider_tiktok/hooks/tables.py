"""Which tables, and which of their columns, a query reads. Needs Airflow's OpenLineage provider, which parses SQL."""

import logging
import re
from collections.abc import Iterable
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.openlineage.sqlparser import DatabaseInfo, SQLParser

from airflow_provider_tiktok.hooks.query import Query

logger = logging.getLogger(__name__)

Table = tuple[str, str]
"""Namespace and name."""

Column = tuple[str, str, str]
"""Namespace and name of its table, and its own name."""

PLACEHOLDER = re.compile(r"%s|%\(\w+\)s")
"""Parameters as some drivers write them, which the parser does not know."""


def read_by(query: Query, columns: Iterable[str]) -> tuple[list[Table], dict[str, list[Column]]]:
    """Tables of a query, and for each of its columns those it comes from; nothing of what cannot be told."""
    try:
        return _read_by(query, list(columns))
    except Exception as error:  # the hooks of databases and the parser have errors of their own
        logger.warning("The tables of the query are missing in OpenLineage: %s", type(error).__name__)
        return [], {}


def _read_by(query: Query, columns: list[str]) -> tuple[list[Table], dict[str, list[Column]]]:
    connection = BaseHook.get_connection(query.conn_id)
    hook: Any = BaseHook.get_hook(query.conn_id)
    named = hook.get_openlineage_database_info(connection)
    info = named or DatabaseInfo(scheme=str(connection.conn_type), authority=_authority(connection))
    schema = hook.get_openlineage_default_schema() if named else None
    parser = SQLParser(dialect=hook.get_openlineage_database_dialect(connection), default_schema=schema)
    parsed = parser.parse(parser.split_sql_string(PLACEHOLDER.sub("NULL", query.sql)))
    if parsed is None:
        return [], {}
    namespace = parser.create_namespace(info)
    places = {table.qualified_name: (namespace, _name(table, info, schema)) for table in parsed.in_tables}
    traced = {
        column.descendant.name: [
            (*places[one.origin.qualified_name], one.name)
            for one in column.lineage
            if one.origin and one.origin.qualified_name in places
        ]
        for column in parsed.column_lineage
    }
    if len(places) == 1 and not parsed.column_lineage:  # SELECT *
        (place,) = places.values()
        traced = {column: [(*place, column)] for column in columns}
    return sorted(places.values()), {column: traced.get(column, []) for column in columns}


def _authority(connection: Any) -> str:
    return f"{connection.host or ''}:{connection.port}" if connection.port else connection.host or ""


def _name(table: Any, info: DatabaseInfo, schema: str | None) -> str:
    parts = (table.database or info.database, table.schema or schema, table.name)
    name = ".".join(part for part in parts if part)
    return name.upper() if info.is_uppercase_names else name
