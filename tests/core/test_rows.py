"""Rows of any usual shape give the same cells, and never show themselves."""

import numpy as np
import pandas as pd
import pytest

from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.rows import Rows

PERSON = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"})
MAPPINGS = [
    {"email": "jane@example.com", "phone": None, "name": "Jane"},
    {"phone": "+12125550123", "name": "Joe", "email": None},
    {"email": "ann@example.com", "phone": "+442079460018", "name": "Ann"},
]
CELLS = [("jane@example.com", None), (None, "+12125550123"), ("ann@example.com", "+442079460018")]


def frame(missing: object, dtype: object = object) -> pd.DataFrame:
    """The mappings as a DataFrame with its own idea of a missing value, other columns, order and index."""
    columns = {
        name: pd.array([missing if row[name] is None else row[name] for row in MAPPINGS], dtype=dtype)
        for name in ("name", "phone", "email")
    }
    return pd.DataFrame(columns, index=[7, 7, 3])


def cells(rows: object, columns: Columns = PERSON) -> list[tuple[object, ...]]:
    return [tuple(row) for row in Rows(rows).read(columns)]


def test_mappings_give_the_cells_of_the_columns() -> None:
    """Cells come in the order of the columns, whatever the order of the keys; other keys are ignored."""
    assert cells(MAPPINGS) == CELLS


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(frame(None), id="None"),
        pytest.param(frame(np.nan), id="NaN"),
        pytest.param(frame(pd.NA), id="pd.NA"),
        pytest.param(frame(pd.NaT), id="pd.NaT"),
        pytest.param(frame(pd.NA, "string"), id="string"),
        pytest.param(frame(np.nan, "str"), id="str"),
        pytest.param(frame(None, "category"), id="category"),
        pytest.param(frame(None).rename(columns=str.upper), id="upper-case names"),
    ],
)
def test_a_data_frame_gives_the_same_cells_as_mappings(table: pd.DataFrame) -> None:
    """Every way in which pandas says NULL becomes None, and texts stay texts."""
    assert cells(table) == CELLS


def test_an_empty_data_frame_gives_no_rows() -> None:
    """No rows are no error here; the guard asks later."""
    assert cells(frame(None).iloc[:0]) == cells([]) == []


def test_a_column_that_a_data_frame_lacks_is_named() -> None:
    """The error names what is missing and what is there."""
    with pytest.raises(ColumnError, match=r"no column 'email'.*'name', 'phone'"):
        cells(frame(None).drop(columns="email"))


def test_a_mapping_without_a_key_names_row_and_column() -> None:
    """An absent key is no NULL: it may be a typing error, so the row and the column are named, not the values."""
    with pytest.raises(ColumnError) as caught:
        cells([*MAPPINGS, {"email": "kim@example.com"}])
    assert "row 3 has no column 'phone'" in str(caught.value)
    assert "None" in str(caught.value)
    assert "kim" not in str(caught.value)


@pytest.mark.parametrize("row", ["kim@example.com", ("kim@example.com", None), None, 5], ids=["str", "tuple", "None", "int"])
def test_a_row_that_is_no_mapping_is_refused(row: object) -> None:
    """The error gives the row's number and type, and not the row."""
    with pytest.raises(ColumnError) as caught:
        cells([MAPPINGS[0], row])
    assert f"row 1 is a {type(row).__name__}, not a mapping" in str(caught.value)
    assert "kim" not in str(caught.value)


@pytest.mark.parametrize("rows", [MAPPINGS, tuple(MAPPINGS), frame(None)], ids=["list", "tuple", "DataFrame"])
@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda rows: "%s" % rows, lambda rows: repr([rows])])  # noqa: UP031
def test_rows_never_show_themselves(rows: object, show: object) -> None:
    """Logs, rendered templates and serialized DAGs hold how many rows there are, and no value."""
    shown = show(Rows.hide(rows))  # type: ignore[operator]
    assert "3 rows" in shown
    assert not any(word in shown for word in ("jane", "ann", "Joe", "2125550123", "example"))


@pytest.mark.parametrize("value", ["s3://bucket/snapshot", {"snapshot_uri": "s3://bucket"}, None, Rows([])], ids=str)
def test_what_is_no_rows_is_not_wrapped(value: object) -> None:
    """The address or the XCom of a snapshot stays what it is, so that templates still render."""
    assert Rows.hide(value) is value
