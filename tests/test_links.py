"""Links of a task, made of what it left in XCom."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import XCom

from airflow_provider_tiktok.links import AdsManagerLink, ReceiptLink
from airflow_provider_tiktok.operators.segment import (
    TikTokMapAdvertisersOperator,
    TikTokUploadSegmentOperator,
    TikTokVerifySegmentOperator,
)
from airflow_provider_tiktok.provider_info import get_provider_info
from tests.conftest import ON_AIRFLOW_2

RECEIPT = {
    "segment_id": "1672",
    "owner_advertiser_id": "7012",
    "receipt_uri": "s3://aws_default@bucket/tiktok/snapshots/VIP/2026-01-01/ab/receipt-1672-0123456789ab.json",
}


def link(kind: type[Any], result: object, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(XCom, "get_value", lambda *, ti_key, key: result)
    return kind().get_link(None, ti_key=SimpleNamespace())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"segment_id": "1672", "advertiser_id": "7012"}, "https://ads.tiktok.com/i18n/dmp/audience/list?aadvid=7012"),
        (RECEIPT, "https://ads.tiktok.com/i18n/dmp/audience/list?aadvid=7012"),
        (None, ""),
    ],
    ids=["verify", "upload", "failed"],
)
def test_ads_manager(result: object, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's audiences; a task that failed has no link."""
    assert link(AdsManagerLink, result, monkeypatch) == expected


@pytest.mark.parametrize(
    ("base", "start"), [("https://air.example.com/flow/", "https://air.example.com/flow"), ("", "")]
)
def test_receipt(base: str, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the receipt, below Airflow's own address where that is configured."""
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)
    assert link(ReceiptLink, RECEIPT, monkeypatch) == f"{start}/tiktok/deliveries/1672/0123456789ab"


def test_a_dry_run_has_no_receipt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is linked where nothing was written."""
    assert link(ReceiptLink, {**RECEIPT, "receipt_uri": ""}, monkeypatch) == ""


def test_operators_carry_their_links_and_airflow_is_told_of_them() -> None:
    """Airflow 2 has no page of receipts; it finds only links that the provider's metadata names."""
    names = {
        operator: [link.name for link in operator.operator_extra_links]
        for operator in (TikTokVerifySegmentOperator, TikTokUploadSegmentOperator, TikTokMapAdvertisersOperator)
    }
    assert names == {
        TikTokVerifySegmentOperator: ["TikTok Ads Manager"],
        TikTokUploadSegmentOperator: ["TikTok Ads Manager", *([] if ON_AIRFLOW_2 else ["Receipt"])],
        TikTokMapAdvertisersOperator: ["TikTok Ads Manager"],
    }
    assert get_provider_info()["extra-links"] == [
        f"{kind.__module__}.{kind.__qualname__}" for kind in (AdsManagerLink, ReceiptLink)
    ]
