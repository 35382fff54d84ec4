"""What the operators on segments are given, in any of the forms that templates and XCom bring."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from airflow.providers.common.compat.sdk import Context

from airflow_provider_tiktok.api.client import AudienceClient
from airflow_provider_tiktok.delivery import Courier
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.storage import open_snapshot, snapshot_root, snapshot_uri, task_name, unique_name
from airflow_provider_tiktok.snapshots.log import DeliveryLogs


class Delivers(Protocol):
    """An operator that sends members."""

    snapshot_root: str | None
    max_concurrency: int


def listed_advertisers(given: Sequence[str] | str | None) -> list[str]:
    """Ids from a list, or from a template's text such as ``"7001, 7002"``."""
    ids = re.split(r"[\s,]+", given.strip()) if isinstance(given, str) else [str(one) for one in given or ()]
    wrong = [one for one in ids if one and not one.isdigit()]
    if wrong:
        raise ConfigurationError(f"advertiser_ids: {wrong[0]!r} is not an advertiser id, which has digits only")
    return [one for one in ids if one]


def given_snapshot(source: object) -> str:
    """The address of the snapshot that an operator is to deliver."""
    uri = snapshot_uri(source)
    if uri is None:
        raise ConfigurationError(
            f"source is a {type(source).__name__}; give what SqlToTikTokSnapshotOperator returned, a snapshot URI, or "
            "rows with columns"
        )
    return uri


def approved_plan(given: object) -> str:
    """The name of the plan in what a dry run returned."""
    name = given.get("plan") if isinstance(given, Mapping) else given
    if not isinstance(name, str) or not name:
        raise ConfigurationError(
            f"approved came as a {type(given).__name__} without a plan, so nothing was changed; give what "
            "TikTokApproveDeliveryOperator returned, which holds a plan when somebody approved"
        )
    return name


def courier_of(operator: Delivers, context: Context, client: AudienceClient) -> Courier:
    """What an operator delivers with."""
    return Courier(
        client=client,
        logs=DeliveryLogs(snapshot_root(operator.snapshot_root)),
        open_snapshot=open_snapshot,
        unique=unique_name(),
        holder=task_name(context),
        max_concurrency=operator.max_concurrency,
    )
