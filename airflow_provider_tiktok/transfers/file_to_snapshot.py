"""The first hop when the list is a file: Parquet or CSV in any storage becomes a hashed snapshot."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.hooks.lineage import Hop
from airflow_provider_tiktok.hooks.observed import Observed
from airflow_provider_tiktok.hooks.storage import list_files, publish_snapshot, suppression_snapshot
from airflow_provider_tiktok.snapshots.reading import read_file


class FileToTikTokSnapshotOperator(Observed, BaseOperator):
    """Read Parquet or CSV files and keep their identifiers as a snapshot: normalised, hashed, deduplicated.

    :param path: URI of a ``.parquet`` or ``.csv`` file, or of a folder whose files of these kinds are all read, in any
        storage that ``ObjectStoragePath`` knows, as ``s3://aws_default@bucket/customers/``. (templated)
    :param columns: Column -> identifier kind, as ``{"email": "EMAIL_SHA256"}``.
    :param suppress_snapshot: Snapshot of people who opted out: what a snapshot operator returned, or a snapshot URI. A
        row of which any identifier is among theirs is left out as a whole. It must have the same rules. See
        :class:`~airflow_provider_tiktok.transfers.sql_to_snapshot.SqlToTikTokSnapshotOperator`. (templated)
    :param snapshot_root: Folder for snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param segment_name: Names the snapshot's folder; the default is the ids of DAG and task. (templated)
    :param default_region: ISO 3166-1 code for phone numbers without a country, which are rejected without it.
        (templated)
    :param region_column: Column with such codes, for each row its own; ``default_region`` where it is NULL.
    :param hashing: ``"auto"``, ``"raw"`` or ``"hashed"``; one for all columns, or ``{column: mode}``.
    :param rules: Choices where TikTok's documents contradict each other, see
        :class:`~airflow_provider_tiktok.core.rules.Rules`.
    :param reject_file: Write ``rejects.csv`` beside the snapshot, a line for each refused cell with the number of its
        row, counted over all files in the order of their names, its column and the reason, never the value; its address
        is returned as ``reject_uri``.
    :param reject_key: Column of your own, such as a customer number, whose value names the row in that file, as it is.
        Implies ``reject_file``.
    :param allow_empty: Let files without members through; by default the task fails before TikTok is touched.
    """

    template_fields: Sequence[str] = ("path", "suppress_snapshot", "snapshot_root", "segment_name", "default_region")
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        path: str,
        columns: Mapping[str, str],
        suppress_snapshot: Mapping[str, Any] | str | None = None,
        snapshot_root: str | None = None,
        segment_name: str | None = None,
        default_region: str | None = None,
        region_column: str | None = None,
        hashing: str | Mapping[str, str] = "auto",
        rules: Mapping[str, str] | None = None,
        reject_file: bool = False,
        reject_key: str | None = None,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.columns = columns
        self.suppress_snapshot = suppress_snapshot
        self._suppress_given = suppress_snapshot is not None
        self.snapshot_root = snapshot_root
        self.segment_name = segment_name
        self.default_region = default_region
        self.region_column = region_column
        self.hashing = hashing
        self.rules = rules
        self.reject_file = reject_file
        self.reject_key = reject_key
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Read the files and publish their snapshot."""
        columns = Columns.parse(
            self.columns,
            self.hashing,
            self.default_region,
            self.region_column,
            self.rules,
            key_column=self.reject_key,
        )
        suppressing = self._suppress_given or self.suppress_snapshot is not None
        files = list_files(self.path)
        self.log.info("Reading %s: %d of Parquet or CSV", self.path, len(files))
        account = publish_snapshot(
            chain.from_iterable(read_file(file, columns) for file in files),
            columns,
            context,
            root=self.snapshot_root,
            name=self.segment_name or f"{self.dag_id}.{self.task_id}",
            source=hashlib.sha256(self.path.encode()).hexdigest(),
            allow_empty=self.allow_empty,
            suppress=suppression_snapshot(self.suppress_snapshot) if suppressing else None,
            rejects=self.reject_file,
        )
        self.tell_lineage(Hop.into_snapshot(account, self.columns, sources=(self.path,)))
        return account
