"""The operator that brings a segment to a snapshot."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator, Context
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.core.rows import Rows
from airflow_provider_tiktok.hooks.metrics import count_snapshot
from airflow_provider_tiktok.hooks.observed import Observed
from airflow_provider_tiktok.hooks.segment import SegmentRef, segment_and_owner
from airflow_provider_tiktok.hooks.storage import (
    interval_end,
    new_snapshot_folder,
    open_snapshot,
    snapshot_root,
    unique_name,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.links import AdsManagerLink, ReceiptLink
from airflow_provider_tiktok.operators._arguments import (
    approved_plan,
    courier_of,
    given_snapshot,
    listed_advertisers,
)
from airflow_provider_tiktok.plans import Mode, OnOlder, Target
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.triggers.pause import pausing


class TikTokUploadSegmentOperator(Observed, BaseOperator):
    """Bring a segment to a snapshot: send only what changed since the last delivery, and return the receipt.

    One delivery to a segment at a time: another one waits. A try that was broken off is taken up at the first batch
    that TikTok did not acknowledge. When TikTok limits the rate for longer, the task defers and holds no worker.

    Lineage (hook lineage, OpenLineage) leads from the snapshot to the segment without your doing. You may also put
    :func:`~airflow_provider_tiktok.assets.segment_asset` into the ``inlets`` or ``outlets`` of any task of yours. This
    operator itself updates no asset, since TikTok has not computed the segment yet when the upload ends; the sensor
    does. An outlet of yours here would start the DAGs scheduled on it too early.

    :param segment: What the verify operator returned, or a segment id. (templated)
    :param source: What the snapshot operator returned, a snapshot URI, or rows (a list of mappings, a pandas
        DataFrame, an Arrow table) together with ``columns``. Rows show in no rendered template. (templated)
    :param columns: Column -> identifier kind, for rows only.
    :param mode: ``"mirror"`` makes the segment equal to the source, ``"append"`` only adds, ``"remove"`` takes out.
    :param advertiser_ids: Advertisers to list besides the owner, all of one business center. (templated)
    :param batch_rows: Rows in a request, up to 10,000; fewer when the request would pass 1 MB.
    :param max_concurrency: Requests under way at a time.
    :param max_delete_pct: Stop before the first change when more than this part of the delivered identifiers, in
        percent, would be removed.
    :param min_members: A snapshot with fewer members is worth a warning; TikTok needs 1,000 matched members to use a
        segment.
    :param on_small: ``"warn"``, or ``"fail"`` to stop before the first change.
    :param on_older: What to do in mirror mode when a newer interval was delivered: ``"skip"``, ``"fail"``, ``"apply"``.
    :param allow_empty: Let a source without members empty the segment.
    :param dry_run: Return the plan as a receipt and change nothing.
    :param approved: What ``TikTokApproveDeliveryOperator`` returned: only the approved plan is carried out. When the
        snapshot, the segment or the arguments changed since, nothing is. (templated)
    :param default_region: For rows: country of phone numbers without one. (templated)
    :param hashing: For rows: ``"auto"``, ``"raw"`` or ``"hashed"``; one for all columns, or ``{column: mode}``.
    :param rules: For rows: choices where TikTok's documents contradict each other.
    :param snapshot_root: Folder of snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = (
        "segment",
        "source",
        "advertiser_ids",
        "approved",
        "default_region",
        "snapshot_root",
        "tiktok_conn_id",
    )
    operator_extra_links = (AdsManagerLink(), *((ReceiptLink(),) if AIRFLOW_V_3_0_PLUS else ()))
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        segment: SegmentRef,
        source: Any,
        columns: Mapping[str, str] | None = None,
        mode: Mode = "mirror",
        advertiser_ids: Sequence[str] | str | None = None,
        batch_rows: int = 1000,
        max_concurrency: int = 8,
        max_delete_pct: float = 50.0,
        min_members: int = 1000,
        on_small: Literal["warn", "fail"] = "warn",
        on_older: OnOlder = "skip",
        allow_empty: bool = False,
        dry_run: bool = False,
        approved: Mapping[str, Any] | str | None = None,
        default_region: str | None = None,
        hashing: str | Mapping[str, str] = "auto",
        rules: Mapping[str, str] | None = None,
        snapshot_root: str | None = None,
        tiktok_conn_id: str = TikTokHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.segment = segment
        self.source = source
        self.columns = columns
        self.mode = mode
        self.advertiser_ids = advertiser_ids
        self.batch_rows = batch_rows
        self.max_concurrency = max_concurrency
        self.max_delete_pct = max_delete_pct
        self.min_members = min_members
        self.on_small = on_small
        self.on_older = on_older
        self.allow_empty = allow_empty
        self.plan_only = dry_run  # BaseOperator has a method of that name
        self.approved = approved
        self._needs_approval = approved is not None
        self.default_region = default_region
        self.hashing = hashing
        self.rules = rules
        self.snapshot_root = snapshot_root
        self.tiktok_conn_id = tiktok_conn_id

    @property
    def source(self) -> Any:
        """What to deliver. Rows are wrapped, so that Airflow never stores them as a rendered template."""
        return self._source

    @source.setter
    def source(self, value: Any) -> None:
        self._source = Rows.hide(value)

    def execute(self, context: Context) -> dict[str, JsonValue]:
        """Plan, deliver, and return the receipt."""
        return self.resume(context)

    def resume(self, context: Context, event: object = None, uri: str = "", pauses: int = 0) -> dict[str, JsonValue]:  # noqa: ARG002
        """Execute, or go on after a pause with the same snapshot."""
        hook, root, begin = TikTokHook(self.tiktok_conn_id), snapshot_root(self.snapshot_root), time.monotonic()
        segment_id, owner = segment_and_owner(self.segment, hook)
        target = Target.of(segment_id, owner, listed_advertisers(self.advertiser_ids))
        snapshot = open_snapshot(uri) if uri else self._snapshot(context, root, segment_id)
        courier = courier_of(self, context, hook.get_conn())
        alone = nullcontext() if self.plan_only else courier.lock(target)
        with pausing(self, pauses, uri=snapshot.uri), alone as lock:
            plan = courier.plan(
                snapshot,
                target,
                mode=self.mode,
                on_older=self.on_older,
                guards=self._guards(),
                batch_rows=self.batch_rows,
            )
            if self._needs_approval:
                plan = plan.only(approved_plan(self.approved))
            receipt = courier.dry_run(plan) if self.plan_only else courier.deliver(plan, lock)
        self.tell_delivery(snapshot, receipt, seconds=time.monotonic() - begin)
        return receipt.to_dict()

    def _guards(self) -> Guards:
        return Guards(
            max_delete_pct=self.max_delete_pct,
            min_members=self.min_members,
            on_small=self.on_small,
            allow_empty=self.allow_empty,
        )

    def _snapshot(self, context: Context, root: StoragePath, segment_id: str) -> Snapshot:
        if not isinstance(self.source, Rows):
            return open_snapshot(given_snapshot(self.source))
        columns = Columns.parse(self.columns or {}, self.hashing, self.default_region, rules=self.rules)
        end, unique, begin = interval_end(context), unique_name(), time.monotonic()
        folder = new_snapshot_folder(root, segment_id, end, unique)
        snapshot = take_snapshot(self.source.batches(columns), columns, folder, interval_end=end, unique=unique)
        count_snapshot(snapshot.counts, time.monotonic() - begin, context)
        return snapshot
