"""Parquet and CSV files give the cells that are in them, column by column, and no error quotes a row."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.errors import QueryError
from airflow_provider_tiktok.snapshots import reading
from airflow_provider_tiktok.snapshots.reading import read_file

PERSON = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"})
CELLS = [("jane@example.com", "+12125550123"), (None, "+442079460018"), ("ann@example.com", None)]
Cells = list[tuple[str | None, ...]]
Csv = Callable[[bytes], Path]


def cells(path: Path, columns: Columns = PERSON) -> Cells:
    batches = read_file(path, columns)
    return [row for batch in batches for row in zip(*(column.to_pylist() for column in batch), strict=True)]


@pytest.fixture
def csv(tmp_path: Path) -> Csv:
    """Writes a CSV file."""

    def write(content: bytes) -> Path:
        path = tmp_path / "people.csv"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("email,phone\njane@example.com,+12125550123\n,+442079460018\nann@example.com,\n", id="plain"),
        pytest.param(
            'email,phone\n"jane@example.com","+12125550123"\n"",+442079460018\nann@example.com,""\n', id="quotes"
        ),
        pytest.param(
            "\ufeffEmail,PHONE\r\njane@example.com,+12125550123\r\n,+442079460018\r\nann@example.com,", id="Windows"
        ),
        pytest.param(
            'id,phone,name,email\n1,+12125550123,"Doe, J.",jane@example.com\n2,+442079460018,,\n3,,,ann@example.com\n',
            id="another order, with others",
        ),
    ],
)
def test_a_csv_file_gives_its_cells(csv: Csv, content: str) -> None:
    """Columns are found by name; an empty value is NULL, a number stays text, and a byte order mark is no text."""
    assert cells(csv(content.encode())) == CELLS


def test_values_of_a_csv_file_stay_as_they_are(csv: Csv) -> None:
    """No word is taken for NULL, no zero is dropped, and a quoted value keeps its commas, quotes and line breaks."""
    rows = 'email,phone\n" NULL ",0012125550123\n"a,""b""\nc@example.com",1e5\nN/A,true\n'
    assert cells(csv(rows.encode())) == [(" NULL ", "0012125550123"), ('a,"b"\nc@example.com', "1e5"), ("N/A", "true")]


def test_a_csv_file_without_rows_gives_none(csv: Csv) -> None:
    """A header alone is an empty result."""
    assert cells(csv(b"email,phone\n")) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"name\njane\n", b"email;phone\njane@example.com;1\n"], ids=repr)
def test_a_csv_file_without_the_columns_names_them(csv: Csv, content: bytes) -> None:
    """An empty file, one without a header and one with another separator have none of the columns."""
    with pytest.raises(ColumnError, match="no column 'email', 'phone'") as caught:
        cells(csv(content))
    assert "jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(b"jane@example.com", "Expected 2 columns, got 1", id="short"),
        pytest.param(b"jane@example.com,1,2", "Expected 2 columns, got 3", id="long"),
    ],
)
@pytest.mark.parametrize("before", [0, 200_000], ids=["at once", "in a later block"])
def test_a_torn_csv_file_is_an_error_that_shows_no_row(csv: Csv, row: bytes, said: str, before: int) -> None:
    """The whole result is refused, wherever the row is, and the text counts its fields."""
    content = b"email,phone\n" + b"joe@example.com,+12125550123\n" * before + row + b"\n"
    with pytest.raises(QueryError, match=rf"a row is torn: {said}\. No snapshot was made") as caught:
        cells(csv(content))
    assert "jane" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
@pytest.mark.parametrize("before", [0, 1000], ids=["at once", "in a later row"])
def test_a_csv_file_in_another_encoding_is_an_error_that_shows_no_row(csv: Csv, encoding: str, before: int) -> None:
    """The text says what is wanted, and the exception does not carry the bytes."""
    content = "email,phone\n" + "joe@example.com,\n" * before + "élan-jane@example.com,\n"
    with pytest.raises(QueryError, match="no CSV in UTF-8") as caught:
        cells(csv(content.encode(encoding)))
    assert "jane" not in str(caught.value)


def test_a_large_csv_file_is_read_in_batches(csv: Csv) -> None:
    """Memory is bounded by a block, also when a quoted line break stands at its border."""
    rows = [f'"person{number}\n@example.com",{number}' for number in range(200_000)]
    path = csv(("email,phone\n" + "\n".join(rows)).encode())
    assert path.stat().st_size > reading.CSV_BLOCK_BYTES
    batches = list(read_file(path, PERSON))
    assert len(batches) > 1
    phones = [text for _, column in batches for text in column.to_pylist()]
    assert phones == [str(number) for number in range(200_000)]


# --- Parquet ---


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(pa.table(dict(zip(("email", "phone"), zip(*CELLS, strict=True), strict=True))), id="string"),
        pytest.param(
            pa.table({"PHONE": [row[1] for row in CELLS], "id": [1, 2, 3], "Email": [row[0] for row in CELLS]}),
            id="another order, with others",
        ),
        pytest.param(
            pa.table(
                {
                    "email": pa.array([row[0] for row in CELLS]).dictionary_encode(),
                    "phone": pa.array([row[1] for row in CELLS], pa.large_string()),
                }
            ),
            id="dictionary and large_string",
        ),
    ],
)
@pytest.mark.parametrize("group", [1, 2, 100])
def test_a_parquet_file_gives_its_cells(tmp_path: Path, table: pa.Table, group: int) -> None:
    """Whatever its order of columns, types of text and row groups."""
    pq.write_table(table, tmp_path / "people.parquet", row_group_size=group)
    assert cells(tmp_path / "people.parquet") == CELLS


def test_a_large_parquet_file_is_read_in_batches(tmp_path: Path) -> None:
    """Memory is bounded by a batch, not by a row group."""
    count = 2 * reading.BATCH_ROWS + 1
    pq.write_table(pa.table({"email": [f"{n}" for n in range(count)]}), tmp_path / "people.parquet")
    columns = Columns.parse({"email": "EMAIL_SHA256"})
    sizes = [len(batch[0]) for batch in read_file(tmp_path / "people.parquet", columns)]
    assert (sum(sizes), max(sizes)) == (count, reading.BATCH_ROWS)


def test_a_column_of_a_parquet_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A phone stored as a number is refused with the cast that mends it."""
    pq.write_table(pa.table({"email": ["jane@example.com"], "phone": [12125550123]}), tmp_path / "people.parquet")
    with pytest.raises(ColumnError, match=r"column 'phone' holds a value of type int64.*CAST") as caught:
        cells(tmp_path / "people.parquet")
    assert "12125550123" not in str(caught.value)


def test_the_regions_of_a_parquet_file_are_read_behind_the_identifiers(tmp_path: Path) -> None:
    """Only the columns that are needed are read."""
    pq.write_table(pa.table({"country": ["US"], "x": [1], "phone": ["2125550123"]}), tmp_path / "people.parquet")
    columns = Columns.parse({"phone": "PHONE_SHA256"}, region_column="country")
    assert cells(tmp_path / "people.parquet", columns) == [("2125550123", "US")]
