"""The result of a query, streamed as batches of cells from any database with a ``DbApiHook``.

By ``fetchmany``, which every driver has. PostgreSQL's COPY was tried and dropped: it is no faster with psycopg 3, which
Airflow 3 prefers, and hides the types of the columns.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa
from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_tiktok.core.cells import from_places
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.scrub import scrub_values
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import unique_name

SERVER_SIDE = frozenset({"postgres"})
"""Connection types whose driver holds the whole result in memory unless the cursor has a name.

Redshift's driver holds it too, and has no such cursors.
"""

DATA_ERRORS = ("22", "23")
"""Classes of SQLSTATE whose messages quote cells; those of others quote names."""

_QUOTED = re.compile(r"""(["'])(.*?)\1""", re.DOTALL)
_QUOTED_AND_REST = re.compile(r"""["'].*""", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query on one connection. ``parameters`` are bound by the driver.

    A ``suppression`` may have any of the columns; those that it lacks are NULL.
    """

    conn_id: str
    sql: str
    parameters: Mapping[str, Any] | Sequence[Any] | None
    chunk_rows: int
    suppression: bool = False

    def batches(self, columns: Columns) -> Iterator[list[pa.Array]]:
        """Run the query and stream the cells of its columns."""
        hook = BaseHook.get_hook(self.conn_id)
        if not isinstance(hook, DbApiHook):
            raise ConfigurationError(
                f"connection {self.conn_id!r} is not a database: its hook is {type(hook).__name__}"
            )
        read = 0
        try:
            with closing(hook.get_conn()) as connection:
                for cells in self._fetched(connection, columns):
                    yield cells
                    read += len(cells[0])
        except (ColumnError, ConfigurationError, QueryError):
            raise
        except Exception as error:  # each driver has errors of its own, whose text may hold a cell's value
            query = "suppression query" if self.suppression else "query"
            raise QueryError(
                f"the {query} on {self.conn_id!r} failed after {read} rows: {type(error).__name__}: "
                f"{_told(error, self.sql)}. No snapshot was made"
            ) from None

    def _fetched(self, connection: Any, columns: Columns) -> Iterator[list[pa.Array]]:
        named = BaseHook.get_connection(self.conn_id).conn_type in SERVER_SIDE
        with closing(connection.cursor(*([f"tiktok_{unique_name()}"] if named else []))) as cursor:
            cursor.execute(self.sql, *([] if self.parameters is None else [self.parameters]))
            first = cursor.fetchmany(self.chunk_rows) if cursor.description or named else []
            if cursor.description is None:
                sql = "suppress_sql" if self.suppression else "sql"
                raise ConfigurationError(f"the {sql} returns no rows; give the operator a SELECT")
            names = [column[0] for column in cursor.description]
            places: Sequence[Any] = self._places(names, columns)
            if first and isinstance(first[0], Mapping):  # as the connection's "cursor" may have it
                places = [None if place is None else names[place] for place in places]
            for rows in chain([first], iter(lambda: cursor.fetchmany(self.chunk_rows), [])):
                yield from_places(rows, places, columns)

    def _places(self, names: Sequence[str], columns: Columns) -> tuple[int | None, ...]:
        if not self.suppression:
            return columns.positions(names)
        try:
            return columns.some_positions(names)
        except ColumnError as error:
            raise ColumnError(f"suppress_sql: {error}") from None


def _told(error: Exception, sql: str) -> str:
    """The driver's message without values: what it quotes is a name, and shown, only where the query says so too."""
    state = str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or "")
    text = str(error).strip()
    if state.startswith(DATA_ERRORS):  # a value may hold quotes itself
        text = _QUOTED_AND_REST.sub("***", text).partition("\n")[0]
    text = _QUOTED.sub(lambda found: found[0] if found[2] in sql else "***", text)
    return scrub_values(" ".join(text.split()))
