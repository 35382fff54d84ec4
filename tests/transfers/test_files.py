"""The first hop from files: Parquet and CSV become the snapshot that a query or rows would have given."""

import csv
import io
import json
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_tiktok.core.columns import ColumnError
from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import open_snapshot
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from airflow_provider_tiktok.snapshots.reading import CSV_BLOCK_BYTES
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import EMAIL, context, digests, members_of, sha256

CONTACT = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
Rows = list[dict[str, Any]]

PEOPLE: Rows = [
    {"id": 1, "email": " Ada@Example.com\u00a0", "phone": "(212) 555-0123", "country": "US"},
    {"id": 2, "email": None, "phone": "020 7946 0018", "country": "GB"},
    {"id": 3, "email": "ada@example.com", "phone": "+12125550123", "country": None},
    {"id": 4, "email": "none", "phone": "", "country": ""},
    {"id": 5, "email": 'say "hi", bob@example', "phone": "12", "country": "US"},
    {"id": 6, "email": "\neve@example.com\r\n", "phone": "0012125550124", "country": "FR"},
    {"id": 7, "email": sha256("dan@example.com"), "phone": sha256("+12125550125").upper(), "country": "XX"},
    {"id": 8, "email": None, "phone": None, "country": None},
    {"id": 9, "email": "zoë@exämple.com", "phone": "\uff0b12125550126", "country": "US"},
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of snapshots."""
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "root").as_uri())
    return tmp_path / "root"


def run(path: Path, columns: dict[str, str] = CONTACT, **options: Any) -> dict[str, Any]:
    values = {"path": path.as_uri(), "columns": columns, "default_region": "US", **options}
    return FileToTikTokSnapshotOperator(task_id="read", dag=None, **values).execute(context())


def snapshot(path: Path, columns: dict[str, str] = CONTACT, **options: Any) -> Snapshot:
    return open_snapshot(run(path, columns, **options)["snapshot_uri"])


def manifests(root: Path) -> list[Path]:
    return list(root.rglob("manifest.json"))


def csv_text(rows: Rows, **options: Any) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", **options)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_csv(path: Path, rows: Rows = PEOPLE) -> Path:
    path.write_text(csv_text(rows), encoding="utf-8", newline="")
    return path


def write_parquet(path: Path, rows: Rows = PEOPLE) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    return path


# --- the source does not matter ---


def from_csv(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    return run(write_csv(folder / "people.csv"), **options)


def from_parquet(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    return run(write_parquet(folder / "people.parquet"), **options)


def from_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    (folder / "people").mkdir()
    write_csv(folder / "people" / "first.csv", PEOPLE[5:])
    write_parquet(folder / "people" / "second.parquet", PEOPLE[:5])
    return run(folder / "people", **options)


def from_sqlite(folder: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute("CREATE TABLE people (id INTEGER, email TEXT, phone TEXT, country TEXT)")
        database.executemany("INSERT INTO people VALUES (:id, :email, :phone, :country)", PEOPLE)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(folder / "shop.db")}))
    values = {"sql": "SELECT * FROM people ORDER BY id DESC", "conn_id": "shop", "columns": CONTACT, **options}
    return SqlToTikTokSnapshotOperator(task_id="query", **{"default_region": "US", **values}).execute(context())


SNAPSHOTS = [from_csv, from_parquet, from_folder, from_sqlite]
ROWS: dict[str, Callable[[Rows], Any]] = {
    "mappings": lambda rows: rows,
    "frame": pd.DataFrame,
    "arrow": pa.Table.from_pylist,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rules": {"rules": {"phone_format": "digits", "email_tags": "remove"}},
    "hashing": {"hashing": {"email": "raw"}},
    "no region": {"default_region": None},
}
MEMBERS = {
    "EMAIL_SHA256": digests(["ada@example.com", "eve@example.com", "dan@example.com", "zoë@exämple.com"]),
    "PHONE_SHA256": digests(["+12125550123", "+12125550125", "+12125550126"]),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=list(OPTIONS))
@pytest.mark.parametrize("source", SNAPSHOTS, ids=lambda source: source.__name__[5:])
def test_the_source_does_not_matter(
    tiktok: Emulator,
    connection: Emulator,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: Callable[..., Any],
    options: dict[str, Any],
) -> None:
    """Files and a query give the content digest that rows of any shape give, and the segment the same members."""
    segment = tiktok.create_audience(ADVERTISER_ID, "vip")
    found = source(tmp_path, monkeypatch, **options)
    upload(segment, found)
    expected = {}
    for name, shape in ROWS.items():
        before = set(manifests(root))
        upload(segment, shape(PEOPLE), columns=CONTACT, **{"default_region": "US", **options})
        [expected[name]] = set(manifests(root)) - before
    contents = {json.loads(manifest.read_bytes())["content_digest"] for manifest in expected.values()}
    assert contents == {open_snapshot(found["snapshot_uri"]).content_digest}
    if not options:
        assert {kind: tiktok.members(segment)[kind] for kind in MEMBERS} == MEMBERS


def upload(segment: str, source: Any, **options: Any) -> None:
    TikTokUploadSegmentOperator(
        task_id="upload", segment=segment, source=source, max_delete_pct=100, **options
    ).execute(context())


@pytest.mark.parametrize("source", SNAPSHOTS, ids=lambda source: source.__name__[5:])
def test_each_row_may_have_its_own_region(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Callable[..., Any]
) -> None:
    """A national number is read by the country beside it; the default stands in where there is none."""
    xcom = source(tmp_path, monkeypatch, region_column="country")
    found = {member[1].hex() for member in members_of(open_snapshot(xcom["snapshot_uri"])) if member[1]}
    numbers = ["+12125550123", "+442079460018", "+12125550124", "+12125550125", "+12125550126"]
    assert found == digests(numbers)


# --- files and folders ---


def test_the_order_of_files_and_rows_does_not_matter(root: Path, tmp_path: Path) -> None:
    """A folder gives what one file with all its rows gives, whatever the files' names; markers are let alone."""
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, cut in zip(folders, [PEOPLE, PEOPLE[::-1]], strict=True):
        folder.mkdir()
        for number in range(3):
            write_parquet(folder / f"part-{number}.parquet", cut[number * 3 : number * 3 + 3])
        (folder / "_SUCCESS").touch()
        (folder / ".part-0.parquet.crc").write_text("email,phone\nnobody@example.com,\n")
    whole = snapshot(write_csv(tmp_path / "whole.csv"))
    for folder in folders:
        found = snapshot(folder)
        assert (found.content_digest, found.counts) == (whole.content_digest, whole.counts)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_files_of_a_folder_may_differ_in_their_columns(
    root: Path, tmp_path: Path, write: Callable[[Path, Rows], Path]
) -> None:
    """Columns are found by name in each file, in any order and case."""
    (tmp_path / "in").mkdir()
    for number, name in enumerate(["email", "Email", "EMAIL"]):
        row = {f"extra{number}": 1, name: f"person{number}@example.com"}
        write(tmp_path / "in" / f"{number}.{write.__name__[6:]}", [dict(sorted(row.items(), reverse=number > 1))])
    assert run(tmp_path / "in", EMAIL)["members"] == 3


def test_only_the_columns_that_are_needed_are_read(root: Path, tmp_path: Path) -> None:
    """A damaged column that nobody asked for harms nobody, and one that is asked for stops the task."""
    path = write_parquet(tmp_path / "people.parquet", [{**row, "notes": "x" * 50} for row in PEOPLE])
    where = pq.ParquetFile(path).metadata.row_group(0).column(4)
    assert where.path_in_schema == "notes"
    with path.open("r+b") as file:
        file.seek(where.dictionary_page_offset or where.data_page_offset)
        file.write(b"\xff" * 20)
    assert run(path)["rows_read"] == len(PEOPLE)
    with pytest.raises(QueryError, match=r"people\.parquet cannot be read: .*No snapshot was made"):
        run(path, {"notes": "EMAIL_SHA256"})


def test_text_of_a_csv_file_stays_text(root: Path, tmp_path: Path) -> None:
    """A plus and leading zeros survive, though all of a column may look like numbers."""
    path = tmp_path / "people.csv"
    path.write_text("phone\n+12125550123\n00442079460018\n2125550124\n")
    found = snapshot(path, {"phone": "PHONE_SHA256"}, default_region="GB")
    assert {member[0].hex() for member in members_of(found) if member[0]} == digests(["+12125550123", "+442079460018"])


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffemail,phone\nada@example.com,+12125550123\neve@example.com,\n",
        "email,phone\r\nada@example.com,+12125550123\r\neve@example.com,\r\n",
        "\ufeff" + '"email","phone"\r\n"ada@example.com","+12125550123"\r\n"eve@example.com",""',
        "email,phone\nada@example.com,+12125550123\neve@example.com,",
        "email,phone\n\nada@example.com,+12125550123\n\neve@example.com,\n\n\n",
        "\n\nemail,phone\nada@example.com,+12125550123\neve@example.com,\n",
        '"last\nname",email,"e ""mail""",phone\n"a\n""b"",",ada@example.com,x,"+12125550123\n"\n,eve@example.com,,\n',
        'email,name,phone\nada@example.com,5" nail,+12125550123\neve@example.com,"x" y,\n',
        "email,phone\rada@example.com,+12125550123\reve@example.com,\r",
        "email,note,note,phone\nada@example.com,,,+12125550123\neve@example.com,,,\n",
    ],
    ids=[
        "BOM",
        "CRLF",
        "Excel",
        "no last line end",
        "blank lines",
        "blank first",
        "line breaks",
        "stray quotes",
        "CR",
        "twins",
    ],
)
def test_a_csv_file_may_come_from_anywhere(root: Path, tmp_path: Path, text: str) -> None:
    """Byte order marks, line ends of any system, quoted line breaks also in the header, and blank lines."""
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8", newline="")
    found = snapshot(path)
    assert (found.counts.rows_read, found.counts.members) == (2, 2)
    assert members_of(found) == members_of(
        snapshot(write_csv(tmp_path / "plain.csv", [{"email": "ada@example.com", "phone": "+12125550123"}, EVE]))
    )


EVE = {"email": "eve@example.com", "phone": None}


# --- mistakes ---


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", ColumnError, "no column 'email', 'phone'"),
        (b"email,phone\n", GuardError, "allow_empty=True"),
        (b"email,phone", GuardError, "allow_empty=True"),
        (b"mail,phone\nada@example.com,\n", ColumnError, "no column 'email' in the source; it has 'mail', 'phone'"),
        (b"email,email,phone\n,,\n", ColumnError, "has 'email' more than once"),
        (b"email;phone\nada@example.com;\n", ColumnError, "it has 'email;phone'"),
        (b"ada@example.com,+12125550123\nx,\n", QueryError, "first line holds values"),
        (b"email,phone\nada@example.com\n", QueryError, "a row is torn: Expected 2 columns, got 1"),
        (b"email,phone\nada@example.com,1,2\n", QueryError, "a row is torn: Expected 2 columns, got 3"),
        (b"email,phone\n" + b"x@y.example,1\n" * 200_000 + b"ada@example.c", QueryError, "a row is torn"),
        (b'email,phone\n,\nada@example.com,"1\nx@y.example,2\n', QueryError, "a quote is opened and never closed"),
        (b'email,phone\nada@example.com,"' + b"1,2\n" * 5_000_000, QueryError, "a quote is opened and never closed"),
        ("email,phone\nada@éxample.com,\n".encode("latin-1"), QueryError, "no CSV in UTF-8"),
        ("email,phone,é\nada@example.com,,\n".encode("latin-1"), QueryError, "no CSV in UTF-8"),
        ("email,phone\nada@example.com,\n".encode("utf-16"), QueryError, "no CSV in UTF-8"),
    ],
    ids=[
        "empty",
        "header only",
        "header without line end",
        "misspelt column",
        "twice",
        "semicolons",
        "no header",
        "short row",
        "long row",
        "cut off",
        "open quote",
        "long open quote",
        "Latin-1",
        "Latin-1 header",
        "UTF-16",
    ],
)
def test_a_csv_file_with_a_mistake_is_one_clear_error_that_shows_no_row(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, error: type[Exception], says: str
) -> None:
    """The error names the file and what is wrong; neither it nor the log shows a value, and there is no snapshot."""
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with caplog.at_level(logging.DEBUG), pytest.raises(error, match=says) as caught:
        run(path)
    assert error is GuardError or "people.csv" in str(caught.value)
    assert "ada@" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert error is GuardError or manifests(root) == []


def test_files_without_rows_may_be_allowed(root: Path, tmp_path: Path) -> None:
    """A person who means it gets an empty snapshot."""
    (tmp_path / "people.csv").write_text("email,phone\n")
    assert run(tmp_path / "people.csv", allow_empty=True)["rows_read"] == 0


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([12125550123], "int64"),
        ([12125550123.0], "double"),
        ([b"+12125550123"], "binary"),
        ([["+12125550123"]], "list"),
        ([{"number": "+12125550123"}], "struct"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_of_another_type_is_named(root: Path, tmp_path: Path, column: list[Any], kind: str) -> None:
    """A phone stored as a number has lost its plus or zeros; that is an error, not a guess."""
    pq.write_table(pa.table({"email": ["ada@example.com"], "phone": column}), tmp_path / "people.parquet")
    with pytest.raises(ColumnError, match=rf"people\.parquet: column 'phone' holds a value of type {kind}") as caught:
        run(tmp_path / "people.parquet")
    assert "2125550123" not in str(caught.value)
    assert manifests(root) == []


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()), pa.null()],
    ids=str,
)
def test_every_type_of_text_is_read_from_parquet(root: Path, tmp_path: Path, kind: pa.DataType) -> None:
    """Types of text differ from writer to writer; a column that is all NULL may have no type at all."""
    emails = [None, None] if pa.types.is_null(kind) else [" Ada@example.com", None]
    table = pa.table({"email": pa.array(emails).cast(kind), "phone": ["+12125550123", None]})
    pq.write_table(table, tmp_path / "people.parquet")
    rows = [{"email": email, "phone": phone} for email, phone in zip(emails, ["+12125550123", None], strict=True)]
    plain = snapshot(write_csv(tmp_path / "plain.csv", rows))
    assert snapshot(tmp_path / "people.parquet").content_digest == plain.content_digest


@pytest.mark.parametrize("content", [b"", b"PAR1", b"email,phone\nada@example.com,\n", b"PAR1" + bytes(400) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_an_error(root: Path, tmp_path: Path, content: bytes) -> None:
    """The error names the file; there is no snapshot."""
    path = tmp_path / "people.parquet"
    path.write_bytes(content)
    with pytest.raises(QueryError, match=r"people\.parquet cannot be read: .*No snapshot") as caught:
        run(path)
    assert "ada@" not in str(caught.value)
    assert manifests(root) == []


def test_one_bad_file_of_a_folder_is_named_and_there_is_no_snapshot(root: Path, tmp_path: Path) -> None:
    """Files that were read before it are not taken for all."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        write_csv(tmp_path / "in" / f"{number}.csv")
    (tmp_path / "in" / "2.csv").write_text("email,phone\nada@example.com\n")
    with pytest.raises(QueryError, match=r"in/2\.csv cannot be read: a row is torn"):
        run(tmp_path / "in")
    assert manifests(root) == []


@pytest.mark.parametrize("name", ["people.csv.gz", "people.json", "dt=2026-01-01"])
def test_what_would_be_left_out_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    """People in a file that is not read would be removed from the segment, so such a folder is an error."""
    folder = tmp_path / "in"
    inner = folder / name if "=" in name else folder
    inner.mkdir(parents=True)
    write_csv(inner / ("people.csv" if "=" in name else name))
    write_parquet(folder / "people.PARQUET")
    with pytest.raises(ConfigurationError, match=rf"would be left out: '{name}'"):
        run(folder)
    assert manifests(root) == []


@pytest.mark.parametrize("name", ["nothing.csv", "nowhere", "empty"])
def test_a_path_without_files_is_one_clear_error(root: Path, tmp_path: Path, name: str) -> None:
    """A missing file and an empty folder are told by their path."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match=rf"no \.parquet or \.csv file at file://.*/{name} as seen from this"):
        run(tmp_path / name)


def test_only_hashes_reach_the_disk_and_nothing_personal_the_log(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a snapshot's files nor the log hold an address, a number or a digest in hex."""
    with caplog.at_level(logging.DEBUG):
        run(write_csv(tmp_path / "people.csv"))
        run(write_parquet(tmp_path / "people.parquet"))
    texts = [
        b"ada@",
        b"Ada@",
        b"555-0123",
        b"2125550123",
        b"7946 0018",
        *(one.encode() for one in digests(["ada@example.com"])),
    ]
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    for text in texts:
        assert not [path for path in files if text in path.read_bytes()]
        assert text.decode() not in caplog.text
    assert "rows read" in caplog.text


LONG = 120_000


@pytest.mark.parametrize(
    "row",
    [
        '"\n person{0}@example.com \n",\n',
        "person{0}@example.com,\r\n",
        "person{0}@example.com,\r",
        'person{0}@example.com,5" nail number {0}\n',
        '"person{0}@example.com","a, ""b"", \r\n\r\n c"\r\n',
    ],
    ids=["line breaks", "CRLF", "CR", "stray quotes", "quotes"],
)
def test_a_long_csv_file_is_read_in_pieces(root: Path, tmp_path: Path, row: str) -> None:
    """Rows are whole where one block of text ends and the next begins, and none is lost or read twice."""
    path = tmp_path / "people.csv"
    text = f"email,note{row[-1]}" + "".join(row.format(number) for number in range(LONG))
    path.write_text(text, encoding="utf-8", newline="")
    assert path.stat().st_size > CSV_BLOCK_BYTES
    counts = snapshot(path, EMAIL).counts
    assert (counts.rows_read, counts.members, counts.rejected) == (LONG, LONG, {})


def test_a_value_longer_than_a_block_is_read(root: Path, tmp_path: Path) -> None:
    """A long text in a column that nobody asked for, line breaks and quotes in it, costs no row."""
    rows: Rows = [{"email": f"person{number}@example.com", "note": "x"} for number in range(10)]
    rows[5]["note"] = 'line "1"\n' * (CSV_BLOCK_BYTES // 4)
    assert run(write_csv(tmp_path / "people.csv", rows), EMAIL)["members"] == 10
