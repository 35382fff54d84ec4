"""The first hop: a query's result becomes a hashed snapshot, and no personal data goes any further."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.lineage import Hop
from airflow_provider_tiktok.hooks.observed import Observed
from airflow_provider_tiktok.hooks.query import Query
from airflow_provider_tiktok.hooks.storage import Suppress, publish_snapshot, suppression_snapshot


class SqlToTikTokSnapshotOperator(Observed, BaseOperator):
    """Run a query and keep its identifiers as a snapshot: normalised, hashed, deduplicated.

    The result is streamed from the database; only hashes reach the disk. Returns the snapshot's address and the account
    of all rows: ``rows_read = members + duplicates + suppressed + rejected``.

    :param sql: Query, or path of a ``.sql`` file. (templated)
    :param conn_id: Connection of any database with a ``DbApiHook``. (templated)
    :param columns: Query column -> identifier kind, as ``{"email": "EMAIL_SHA256"}``.
    :param parameters: Bound to the query by the database driver. (templated)
    :param suppress_sql: Query of people who opted out, or path of a ``.sql`` file, on the same connection. Any of the
        columns will do, with the same names; those that it lacks count as NULL. A row of which any identifier is among
        theirs is left out as a whole. In mode ``"append"``, their identifiers are also taken out of the segment, and
        only those that this query names: let it return all that is known of a person. (templated)
    :param suppress_parameters: Bound to ``suppress_sql`` by the database driver. (templated)
    :param suppress_snapshot: The same from a snapshot: what another snapshot operator returned, or a snapshot URI. It
        must have the same rules. Give this or ``suppress_sql``. Keep it as long as deliveries go on. (templated)
    :param snapshot_root: Folder for snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param segment_name: Names the snapshot's folder; the default is the ids of DAG and task. (templated)
    :param default_region: ISO 3166-1 code for phone numbers without a country, as ``"US"``; without it they are
        rejected. (templated)
    :param region_column: Query column with such codes, for each row its own; ``default_region`` where it is NULL.
    :param hashing: ``"auto"`` tells digests from raw values cell by cell, ``"raw"`` and ``"hashed"`` refuse the other;
        one for all columns, or ``{column: mode}``.
    :param rules: Choices where TikTok's documents contradict each other, see
        :class:`~airflow_provider_tiktok.core.rules.Rules`.
    :param reject_file: Write ``rejects.csv`` beside the snapshot, a line for each refused cell with the number of its
        row, its column and the reason, never the value; its address is returned as ``reject_uri``.
    :param reject_key: Column of your own, such as a customer number, whose value names the row in that file, as it is.
        Implies ``reject_file``.
    :param chunk_rows: Rows fetched at a time.
    :param allow_empty: Let a result without members through; by default the task fails before TikTok is touched.
    """

    template_fields: Sequence[str] = (
        "sql",
        "conn_id",
        "parameters",
        "suppress_sql",
        "suppress_parameters",
        "suppress_snapshot",
        "snapshot_root",
        "segment_name",
        "default_region",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql", "suppress_sql": "sql"}  # noqa: RUF012  as BaseOperator declares it
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        sql: str,
        conn_id: str,
        columns: Mapping[str, str],
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        suppress_sql: str | None = None,
        suppress_parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        suppress_snapshot: Mapping[str, Any] | str | None = None,
        snapshot_root: str | None = None,
        segment_name: str | None = None,
        default_region: str | None = None,
        region_column: str | None = None,
        hashing: str | Mapping[str, str] = "auto",
        rules: Mapping[str, str] | None = None,
        reject_file: bool = False,
        reject_key: str | None = None,
        chunk_rows: int = 20_000,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.conn_id = conn_id
        self.columns = columns
        self.parameters = parameters
        self.suppress_sql = suppress_sql
        self.suppress_parameters = suppress_parameters
        self.suppress_snapshot = suppress_snapshot
        self._suppress_given = (suppress_sql is not None, suppress_snapshot is not None)
        self.snapshot_root = snapshot_root
        self.segment_name = segment_name
        self.default_region = default_region
        self.region_column = region_column
        self.hashing = hashing
        self.rules = rules
        self.reject_file = reject_file
        self.reject_key = reject_key
        self.chunk_rows = chunk_rows
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Run the query and publish its snapshot."""
        columns = Columns.parse(
            self.columns,
            self.hashing,
            self.default_region,
            self.region_column,
            self.rules,
            key_column=self.reject_key,
        )
        self.log.info("Running the query on connection %r", self.conn_id)
        query = Query(conn_id=self.conn_id, sql=self.sql, parameters=self.parameters, chunk_rows=self.chunk_rows)
        account = publish_snapshot(
            query.batches(columns),
            columns,
            context,
            root=self.snapshot_root,
            name=self.segment_name or f"{self.dag_id}.{self.task_id}",
            source=hashlib.sha256(self.sql.encode()).hexdigest(),
            allow_empty=self.allow_empty,
            suppress=self._suppress(),
            rejects=self.reject_file,
        )
        self.tell_lineage(Hop.into_snapshot(account, self.columns, query=query))
        return account

    def _suppress(self) -> Suppress | None:
        """Whom to leave out. What was given and comes out of its template empty is an error."""
        by_sql, by_snapshot = self._suppress_given
        if by_sql and by_snapshot:
            raise ConfigurationError("suppress_sql and suppress_snapshot are both given; give one of them")
        if by_snapshot or self.suppress_snapshot is not None:
            return suppression_snapshot(self.suppress_snapshot)
        if not by_sql and self.suppress_sql is None:
            return None
        if not self.suppress_sql or not self.suppress_sql.strip():
            raise ConfigurationError("suppress_sql is empty, so nobody would be suppressed; mend its template")
        return Query(
            conn_id=self.conn_id,
            sql=self.suppress_sql,
            parameters=self.suppress_parameters,
            chunk_rows=self.chunk_rows,
            suppression=True,
        ).batches
