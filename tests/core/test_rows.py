"""Rows of any usual shape give the same cells, and never show themselves."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.rows import BATCH_ROWS, Rows

PERSON = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"})
MAPPINGS = [
    {"email": "jane@example.com", "phone": None, "name": "Jane"},
    {"phone": "+12125550123", "name": "Joe", "email": None},
    {"email": "ann@example.com", "phone": "+442079460018", "name": "Ann"},
]
CELLS = [("jane@example.com", None), (None, "+12125550123"), ("ann@example.com", "+442079460018")]
TABLE = pa.Table.from_pylist(MAPPINGS)


def frame(missing: object, dtype: object = object) -> pd.DataFrame:
    """The mappings as a DataFrame with its own idea of a missing value, other columns, order and index."""
    columns = {
        name: pd.array([missing if row[name] is None else row[name] for row in MAPPINGS], dtype=dtype)
        for name in ("name", "phone", "email")
    }
    return pd.DataFrame(columns, index=[7, 7, 3])


def cells(rows: object, columns: Columns = PERSON) -> list[tuple[object, ...]]:
    batches = Rows(rows).batches(columns)
    return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch), strict=True)]


def test_mappings_give_the_cells_of_the_columns() -> None:
    """Cells come in the order of the columns, whatever the order of the keys; other keys are ignored."""
    assert cells(MAPPINGS) == CELLS


since_pandas_3 = pytest.mark.skipif(
    pd.__version__.startswith("2."), reason="pandas 2 makes the text 'nan' of what is missing when it is to be 'str'"
)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(frame(None), id="None"),
        pytest.param(frame(np.nan), id="NaN"),
        pytest.param(frame(pd.NA), id="pd.NA"),
        pytest.param(frame(pd.NaT), id="pd.NaT"),
        pytest.param(frame(pd.NA, "string"), id="string"),
        pytest.param(frame(np.nan, "str"), id="str", marks=since_pandas_3),
        pytest.param(frame(None, "category"), id="category"),
        pytest.param(frame(None).rename(columns=str.upper), id="upper-case names"),
    ],
)
def test_a_data_frame_gives_the_same_cells_as_mappings(table: pd.DataFrame) -> None:
    """Every way in which pandas says NULL becomes None, and texts stay texts."""
    assert cells(table) == CELLS


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(TABLE, id="string"),
        pytest.param(TABLE.select(["phone", "name", "email"]), id="another order"),
        pytest.param(TABLE.rename_columns([name.upper() for name in TABLE.column_names]), id="upper-case names"),
        pytest.param(pa.concat_tables([TABLE[:1], TABLE[1:1], TABLE[1:]]), id="chunks"),
        pytest.param(pa.concat_tables([TABLE, TABLE])[1:4].take([2, 0, 1]), id="slice"),
        pytest.param(pa.table({name: TABLE[name].dictionary_encode() for name in TABLE.column_names}), id="dictionary"),
        pytest.param(TABLE.cast(pa.schema([(name, pa.large_string()) for name in TABLE.column_names])), id="large"),
    ],
)
def test_an_arrow_table_gives_the_same_cells_as_mappings(table: pa.Table) -> None:
    """Columns are found by name, and texts of any Arrow type are texts."""
    assert cells(table) == CELLS


@pytest.mark.parametrize("rows", [[], (), frame(None).iloc[:0], TABLE[:0]], ids=["list", "tuple", "DataFrame", "Arrow"])
def test_nothing_gives_no_rows(rows: object) -> None:
    """No rows are no error here; the guard asks later."""
    assert cells(rows) == []


@pytest.mark.parametrize(
    "shape",
    [lambda table: table.to_dict("records"), lambda table: table, pa.Table.from_pandas],
    ids=["mappings", "DataFrame", "Arrow"],
)
def test_rows_come_in_batches(shape: Callable[..., object]) -> None:
    """Memory is bounded by a batch, of which the last one is shorter, and no row is lost between two."""
    columns = Columns.parse({"email": "EMAIL_SHA256"})
    table = pd.DataFrame({"email": [f"person{number}@example.com" for number in range(2 * BATCH_ROWS + 3)]})
    batches = list(Rows(shape(table)).batches(columns))
    assert [len(column) for (column,) in batches] == [BATCH_ROWS, BATCH_ROWS, 3]
    assert [text for (column,) in batches for text in column.to_pylist()] == table["email"].tolist()


@pytest.mark.parametrize("rows", [MAPPINGS, frame(None), TABLE], ids=["mappings", "DataFrame", "Arrow"])
def test_the_column_of_regions_is_read_behind_the_others(rows: object) -> None:
    """Each row has its own country."""
    columns = Columns.parse({"email": "EMAIL_SHA256"}, region_column="name")
    assert cells(rows, columns) == [("jane@example.com", "Jane"), (None, "Joe"), ("ann@example.com", "Ann")]


def test_a_column_that_a_table_lacks_is_named() -> None:
    """The error names what is missing and what is there."""
    with pytest.raises(ColumnError, match=r"no column 'email'.*'name', 'phone'"):
        cells(frame(None).drop(columns="email"))
    with pytest.raises(ColumnError, match=r"no column 'email'.*'phone', 'name'"):
        cells(TABLE.drop_columns("email"))


@pytest.mark.parametrize(
    "rows",
    [
        [{"email": "jane@example.com", "phone": 12125550123}],
        pd.DataFrame({"email": ["jane@example.com"], "phone": [12125550123]}),
        pa.table({"email": ["jane@example.com"], "phone": [12125550123]}),
    ],
    ids=["mappings", "DataFrame", "Arrow"],
)
def test_a_number_where_a_text_is_due_names_the_column(rows: object) -> None:
    """A phone stored as a number has lost its zeros; the error shows no value."""
    with pytest.raises(ColumnError, match="column 'phone' holds a value of type int") as caught:
        cells(rows)
    assert not any(part in str(caught.value) for part in ("12125550123", "jane"))


def test_a_mapping_without_a_key_names_row_and_column() -> None:
    """An absent key is no NULL: it may be a typing error, so the row and the column are named, not the values."""
    with pytest.raises(ColumnError) as caught:
        cells([*MAPPINGS, {"email": "kim@example.com"}])
    assert "row 3 has no column 'phone'" in str(caught.value)
    assert "None" in str(caught.value)
    assert "kim" not in str(caught.value)


@pytest.mark.parametrize(
    "row", ["kim@example.com", ("kim@example.com", None), None, 5], ids=["str", "tuple", "None", "int"]
)
def test_a_row_that_is_no_mapping_is_refused(row: object) -> None:
    """The error gives the row's number and type, and not the row."""
    with pytest.raises(ColumnError) as caught:
        cells([MAPPINGS[0], row])
    assert f"row 1 is a {type(row).__name__}, not a mapping" in str(caught.value)
    assert "kim" not in str(caught.value)


@pytest.mark.parametrize(
    "rows", [MAPPINGS, tuple(MAPPINGS), frame(None), TABLE], ids=["list", "tuple", "DataFrame", "Arrow"]
)
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, ascii, lambda rows: repr({"source": rows})])
def test_rows_never_show_themselves(rows: object, show: object) -> None:
    """Logs, rendered templates and serialized DAGs hold how many rows there are, and no value."""
    shown = show(Rows.hide(rows))  # type: ignore[operator]
    assert "3 rows" in shown
    assert not any(word in shown for word in ("jane", "ann", "Joe", "2125550123", "example"))


@pytest.mark.parametrize("value", ["s3://bucket/snapshot", {"snapshot_uri": "s3://bucket"}, None, Rows([])], ids=str)
def test_what_is_no_rows_is_not_wrapped(value: object) -> None:
    """The address or the XCom of a snapshot stays what it is, so that templates still render."""
    assert Rows.hide(value) is value
