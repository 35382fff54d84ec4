"""The operator that finds or creates a segment."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_tiktok.api.access import check_access
from airflow_provider_tiktok.core.receipt import JsonValue
from airflow_provider_tiktok.hooks.storage import snapshot_root, task_name, unique_name
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.links import AdsManagerLink
from airflow_provider_tiktok.segments import check_segment_arguments, verify_segment
from airflow_provider_tiktok.snapshots.lock import SegmentLock


class TikTokVerifySegmentOperator(BaseOperator):
    """Find a segment by its exact name among those the advertiser owns, or create it. Never deletes one.

    Give ``segment_name`` or ``segment_id``. Checks first that the token reaches the advertiser with a role that may
    change audiences. A name that stands for several segments is an error that lists their ids.

    :param segment_name: Exact name, up to 70 characters. (templated)
    :param segment_id: Id of a segment that must exist. (templated)
    :param advertiser_id: Owner; the default is the connection's advertiser. (templated)
    :param create_if_missing: Create a segment of this name when there is none.
    :param snapshot_root: Folder of snapshots, through which tasks that create the same segment wait for each other; the
        default is ``[tiktok] snapshot_root``. (templated)
    :param tiktok_conn_id: Connection of type ``tiktok``. (templated)
    """

    template_fields: Sequence[str] = ("segment_name", "segment_id", "advertiser_id", "snapshot_root", "tiktok_conn_id")
    operator_extra_links = (AdsManagerLink(),)
    ui_color = "#d6f5f4"

    def __init__(
        self,
        *,
        segment_name: str | None = None,
        segment_id: str | None = None,
        advertiser_id: str | None = None,
        create_if_missing: bool = True,
        snapshot_root: str | None = None,
        tiktok_conn_id: str = TikTokHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.segment_name = segment_name
        self.segment_id = segment_id
        self.advertiser_id = advertiser_id
        self.create_if_missing = create_if_missing
        self.snapshot_root = snapshot_root
        self.tiktok_conn_id = tiktok_conn_id

    def execute(self, context: Context) -> dict[str, JsonValue]:
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
            alone=self._alone(context, advertiser),
        )
        verb = "Created" if segment.created else "Found"
        self.log.info("%s segment %s %r of advertiser %s", verb, segment.segment_id, segment.segment_name, advertiser)
        return asdict(segment)

    def _alone(self, context: Context, advertiser: str) -> SegmentLock:
        """Keeps other tasks from creating a segment of this name."""
        name = hashlib.sha256(str(self.segment_name).encode()).hexdigest()[:16]
        folder = snapshot_root(self.snapshot_root) / "creating" / f"{advertiser}-{name}"
        return SegmentLock(folder, task_name(context), unique_name())
