"""Refused cells of a batch: where they stand and why they were refused, never what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airflow_provider_tiktok.core.records import Bytes, Mask
from airflow_provider_tiktok.core.vector import EMPTY, OK, DigestColumn

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """One entry for each refused cell, and one for each row without any cell, in the order of the rows.

    ``rows`` counts from 0 within a batch of ``batch_rows``; ``places`` tells the column, the number behind the last one
    standing for none; ``rejected`` tells whether no identifier of the row was usable.
    """

    batch_rows: int
    rows: Numbers
    places: Numbers
    reasons: Bytes
    rejected: Mask
    keys: list[str]


def refusals_of(found: Sequence[DigestColumn], present: Mask, left_out: Mask, keys: Any) -> Refusals:
    """Refused cells of rows that were not suppressed. ``keys`` is a column of any type, or ``None``."""
    outcomes = np.column_stack([column.outcomes for column in found])
    refused = (outcomes != OK) & (outcomes != EMPTY) & ~left_out[:, None]
    blank = (outcomes == EMPTY).all(axis=1)
    rows, places = np.nonzero(np.column_stack([refused, blank]))
    outcomes = np.column_stack([outcomes, np.full(len(blank), EMPTY, np.uint8)])
    return Refusals(
        batch_rows=len(present),
        rows=rows,
        places=places,
        reasons=outcomes[rows, places],
        rejected=~present[rows],
        keys=[""] * len(rows) if keys is None else [_text(value) for value in _picked(keys, rows)],
    )


def _picked(keys: Any, rows: Numbers) -> list[object]:
    """The keys of some rows, as Python values."""
    if not isinstance(keys, pa.Array | pa.ChunkedArray):
        return [keys[row] for row in rows.tolist()]
    some = keys.take(pa.array(rows))
    if pa.types.is_dictionary(some.type):
        some = some.cast(some.type.value_type)
    if pa.types.is_timestamp(some.type):  # datetime has no nanoseconds
        some = some.cast(pa.timestamp("us", some.type.tz), safe=False)
    if pa.types.is_string(some.type):  # a file may hold bytes that are no UTF-8
        return [value and value.decode(errors="backslashreplace") for value in some.cast(pa.binary()).to_pylist()]
    values: list[object] = some.to_pylist()
    return values


def _text(value: object) -> str:
    """A key as text; NULL, which pandas calls NaN, is empty, and bytes are hex."""
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124
        return ""
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()
