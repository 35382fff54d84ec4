"""Tables of a query on a real PostgreSQL, whose hook names them as OpenLineage does."""

import json

import pytest

from airflow_provider_tiktok.hooks.query import Query
from tests.postgres import Postgres, missing_programs

pytest.importorskip("airflow.providers.openlineage")
pytest.importorskip("airflow.providers.postgres.hooks.postgres", reason="the Postgres provider is not installed")
pytestmark = pytest.mark.skipif(bool(missing_programs()), reason=f"not on PATH: {', '.join(missing_programs())}")


def test_tables_of_postgresql_have_database_and_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without a schema is one of the schema that the server is asked for; parameters do not disturb."""
    from airflow_provider_tiktok.hooks.tables import read_by

    with Postgres() as server:
        fields = {"conn_type": "postgres", "host": str(server.folder), "login": "postgres", "schema": "postgres"}
        monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(fields))
        sql = (
            "SELECT lower(p.mail) AS email, q.phone FROM people p JOIN crm.phones q ON p.id = q.id WHERE p.id < %(id)s"
        )
        query = Query(conn_id="shop", sql=sql, parameters={"id": 9}, chunk_rows=1)
        tables, origins = read_by(query, ["email", "phone"])
    assert [name for _, name in tables] == ["postgres.crm.phones", "postgres.public.people"]
    assert {namespace.partition("://")[0] for namespace, _ in tables} == {"postgres"}
    assert [origin[1:] for origin in origins["email"]] == [("postgres.public.people", "mail")]
    assert [origin[1:] for origin in origins["phone"]] == [("postgres.crm.phones", "phone")]
