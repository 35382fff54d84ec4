"""The first hop: a query's result becomes a hashed snapshot, and no personal data goes any further."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.hooks.query import Query
from airflow_provider_tiktok.hooks.storage import publish_snapshot


class SqlToTikTokSnapshotOperator(BaseOperator):
    """Run a query and keep its identifiers as a snapshot: normalised, hashed, deduplicated.

    The result is streamed from the database; only hashes reach the disk. Returns the snapshot's address and the account
    of all rows: ``rows_read = members + duplicates + suppressed + rejected``.

    :param sql: Query, or path of a ``.sql`` file. (templated)
    :param conn_id: Connection of any database with a ``DbApiHook``. (templated)
    :param columns: Query column -> identifier kind, as ``{"email": "EMAIL_SHA256"}``.
    :param parameters: Bound to the query by the database driver. (templated)
    :param snapshot_root: Folder for snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param segment_name: Names the snapshot's folder; the default is the ids of DAG and task. (templated)
    :param default_region: ISO 3166-1 code for phone numbers without a country, as ``"US"``; without it they are
        rejected. (templated)
    :param region_column: Query column with such codes, for each row its own; ``default_region`` where it is NULL.
    :param hashing: ``"auto"`` tells digests from raw values cell by cell, ``"raw"`` and ``"hashed"`` refuse the other;
        one for all columns, or ``{column: mode}``.
    :param rules: Choices where TikTok's documents contradict each other, see
        :class:`~airflow_provider_tiktok.core.rules.Rules`.
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
        region_column: str | None = None,
        hashing: str | Mapping[str, str] = "auto",
        rules: Mapping[str, str] | None = None,
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
        self.region_column = region_column
        self.hashing = hashing
        self.rules = rules
        self.chunk_rows = chunk_rows
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Run the query and publish its snapshot."""
        columns = Columns.parse(self.columns, self.hashing, self.default_region, self.region_column, self.rules)
        query = Query(conn_id=self.conn_id, sql=self.sql, parameters=self.parameters, chunk_rows=self.chunk_rows)
        return publish_snapshot(
            query.batches(columns),
            columns,
            context,
            root=self.snapshot_root,
            name=self.segment_name or f"{self.dag_id}.{self.task_id}",
            source=hashlib.sha256(self.sql.encode()).hexdigest(),
            allow_empty=self.allow_empty,
        )
