"""The first hop: a query's result becomes a hashed snapshot, and no personal data goes any further."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import Any

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, Context
from airflow.providers.common.sql.hooks.sql import DbApiHook

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.core.scrub import scrub_values
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import interval_end, new_snapshot_folder, snapshot_root, unique_name
from airflow_provider_tiktok.snapshots.source import take_snapshot

SERVER_SIDE = frozenset({"postgres", "redshift"})
"""Connection types whose driver holds the whole result in memory unless the cursor has a name."""


class SqlToTikTokSnapshotOperator(BaseOperator):
    """Run a query and keep its identifiers as a snapshot: normalised, hashed, deduplicated.

    The result is streamed from the cursor; only hashes reach the disk. Returns the snapshot's address and the account
    of all rows: ``rows_read = members + duplicates + suppressed + rejected``.

    :param sql: Query, or path of a ``.sql`` file. (templated)
    :param conn_id: Connection of any database with a ``DbApiHook``. (templated)
    :param columns: Query column -> identifier kind, as ``{"email": "EMAIL_SHA256"}``.
    :param parameters: Bound to the query by the database driver. (templated)
    :param snapshot_root: Folder for snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param segment_name: Names the snapshot's folder; the default is the ids of DAG and task. (templated)
    :param default_region: ISO 3166-1 code for phone numbers without a country, as ``"US"``; without it they are
        rejected. (templated)
    :param hashing: ``"auto"`` tells digests from raw values cell by cell, ``"raw"`` and ``"hashed"`` refuse the other.
    :param chunk_rows: Rows fetched at a time.
    :param allow_empty: Let a result without members through; by default the task fails before TikTok is touched.
    """

    template_fields: Sequence[str] = (
        "sql",
        "conn_id",
        "parameters",
        "snapshot_root",
        "segment_name",
        "default_region",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012  as BaseOperator declares it
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        sql: str,
        conn_id: str,
        columns: Mapping[str, str],
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        snapshot_root: str | None = None,
        segment_name: str | None = None,
        default_region: str | None = None,
        hashing: str = "auto",
        chunk_rows: int = 20_000,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.conn_id = conn_id
        self.columns = columns
        self.parameters = parameters
        self.snapshot_root = snapshot_root
        self.segment_name = segment_name
        self.default_region = default_region
        self.hashing = hashing
        self.chunk_rows = chunk_rows
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Run the query and publish its snapshot."""
        columns = Columns.parse(self.columns, self.hashing, self.default_region)
        end, unique = interval_end(context), unique_name()
        folder = new_snapshot_folder(
            snapshot_root(self.snapshot_root), self.segment_name or f"{self.dag_id}.{self.task_id}", end, unique
        )
        snapshot = take_snapshot(self._chunks(columns), columns, folder, interval_end=end, unique=unique)
        Guards(allow_empty=self.allow_empty).check_members(snapshot.counts.members)
        return snapshot.to_xcom()

    def _chunks(self, columns: Columns) -> Iterator[Iterator[Sequence[object]]]:
        with closing(self._connect()) as connection, closing(self._cursor(connection)) as cursor:
            rows = self._fetched(cursor)
            first = next(rows, [])
            if cursor.description is None:
                raise ConfigurationError("the sql returns no rows; give the operator a SELECT")
            positions = columns.positions([column[0] for column in cursor.description])
            for chunk in chain([first], rows):
                yield ([row[position] for position in positions] for row in chunk)

    def _fetched(self, cursor: Any) -> Iterator[Sequence[Sequence[object]]]:
        read = 0
        try:
            cursor.execute(self.sql, *([] if self.parameters is None else [self.parameters]))
            while rows := cursor.fetchmany(self.chunk_rows):
                yield rows
                read += len(rows)
        except Exception as error:
            raise QueryError(
                f"the query on {self.conn_id!r} failed after {read} rows: {type(error).__name__}: "
                f"{scrub_values(str(error))}. No snapshot was made"
            ) from None

    def _connect(self) -> Any:
        hook = BaseHook.get_hook(self.conn_id)
        if not isinstance(hook, DbApiHook):
            raise ConfigurationError(
                f"connection {self.conn_id!r} is not a database: its hook is {type(hook).__name__}"
            )
        return hook.get_conn()

    def _cursor(self, connection: Any) -> Any:
        if BaseHook.get_connection(self.conn_id).conn_type in SERVER_SIDE:
            return connection.cursor(f"tiktok_{unique_name()}")
        return connection.cursor()
