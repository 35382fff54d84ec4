"""Segments as assets."""

import warnings
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_tiktok.assets import convert_asset_to_openlineage, sanitize_uri, segment_asset
from airflow_provider_tiktok.emulator import ADVERTISER_ID

URI = f"tiktok://advertiser/{ADVERTISER_ID}/segment/987654321"


def test_a_segment_has_one_asset_however_it_is_written() -> None:
    """The function, and the URI by hand, with or without a slash at its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assets = [segment_asset(ADVERTISER_ID, "987654321"), Asset(URI), Asset(uri=f"{URI}/")]
    assert {asset.uri for asset in assets} == {URI}


@pytest.mark.parametrize(
    "uri",
    [
        "tiktok://advertiser/7012/segment/",
        "tiktok://advertiser/7012/segment/1/2",
        "tiktok://advertiser/7012/segment/VIP",
        "tiktok://advertiser/7012/segment/1?x=1",
        "tiktok://advertiser//segment/1",
        "tiktok://segment/1",
        "tiktok:///advertiser/7012/segment/1",
    ],
)
def test_a_uri_that_names_no_segment_is_refused(uri: str) -> None:
    """The error shows the form that is wanted."""
    with pytest.raises(ValueError, match="tiktok://advertiser/<advertiser id>/segment/<segment id>"):
        sanitize_uri(urlsplit(uri))


def test_a_name_in_place_of_an_id_is_refused() -> None:
    """A segment's name is no id, and Airflow would wait for ever for such an asset."""
    with pytest.raises(ValueError, match="digits only"):
        segment_asset(ADVERTISER_ID, "VIP")


@pytest.mark.airflow_3
def test_airflow_refuses_it_too() -> None:
    """Airflow asks the provider about each URI of its scheme."""
    with pytest.raises(ValueError, match="names no segment"):
        Asset("tiktok://advertiser/7012/segment/VIP")


def test_openlineage_has_the_advertiser_as_namespace() -> None:
    """A segment is a dataset of its advertiser."""
    pytest.importorskip("airflow.providers.openlineage")
    dataset = convert_asset_to_openlineage(Asset(URI), None)
    assert (dataset.namespace, dataset.name) == (f"tiktok://advertiser/{ADVERTISER_ID}", "segment/987654321")
