"""People who opted out come into no snapshot, whatever source tells who they are."""

import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.core.columns import ColumnError
from airflow_provider_tiktok.errors import ConfigurationError, QueryError
from airflow_provider_tiktok.hooks.storage import open_snapshot
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator
from tests.kit import EMAIL, context, digests, sha256

COLUMNS = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
SHARED = "+12125550123"
PEOPLE = [
    ("ann@example.com", SHARED),
    ("bob@example.com", SHARED),
    ("cid@example.com", "+12125550124"),
    (" CID@example.com", None),
    (None, "(212) 555-0125"),
    ("dan@example.com", "555"),
    ("bad", None),
]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE people (email TEXT, phone TEXT)")
        database.execute("CREATE TABLE optouts (email TEXT, phone TEXT, reason TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", PEOPLE)
        database.executemany(
            "INSERT INTO optouts VALUES (?, ?, ?)",
            [("Cid@Example.com", None, "mail"), (None, "212 555 0125", "call"), ("dan@example.com", None, "mail")],
        )
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "root").as_uri())
    return path


def run(**options: Any) -> dict[str, Any]:
    values = {"sql": "SELECT * FROM people", "conn_id": "shop", "columns": COLUMNS, "default_region": "US", **options}
    return SqlToTikTokSnapshotOperator(task_id="query", dag=None, **values).execute(context())


def from_file(folder: Path, **options: Any) -> dict[str, Any]:
    path = folder / "people.csv"
    lines = [",".join(f'"{cell or ""}"' for cell in row) for row in PEOPLE]
    path.write_text("\n".join(["email,phone", *lines]))
    values = {"path": path.as_uri(), "columns": COLUMNS, "default_region": "US", **options}
    return FileToTikTokSnapshotOperator(task_id="read", dag=None, **values).execute(context())


def found(uri: str) -> dict[str, set[str]]:
    snapshot = open_snapshot(uri)
    return {
        str(kind): {digest.hex() for digests, _ in snapshot.index(kind) for digest in digests.to_pylist()}
        for kind in snapshot.kinds
    }


def account(xcom: dict[str, Any]) -> tuple[int, int, int, int, dict[str, int], dict[str, dict[str, int]]]:
    names = ("rows_read", "members", "duplicates", "suppressed", "rejected", "refused_identifiers")
    return tuple(xcom[name] for name in names)  # type: ignore[return-value]


LEFT = {"EMAIL_SHA256": digests(["ann@example.com", "bob@example.com"]), "PHONE_SHA256": digests([SHARED])}


def test_a_query_tells_whom_to_leave_out(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    """All rows of the people it names are left out with all that is in them, and the account says so."""
    with caplog.at_level(logging.INFO):
        xcom = run(suppress_sql="SELECT * FROM optouts")
    assert found(xcom["snapshot_uri"]) == LEFT
    assert account(xcom) == (7, 2, 0, 4, {"invalid_email": 1}, {})
    assert "Suppressing 3 identifiers (EMAIL_SHA256: 2, PHONE_SHA256: 1)" in caplog.text


def test_the_suppression_is_kept_inside_of_the_snapshot(shop: Path) -> None:
    """As a snapshot of its own, in hashes, whose address the manifest holds."""
    snapshot = open_snapshot(run(suppress_sql="SELECT * FROM optouts")["snapshot_uri"])
    assert snapshot.suppression == f"{snapshot.uri}/suppressed"
    assert found(snapshot.suppression) == {
        "EMAIL_SHA256": digests(["cid@example.com", "dan@example.com"]),
        "PHONE_SHA256": digests(["+12125550125"]),
    }


@pytest.mark.parametrize(
    ("columns", "members", "suppressed"),
    [("phone", 5, 1), ("email", 3, 3), ("reason, PHONE AS Phone", 5, 1)],
    ids=["phones", "addresses", "another case"],
)
def test_some_columns_are_enough(shop: Path, columns: str, members: int, suppressed: int) -> None:
    """A list of numbers to call no more needs no column of addresses."""
    xcom = run(suppress_sql=f"SELECT {columns} FROM optouts")
    assert (xcom["members"], xcom["suppressed"]) == (members, suppressed)


def test_the_region_and_key_of_the_rows_are_not_asked_of_the_suppression(shop: Path) -> None:
    """It has columns of identifiers alone."""
    xcom = run(
        sql="SELECT *, rowid AS id, 'US' AS country FROM people",
        suppress_sql="SELECT phone FROM optouts",
        region_column="country",
        reject_key="id",
    )
    assert xcom["suppressed"] == 1


def test_parameters_of_the_suppression_are_bound_by_the_driver(shop: Path) -> None:
    """They are its own, beside those of the query."""
    xcom = run(
        sql="SELECT * FROM people WHERE email <> :not",
        parameters={"not": "bad"},
        suppress_sql="SELECT * FROM optouts WHERE reason = :reason",
        suppress_parameters={"reason": "mail"},
    )
    assert (xcom["rows_read"], xcom["suppressed"]) == (5, 3)


def test_an_empty_suppression_leaves_nobody_out(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log says that it was read and is empty."""
    with caplog.at_level(logging.INFO):
        xcom = run(suppress_sql="SELECT * FROM optouts WHERE 0")
    assert (xcom["suppressed"], xcom["members"]) == (0, 6)
    assert "Suppressing 0 identifiers" in caplog.text


def test_rows_of_a_suppression_that_suppress_nobody_are_a_warning(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An opt-out that cannot be read must not be passed over in silence; one without any cell is nobody's."""
    sql = "SELECT '555' AS phone UNION ALL SELECT NULL UNION ALL SELECT '+12125550123'"
    run(suppress_sql=sql)
    assert "1 rows of the suppression have no usable identifier" in caplog.text


def test_without_a_suppression_the_manifest_names_none(shop: Path) -> None:
    """And a snapshot of a release that knew of none is opened all the same."""
    uri = run()["snapshot_uri"]
    assert open_snapshot(uri).suppression == ""
    path = Path(uri.removeprefix("file://")) / "manifest.json"
    manifest = json.loads(path.read_text())
    assert manifest.pop("suppression") == ""
    path.write_text(json.dumps(manifest))
    assert open_snapshot(uri).suppression == ""


# --- from a snapshot ---


@pytest.mark.parametrize("given", ["XCom", "URI"])
@pytest.mark.parametrize("source", ["query", "file"])
def test_a_snapshot_tells_whom_to_leave_out(shop: Path, tmp_path: Path, given: str, source: str) -> None:
    """The same people, whether it is given as what the operator returned or by its address."""
    xcom = run(sql="SELECT * FROM optouts")
    value = xcom if given == "XCom" else xcom["snapshot_uri"]
    left = run(suppress_snapshot=value) if source == "query" else from_file(tmp_path, suppress_snapshot=value)
    assert found(left["snapshot_uri"]) == LEFT
    assert account(left) == (7, 2, 0, 4, {"invalid_email": 1}, {})
    assert open_snapshot(left["snapshot_uri"]).suppression == xcom["snapshot_uri"]


def test_kinds_in_common_are_enough(shop: Path) -> None:
    """A snapshot of addresses suppresses by them, one of addresses and phones suppresses a list of phones."""
    addresses = run(sql="SELECT email FROM optouts", columns=EMAIL)
    assert run(suppress_snapshot=addresses)["suppressed"] == 3
    both = run(sql="SELECT * FROM optouts")
    assert run(columns={"phone": "PHONE_SHA256"}, suppress_snapshot=both)["suppressed"] == 1


def test_both_formats_of_a_phone_are_left_out(shop: Path) -> None:
    """Also when the list of opted-out people holds the digest of the number without plus."""
    rules = {"phone_format": "both"}
    sql = f"SELECT '{sha256('12125550123')}' AS phone"
    for options in ({"suppress_sql": sql}, {"suppress_snapshot": run(sql=f"{sql}, NULL AS email", rules=rules)}):
        snapshot = open_snapshot(run(rules=rules, **options)["snapshot_uri"])
        assert snapshot.counts.suppressed == 2
        digests_found = found(snapshot.uri)["PHONE_SHA256"]
        assert digests_found == digests(["+12125550124", "12125550124", "+12125550125", "12125550125"])


# --- mistakes ---


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"suppress_sql": "SELECT 1", "suppress_snapshot": "x"}, ConfigurationError, "both given; give one"),
        ({"suppress_sql": "SELECT reason FROM optouts"}, ColumnError, "suppress_sql: there is none of the columns"),
        ({"suppress_sql": "SELECT * FROM nowhere"}, QueryError, "the suppression query on 'shop' failed"),
        ({"suppress_sql": "DELETE FROM optouts WHERE 0"}, ConfigurationError, "the suppress_sql returns no rows"),
        ({"suppress_sql": " "}, ConfigurationError, "suppress_sql is empty"),
        ({"suppress_snapshot": ""}, ConfigurationError, "came as a str without an address"),
        ({"suppress_snapshot": {}}, ConfigurationError, "came as a dict without an address"),
    ],
    ids=["both", "no column", "table", "no select", "empty query", "empty text", "empty mapping"],
)
def test_a_mistake_is_one_clear_error(
    shop: Path, tmp_path: Path, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    """Nothing is published when it is not known whom to leave out."""
    with pytest.raises(error, match=says):
        run(**options)
    assert not list((tmp_path / "root").rglob("manifest.json"))


@pytest.mark.parametrize("operator", [SqlToTikTokSnapshotOperator, FileToTikTokSnapshotOperator])
def test_a_suppression_that_a_template_left_empty_is_an_error(shop: Path, operator: Any, tmp_path: Path) -> None:
    """An upstream task that returned nothing must not let opted-out people through."""
    source = {"sql": "SELECT 1", "conn_id": "shop"} if operator is SqlToTikTokSnapshotOperator else {"path": "/x.csv"}
    names = ["suppress_snapshot", *(["suppress_sql"] if "sql" in source else [])]
    (tmp_path / "x.csv").write_text("email,phone\n")
    source = {name: (tmp_path / "x.csv").as_uri() if name == "path" else value for name, value in source.items()}
    for name in names:
        task = operator(task_id="t", columns=COLUMNS, **source, **{name: "{{ nothing }}"})
        setattr(task, name, None)
        with pytest.raises(ConfigurationError, match=name):
            task.execute(context())


def test_a_snapshot_with_other_rules_is_refused(shop: Path) -> None:
    """Its digests are others, and would recognise nobody; the error names the rule."""
    other = run(sql="SELECT * FROM optouts", rules={"email_tags": "remove"})
    with pytest.raises(ConfigurationError, match=r"other rules \(email_tags\).*Take it with the same rules"):
        run(suppress_snapshot=other)


def test_a_snapshot_without_a_common_kind_is_refused(shop: Path) -> None:
    """It would suppress nobody; the error names the kinds of both."""
    other = run(sql="SELECT phone FROM optouts", columns={"phone": "PHONE_SHA256"})
    with pytest.raises(ConfigurationError, match=r"holds PHONE_SHA256, but the columns are .*EMAIL_SHA256"):
        run(suppress_snapshot=other, columns=EMAIL)


def test_what_is_given_is_templated() -> None:
    """Queries, parameters and snapshots of opted-out people may come from other tasks and from files."""
    fields = set(SqlToTikTokSnapshotOperator.template_fields)
    assert {"suppress_sql", "suppress_parameters", "suppress_snapshot"} <= fields
    assert "suppress_snapshot" in FileToTikTokSnapshotOperator.template_fields


def test_a_suppression_shows_nobody(shop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the log nor the files hold an address, a number or a digest in hex."""
    with caplog.at_level(logging.DEBUG):
        run(suppress_sql="SELECT * FROM optouts")
    texts = ["cid@", "Cid@", "0125", *digests(["cid@example.com", "+12125550125"])]
    contents = [path.read_bytes() for path in (tmp_path / "root").rglob("*") if path.is_file()]
    assert len(contents) == 6
    for text in texts:
        assert text not in caplog.text
        assert not [content for content in contents if text.encode() in content]
