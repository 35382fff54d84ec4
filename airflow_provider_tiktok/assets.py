"""Segments as Airflow assets: ``tiktok://advertiser/<advertiser id>/segment/<segment id>``.

Only :class:`TikTokSegmentReadySensor` says that such an asset was updated, once TikTok has computed the segment. An
upload does not: an ad group cannot use what TikTok has not computed yet.
"""

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from airflow.providers.common.compat.sdk import Asset, AssetAlias

from airflow_provider_tiktok.core.segment_uri import namespace_and_name, segment_uri

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset

SEGMENT_READY = AssetAlias("tiktok_segment_ready")
"""Alias under which the sensor's events appear, whatever their segment."""

FORM = segment_uri("<advertiser id>", "<segment id>")
_PATH = re.compile(r"/(?P<advertiser_id>[0-9]+)/segment/(?P<segment_id>[0-9]+)")


def segment_asset(advertiser_id: str, segment_id: str) -> Asset:
    """Return the asset of a segment, to schedule a DAG on: ``DAG(schedule=[segment_asset("7012...", "1672...")])``.

    :param advertiser_id: Owner of the segment.
    :param segment_id: Id of the segment.
    """
    uri = segment_uri(advertiser_id, segment_id)
    sanitize_uri(urlsplit(uri))
    return Asset(uri)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Refuse a URI of this scheme that names no segment. Airflow calls it for each asset with such a URI."""
    if uri.netloc != "advertiser" or not _PATH.fullmatch(uri.path) or uri.query:
        raise ValueError(f"{uri.geturl()!r} names no segment; the form is {FORM}, with ids of digits only")
    return uri


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> "Dataset":  # noqa: ARG001  Airflow gives both
    """Translate the asset of a segment for OpenLineage: the advertiser is the namespace."""
    from airflow.providers.common.compat.openlineage.facet import Dataset  # noqa: PLC0415  needs an optional provider

    namespace, name = namespace_and_name(asset.uri)
    return Dataset(namespace=namespace, name=name)
