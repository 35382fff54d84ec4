"""The file of refused cells tells who can mend them where they stand, and holds none of them."""

import csv
import io
import json
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import EMAIL, context

COLUMNS = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
PEOPLE: list[tuple[Any, str | None, str | None]] = [
    (101, "ann@example.com", "+12125550123"),
    (102, "bob@example.com", "555"),
    (103, "cid@example", "n/a"),
    (104, None, " "),
    (None, "dan@", None),
    (106, "optout@example.com", "12"),
    (107, None, "wrong"),
]
LINES = [
    ("2", "102", "phone", "invalid_phone", "false"),
    ("3", "103", "email", "invalid_email", "true"),
    ("3", "103", "phone", "placeholder", "true"),
    ("4", "104", "", "empty", "true"),
    ("5", "", "email", "invalid_email", "true"),
    ("6", "106", "phone", "invalid_phone", "false"),
    ("7", "107", "phone", "invalid_phone", "true"),
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE people (customer_id, email TEXT, phone TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", PEOPLE)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "root").as_uri())
    return tmp_path


def run(**options: Any) -> dict[str, Any]:
    values = {"sql": "SELECT * FROM people", "conn_id": "shop", "columns": COLUMNS, **options}
    return SqlToTikTokSnapshotOperator(task_id="query", dag=None, **values).execute(context())


def from_file(path: Path, **options: Any) -> dict[str, Any]:
    values = {"path": path.as_uri(), "columns": COLUMNS, **options}
    return FileToTikTokSnapshotOperator(task_id="read", dag=None, **values).execute(context())


def text(xcom: dict[str, Any]) -> str:
    path = Path(xcom["reject_uri"].removeprefix("file://"))
    assert path.parent == Path(xcom["snapshot_uri"].removeprefix("file://"))
    return path.read_bytes().decode()


def lines(xcom: dict[str, Any]) -> list[tuple[str, ...]]:
    header, *rows = csv.reader(io.StringIO(text(xcom), newline=""))
    assert header == ["row", "key", "column", "reason", "row_rejected"]
    return [tuple(row) for row in rows]


def csv_file(folder: Path, rows: list[tuple[Any, ...]] = PEOPLE, name: str = "people.csv") -> Path:
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(["customer_id", "email", "phone"])
    writer.writerows(rows)
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content.getvalue(), newline="")
    return path


def parquet_file(folder: Path) -> Path:
    names = ["customer_id", "email", "phone"]
    pq.write_table(pa.table(dict(zip(names, zip(*PEOPLE, strict=True), strict=True))), folder / "people.parquet")
    return folder / "people.parquet"


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
def test_every_refused_cell_has_a_line(shop: Path, chunk_rows: int) -> None:
    """With its row, key, column and reason, whatever the size of a chunk; and the account agrees."""
    xcom = run(reject_key="customer_id", chunk_rows=chunk_rows)
    assert lines(xcom) == LINES
    assert len({line[0] for line in LINES if line[4] == "true"}) == sum(xcom["rejected"].values())
    assert [line for line in LINES if line[4] == "false"] == [LINES[0], LINES[5]]
    assert xcom["refused_identifiers"] == {"PHONE_SHA256": {"invalid_phone": 2}}


@pytest.mark.parametrize("write", [csv_file, parquet_file])
def test_a_file_has_the_same_lines_as_a_query(shop: Path, write: Any) -> None:
    """A key is the same whether it was a number or text."""
    assert lines(from_file(write(shop), reject_key="customer_id")) == LINES


def test_rows_are_counted_over_all_files_of_a_folder(shop: Path) -> None:
    """In the order of their names."""
    csv_file(shop / "people", PEOPLE[3:], "2.csv")
    folder = csv_file(shop / "people", PEOPLE[:3], "1.csv").parent
    assert lines(from_file(folder, reject_key="customer_id")) == LINES


def test_the_file_holds_no_value(shop: Path) -> None:
    """Neither a refused cell nor a good one beside it."""
    content = text(run(reject_key="customer_id"))
    for row in PEOPLE:
        for value in row[1:]:
            assert not value or not value.strip() or value not in content


@pytest.mark.parametrize("read", [run, lambda **options: from_file(csv_file(options.pop("shop")), **options)])
def test_a_file_is_written_only_when_it_is_asked_for(shop: Path, read: Any) -> None:
    """Without a key the rows are known by their numbers."""
    options = {} if read is run else {"shop": shop}
    assert "reject_uri" not in read(**options)
    assert not list((shop / "root").rglob("rejects.csv"))
    assert lines(read(reject_file=True, **options)) == [(line[0], "", *line[2:]) for line in LINES]


def test_suppressed_rows_have_no_line(shop: Path) -> None:
    """Row numbers stay those of the source, and the suppression has no such file."""
    xcom = run(reject_key="customer_id", suppress_sql="SELECT 'optout@example.com' AS email, 'bad' AS phone")
    assert lines(xcom) == [line for line in LINES if line[0] != "6"]
    assert len(list((shop / "root").rglob("rejects.csv"))) == 1


def test_without_refused_cells_the_file_has_its_header(shop: Path) -> None:
    """So that who reads it need not ask whether there is one."""
    assert lines(run(sql="SELECT * FROM people WHERE customer_id = 101", reject_file=True)) == []


def test_a_key_that_begins_like_a_formula_is_not_changed(shop: Path) -> None:
    """A key that was altered would find no row."""
    keys = ["=1+1", "+7", "-7", "@x", 'a"b,c\nd', "Ünï"]
    values = ", ".join(f"('{key}')" for key in keys)
    xcom = run(
        sql=f"SELECT 'bad' AS email, 'a' AS phone, column1 AS k FROM (VALUES {values})",
        reject_key="K",
        allow_empty=True,
    )
    assert [line[1] for line in lines(xcom)[::2]] == keys


def test_the_key_must_be_a_column_of_the_source(shop: Path) -> None:
    """It is read like the others."""
    with pytest.raises(ColumnError, match="no column 'customer'"):
        run(reject_key="customer")
    with pytest.raises(ColumnError, match="holds identifiers"):
        run(reject_key="phone")


def test_the_file_of_an_empty_snapshot_is_there(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When everything was refused and the task fails, the log tells where to read why."""
    with caplog.at_level("INFO"), pytest.raises(GuardError, match="no members"):
        run(sql="SELECT * FROM people WHERE customer_id = 103", reject_file=True)
    path = next((shop / "root").rglob("rejects.csv"))
    assert str(path) in caplog.text
    assert path.read_text().count("\n") == 3


def test_a_source_that_breaks_off_leaves_no_file(shop: Path) -> None:
    """As it leaves no snapshot."""
    late = "CASE WHEN rowid < 6 THEN email ELSE abs(-9223372036854775808) END AS email"
    with pytest.raises(Exception, match="overflow"):
        run(sql=f"SELECT customer_id, {late}, phone FROM people", reject_key="customer_id", chunk_rows=1)
    assert not list((shop / "root").rglob("*.*"))


def test_memory_does_not_grow_with_the_refused_cells(tmp_path: Path) -> None:
    """Ten times as many take no more at a time."""
    columns = Columns.parse(EMAIL, key_column="id")
    peaks = []
    for batches in (5, 5, 50):
        cells = (from_rows([("bad", n) for n in range(5000)], columns) for _ in range(batches))
        tracemalloc.start()
        take_snapshot(cells, columns, tmp_path / str(len(peaks)), interval_end="", unique="u", rejects=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (tmp_path / "2" / "rejects.csv").read_text().count("\n") == 250_001
    assert peaks[2] < 1.5 * peaks[1]
