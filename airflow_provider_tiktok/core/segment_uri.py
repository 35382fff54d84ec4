"""What a segment is called outside of TikTok: ``tiktok://advertiser/<advertiser id>/segment/<segment id>``."""

from urllib.parse import urlsplit


def segment_uri(advertiser_id: str, segment_id: str) -> str:
    """The URI of a segment, as an advertiser has it."""
    return f"tiktok://advertiser/{advertiser_id}/segment/{segment_id}"


def namespace_and_name(uri: str) -> tuple[str, str]:
    """The two parts under which OpenLineage knows a segment: its advertiser, and itself."""
    parts = urlsplit(uri)
    advertiser, _, segment = parts.path.removeprefix("/").partition("/")
    return f"tiktok://{parts.netloc}/{advertiser}", segment
