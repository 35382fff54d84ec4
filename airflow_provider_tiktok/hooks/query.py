"""The result of a query, streamed as batches of cells from any database with a ``DbApiHook``."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa
from airflow.providers.common.compat.sdk import BaseHook
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.scrub import scrub_values
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import unique_name
from airflow_provider_tiktok.snapshots.reading import read_csv

POSTGRES = frozenset({"postgres", "redshift"})
"""Connection types whose driver holds the whole result in memory unless the cursor has a name."""

TEXT_TYPES = frozenset({25, 1043, 1042, 2950, 705, 19})
"""PostgreSQL types that are text or a UUID: their COPY is what the driver would give."""

_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query on one connection. ``parameters`` are bound by the driver."""

    conn_id: str
    sql: str
    parameters: Mapping[str, Any] | Sequence[Any] | None
    chunk_rows: int

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
                for cells in self._stream(connection, columns):
                    yield cells
                    read += len(cells[0])
        except (ColumnError, ConfigurationError, QueryError):
            raise
        except Exception as error:  # each driver has errors of its own, whose text may hold a cell's value
            raise QueryError(
                f"the query on {self.conn_id!r} failed after {read} rows: {type(error).__name__}: "
                f"{scrub_values(str(error))}. No snapshot was made"
            ) from None

    def _stream(self, connection: Any, columns: Columns) -> Iterator[list[pa.Array]]:
        postgres = BaseHook.get_connection(self.conn_id).conn_type in POSTGRES
        if postgres and _QUERY.match(self.sql):
            names = self._copyable(connection)
            if names is not None:
                return self._copied(connection, columns, names)
        cursor = connection.cursor(f"tiktok_{unique_name()}") if postgres else connection.cursor()
        return self._fetched(cursor, columns)

    def _fetched(self, cursor: Any, columns: Columns) -> Iterator[list[pa.Array]]:
        """Rows by ``fetchmany``: the way that every driver offers."""
        with closing(cursor):
            cursor.execute(self.sql, *self._bound)
            first = cursor.fetchmany(self.chunk_rows)
            if cursor.description is None:
                raise ConfigurationError("the sql returns no rows; give the operator a SELECT")
            positions = columns.positions([column[0] for column in cursor.description])
            for rows in chain([first], iter(lambda: cursor.fetchmany(self.chunk_rows), [])):
                yield from_rows(([row[position] for position in positions] for row in rows), columns)

    def _copyable(self, connection: Any) -> list[str] | None:
        """Names of the result's columns when PostgreSQL may COPY it as text and psycopg2 is the driver."""
        with closing(connection.cursor()) as cursor:
            if not hasattr(cursor, "copy_expert"):
                return None
            cursor.execute(f"SELECT * FROM ({self._plain_sql}) AS result LIMIT 0", *self._bound)  # noqa: S608
            types = {column[1] for column in cursor.description}
            return [column[0] for column in cursor.description] if types <= TEXT_TYPES else None

    def _copied(self, connection: Any, columns: Columns, names: Sequence[str]) -> Iterator[list[pa.Array]]:
        """Rows by COPY: Arrow reads the text, and no object is made for a cell."""
        read_end, write_end = os.pipe()
        with (
            closing(connection.cursor()) as cursor,
            ThreadPoolExecutor(1) as pool,
            open(read_end, "rb") as pipe,
        ):
            sql = cursor.mogrify(self._plain_sql, *self._bound).decode()
            job = pool.submit(self._pump, cursor, sql, write_end)
            try:
                yield from read_csv(pipe, columns, names)
            finally:
                pipe.close()
                error = job.exception()
            if error:
                raise error

    @staticmethod
    def _pump(cursor: Any, sql: str, write_end: int) -> None:
        with open(write_end, "wb") as pipe:
            cursor.copy_expert(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv, HEADER, ENCODING 'UTF8')", pipe)

    @property
    def _plain_sql(self) -> str:
        return self.sql.rstrip().rstrip(";")

    @property
    def _bound(self) -> list[Any]:
        return [] if self.parameters is None else [self.parameters]
