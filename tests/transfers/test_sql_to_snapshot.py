"""The first hop: a query becomes a snapshot, or one clear error and no snapshot at all."""

import json
import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_tiktok.core.columns import ColumnError
from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import open_snapshot
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import context, digests

QUERY = "SELECT email, phone, id FROM people ORDER BY id"
COLUMNS = {"phone": "PHONE_SHA256", "email": "EMAIL_SHA256"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE people (id INTEGER, email TEXT, phone TEXT)")
        database.executemany(
            "INSERT INTO people VALUES (?, ?, ?)",
            [
                (1, " Ada@Example.com\u00a0", "(212) 555-0123"),
                (2, None, "+44 20 7946 0018"),
                (3, "ada@example.com", "2125550123"),
                (4, "none", ""),
                (5, "bob@example", "12"),
                (6, "eve@example.com", "12"),
            ],
        )
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "root").as_uri())
    return path


def run(**options: Any) -> dict[str, Any]:
    values = {"sql": QUERY, "conn_id": "shop", "columns": COLUMNS, "default_region": "US", **options}
    return SqlToTikTokSnapshotOperator(task_id="query", dag=None, **values).execute(context())


def found(snapshot_uri: str) -> dict[str, set[str]]:
    snapshot = open_snapshot(snapshot_uri)
    return {
        str(kind): {digest.hex() for digests, _ in snapshot.index(kind) for digest in digests.to_pylist()}
        for kind in snapshot.kinds
    }


@pytest.mark.parametrize("chunk_rows", [1, 4, 100])
def test_a_query_becomes_a_snapshot_that_accounts_for_every_row(shop: Path, chunk_rows: int) -> None:
    """Columns are found by name whatever their order, and the counts add up whatever the size of a chunk."""
    xcom = run(chunk_rows=chunk_rows)
    uri = xcom.pop("snapshot_uri")
    assert xcom == {
        "interval_end": "2026-01-01T00:00:00.000000+00:00",
        "rows_read": 6,
        "members": 3,
        "duplicates": 1,
        "suppressed": 0,
        "rejected": {"invalid_phone": 1, "placeholder": 1},
        "identifiers": {"PHONE_SHA256": 2, "EMAIL_SHA256": 2},
        "refused_identifiers": {"PHONE_SHA256": {"invalid_phone": 1}},
    }
    assert found(uri) == {
        "EMAIL_SHA256": digests(["ada@example.com", "eve@example.com"]),
        "PHONE_SHA256": digests(["+12125550123", "+442079460018"]),
    }


def test_parameters_are_bound_by_the_driver(shop: Path) -> None:
    """A parameter selects rows without being written into the query."""
    assert run(sql=f"SELECT * FROM ({QUERY}) WHERE id > :after", parameters={"after": 5})["members"] == 1


def test_only_hashes_reach_the_disk_and_nothing_personal_the_log(
    shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither a snapshot's files nor the log hold an address, a number or a digest in hex."""
    with caplog.at_level(logging.DEBUG):
        run()
    texts = [b"ada@", b"Ada@", b"555", b"7946", *(one.encode() for one in digests(["ada@example.com"]))]
    files = [path for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert files
    for text in texts:
        assert not [path for path in files if text in path.read_bytes()]
        assert text.decode() not in caplog.text
    assert "rows read" in caplog.text


def snapshots(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "root").rglob("manifest.json"))


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (
            {"columns": {"mail": "EMAIL_SHA256"}},
            ColumnError,
            "no column 'mail' in the source; it has 'email', 'phone', 'id'",
        ),
        ({"columns": {"email": "EMAIL"}}, ColumnError, "unknown identifier kind 'EMAIL'. Known kinds"),
        ({"columns": {}}, ColumnError, "columns is empty"),
        ({"columns": {"id": "PHONE_SHA256"}}, ColumnError, r"column 'id' holds a value of type int.*CAST\(id"),
        ({"hashing": "maybe"}, ColumnError, "hashing is 'maybe'"),
        ({"hashing": {"mail": "raw"}}, ColumnError, "hashing names 'mail'"),
        ({"rules": {"email_tags": "drop"}}, ValueError, "email_tags is 'drop'; use one of keep, remove"),
        ({"sql": f"SELECT * FROM ({QUERY}) WHERE 0"}, GuardError, "allow_empty=True"),
        ({"sql": "SELECT email, phone FROM people WHERE id = 4"}, GuardError, "no members"),
        ({"sql": "DELETE FROM people WHERE 0"}, ConfigurationError, "give the operator a SELECT"),
        ({"sql": "SELECT * FROM nowhere"}, QueryError, "OperationalError: no such table: nowhere"),
        ({"conn_id": "tiktok_default"}, ConfigurationError, "is not a database"),
    ],
    ids=[
        "column",
        "kind",
        "none",
        "type",
        "hashing",
        "hashing column",
        "rule",
        "empty",
        "no members",
        "no select",
        "table",
        "connection",
    ],
)
def test_a_mistake_is_one_clear_error(
    shop: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """The error says what, where and how to mend it."""
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", '{"conn_type": "tiktok"}')
    with pytest.raises(error, match=says):
        run(**options)


def test_a_query_that_fails_midway_leaves_no_snapshot(shop: Path, tmp_path: Path) -> None:
    """Rows that were read before the failure are not taken for the result."""
    late = "SELECT CASE WHEN id < 6 THEN email ELSE abs(-9223372036854775802 - id) END AS email, phone FROM people"
    with pytest.raises(QueryError, match=r"failed after \d+ rows: .*overflow"):
        run(sql=late, chunk_rows=1)
    assert snapshots(tmp_path) == []


def test_an_empty_result_may_be_allowed(shop: Path) -> None:
    """A person who means it gets an empty snapshot."""
    assert run(sql=f"SELECT * FROM ({QUERY}) WHERE 0", allow_empty=True)["members"] == 0


def test_a_run_without_logical_date_takes_the_time_of_the_run(shop: Path) -> None:
    """A manual run in Airflow 3 has no data interval; run_after stands in."""
    manual: Any = {"dag_run": SimpleNamespace(run_after=datetime(2026, 3, 4, 5, tzinfo=UTC))}
    operator = SqlToTikTokSnapshotOperator(task_id="q", sql=QUERY, conn_id="shop", columns=COLUMNS)
    assert operator.execute(manual)["interval_end"] == "2026-03-04T05:00:00.000000+00:00"


def test_a_databases_own_error_shows_no_value(shop: Path) -> None:
    """Databases quote the cell that broke a query; the error that Airflow logs masks it."""
    broken = (
        "SELECT json(email) AS email, phone FROM people WHERE json_extract('{', '$.ada@example.com +442079460018') = 1"
    )
    with pytest.raises(QueryError) as caught:
        run(sql=broken)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "ada@example.com" not in str(caught.value)
