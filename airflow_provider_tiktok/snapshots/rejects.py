"""``rejects.csv``: which cells of a source were refused, and why, for those who can mend them.

One line for each refused cell, and one, without a column and with the reason ``empty``, for each row without any cell:

``row``
    number of the row in the source, from 1.
``key``
    the row's key, in the column that the user named; empty without one. As it is in the source, also when it begins
    like a formula: mind that before a spreadsheet opens the file.
``column``, ``reason``
    where it stood, and why it was refused. Never the value.
``row_rejected``
    ``true`` when the row has no usable identifier, ``false`` when another cell of it is good.
"""

import shutil
import tempfile
from collections.abc import Sequence
from types import TracebackType

import pyarrow as pa
import pyarrow.csv

from airflow_provider_tiktok.core.refusals import Refusals
from airflow_provider_tiktok.core.vector import REASONS
from airflow_provider_tiktok.snapshots.files import StoragePath

REJECTS = "rejects.csv"
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("key", pa.string()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("row_rejected", pa.bool_()),
    ]
)


class RejectFile:
    """Collects refused cells in a temporary file and publishes it; use it as a context manager."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names, self._reasons = pa.array([*names, ""]), pa.array([str(reason) for reason in REASONS])
        self._rows = 0
        self._file = tempfile.TemporaryFile(prefix="tiktok-rejects-")  # noqa: SIM115  closed by __exit__
        self._file.write(",".join(SCHEMA.names).encode() + b"\n")

    def __enter__(self) -> "RejectFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, refusals: Refusals) -> None:
        """Add the refused cells of the next batch."""
        table = pa.table(
            [
                pa.array(refusals.rows + self._rows + 1),
                pa.array(refusals.keys, pa.string()),
                self._names.take(pa.array(refusals.places)),
                self._reasons.take(pa.array(refusals.reasons)),
                pa.array(refusals.rejected),
            ],
            schema=SCHEMA,
        )
        pyarrow.csv.write_csv(table, self._file, pyarrow.csv.WriteOptions(include_header=False))
        self._rows += refusals.batch_rows

    def publish(self, folder: StoragePath) -> StoragePath:
        """Copy the file to a snapshot's folder; return where it is."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file.seek(0)
        path = folder / REJECTS
        with path.open("wb") as file:
            shutil.copyfileobj(self._file, file)
        return path
