"""The operator that maps more advertisers to a segment."""

import time
from collections.abc import Sequence
from typing import Any, Literal, cast

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.api.access import check_access
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.delivery import Courier
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.lineage import Hop, segment_uris
from airflow_provider_tiktok.hooks.observed import Observed
from airflow_provider_tiktok.hooks.segment import SegmentRef, segment_and_owner
from airflow_provider_tiktok.hooks.storage import open_snapshot
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.links import AdsManagerLink
from airflow_provider_tiktok.operators._arguments import (
    courier_of,
    given_snapshot,
    listed_advertisers,
)
from airflow_provider_tiktok.plans import Mode, Target
from airflow_provider_tiktok.segments import share_segment
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.triggers.pause import pausing


class TikTokMapAdvertisersOperator(Observed, BaseOperator):
    """Map more advertisers of the same business to a segment.

    Checks first that every advertiser is reachable, in the owner's business center and not held as Analyst; when one
    is not, nothing is sent.

    :param segment: What the verify operator returned, or a segment id. (templated)
    :param advertiser_ids: Advertisers to map, as a list or as text with commas. (templated)
    :param source: What the upload or the snapshot operator returned, or a snapshot URI; needed by ``"mapping"``, which
        sends it in the mode in which the upload delivered it. (templated)
    :param strategy: ``"mapping"`` sends the members for all advertisers through the Segment API, only what changed
        for them; ``"share"`` shares the audience itself, which the recipients can use but not edit.
    :param batch_rows: Rows in a request.
    :param max_concurrency: Requests under way at a time.
    :param max_delete_pct: As in :class:`TikTokUploadSegmentOperator`.
    :param snapshot_root: Folder of snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("segment", "advertiser_ids", "source", "snapshot_root", "tiktok_conn_id")
    operator_extra_links = (AdsManagerLink(),)
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        segment: SegmentRef,
        advertiser_ids: Sequence[str] | str,
        source: Any = None,
        strategy: Literal["mapping", "share"] = "mapping",
        batch_rows: int = 1000,
        max_concurrency: int = 8,
        max_delete_pct: float = 50.0,
        snapshot_root: str | None = None,
        tiktok_conn_id: str = TikTokHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.segment = segment
        self.advertiser_ids = advertiser_ids
        self.source = source
        self.strategy = strategy
        self.batch_rows = batch_rows
        self.max_concurrency = max_concurrency
        self.max_delete_pct = max_delete_pct
        self.snapshot_root = snapshot_root
        self.tiktok_conn_id = tiktok_conn_id

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Check all advertisers, then map them; return their ids."""
        return self.resume(context)

    def resume(self, context: Context, event: object = None, pauses: int = 0) -> dict[str, JsonValue]:  # noqa: ARG002
        """Execute, or go on after a pause."""
        if self.strategy not in {"mapping", "share"}:
            raise ConfigurationError(f"strategy is {self.strategy!r}; use 'mapping' or 'share'")
        hook = TikTokHook(self.tiktok_conn_id)
        segment_id, owner = segment_and_owner(self.segment, hook)
        others = tuple(one for one in dict.fromkeys(listed_advertisers(self.advertiser_ids)) if one != owner)
        client = hook.get_conn()
        with pausing(self, pauses):
            check_access(client, hook.settings, [owner, *others])
            if others and self.strategy == "share":
                share_segment(client, owner, segment_id, others)
                shared, recipients = segment_uris([owner], segment_id), segment_uris(others, segment_id)
                self.tell_lineage(Hop(sources=shared, targets=recipients))
            elif others:
                self._deliver(courier_of(self, context, client), Target.of(segment_id, owner, others))
        self.log.info(
            "Segment %s of advertiser %s is there for %s too", segment_id, owner, ", ".join(others) or "nobody"
        )
        return {"segment_id": segment_id, "owner_advertiser_id": owner, "mapped_advertiser_ids": list(others)}

    def _deliver(self, courier: Courier, target: Target) -> None:
        if self.source is None:
            raise ConfigurationError("strategy 'mapping' sends the members again: give source, or use strategy='share'")
        begin, guards = time.monotonic(), Guards(max_delete_pct=self.max_delete_pct)
        snapshot = open_snapshot(given_snapshot(self.source))
        with courier.lock(target) as lock:
            mode = _mode_of_owner(courier, target, snapshot)
            plan = courier.plan(snapshot, target, mode=mode, on_older="skip", guards=guards, batch_rows=self.batch_rows)
            receipt = courier.deliver(plan, lock)
        self.tell_delivery(snapshot, receipt, seconds=time.monotonic() - begin)


def _mode_of_owner(courier: Courier, target: Target, snapshot: Snapshot) -> Mode:
    mode = courier.logs.load(target.segment_id, target.owner_advertiser_id).mode_for(snapshot)
    if mode is None:
        raise ConfigurationError(
            f"segment {target.segment_id} was filled in mode 'append' or 'remove', and the last delivery was of "
            "another snapshot: mapping this one would undo them. Nothing was changed. Give what the upload returned as "
            "source"
        )
    return cast("Mode", mode)
