"""Rows that a task was given, of any of the usual shapes, without ever showing them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from airflow_provider_tiktok.core.cells import from_columns, from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns

BATCH_ROWS = 50_000


class Rows:
    """Holds rows of people so that they show in no representation, rendered template or serialized DAG."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    @classmethod
    def hide(cls, value: Any) -> Any:
        """Wrap a list of mappings, a DataFrame or an Arrow table; return anything else as it is."""
        is_rows = isinstance(value, list | tuple | pa.Table) or hasattr(value, "itertuples")
        return cls(value) if is_rows else value

    def __repr__(self) -> str:
        return f"<{len(self._rows)} rows, not shown>"

    def batches(self, columns: Columns) -> Iterator[list[pa.Array]]:
        """Cells of the columns, batch by batch."""
        if isinstance(self._rows, pa.Table):
            yield from arrow_batches(self._rows.to_batches(BATCH_ROWS), columns)
            return
        rows = self._frame_rows(columns) if hasattr(self._rows, "itertuples") else self._mapping_rows(columns)
        while batch := list(islice(rows, BATCH_ROWS)):
            yield from_rows(batch, columns)

    def _frame_rows(self, columns: Columns) -> Iterator[Sequence[object]]:
        positions = columns.positions([str(name) for name in self._rows.columns])
        frame = self._rows.iloc[:, list(positions)].astype(object)
        yield from frame.where(frame.notna(), None).itertuples(index=False, name=None)

    def _mapping_rows(self, columns: Columns) -> Iterator[Sequence[object]]:
        for number, row in enumerate(self._rows):
            if not isinstance(row, Mapping):
                raise ColumnError(f"row {number} is a {type(row).__name__}, not a mapping of column names to values")
            missing = [name for name in columns.read if name not in row]
            if missing:
                names = ", ".join(map(repr, missing))
                raise ColumnError(f"row {number} has no column {names}; give it as None where there is no value")
            yield [row[name] for name in columns.read]


def arrow_batches(batches: Iterator[pa.RecordBatch], columns: Columns) -> Iterator[list[pa.Array]]:
    """Cells of Arrow record batches."""
    for batch in batches:
        positions = columns.positions(batch.schema.names)
        yield from_columns([batch.column(position) for position in positions], columns)
