"""Where snapshots are, and what a run calls itself: the Airflow side of :mod:`airflow_provider_tiktok.snapshots`."""

import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from airflow.providers.common.compat.sdk import Context, ObjectStoragePath, conf

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.guards import Guards, refuse
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.metrics import count_snapshot
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.rejects import REJECTS
from airflow_provider_tiktok.snapshots.source import Cells, take_snapshot
from airflow_provider_tiktok.snapshots.store import SUPPRESSED, Snapshot

logger = logging.getLogger(__name__)

Suppress = Snapshot | Callable[[Columns], Iterable[Cells]]
"""Whom to leave out: a snapshot, or what reads them."""


def snapshot_root(given: str | None = None) -> StoragePath:
    """Return the folder of snapshots: the given one, ``[tiktok] snapshot_root``, or one under AIRFLOW_HOME."""
    uri = given or conf.get("tiktok", "snapshot_root", fallback=None) or _default_root()
    return cast("StoragePath", ObjectStoragePath(uri))


def open_snapshot(uri: str) -> Snapshot:
    """Open the snapshot at a URI."""
    return Snapshot.open(cast("StoragePath", ObjectStoragePath(uri)))


def publish_snapshot(
    batches: Iterable[Cells],
    columns: Columns,
    context: Context,
    *,
    root: str | None,
    name: str,
    source: str,
    allow_empty: bool,
    suppress: Suppress | None = None,
    rejects: bool = False,
) -> dict[str, JsonValue]:
    """Write the snapshot of a run and return its XCom; ``source`` is the fingerprint of what was read.

    Whom to ``suppress`` is read before the batches, and kept as a snapshot inside of this one.
    """
    end, unique, begin = interval_end(context), unique_name(), time.monotonic()
    folder = new_snapshot_folder(snapshot_root(root), name, end, unique)
    if suppress is not None and not isinstance(suppress, Snapshot):
        same = replace(columns, key_column=None)
        suppress = take_snapshot(suppress(same), same, folder / SUPPRESSED, interval_end=end, unique=unique)
    rejects = rejects or columns.key_column is not None
    snapshot = take_snapshot(
        batches,
        columns,
        folder,
        interval_end=end,
        unique=unique,
        query=source,
        suppression=suppress,
        rejects=rejects,
    )
    logger.info("Snapshot: %s", snapshot.uri)
    count_snapshot(snapshot.counts, time.monotonic() - begin, context)
    refuse(Guards(allow_empty=allow_empty).on_members(snapshot.counts.members))
    return {**snapshot.to_xcom(), **({"reject_uri": str(folder / REJECTS)} if rejects else {})}


def snapshot_uri(given: object) -> str | None:
    """The address in what a snapshot operator returned, or a URI itself; ``None`` when there is none."""
    uri = given.get("snapshot_uri") if isinstance(given, Mapping) else given
    return uri if isinstance(uri, str) and uri else None


def suppression_snapshot(given: object) -> Snapshot:
    """Open what an operator was given as ``suppress_snapshot``; refuse what a template left empty."""
    uri = snapshot_uri(given)
    if uri is None:
        raise ConfigurationError(
            f"suppress_snapshot came as a {type(given).__name__} without an address, so nobody would be suppressed and "
            "nothing was read. Give what a snapshot operator returned, or a snapshot URI"
        )
    return open_snapshot(uri)


def list_files(uri: str) -> list[StoragePath]:
    """The Parquet and CSV files at a URI: the file itself, or those of a folder in the order of their names.

    Names that begin with a dot or an underscore are markers and are passed over. Anything else in a folder is refused:
    people in a file that is not read would be removed from the segment.
    """
    path = ObjectStoragePath(uri)
    path.fs.invalidate_cache()  # a listing kept from before would hide files that came since
    found = [path] if path.is_file() else list(path.iterdir()) if path.is_dir() else []
    files = sorted((file for file in found if not file.name.startswith((".", "_"))), key=str)
    other = [file for file in files if not (file.name.lower().endswith((".parquet", ".csv")) and file.is_file())]
    if other:
        raise ConfigurationError(
            f"there is something at {uri} that is neither a .parquet nor a .csv file and would be left out: "
            f"{other[0].name!r}. Give such a file, or a folder of such files only"
        )
    if not files:
        raise ConfigurationError(f"there is no .parquet or .csv file at {uri} as seen from this worker")
    return cast("list[StoragePath]", files)


def new_snapshot_folder(root: StoragePath, name: str, interval_end: str, unique: str) -> StoragePath:
    """A folder that no other snapshot has: ``snapshots/<name>/<end of the interval>/<unique>``."""
    return root / "snapshots" / _slug(name) / _slug(interval_end) / unique


def interval_end(context: Context) -> str:
    """End of the run's data interval, in UTC; ``run_after`` for a manual run without a logical date."""
    moment: datetime | None = context.get("data_interval_end") or context["dag_run"].run_after
    if moment is None:
        raise ValueError("the run has neither a data interval nor run_after")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def task_name(context: Context) -> str:
    """The task instance, the same for all its tries; empty outside of a run."""
    ti = context.get("ti")
    return f"{ti.dag_id}.{ti.task_id} {ti.run_id} {ti.map_index}" if ti else ""


def unique_name() -> str:
    """A name for this attempt's files."""
    return uuid.uuid4().hex[:12]


def _default_root() -> str:
    home = os.environ.get("AIRFLOW_HOME") or "~/airflow"
    return (Path(home).expanduser() / "tiktok").absolute().as_uri()


def _slug(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]+", "-", text).strip("-.") or "segment"
