"""The files of docs/snippets/, of which pages show slices, are run here against the emulator."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_tiktok.emulator import Emulator
from tests.docs.pages import SNIPPETS
from tests.kit import context, digests, sha256

PEOPLE = {
    "ada": ("1", "Ada@Example.com", "(212) 555-0101", "US", "6D92078A-8246-4BA4-AE5B-76104861E7DC", 1),
    "ben": ("2", "ben+news@example.com", "020 7946 0102", "GB", None, 1),
    "cid": ("3", "cid@example.com", "+12125550103", None, "00000000-0000-0000-0000-000000000000", 1),
    "dot": ("4", "no address", "unknown", None, None, 1),
    "eve": ("5", "eve@example.com", "+12125550105", None, None, 0),
}
DDL = """
CREATE TABLE customers (customer_id, email, phone, country, idfa, marketing_consent);
CREATE TABLE hashed_customers (email_sha256, phone);
CREATE TABLE newcomers (email);
CREATE TABLE opt_outs (email, phone);
CREATE TABLE staff_who_agreed (email);
"""


@pytest.fixture
def warehouse(connection: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A connection to invented people, and one to the emulator."""
    path = tmp_path / "warehouse.db"
    with sqlite3.connect(path) as database:
        database.executescript(DDL)
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", PEOPLE.values())
        database.execute("INSERT INTO hashed_customers VALUES (?, ?)", (sha256("ada@example.com"), "212 555 0101"))
        database.execute("INSERT INTO newcomers VALUES ('fay@example.com')")
        database.execute("INSERT INTO opt_outs VALUES ('CID@example.com', NULL)")
        database.execute("INSERT INTO staff_who_agreed VALUES ('ada@example.com')")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return connection


def dag_of(page: str) -> DAG:
    """The DAG in a file of docs/snippets/."""
    path = SNIPPETS / f"{page}.py"
    space: dict[str, Any] = {"__name__": page, "__file__": str(path)}
    exec(compile(path.read_text(), str(path), "exec"), space)
    return next(one.dag for one in space.values() if isinstance(one, BaseOperator))


def run(dag: DAG, **rendered: str) -> dict[str, Any]:
    """Execute the tasks in their order, each with what its predecessors returned; what they return, by task."""
    returned: dict[str, Any] = {}
    for task in dag.topological_sort():
        for field in task.template_fields:
            value = getattr(task, field)
            if hasattr(value, "iter_references"):
                setattr(task, field, returned[value.operator.task_id])
            elif isinstance(value, str) and value in rendered:
                setattr(task, field, rendered[value])
        returned[task.task_id] = task.execute(context())
    return returned


def test_columns_and_identifier_kinds(warehouse: Emulator) -> None:
    """What the page says of each query is what its account says."""
    told = run(dag_of("columns"))
    customers = told["query_customers"]
    assert customers["identifiers"] == {"EMAIL_SHA256": 3, "PHONE_SHA256": 2, "IDFA_SHA256": 1}
    assert customers["rejected"] == {"invalid_email": 1}
    assert customers["refused_identifiers"]["IDFA_SHA256"] == {"zero_device_id": 1}
    assert told["query_hashed"]["identifiers"] == {"EMAIL_SHA256": 1, "PHONE_SHA256": 1}
    assert told["query_by_country"]["identifiers"] == {"PHONE_SHA256": 3}
    assert told["query_with_rules"]["members"] == 3
    lines = Path(told["query_and_tell"]["reject_uri"].removeprefix("file://")).read_text().splitlines()
    assert lines[0] == "row,key,column,reason,row_rejected"
    assert '4,"4","email","invalid_email",true' in lines


def test_mirror_append_remove(warehouse: Emulator) -> None:
    """The mirror makes the segment equal, an append only adds, a remove takes out."""
    told = run(dag_of("modes"))
    assert [told[task]["added"] for task in ("mirror", "append", "remove")] == [3, 1, 0]
    assert told["remove"]["removed"] == 1
    held = warehouse.members(told["verify"]["segment_id"])["EMAIL_SHA256"]
    assert held == digests(["ada@example.com", "ben+news@example.com", "fay@example.com"])


def test_consent_and_suppression(warehouse: Emulator, tmp_path: Path) -> None:
    """Who opted out is in no snapshot and in no segment, whatever the source."""
    path = tmp_path / "customers.csv"
    path.write_text("email,phone\nada@example.com,\ncid@example.com,+12125550103\n")
    told = run(dag_of("consent"), **{"{{ var.value.tiktok_customers }}": path.as_uri()})
    assert (told["query_customers"]["suppressed"], told["read_customers"]["suppressed"]) == (1, 1)
    held = warehouse.members(told["verify"]["segment_id"])
    assert sha256("cid@example.com") not in held["EMAIL_SHA256"]
    assert sha256("+12125550103") not in held["PHONE_SHA256"]


def test_rehearsal(warehouse: Emulator) -> None:
    """A dry run changes nothing; the staff's segment holds the staff."""
    told = run(dag_of("rehearsal"))
    assert (told["plan"]["dry_run"], told["plan"]["added"], told["plan"]["receipt_uri"]) == (True, 3, None)
    assert told["upload_staff"]["baseline"]
    assert warehouse.members(told["verify"]["segment_id"])["EMAIL_SHA256"] == digests(["ada@example.com"])


def test_workers(warehouse: Emulator) -> None:
    """A pool changes nothing in what is delivered."""
    told = run(dag_of("workers"))
    assert told["upload"]["added"] == 3


def test_access(warehouse: Emulator) -> None:
    """Airflow takes the access control as it is written."""
    dag = dag_of("access")
    assert set(dag.access_control or {}) == {"Marketing", "Marketing data"}
    assert run(dag)["verify"]["created"]


def test_who(warehouse: Emulator) -> None:
    """A person who was delivered is found by the plain value, and nobody else."""
    space: dict[str, Any] = {}
    exec((SNIPPETS / "who.py").read_text(), space)
    uri = run(dag_of("workers"))["upload"]["snapshot_uri"]
    found = [space["was_in"](uri, "EMAIL_SHA256", value) for value in ("ada@example.com", "eve@example.com")]
    assert found == [True, False]
