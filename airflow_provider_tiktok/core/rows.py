"""Rows that a task was given, of any of the usual shapes, without ever showing them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_tiktok.core.columns import ColumnError, Columns


class Rows:
    """Holds rows of people so that they show in no representation, rendered template or serialized DAG."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows

    @classmethod
    def hide(cls, value: Any) -> Any:
        """Wrap a list of mappings or a DataFrame; return anything else as it is."""
        is_rows = isinstance(value, list | tuple) or hasattr(value, "itertuples")
        return cls(value) if is_rows else value

    def __repr__(self) -> str:
        return f"<{len(self._rows)} rows, not shown>"

    def read(self, columns: Columns) -> Iterator[Sequence[object]]:
        """Cells of the columns, row by row and in their order."""
        if hasattr(self._rows, "itertuples"):
            return self._frame_cells(columns)
        return self._mapping_cells(columns)

    def _frame_cells(self, columns: Columns) -> Iterator[Sequence[object]]:
        positions = columns.positions([str(name) for name in self._rows.columns])
        frame = self._rows.iloc[:, list(positions)].astype(object)
        yield from frame.where(frame.notna(), None).itertuples(index=False, name=None)

    def _mapping_cells(self, columns: Columns) -> Iterator[Sequence[object]]:
        for number, row in enumerate(self._rows):
            if not isinstance(row, Mapping):
                raise ColumnError(f"row {number} is a {type(row).__name__}, not a mapping of column names to values")
            missing = [name for name in columns.names if name not in row]
            if missing:
                names = ", ".join(map(repr, missing))
                raise ColumnError(f"row {number} has no column {names}; give it as None where there is no value")
            yield [row[name] for name in columns.names]
