"""Cells of any of the usual shapes as Arrow text, column by column."""

from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any
from uuid import UUID

import pyarrow as pa

from airflow_provider_tiktok.core.columns import ColumnError, Columns

UNREADABLE = "\x00"
"""Stands for text that is no text (a lone surrogate); every kind refuses it."""


def from_rows(rows: Sequence[Sequence[object]], columns: Columns) -> list[pa.Array]:
    """Columns of rows whose cells are in the order of ``columns.read``."""
    width = len(columns.read)
    if any(len(row) != width for row in rows):
        raise ColumnError(f"a row has more or fewer cells than the {width} columns that are read")
    return from_places(rows, range(len(columns.read)), columns)


def from_places(rows: Sequence[Any], places: Iterable[Any], columns: Columns) -> list[pa.Array]:
    """Columns of rows, the cells of ``columns.read`` standing at ``places``; a column without a place is all NULL.

    Cell by cell: ``zip(*rows)`` makes one iterator for each row, which takes ten times as long. Keys stay as they are.
    """
    cells = [[None] * len(rows) if place is None else [row[place] for row in rows] for place in places]
    texts = len(cells) - bool(columns.key_column)
    return [*map(from_values, cells[:texts], columns.read), *cells[texts:]]


def from_columns(arrays: Sequence[pa.Array | pa.ChunkedArray], columns: Columns) -> list[pa.Array]:
    """Columns of an Arrow table that stand in the order of ``columns.read``. Keys stay as they are."""
    texts = len(arrays) - bool(columns.key_column)
    return [*map(from_arrow, arrays[:texts], columns.read), *arrays[texts:]]


def from_values(values: Sequence[object], name: str) -> pa.Array:
    """One column of Python values. UUIDs are text, NaN is NULL; any other type is an error that names the column."""
    if not set(map(type, values)) <= {str, NoneType}:
        values = [_text(value, name) for value in values]
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([_encodable(value) for value in values], pa.string())


def from_arrow(column: pa.Array | pa.ChunkedArray, name: str) -> pa.Array:
    """One column of an Arrow table, which must hold text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise ColumnError(_wrong_type(name, str(column.type)))
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:  # a file may hold bytes that are no UTF-8
        return pa.array([_decoded(value) for value in column.cast(pa.binary()).to_pylist()], pa.string())
    return column


def _text(value: object, column: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and value != value:  # noqa: PLR0124  NaN is how pandas says NULL
        return None
    raise ColumnError(_wrong_type(column, type(value).__name__))


def _wrong_type(column: str, kind: str) -> str:
    cure = f"cast it where it is made, in SQL as CAST({column} AS VARCHAR)"
    return f"column {column!r} holds a value of type {kind}, not text; {cure}"


def _encodable(value: object) -> object:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return UNREADABLE
    return value


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return UNREADABLE
