"""Hops as OpenLineage has them: whence, whither, which column became which identifier kind. Never a value."""

import json
from typing import Any

import pytest

pytest.importorskip("airflow.providers.openlineage")

from openlineage.client.serde import Serde

from airflow_provider_tiktok.assets import convert_asset_to_openlineage, segment_asset
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.hooks.lineage import Hop
from airflow_provider_tiktok.hooks.openlineage import lineage_of, place_of
from airflow_provider_tiktok.hooks.query import Query
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from tests.kit import EMAIL, context

PERSON = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
SHOP = ("sqlite:///data/shop.db", "customers")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = {"conn_type": "sqlite", "host": "/data/shop.db", "login": "secret-login", "password": "secret-password"}
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", json.dumps(shop))


def events(sql: str, columns: dict[str, str] = PERSON) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Inputs and the output of a query, as they are sent."""
    query = Query(conn_id="shop", sql=sql, parameters=None, chunk_rows=10)
    hop = Hop(query=query, targets=("file:///kept/s",), columns=columns, hashed=True, rows_read=5, rows_written=4)
    lineage = lineage_of(hop)
    (output,) = lineage.outputs
    assert lineage.job_facets == lineage.run_facets == {}
    return [Serde.to_dict(one) for one in lineage.inputs], Serde.to_dict(output)


def origins(output: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    fields = output["facets"]["columnLineage"]["fields"]
    return {
        kind: [(one["namespace"], one["name"], one["field"]) for one in field["inputFields"]]
        for kind, field in fields.items()
    }


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "SELECT email, phone FROM customers WHERE signed_up_at < :end AND name <> 'canary'",
            {"EMAIL_SHA256": [(*SHOP, "email")], "PHONE_SHA256": [(*SHOP, "phone")]},
        ),
        (
            "SELECT lower(mail) AS email, phone FROM customers WHERE a = %s AND b = %(b)s",
            {"EMAIL_SHA256": [(*SHOP, "mail")], "PHONE_SHA256": [(*SHOP, "phone")]},
        ),
        (
            "SELECT * FROM customers",
            {"EMAIL_SHA256": [(*SHOP, "email")], "PHONE_SHA256": [(*SHOP, "phone")]},
        ),
        (
            "WITH a AS (SELECT * FROM customers) SELECT email, phone FROM a",
            {},
        ),
    ],
    ids=["plain", "parameters of drivers", "all columns", "what cannot be traced is left out"],
)
def test_columns_of_the_table_become_identifiers(
    connections: None, sql: str, expected: dict[str, list[tuple[str, str, str]]]
) -> None:
    """The table is the input; each kind comes from its column, masked; nothing of the query's text is told."""
    inputs, output = events(sql)
    assert [(one["namespace"], one["name"]) for one in inputs] == [SHOP]
    assert origins(output) == expected
    assert all(
        transformation["masking"]
        for field in output["facets"]["columnLineage"]["fields"].values()
        for one in field["inputFields"]
        for transformation in one["transformations"]
    )
    assert [field["name"] for field in output["facets"]["schema"]["fields"]] == ["EMAIL_SHA256", "PHONE_SHA256"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 4
    told = json.dumps([inputs, output])
    assert not any(word in told for word in ("canary", "WHERE", "secret"))


def test_a_join_has_both_tables(connections: None) -> None:
    """Each column is traced to its own table."""
    inputs, output = events("SELECT c.email, p.phone FROM crm.customers c JOIN phones p ON p.id = c.id")
    assert [one["name"] for one in inputs] == ["crm.customers", "phones"]
    assert {kind: found[0][1:] for kind, found in origins(output).items()} == {
        "EMAIL_SHA256": ("crm.customers", "email"),
        "PHONE_SHA256": ("phones", "phone"),
    }


@pytest.mark.parametrize("sql", ["SELECT 'canary", "UPDATE"], ids=["unparsable", "no query"])
def test_a_query_that_is_not_understood_leaves_the_output(connections: None, sql: str) -> None:
    """The output is told all the same."""
    inputs, output = events(sql)
    assert inputs == []
    assert output["name"] == "/kept/s"


def test_a_missing_connection_leaves_the_output(caplog: pytest.LogCaptureFixture) -> None:
    """Trouble is one line in the log without the error's words."""
    inputs, output = events("SELECT email, phone FROM customers")
    assert (inputs, output["name"]) == ([], "/kept/s")
    assert "The tables of the query are missing in OpenLineage" in caplog.text


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("s3://aws_default@bucket/tiktok/a", ("s3://bucket", "tiktok/a")),
        ("file:///tmp/a", ("file", "/tmp/a")),
        ("/tmp/a", ("file", "/tmp/a")),
        ("tiktok://advertiser/7012/segment/1672", ("tiktok://advertiser/7012", "segment/1672")),
    ],
)
def test_namespace_and_name(uri: str, place: tuple[str, str]) -> None:
    """As OpenLineage names storage; a segment is within its advertiser."""
    assert place_of(uri) == place


def test_a_segment_is_the_same_dataset_as_its_asset() -> None:
    """An inlet or outlet of the user's and the upload's output meet in the lineage graph."""
    asset = segment_asset("7012", "1672")
    dataset = convert_asset_to_openlineage(asset, None)
    assert place_of(asset.uri) == (dataset.namespace, dataset.name)


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_upload_answers_openlineage_when_it_is_done(connection: Emulator, dry_run: bool) -> None:
    """From the snapshot, not masked again, to the segment; a dry run and a task that failed tell nothing."""
    segment_id = connection.create_audience(ADVERTISER_ID, "VIP")
    people = [{"email": "canary1@example.com"}, {"email": "canary2@example.com"}]
    operator = TikTokUploadSegmentOperator(
        task_id="upload", segment=segment_id, source=people, columns=EMAIL, dry_run=dry_run
    )
    assert operator.get_openlineage_facets_on_complete(None) is None
    receipt: Any = operator.execute(context())
    lineage = operator.get_openlineage_facets_on_complete(None)
    if dry_run:
        assert lineage is None
        return
    assert lineage is not None
    (read,), (written,) = lineage.inputs, lineage.outputs
    folder, interval, unique = receipt["snapshot_uri"].rsplit("/", 2)
    assert (read.namespace, read.name) == place_of(folder), "the snapshots of all runs are one dataset"
    assert read.facets["version"].datasetVersion == f"{interval}/{unique}"
    output = Serde.to_dict(written)
    assert (output["namespace"], output["name"]) == (f"tiktok://advertiser/{ADVERTISER_ID}", f"segment/{segment_id}")
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 2
    (field,) = output["facets"]["columnLineage"]["fields"]["EMAIL_SHA256"]["inputFields"]
    assert field["field"] == "EMAIL_SHA256"
    assert field["transformations"][0]["masking"] is False
