"""The task group: which tasks it makes of which arguments, and what it refuses when a DAG is parsed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator, XComArg, task, task_group

from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.task_groups import SegmentDelivery, tiktok_segment_delivery
from tests.kit import EMAIL

QUERY: dict[str, Any] = {"sql": "SELECT email FROM customers", "conn_id": "shop", "columns": EMAIL}
USUAL: dict[str, Any] = {"segment_name": "VIP", **QUERY}
OTHERS = ["7001", "7002"]


@pytest.fixture(autouse=True)
def dag() -> Iterator[DAG]:
    with DAG(dag_id="groups", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        yield dag


def chain(group: SegmentDelivery) -> dict[str, set[str]]:
    """Task -> those it waits for, without the group's id."""
    prefix = f"{group.group_id}."
    return {
        one.task_id.removeprefix(prefix): {upstream.removeprefix(prefix) for upstream in one.upstream_task_ids}
        for one in group
    }


class CarefulUpload(TikTokUploadSegmentOperator):
    """A reader's own upload."""


def test_the_usual_call_is_the_whole_chain(dag: DAG) -> None:
    """query_customers >> verify >> upload >> map, under the group's id, each with what it needs."""
    group = tiktok_segment_delivery(**USUAL, advertiser_ids=OTHERS, default_region="US", tiktok_conn_id="eu")
    assert chain(group) == {
        "query_customers": set(),
        "verify": {"query_customers"},
        "upload": {"query_customers", "verify"},
        "map": {"verify", "upload"},
    }
    tasks = {name: dag.get_task(f"delivery.{name}") for name in chain(group)}
    assert tasks["query_customers"].default_region == "US"
    assert (tasks["upload"].columns, tasks["map"].advertiser_ids) == (None, OTHERS)
    assert {tasks[name].tiktok_conn_id for name in ("verify", "upload", "map")} == {"eu"}


@pytest.mark.parametrize("others", [None, [], ""], ids=["none", "empty list", "empty text"])
def test_nobody_is_mapped_without_further_advertisers(others: Any) -> None:
    """There is no task map then."""
    assert list(chain(tiktok_segment_delivery(**USUAL, advertiser_ids=others))) == [
        "query_customers",
        "verify",
        "upload",
    ]


def test_the_group_waits_for_tiktok_where_asked(dag: DAG) -> None:
    """At its end, after the mapping if there is one."""
    group = tiktok_segment_delivery(**USUAL, advertiser_ids=OTHERS, ready={"deferrable": True}, tiktok_conn_id="eu")
    assert chain(group)["ready"] == {"verify", "map"}
    ready = dag.get_task("delivery.ready")
    assert (ready.deferrable, ready.min_size, ready.tiktok_conn_id) == (True, 1000, "eu")
    group = tiktok_segment_delivery(**USUAL, ready={}, group_id="unmapped")
    assert chain(group)["ready"] == {"verify", "upload"}


def test_an_upstream_snapshot_takes_the_place_of_the_query(dag: DAG) -> None:
    """The segment is verified, or created, only after the upstream task has a snapshot."""
    upstream = BaseOperator(task_id="snapshot")
    group = tiktok_segment_delivery(segment_name="VIP", source=upstream.output)
    assert chain(group) == {"verify": {"snapshot"}, "upload": {"snapshot", "verify"}}


def test_rows_of_an_upstream_task_are_mapped_as_the_snapshot_that_was_delivered(dag: DAG) -> None:
    """Columns and region go to the upload, which alone reads the rows."""

    @task
    def people() -> list[dict[str, str]]:
        return []

    group = tiktok_segment_delivery(
        segment_name="VIP", source=people(), columns=EMAIL, default_region="US", advertiser_ids=OTHERS
    )
    assert chain(group) == {"verify": {"people"}, "upload": {"people", "verify"}, "map": {"verify", "upload"}}
    upload = dag.get_task("delivery.upload")
    assert (upload.columns, upload.default_region) == (EMAIL, "US")


def test_an_upstream_segment_takes_the_place_of_verify() -> None:
    """The output of a verify task outside of the group, or an id."""
    verify = TikTokVerifySegmentOperator(task_id="outside", segment_name="VIP")
    group = tiktok_segment_delivery(segment=verify.output, **QUERY)
    assert chain(group) == {"query_customers": set(), "upload": {"query_customers", "outside"}}
    assert list(chain(tiktok_segment_delivery(segment="16001", **QUERY, group_id="by_id"))) == [
        "query_customers",
        "upload",
    ]


def test_options_reach_their_stage(dag: DAG) -> None:
    """Those of the operator, and Airflow's own; the rest stays as it is."""
    tiktok_segment_delivery(
        **USUAL,
        advertiser_ids=OTHERS,
        query={"parameters": {"day": "{{ ds }}"}},
        verify={"create_if_missing": False},
        upload={"max_delete_pct": 20, "retries": 7},
        map={"strategy": "share"},
    )
    tasks = {one.task_id.rpartition(".")[2]: one for one in dag.tasks}
    assert tasks["query_customers"].parameters == {"day": "{{ ds }}"}
    assert tasks["verify"].create_if_missing is False
    assert (tasks["upload"].max_delete_pct, tasks["upload"].retries) == (20, 7)
    assert tasks["upload"].mode == "mirror"
    assert tasks["map"].strategy == "share"


@pytest.mark.parametrize(
    ("stage", "percent"),
    [(CarefulUpload, 50.0), (partial(CarefulUpload, max_delete_pct=5), 5)],
    ids=["class", "partial"],
)
def test_an_operator_of_ones_own_takes_the_place_of_a_stage(dag: DAG, stage: Any, percent: float) -> None:
    """It is called with what the usual operator would get."""
    group = tiktok_segment_delivery(**USUAL, upload=stage, advertiser_ids=OTHERS)
    upload = dag.get_task("delivery.upload")
    assert isinstance(upload, CarefulUpload)
    assert upload.max_delete_pct == percent
    assert chain(group)["upload"] == {"query_customers", "verify"}
    assert chain(group)["map"] == {"verify", "upload"}


def test_the_receipt_is_there_for_tasks_after_the_group(dag: DAG) -> None:
    """A task may read it, and tasks may stand before and after the group."""
    first, last = BaseOperator(task_id="first"), BaseOperator(task_id="last")

    @task
    def report(receipt: dict[str, Any]) -> None:
        return None

    group = tiktok_segment_delivery(**USUAL)
    assert isinstance(group.receipt, XComArg)
    report(group.receipt)
    first >> group >> last
    assert dag.get_task("report").upstream_task_ids == {"delivery.upload"}
    assert dag.get_task("delivery.query_customers").upstream_task_ids == {"first"}
    assert last.upstream_task_ids == {"delivery.upload"}


def test_settings_for_all_tasks_are_airflows_default_args(dag: DAG) -> None:
    """As in any task group."""
    tiktok_segment_delivery(**USUAL, default_args={"snapshot_root": "s3://bucket", "retries": 4}, tooltip="VIP")
    assert {one.retries for one in dag.tasks} == {4}
    assert dag.get_task("delivery.query_customers").snapshot_root == "s3://bucket"
    assert dag.get_task("delivery.upload").snapshot_root == "s3://bucket"


def test_a_mapped_group_gives_its_arguments_to_templates(dag: DAG) -> None:
    """Name, query, owner and connection may differ from index to index."""

    @task_group
    def each(name: str, sql: str, owner: str, account: str, parameters: Any) -> None:
        tiktok_segment_delivery(
            segment_name=name,
            sql=sql,
            conn_id="shop",
            columns=EMAIL,
            advertiser_id=owner,
            tiktok_conn_id=account,
            query={"parameters": parameters},
        )

    each.expand_kwargs([{"name": "VIP", "sql": "SELECT 1", "owner": "7001", "account": "eu", "parameters": {}}])
    assert set(dag.task_dict) == {f"each.delivery.{name}" for name in ("query_customers", "verify", "upload")}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"segment_name": "VIP"}, "give either sql or source"),
        ({**USUAL, "source": "file:///snapshot"}, "give either sql or source"),
        (QUERY, "give either segment_name or segment"),
        ({**USUAL, "segment": "16001"}, "give either segment_name or segment"),
        ({"segment_name": "VIP", "sql": "SELECT 1"}, "sql needs conn_id; sql needs columns"),
        ({"segment_name": "VIP", "source": "file:///s", "conn_id": "shop"}, "conn_id needs sql"),
        ({"segment_name": "VIP", "source": "file:///s", "query": {}}, "query needs sql"),
        ({**QUERY, "segment": "16001", "verify": {}}, "verify needs segment_name"),
        ({**QUERY, "segment": "16001", "advertiser_id": "7001"}, "advertiser_id needs segment_name"),
        ({**USUAL, "map": {"strategy": "share"}}, "map needs advertiser_ids"),
        ({**USUAL, "advertiser_ids": OTHERS, "upload": {"dry_run": True}}, "the upload's dry_run only plans"),
        ({**USUAL, "upload": {"segment": "16001"}}, "options of upload: segment cannot be set for one task"),
        ({**USUAL, "query": {"task_id": "ask"}}, "options of query_customers: task_id cannot be set"),
        ({**USUAL, "upload": partial(CarefulUpload, source="x")}, "options of upload: source cannot be set"),
    ],
)  # fmt: skip
def test_contradictions_are_refused_when_the_dag_is_parsed(arguments: dict[str, Any], says: str) -> None:
    """The error names the arguments."""
    with pytest.raises(ConfigurationError, match=says):
        tiktok_segment_delivery(**arguments)


def test_what_is_known_only_at_run_time_is_refused_where_airflow_does_not_render_it() -> None:
    """A guard that came from a mapped group would be an object, and true: the segment could be emptied."""

    @task_group
    def each(empty: bool) -> None:
        tiktok_segment_delivery(**USUAL, upload={"allow_empty": empty})

    with pytest.raises(ConfigurationError, match="allow_empty must be known when the DAG is parsed"):
        each.expand(empty=[False])


def test_an_option_that_the_operator_does_not_have_is_refused() -> None:
    """By Airflow, which names it."""
    with pytest.raises(Exception, match="max_percent"):
        tiktok_segment_delivery(**USUAL, upload={"max_percent": 20})


def test_the_table_may_come_from_an_upstream_task(dag: DAG) -> None:
    """Every task that uses one of its values waits for it."""

    @task
    def table() -> list[dict[str, str]]:
        return []

    @task_group
    def each(name: str, sql: str) -> None:
        tiktok_segment_delivery(segment_name=name, sql=sql, conn_id="shop", columns=EMAIL)

    each.expand_kwargs(table())
    assert dag.get_task("each.delivery.query_customers").upstream_task_ids == {"table"}
    assert dag.get_task("each.delivery.verify").upstream_task_ids == {"table", "each.delivery.query_customers"}


def test_mapped_values_come_as_they_are(dag: DAG) -> None:
    """Airflow renders the templates of the DAG file in a mapped group, and not those in the values of the table."""

    @task_group
    def each(sql: str, name: str) -> None:
        tiktok_segment_delivery(
            segment_name=name,
            sql=sql,
            conn_id="shop",
            columns=EMAIL,
            query={"parameters": {"day": "{{ day }}", "name": name}},
        )

    each.expand_kwargs([{"sql": "SELECT 1", "name": "one"}, {"sql": "SELECT '{{ day }}'", "name": "two"}])
    query = dag.get_task("each.delivery.query_customers")
    query.render_template_fields({"day": "2026-01-01", "ti": SimpleNamespace(map_index=1, task=query)})
    assert (query.segment_name, query.sql) == ("two", "SELECT '{{ day }}'")
    assert query.parameters == {"day": "2026-01-01", "name": "two"}
