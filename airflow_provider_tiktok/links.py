"""Links from a task to what it worked on: the audiences in TikTok Ads Manager, the receipt on the deliveries page.

Airflow 3 asks for a link when the task ends and keeps it in XCom; Airflow 2 asks when somebody looks at the task.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink, XCom, conf

AUDIENCES = "https://ads.tiktok.com/i18n/dmp/audience/list?aadvid={}"


class AdsManagerLink(BaseOperatorLink):
    """The advertiser's audiences in TikTok Ads Manager; a segment has no page of its own that could be linked.

    TikTok documents the page (https://ads.tiktok.com/help/article/manage-custom-audience) but not its address. That
    ``aadvid`` names the advertiser on every page of Ads Manager is widely seen; the path is what public code of others
    uses, read 2026-11. It could not be tried here.
    """

    name = "TikTok Ads Manager"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the address, of the owner's audiences; empty for a task that left no result."""
        result = _result(ti_key)
        advertiser = result.get("advertiser_id") or result.get("owner_advertiser_id")
        return AUDIENCES.format(advertiser) if advertiser else ""


class ReceiptLink(BaseOperatorLink):
    """The receipt on the deliveries page, which Airflow 3 has."""

    name = "Receipt"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002
        """Return the address; empty for a dry run, which leaves no receipt."""
        result = _result(ti_key)
        if not result.get("receipt_uri"):
            return ""
        segment_id = result["segment_id"]
        unique = PurePosixPath(result["receipt_uri"]).stem.removeprefix(f"receipt-{segment_id}-")
        base = (conf.get("api", "base_url", fallback=None) or "").rstrip("/")
        return f"{base}/tiktok/deliveries/{segment_id}/{unique}"


def _result(ti_key: Any) -> Mapping[str, Any]:
    result = XCom.get_value(ti_key=ti_key, key="return_value")
    return result if isinstance(result, Mapping) else {}
