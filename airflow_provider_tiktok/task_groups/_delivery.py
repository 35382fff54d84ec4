"""The task group of one delivery: query, verify, upload, map, ready."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

from airflow.providers.common.compat.sdk import BaseOperator, TaskGroup, XComArg

from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.operators.segment import (
    TikTokMapAdvertisersOperator,
    TikTokUploadSegmentOperator,
    TikTokVerifySegmentOperator,
)
from airflow_provider_tiktok.sensors.segment import TikTokSegmentReadySensor
from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

Stage = Mapping[str, Any] | Callable[..., BaseOperator]
"""Options for a stage's operator, or what makes another one: its class, or :func:`functools.partial` of it."""

ONE_OF = (("sql", "source"), ("segment_name", "segment"))
NEEDS = {
    "sql": ("conn_id", "columns"),
    "conn_id": ("sql",),
    "query": ("sql",),
    "advertiser_id": ("segment_name",),
    "verify": ("segment_name",),
    "map": ("advertiser_ids",),
}
"""Argument -> those without which it would be passed over."""


class SegmentDelivery(TaskGroup):
    """The tasks of one delivery."""

    @property
    def receipt(self) -> XComArg:
        """What the upload returns, for tasks after the group."""
        task_id = self.child_id("upload")  # type: ignore[no-untyped-call]  # Airflow's is not annotated
        return cast("BaseOperator", self.children[task_id]).output


def tiktok_segment_delivery(
    *,
    segment_name: str | None = None,
    sql: str | None = None,
    conn_id: str | None = None,
    columns: Mapping[str, str] | None = None,
    default_region: str | None = None,
    source: Any = None,
    segment: Any = None,
    advertiser_id: str | None = None,
    advertiser_ids: Sequence[str] | str | None = None,
    query: Stage | None = None,
    verify: Stage | None = None,
    upload: Stage | None = None,
    map: Stage | None = None,  # noqa: A002  each stage is named as its task
    ready: Stage | None = None,
    tiktok_conn_id: str | None = None,
    group_id: str = "delivery",
    **group: Any,
) -> SegmentDelivery:
    """Keep a segment equal to the result of a query: ``query_customers``, ``verify``, ``upload``, ``map``, ``ready``.

    May stand in a mapped task group and take its arguments, as they are: Airflow renders no template in them, so what
    depends on the interval goes into ``query={"parameters": ...}``. Arguments that contradict each other raise
    :class:`~airflow_provider_tiktok.errors.ConfigurationError` when the DAG is parsed.

    A stage takes options for its operator, as ``upload={"max_delete_pct": 20}``, or an operator to use in its place:
    the class, or a ``functools.partial`` of it. It is called with the arguments that the usual one would get.

    :param segment_name: Exact name of the segment; it is created when it is missing.
    :param sql: Query, or path of a ``.sql`` file.
    :param conn_id: Connection of the query's database.
    :param columns: Column -> identifier kind, as ``{"email": "EMAIL_SHA256"}``: of the query, or of rows in ``source``.
    :param default_region: Country of phone numbers without one, as ``"US"``.
    :param source: Instead of ``sql``: what a snapshot operator returned, a snapshot URI, or what a task returned as
        rows (then give ``columns``). There is no task ``query_customers`` then.
    :param segment: Instead of ``segment_name``: what a verify operator returned, or a segment id. There is no task
        ``verify`` then.
    :param advertiser_id: Owner of the segment; the default is the connection's advertiser.
    :param advertiser_ids: Further advertisers to map. Without any there is no task ``map``.
    :param query: Stage of :class:`~airflow_provider_tiktok.transfers.sql_to_snapshot.SqlToTikTokSnapshotOperator`.
    :param verify: Stage of :class:`~airflow_provider_tiktok.operators.segment.TikTokVerifySegmentOperator`.
    :param upload: Stage of :class:`~airflow_provider_tiktok.operators.segment.TikTokUploadSegmentOperator`.
    :param map: Stage of :class:`~airflow_provider_tiktok.operators.segment.TikTokMapAdvertisersOperator`.
    :param ready: Stage of :class:`~airflow_provider_tiktok.sensors.segment.TikTokSegmentReadySensor`, as
        ``{"deferrable": True}``. Without it there is no task ``ready``, and the group does not wait for TikTok.
    :param tiktok_conn_id: Connection of type ``tiktok``.
    :param group_id: Id of the task group.
    :param group: As Airflow's ``TaskGroup`` has them: ``default_args``, ``tooltip``, ``parent_group``, …
    :return: The task group; its ``receipt`` is what the upload returns.
    """
    rows, account = {"columns": columns, "default_region": default_region}, {"tiktok_conn_id": tiktok_conn_id}
    asked = {"sql": sql, "conn_id": conn_id, "segment_name": segment_name, **rows}
    named = {"segment_name": segment_name, "advertiser_id": advertiser_id, **account}
    others = advertiser_ids or None
    stages = {"query": query, "verify": verify, "upload": upload, "map": map}
    arguments = {**asked, **named, **stages, "source": source, "segment": segment, "advertiser_ids": others}
    _refuse_contradictions(group_id, {name: value for name, value in arguments.items() if value is not None})

    delivery = SegmentDelivery(group_id=group_id, **group)
    with delivery:
        if sql is not None:
            source, rows = _task("query_customers", query, SqlToTikTokSnapshotOperator, asked).output, {}
        if segment is None:
            verified = _task("verify", verify, TikTokVerifySegmentOperator, named)
            XComArg.apply_upstream_relationship(verified, source)  # no segment is created for a query that failed
            segment = verified.output
        delivered = {"segment": segment, "source": source, **rows, **account}
        last = _task("upload", upload, TikTokUploadSegmentOperator, delivered)
        if others is not None:
            mapped = {"segment": segment, "source": delivery.receipt, "advertiser_ids": others, **account}
            last = _task("map", map, TikTokMapAdvertisersOperator, mapped)
        if ready is not None:
            last >> _task("ready", ready, TikTokSegmentReadySensor, {"segment": segment, **account})
    return delivery


def _refuse_contradictions(group_id: str, given: Mapping[str, Any]) -> None:
    problems = [f"give either {one} or {other}" for one, other in ONE_OF if (one in given) == (other in given)]
    needs = [(name, needed) for name in NEEDS if name in given for needed in NEEDS[name]]
    problems += [f"{name} needs {needed}" for name, needed in needs if needed not in given]
    if "advertiser_ids" in given and _options(given.get("upload")).get("dry_run"):
        problems.append("with advertiser_ids, the task map would carry out what the upload's dry_run only plans")
    if problems:
        raise ConfigurationError(f"tiktok_segment_delivery({group_id!r}): {'; '.join(problems)}")


def _task(task_id: str, stage: Stage | None, usual: type[BaseOperator], arguments: Mapping[str, Any]) -> BaseOperator:
    options = _options(stage)
    if twice := sorted({"task_id", *arguments} & options.keys()):
        raise ConfigurationError(
            f"options of {task_id}: {', '.join(twice)} cannot be set for one task of tiktok_segment_delivery"
        )
    given = {name: value for name, value in arguments.items() if value is not None}
    make = stage if callable(stage) else partial(usual, **options)
    task = make(task_id=task_id, **given)
    late = [name for name, value in {**options, **given}.items() if hasattr(value, "iter_references")]
    if fixed := sorted(set(late) - set(task.template_fields)):
        raise ConfigurationError(
            f"task {task.task_id}: {', '.join(fixed)} must be known when the DAG is parsed, and cannot come from an "
            "upstream task or a mapped group"
        )
    return task


def _options(stage: Stage | None) -> Mapping[str, Any]:
    """The options in a stage: a mapping of them, or the keywords of a ``functools.partial``."""
    return stage if isinstance(stage, Mapping) else getattr(stage, "keywords", {})
