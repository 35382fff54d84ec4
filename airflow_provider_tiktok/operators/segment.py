"""Operators on segments: find or create one, bring it to a snapshot, map advertisers to it."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, Literal

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.api.access import check_access
from airflow_provider_tiktok.api.client import AudienceClient
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.guards import Guards
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.core.rows import Rows
from airflow_provider_tiktok.delivery import Courier, Mode, OnOlder, Target
from airflow_provider_tiktok.errors import ConfigurationError
from airflow_provider_tiktok.hooks.storage import (
    interval_end,
    new_snapshot_folder,
    open_snapshot,
    snapshot_root,
    task_name,
    unique_name,
)
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.operators._arguments import (
    SegmentRef,
    given_snapshot,
    listed_advertisers,
    segment_and_owner,
)
from airflow_provider_tiktok.segments import check_segment_arguments, share_segment, verify_segment
from airflow_provider_tiktok.snapshots.files import StoragePath
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.triggers.pause import pausing


class TikTokVerifySegmentOperator(BaseOperator):
    """Find a segment by its exact name among those the advertiser owns, or create it. Never deletes one.

    Give ``segment_name`` or ``segment_id``. Checks first that the token reaches the advertiser with a role that may
    change audiences. A name that stands for several segments is an error that lists their ids.

    :param segment_name: Exact name, up to 70 characters. (templated)
    :param segment_id: Id of a segment that must exist. (templated)
    :param advertiser_id: Owner; the default is the connection's advertiser. (templated)
    :param create_if_missing: Create a segment of this name when there is none.
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("segment_name", "segment_id", "advertiser_id", "tiktok_conn_id")
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        segment_name: str | None = None,
        segment_id: str | None = None,
        advertiser_id: str | None = None,
        create_if_missing: bool = True,
        tiktok_conn_id: str = TikTokHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.segment_name = segment_name
        self.segment_id = segment_id
        self.advertiser_id = advertiser_id
        self.create_if_missing = create_if_missing
        self.tiktok_conn_id = tiktok_conn_id

    def execute(self, context: Context) -> dict[str, JsonValue]:  # noqa: ARG002
        """Return the segment's id, name and owner, and whether it was created."""
        check_segment_arguments(self.segment_name, self.segment_id)
        hook = TikTokHook(self.tiktok_conn_id)
        advertiser, client = hook.advertiser_id(self.advertiser_id), hook.get_conn()
        check_access(client, hook.settings, [advertiser])
        segment = verify_segment(
            client,
            advertiser,
            name=self.segment_name or None,
            segment_id=self.segment_id or None,
            create_if_missing=self.create_if_missing,
        )
        verb = "Created" if segment.created else "Found"
        self.log.info("%s segment %s of advertiser %s", verb, segment.segment_id, advertiser)
        return asdict(segment)


class TikTokUploadSegmentOperator(BaseOperator):
    """Bring a segment to a snapshot: send only what changed since the last delivery, and return the receipt.

    One delivery to a segment at a time: another one waits. A try that was broken off is taken up at the first batch
    that TikTok did not acknowledge. When TikTok limits the rate for longer, the task defers and holds no worker.

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
        "default_region",
        "snapshot_root",
        "tiktok_conn_id",
    )
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
        hook, root = TikTokHook(self.tiktok_conn_id), snapshot_root(self.snapshot_root)
        segment_id, owner = segment_and_owner(self.segment, hook)
        target = Target.of(segment_id, owner, listed_advertisers(self.advertiser_ids))
        snapshot = open_snapshot(uri) if uri else self._snapshot(context, root, segment_id)
        courier = _courier(self, context, hook.get_conn())
        alone = nullcontext() if self.plan_only else courier.lock(target)
        with pausing(self, pauses, uri=snapshot.uri), alone as lock:
            plan = courier.plan(snapshot, target, mode=self.mode, on_older=self.on_older, guards=self._guards())
            receipt = courier.dry_run(plan) if self.plan_only else courier.deliver(plan, lock)
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
        end, unique = interval_end(context), unique_name()
        folder = new_snapshot_folder(root, segment_id, end, unique)
        return take_snapshot(self.source.batches(columns), columns, folder, interval_end=end, unique=unique)


class TikTokMapAdvertisersOperator(BaseOperator):
    """Map more advertisers of the same business to a segment.

    Checks first that every advertiser is reachable, in the owner's business center and not held as Analyst; when one
    is not, nothing is sent.

    :param segment: What the verify operator returned, or a segment id. (templated)
    :param advertiser_ids: Advertisers to map, as a list or as text with commas. (templated)
    :param source: What the snapshot operator returned, or a snapshot URI; needed by ``"mapping"``. (templated)
    :param strategy: ``"mapping"`` sends the members for all advertisers through the Segment API, only what changed
        for them; ``"share"`` shares the audience itself, which the recipients can use but not edit.
    :param batch_rows: Rows in a request.
    :param max_concurrency: Requests under way at a time.
    :param max_delete_pct: As in :class:`TikTokUploadSegmentOperator`.
    :param snapshot_root: Folder of snapshots; the default is ``[tiktok] snapshot_root``. (templated)
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("segment", "advertiser_ids", "source", "snapshot_root", "tiktok_conn_id")
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
            elif others:
                self._deliver(_courier(self, context, client), Target.of(segment_id, owner, others))
        self.log.info("Segment %s of advertiser %s is mapped to %d others", segment_id, owner, len(others))
        return {"segment_id": segment_id, "owner_advertiser_id": owner, "mapped_advertiser_ids": list(others)}

    def _deliver(self, courier: Courier, target: Target) -> None:
        if self.source is None:
            raise ConfigurationError("strategy 'mapping' sends the members again: give source, or use strategy='share'")
        snapshot, guards = open_snapshot(given_snapshot(self.source)), Guards(max_delete_pct=self.max_delete_pct)
        with courier.lock(target) as lock:
            courier.deliver(courier.plan(snapshot, target, mode="mirror", on_older="skip", guards=guards), lock)


def _courier(
    operator: TikTokUploadSegmentOperator | TikTokMapAdvertisersOperator, context: Context, client: AudienceClient
) -> Courier:
    return Courier(
        client=client,
        logs=DeliveryLogs(snapshot_root(operator.snapshot_root)),
        open_snapshot=open_snapshot,
        unique=unique_name(),
        holder=task_name(context),
        batch_rows=operator.batch_rows,
        max_concurrency=operator.max_concurrency,
    )
