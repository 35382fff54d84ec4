"""Cells of any usual type become Arrow text; what is no text is refused without being shown."""

import datetime
import decimal
import subprocess
import sys
import uuid
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_arrow, from_rows, from_values
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason

PERSON = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"})
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
TEXTS = ["jane@example.com", None, "", "\u00e9lan@example.com", "jane@example.com"]
NOT_TEXT = [
    pytest.param(12125550123, "int", id="int"),
    pytest.param(12125550123.0, "float", id="float"),
    pytest.param(b"jane@example.com", "bytes", id="bytes"),
    pytest.param(memoryview(b"jane@example.com"), "memoryview", id="memoryview"),
    pytest.param(decimal.Decimal(12125550123), "Decimal", id="Decimal"),
    pytest.param(True, "bool", id="bool"),
    pytest.param(datetime.date(1999, 12, 31), "date", id="date"),
    pytest.param(["jane@example.com"], "list", id="list"),
    pytest.param(np.int64(12125550123), "int64", id="NumPy int"),
    pytest.param(np.float32("inf"), "float32", id="NumPy float"),
    pytest.param(float("inf"), "float", id="infinity"),
]


@given(st.lists(st.none() | st.text(), max_size=30))
def test_texts_stay_as_they_are(values: list[str | None]) -> None:
    """Nothing is trimmed, lowered or dropped here; NULL stays NULL."""
    column = from_values(values, "email")
    assert column.type == pa.string()
    assert column.to_pylist() == values


@given(st.integers(0, 6).flatmap(lambda n: st.lists(st.tuples(*[st.none() | st.text(max_size=5)] * 3), max_size=n)))
def test_rows_become_columns(rows: list[tuple[str | None, ...]]) -> None:
    """There is one array for each column that is read, as long as there are rows, also when there are none."""
    columns = from_rows(rows, PERSON)
    assert [len(column) for column in columns] == [len(rows)] * 3
    assert list(zip(*(column.to_pylist() for column in columns), strict=True)) == rows


def test_a_text_of_a_subclass_is_text() -> None:
    """NumPy's strings are strings."""
    assert from_values([np.str_("jane@example.com"), None], "email").to_pylist() == ["jane@example.com", None]


@pytest.mark.parametrize(("value", "type_name"), NOT_TEXT)
def test_a_cell_that_is_not_text_is_a_wrong_query(value: object, type_name: str) -> None:
    """The error names the column, the type and the cast that mends it, and never the value."""
    with pytest.raises(ColumnError) as caught:
        from_rows([("jane@example.com", None, None), (None, value, None)], PERSON)
    said = str(caught.value)
    assert "column 'phone'" in said
    assert f"type {type_name}," in said
    assert "CAST(phone AS VARCHAR)" in said
    assert not any(part in said for part in (str(value), repr(value), "jane", "12125550123", "1999"))


@pytest.mark.parametrize("nan", [float("nan"), -float("nan"), np.float64("nan")])
def test_nan_is_null(nan: float) -> None:
    """Pandas says NULL as NaN, so a NaN is an absent value and no wrong type."""
    assert from_values(["+1231234567", nan, None], "phone").to_pylist() == ["+1231234567", None, None]


def test_a_uuid_is_taken_as_its_text() -> None:
    """Drivers return UUID columns as UUID objects; they are device ids like their text."""
    assert from_values([uuid.UUID(DEVICE), None, DEVICE], "idfa").to_pylist() == [DEVICE, None, DEVICE]


@pytest.mark.parametrize("row", [("jane@example.com",), ("jane@example.com", None, None, None)], ids=["short", "long"])
@pytest.mark.parametrize("before", [0, 1], ids=["alone", "behind a good one"])
def test_a_row_of_another_width_is_never_aligned_by_guess(row: tuple[str | None, ...], before: int) -> None:
    """A row with too few or too many cells stops the work, and the error does not show it."""
    with pytest.raises(ColumnError, match="more or fewer cells than the 3 columns") as caught:
        from_rows([("joe@example.com", None, None)] * before + [row], PERSON)
    assert "jane" not in str(caught.value)


# --- lone surrogates, which Arrow cannot hold ---

SURROGATES = [
    pytest.param("jane\ud800@example.com", id="in an address"),
    pytest.param("+1\udfff2125550123", id="in a number"),
    pytest.param(f"{DEVICE[:-1]}\udc80", id="in a device id"),
    pytest.param("\ud83d", id="alone"),
    pytest.param("\ude00\ud83d", id="a pair the wrong way round"),
    pytest.param("ab" * 32 + "\udcff", id="behind a digest"),
]


@pytest.mark.parametrize("text", SURROGATES)
@pytest.mark.parametrize("hashing", list(Hashing))
@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_a_lone_surrogate_is_refused_by_every_kind(kind: IdentifierKind, hashing: Hashing, text: str) -> None:
    """What cannot be written in UTF-8 has no digest; it is refused as the scalar function does, its neighbours not."""
    columns, counts = Columns.parse({"x": kind}, hashing), RowCounts()
    good = "ab" * kind.digest_size
    records, _ = digest_batch(from_rows([(text,), (good,), (None,)], columns), columns, counts)
    expected = [digest_cell(kind, each, hashing, None) for each in (text, good, None)]
    assert len(records) == sum(isinstance(each, bytes) for each in expected)
    assert isinstance(expected[0], Reason)
    assert counts.cells[kind] == Counter(each for each in expected if isinstance(each, Reason))


def test_a_lone_surrogate_does_not_end_the_process() -> None:
    """A SIMD library that is handed one as text would; here the worker lives on and refuses the row."""
    code = (
        "from airflow_provider_tiktok.core.cells import from_rows\n"
        "from airflow_provider_tiktok.core.columns import Columns\n"
        "from airflow_provider_tiktok.core.digest import RowCounts, digest_batch\n"
        "columns, counts = Columns.parse({'email': 'EMAIL_SHA256'}), RowCounts()\n"
        "rows = [('jane\\ud800@example.com',), ('joe@example.com',)] * 5000\n"
        "records, _ = digest_batch(from_rows(rows, columns), columns, counts)\n"
        "print(len(records), sum(counts.rejected.values()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["5000", "5000"]), done.stderr


@pytest.mark.parametrize("kind", list(IdentifierKind))
def test_bytes_that_are_no_utf8_are_refused_by_every_kind(kind: IdentifierKind) -> None:
    """Parquet files hold what their writers put in: a Latin-1 value is refused, and its neighbours are not."""
    columns, counts = Columns.parse({"x": kind}), RowCounts()
    good = "ab" * kind.digest_size
    values = pa.array([b"\xe9lan@example.com", good.encode(), None, b"+1212555\xff0123"], pa.binary())
    column = pa.Array.from_buffers(pa.string(), len(values), values.buffers(), null_count=1)
    records, _ = digest_batch([from_arrow(column, "x")], columns, counts)
    assert len(records) == 1
    assert sum(counts.rejected.values()) == 3


# --- Arrow ---


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array(TEXTS), id="string"),
        pytest.param(pa.array(TEXTS, pa.large_string()), id="large_string"),
        pytest.param(pa.array(TEXTS, pa.string_view()), id="string_view"),
        pytest.param(pa.array(TEXTS).dictionary_encode(), id="dictionary"),
        pytest.param(pa.array(TEXTS, pa.large_string()).dictionary_encode(), id="dictionary of large_string"),
        pytest.param(pa.array(["x", *TEXTS, "y"])[1:-1], id="slice"),
        pytest.param(pa.array(["x", *TEXTS, "y"]).dictionary_encode()[1:-1], id="slice of a dictionary"),
        pytest.param(pa.chunked_array([TEXTS[:2], [], TEXTS[2:]]), id="chunks"),
        pytest.param(pa.chunked_array([TEXTS[:2], TEXTS[2:]]).dictionary_encode(), id="chunks of dictionaries"),
    ],
)
def test_every_arrow_type_of_text_is_read(column: pa.Array | pa.ChunkedArray) -> None:
    """However a table holds text, the same texts come out, in one piece."""
    found = from_arrow(column, "email")
    assert found.type in {pa.string(), pa.large_string()}
    assert found.to_pylist() == TEXTS


@pytest.mark.parametrize(
    "column",
    [pa.nulls(3), pa.chunked_array([pa.nulls(1), pa.nulls(2)]), pa.array([None] * 3, pa.string())],
    ids=["null", "chunks of null", "string"],
)
def test_a_column_of_nothing_is_a_column_of_nulls(column: pa.Array | pa.ChunkedArray) -> None:
    """A query that selects NULL has a column without a type."""
    found = from_arrow(column, "email")
    assert (found.type, found.to_pylist()) == (pa.string(), [None] * 3)


@pytest.mark.parametrize("kind", [pa.string(), pa.null(), pa.string_view(), pa.large_string()], ids=str)
def test_a_column_without_rows_is_empty(kind: pa.DataType) -> None:
    """No chunk at all is no error."""
    assert len(from_arrow(pa.chunked_array([], kind), "email")) == 0


@pytest.mark.parametrize(
    ("column", "said"),
    [
        pytest.param(pa.array([12125550123]), "int64", id="int"),
        pytest.param(pa.array([12125550123.0]), "double", id="float"),
        pytest.param(pa.array([b"12125550123"]), "binary", id="binary"),
        pytest.param(pa.array([b"12125550123"], pa.binary(11)), "fixed_size_binary[11]", id="fixed binary"),
        pytest.param(pa.array([12125550123]).dictionary_encode(), "int64", id="dictionary of int"),
        pytest.param(pa.array([["12125550123"]]), "list", id="list"),
        pytest.param(pa.array([datetime.date(1999, 12, 31)]), "date32", id="date"),
        pytest.param(pa.array([decimal.Decimal(12125550123)]), "decimal128", id="decimal"),
    ],
)
def test_an_arrow_column_of_another_type_is_a_wrong_query(column: pa.Array, said: str) -> None:
    """The error names the column and the type, and never a value."""
    with pytest.raises(ColumnError) as caught:
        from_arrow(column, "phone")
    assert f"column 'phone' holds a value of type {said}" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("12125550123", "1999"))
