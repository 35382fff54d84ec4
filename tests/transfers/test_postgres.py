"""PostgreSQL, the real one, with both drivers: rows come as they are, as a stream, and nothing is left behind."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.errors import QueryError
from airflow_provider_tiktok.hooks.query import Query
from airflow_provider_tiktok.hooks.storage import open_snapshot
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import EMAIL, PERSON, context, digests, members_of, sha256
from tests.postgres import Postgres, missing_programs

pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
pytest.importorskip("airflow.providers.postgres.hooks.postgres", reason="the Postgres provider is not installed")
pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not on PATH: {', '.join(missing_programs())}")

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = "airflow.providers.postgres.hooks.postgres"
SECONDS = 30
QUERY = "SELECT email, phone FROM people"
CONTACT = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
IDFA = "6D92078A-8246-4BA4-AE5B-76104861E7DC"
Row = tuple[str | None, str | None, str | None]

MESSY: list[Row] = [
    ("ada@example.com", "+12125550123", IDFA),
    (None, None, None),
    ("", "", None),
    (None, "(212) 555-0124", None),
    ("", None, IDFA.lower()),
    ('"quoted"@example.com', "+12125550125", None),
    ('half"quoted@example.com', '"', None),
    ("one,two@example.com", ",", None),
    ("first\nsecond@example.com", "+1212\n5550126", None),
    ("\ncarol@example.com\r\n", "\r\n+12125550127", None),
    ("back\\slash@example.com", "\\", None),
    ("\\N", "\\N", None),
    ("\\.", "\\.", None),
    ("tab\tinside@example.com", "\t+12125550128\t", None),
    ("  Bob@Example.COM  ", "  +12125550129  ", None),
    ("zoë@exämple.com", "\uff0b12125550130", None),
    ("ÅSA@EXAMPLE.COM", "+1\u00a0212\u00a0555\u00a00131", None),
    ("\u00a0dan@example.com\u00a0", "-", None),
    (sha256("eve@example.com"), sha256("+12125550132"), None),
    (sha256("eve@example.com").upper(), "N/A", None),
    ("null", "NULL", "00000000-0000-0000-0000-000000000000"),
    ("''@example.com", "'+12125550133'", None),
    ("frank@example.com", '""', None),
    ("%s@example.com", "%(phone)s", None),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as postgres:
        yield postgres


@dataclass(frozen=True)
class Shop:
    """A database with a table of people, and what a run of the operator did to it."""

    server: Postgres
    root: Path
    name: str

    def run(self, sql: str = QUERY, columns: dict[str, str] = CONTACT, **options: Any) -> dict[str, Any]:
        values = {"sql": sql, "conn_id": "shop", "columns": columns, "default_region": "US", **options}
        return SqlToTikTokSnapshotOperator(task_id="query", dag=None, **values).execute(context())

    def snapshot(self, sql: str = QUERY, columns: dict[str, str] = CONTACT, **options: Any) -> Snapshot:
        return open_snapshot(self.run(sql, columns, **options)["snapshot_uri"])

    def fill(self, rows: list[Row]) -> None:
        with closing(self.server.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM people")
            numbered = [(number, *row) for number, row in enumerate(rows, 1)]
            cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s)", numbered)
            connection.commit()

    def verbs(self) -> set[str]:
        """First words of the statements that the server got; fails when the connection was not closed."""
        return self.server.verbs(self.name)

    def manifests(self) -> list[Path]:
        return list(self.root.rglob("manifest.json"))


@pytest.fixture(params=["psycopg2", "psycopg"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Airflow's hook takes psycopg 3 where that is installed beside SQLAlchemy 2, and psycopg2 elsewhere."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    if request.param == "psycopg":
        pytest.importorskip(
            "sqlalchemy", minversion="2", reason="Airflow's hook takes psycopg 3 with SQLAlchemy 2 only"
        )
    monkeypatch.setattr(f"{PROVIDER}.USE_PSYCOPG3", request.param == "psycopg")
    return str(request.param)


@pytest.fixture
def shop(server: Postgres, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(server, tmp_path / "root", f"test-{time.monotonic_ns()}")
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", shop.root.as_uri())
    connect(monkeypatch, shop)
    server.run("DROP TABLE IF EXISTS people", "CREATE TABLE people (id INTEGER, email TEXT, phone TEXT, idfa UUID)")
    shop.fill(
        [
            (" Ada@Example.com\u00a0", "(212) 555-0123", None),
            (None, "+44 20 7946 0018", None),
            ("ada@example.com", "2125550123", None),
            ("none", "", None),
            ("bob@example", "12", None),
            ("O'Brien@example.com", "12", None),
        ]
    )
    return shop


def connect(monkeypatch: pytest.MonkeyPatch, shop: Shop, database: str = "postgres", **extra: Any) -> None:
    fields = {"conn_type": "postgres", "host": str(shop.server.folder), "login": "postgres", "schema": database}
    fields["extra"] = {"application_name": shop.name, **extra}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(fields))


def expected(shop: Shop, rows: list[Any], columns: dict[str, str]) -> Snapshot:
    """The snapshot of the rows themselves, which no database touched."""
    parsed = Columns.parse(columns, default_region="US")
    return take_snapshot([from_rows(rows, parsed)], parsed, shop.root / "expected", interval_end="", unique="u")


# --- values ---


def test_messy_values_come_as_they_are(shop: Shop) -> None:
    """Quotes, commas, newlines, backslashes, NULL, empty text, digests and UUIDs are those of the database."""
    shop.fill(MESSY)
    found, wanted = shop.snapshot("SELECT * FROM people", PERSON), expected(shop, MESSY, PERSON)
    assert found.counts == wanted.counts
    assert found.content_digest == wanted.content_digest
    assert members_of(found) == members_of(wanted)


@pytest.mark.parametrize("column", ["email", "phone", "idfa"])
def test_null_in_a_result_of_one_column_is_a_row(shop: Shop, column: str) -> None:
    """A row without any value is counted like any other."""
    shop.fill(MESSY)
    kind = {column: PERSON[column]}
    wanted = expected(shop, [(row[list(PERSON).index(column)],) for row in MESSY], kind)
    found = shop.snapshot(f"SELECT {column} FROM people", kind)
    assert found.counts == wanted.counts
    assert found.content_digest == wanted.content_digest


@pytest.mark.parametrize(
    "kind",
    ["TEXT", "VARCHAR", "VARCHAR(80)", "CHAR(80)", "NAME", "address", "CITEXT", "handle"],
    ids=["text", "varchar", "varchar n", "char n", "name", "domain", "citext", "enum"],
)
def test_every_type_of_text_is_read(shop: Shop, kind: str) -> None:
    """Types that the driver does not know come as text too."""
    shop.server.run("DROP DOMAIN IF EXISTS address", "CREATE DOMAIN address AS TEXT CHECK (VALUE LIKE '%@%')")
    shop.server.run("DROP TYPE IF EXISTS handle", "CREATE TYPE handle AS ENUM ('ada@example.com')")
    if kind == "CITEXT":
        if not shop.server.rows("SELECT 1 FROM pg_available_extensions WHERE name = 'citext'"):
            pytest.skip("PostgreSQL's contrib modules are not installed")
        shop.server.run("CREATE EXTENSION IF NOT EXISTS citext")
    found = shop.snapshot(f"SELECT CAST('ada@example.com' AS {kind}) AS email", EMAIL)
    assert {digest[0].hex() for digest in members_of(found) if digest[0]} == digests(["ada@example.com"])


def test_a_latin_1_database_gives_the_same_snapshot(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, parameters and the query itself may hold letters that are no ASCII, in any encoding of the server."""
    shop.server.run("DROP DATABASE IF EXISTS latin")
    shop.server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    shop.server.run(
        "CREATE TABLE people AS SELECT CAST('ZOË@example.com' AS TEXT) AS email, CAST('Malmö' AS TEXT) AS town",
        database="latin",
    )
    connect(monkeypatch, shop, "latin")
    sql = "SELECT email, 'é' AS mark FROM people WHERE town = %(town)s AND email LIKE '%%Ë%%'"
    found = shop.snapshot(sql, EMAIL, parameters={"town": "Malmö"})
    assert found.counts.members == 1
    assert found.content_digest == expected(shop, [("zoË@example.com",)], EMAIL).content_digest


# --- what a query may look like ---


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT email, phone FROM people;",
        "SELECT email, phone FROM people ;\n\n",
        "-- people\nSELECT email, phone FROM people",
        "/* SELECT;\n nothing */ -- yet\n  select email, phone FROM people",
        "SELECT email, phone FROM people -- all of them",
        "SELECT email, phone FROM people; -- all of them",
        "WITH everybody AS (SELECT * FROM people) SELECT email, phone FROM everybody",
        "with recursive everybody AS (SELECT * FROM people) SELECT email, phone FROM everybody ORDER BY id",
        "(SELECT email, phone FROM people)",
        "SELECT id, phone, email FROM people LIMIT 6",
        'SELECT email AS "EMAIL", phone, id AS other, id AS other FROM people',
        "TABLE people",
        "SELECT column1 AS email, column2 AS phone FROM (VALUES ('ada@example.com', '(212) 555-0123')) AS one "
        "UNION ALL SELECT email, phone FROM people WHERE id > 1",
    ],
    ids=[
        "semicolon",
        "semicolon and lines",
        "comment",
        "comments",
        "comment at the end",
        "comment after semicolon",
        "WITH",
        "WITH RECURSIVE",
        "parentheses",
        "other order",
        "other case and twins",
        "TABLE",
        "VALUES and UNION",
    ],
)
def test_a_query_may_be_written_in_any_way(shop: Shop, sql: str) -> None:
    """Semicolons, comments, WITH and columns that are not wanted change nothing."""
    counts = shop.snapshot(sql).counts
    assert (counts.rows_read, counts.members, counts.duplicates) == (6, 3, 1)


@pytest.mark.parametrize(
    ("where", "parameters", "rows"),
    [
        ("email = %(email)s", {"email": "O'Brien@example.com"}, 1),
        ("email LIKE '%%@example.com' AND id > %(after)s", {"after": 1}, 2),
        ("email LIKE %s AND id = ANY(%s)", ("%@example.com", [1, 6]), 1),
        ("email LIKE '%@example.com'", None, 2),
        ("email = %(email)s", {"email": "x'; DROP TABLE people; --"}, 0),
        ("email = %(email)s OR id = 6", {"email": 'a"b\\c%d\n'}, 1),
    ],
    ids=["quote", "percent sign", "positions", "none", "injection", "special characters"],
)
def test_parameters_are_bound_by_the_driver(shop: Shop, where: str, parameters: Any, rows: int) -> None:
    """The driver's rules for parameters and percent signs hold."""
    assert shop.run(f"{QUERY} WHERE {where}", parameters=parameters, allow_empty=True)["rows_read"] == rows
    assert shop.server.rows("SELECT count(*) FROM people") == [(6,)]


@pytest.mark.parametrize("cursor", ["dictcursor", "realdictcursor", "namedtuplecursor"])
def test_the_connections_choice_of_cursor_changes_nothing(
    shop: Shop, driver: str, monkeypatch: pytest.MonkeyPatch, cursor: str
) -> None:
    """Rows may be tuples, lists or mappings, as the connection's extra field "cursor" says."""
    if (driver, cursor) == ("psycopg", "realdictcursor"):
        pytest.skip("Airflow's hook refuses realdictcursor with psycopg 3")
    connect(monkeypatch, shop, cursor=cursor)
    assert shop.snapshot("SELECT id, phone, email FROM people").counts.members == 3
    assert shop.run(f"{QUERY} WHERE false", allow_empty=True)["rows_read"] == 0


# --- mistakes ---


@pytest.mark.parametrize(
    ("sql", "columns", "error", "says"),
    [
        (QUERY, {"mail": "EMAIL_SHA256"}, ColumnError, "no column 'mail' in the source; it has 'email', 'phone'"),
        ("SELECT id, email, phone AS email FROM people", EMAIL, ColumnError, "has 'email' more than once"),
        (
            "SELECT email, 12125550123::BIGINT AS phone FROM people",
            CONTACT,
            ColumnError,
            r"column 'phone' holds a value of type int.*CAST\(phone AS VARCHAR\)",
        ),
        (
            "SELECT email, 12125550123::NUMERIC AS phone FROM people",
            CONTACT,
            ColumnError,
            r"column 'phone' holds a value of type Decimal.*CAST\(phone AS VARCHAR\)",
        ),
        (f"{QUERY} WHERE false", CONTACT, GuardError, "allow_empty=True"),
        (f"{QUERY} WHERE id = 4", CONTACT, GuardError, "no members"),
        (f"{QUERY} WHERE false", {"mail": "EMAIL_SHA256"}, ColumnError, "no column 'mail'"),
        ("SELECT email FROM nowhere", EMAIL, QueryError, 'relation "nowhere" does not exist'),
        ("SELECT people.mail FROM people", EMAIL, QueryError, r"column people\.mail does not exist"),
        ("SELECT email FORM people", EMAIL, QueryError, 'syntax error at or near "people"'),
        ("SHOW server_version", EMAIL, QueryError, 'syntax error at or near "SHOW"'),
    ],
    ids=[
        "missing column",
        "twice",
        "bigint",
        "numeric",
        "no rows",
        "no members",
        "no rows and missing column",
        "table",
        "column",
        "syntax",
        "SHOW",
    ],
)
def test_a_mistake_is_one_clear_error(
    shop: Shop, sql: str, columns: dict[str, str], error: type[Exception], says: str
) -> None:
    """The error says what, where and how to mend it, as for any other database; the connection is closed."""
    with pytest.raises(error, match=says):
        shop.run(sql, columns)
    assert shop.verbs()


def test_an_empty_result_may_be_allowed(shop: Shop) -> None:
    """A person who means it gets an empty snapshot."""
    assert shop.run(f"{QUERY} WHERE false", allow_empty=True)["rows_read"] == 0


def test_a_query_that_fails_midway_leaves_no_snapshot(shop: Shop) -> None:
    """Rows that were read before the failure are not taken for the result, and the error says how many there were."""
    late = "SELECT 'ada@example.com' AS email, (1 / (290000 - id))::text AS phone FROM generate_series(1, 300000) AS id"
    with pytest.raises(QueryError, match=r"failed after 280000 rows: \w+: division by zero. No snapshot was made"):
        shop.run(late)
    assert shop.manifests() == []
    assert "DECLARE" in shop.verbs()


@pytest.mark.parametrize("cast", ["integer", "json"])
@pytest.mark.parametrize(
    "value",
    ["ada@example.com", "Ada Lovelace", "[Ada", "Ada 34", 'say "Ada"', "Ada\nLovelace", sha256("ada@example.com")],
    ids=["address", "name", "no quotes", "number", "quotes", "lines", "digest"],
)
def test_the_databases_error_shows_no_value(shop: Shop, value: str, cast: str) -> None:
    """PostgreSQL quotes the cell that broke a query; the error that Airflow logs does not."""
    shop.fill([(value, None, None)])
    with pytest.raises(QueryError, match=f"invalid input syntax for type {cast}") as caught:
        shop.run(f"SELECT email::{cast}::text AS email, phone FROM people")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not [part for part in (*value.split(), value[:7], "Ada") if part in str(caught.value)]
    assert shop.manifests() == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM people RETURNING email, phone",
        "WITH gone AS (DELETE FROM people RETURNING email, phone) SELECT * FROM gone",
        "SELECT email, phone FROM people; DELETE FROM people",
        "UPDATE people SET email = NULL RETURNING email, phone",
        "DELETE FROM people",
    ],
    ids=["DELETE", "WITH DELETE", "two statements", "UPDATE", "DELETE without result"],
)
def test_a_statement_that_changes_something_changes_nothing(shop: Shop, sql: str) -> None:
    """The operator reads: whatever it was given, nothing is committed and the table is afterwards what it was."""
    before = shop.server.rows("SELECT * FROM people ORDER BY id")
    with suppress(QueryError):  # psycopg2 runs two statements, as the only driver
        shop.run(sql)
    assert "COMMIT" not in shop.verbs()
    assert shop.server.rows("SELECT * FROM people ORDER BY id") == before


# --- memory and connections ---


def batches_of(sql: str) -> Any:
    return Query(conn_id="shop", sql=sql, parameters=None, chunk_rows=5_000).batches(Columns.parse(EMAIL))


def activity(shop: Shop) -> tuple[str, str]:
    """State and last query of the shop's only connection."""
    sql = f"SELECT state, query FROM pg_stat_activity WHERE application_name = '{shop.name}'"
    [(state, last)] = shop.server.rows(sql)
    return state, last


def people(rows: int, then: str = "") -> str:
    return f"SELECT 'person' || number || '@example.com' AS email FROM generate_series(1, {rows}) AS number {then}"


def test_the_result_stays_at_the_server(shop: Shop) -> None:
    """After the first of 300,000 rows were fetched the others are still there, not in the memory of the client."""
    with closing(batches_of(people(300_000))) as batches:
        assert len(next(batches)[0]) == 5_000
        state, last = activity(shop)
        assert state == "idle in transaction"
        assert last.startswith("FETCH FORWARD 5000 FROM")
        assert sum(len(cells[0]) for cells in batches) == 295_000
    assert "DECLARE" in shop.verbs()


STUCK = "UNION ALL SELECT 'x' FROM pg_sleep(3600)"


@pytest.mark.parametrize("sql", [people(10_000_000), people(5_000, STUCK)], ids=["long", "stuck"])
def test_a_consumer_that_stops_early_ends_the_query(shop: Shop, sql: str) -> None:
    """The connection is closed at once, though the query has more to give."""
    batches = batches_of(sql)
    assert len(next(batches)[0]) == 5_000
    began = time.monotonic()
    batches.close()
    assert "DECLARE" in shop.verbs()
    assert time.monotonic() - began < SECONDS


CHILD = f"""
import {PROVIDER} as provider
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.hooks.query import Query
provider.USE_PSYCOPG3 = DRIVER == "psycopg"
query = Query(conn_id="shop", sql=SQL, parameters=None, chunk_rows=5000)
batches = query.batches(Columns.parse({EMAIL}))
next(batches)
print("read", flush=True)
"""


def test_a_process_ends_though_nobody_closed_the_batches(shop: Shop, driver: str) -> None:
    """A failed task's traceback may keep the batches until the process ends; it ends nevertheless."""
    child = subprocess.run(
        [sys.executable, "-c", f"SQL, DRIVER = {people(5_000, STUCK)!r}, {driver!r}\n{CHILD}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (child.returncode, child.stdout.splitlines()[-1:]) == (0, ["read"]), child.stderr
    assert "DECLARE" in shop.verbs()


def test_a_connection_lost_midway_is_a_query_error(shop: Shop) -> None:
    """A server that goes away is told as what it is, and no part of the result is taken for all."""
    batches = batches_of(people(300_000))
    next(batches)
    [(pid,)] = shop.server.rows(f"SELECT pid FROM pg_stat_activity WHERE application_name = '{shop.name}'")
    assert shop.server.rows(f"SELECT pg_terminate_backend({pid}, {SECONDS}000)") == [(True,)]
    with pytest.raises(QueryError, match=r"failed after 5000 rows: .*(terminating|closed the) connection"):
        list(batches)
