"""Finding, creating and sharing segments, whatever the tool that schedules it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from airflow_provider_tiktok.api.client import AudienceClient
from airflow_provider_tiktok.api.wire import NAME_LENGTH, Segment
from airflow_provider_tiktok.errors import ConfigurationError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSegment:
    """A segment that exists and belongs to the advertiser."""

    segment_id: str
    segment_name: str
    advertiser_id: str
    created: bool


def check_segment_arguments(name: str | None, segment_id: str | None) -> None:
    """Refuse what cannot identify one segment, before TikTok is asked."""
    if bool(name) == bool(segment_id):
        raise ConfigurationError("give either segment_name or segment_id")
    if name and len(name) > NAME_LENGTH:
        raise ConfigurationError(
            f"segment_name has {len(name)} characters; TikTok would cut it after {NAME_LENGTH} and the next run would "
            "not find it. Shorten it"
        )


def verify_segment(
    client: AudienceClient,
    advertiser_id: str,
    *,
    name: str | None,
    segment_id: str | None,
    create_if_missing: bool,
    alone: AbstractContextManager[object],
) -> VerifiedSegment:
    """Return the one segment of this name or id that the advertiser owns; create it when there is none.

    Names are not unique in TikTok, so two tasks that both find none would create two. They create ``alone``, after
    another look.
    """
    found = _owned(client, advertiser_id, name, segment_id)
    if found:
        return found
    if name is None or not create_if_missing:
        wanted = f"named {name!r}; create it, or set create_if_missing=True" if name else f"with id {segment_id}"
        raise ConfigurationError(f"advertiser {advertiser_id} owns no segment {wanted}")
    with alone:
        found = _owned(client, advertiser_id, name, segment_id)
        return found or VerifiedSegment(
            segment_id=client.create_segment(advertiser_id, name),
            segment_name=name,
            advertiser_id=advertiser_id,
            created=True,
        )


def _owned(
    client: AudienceClient, advertiser_id: str, name: str | None, segment_id: str | None
) -> VerifiedSegment | None:
    found = [s for s in client.owned_segments(advertiser_id) if s.segment_id == segment_id or s.name == name]
    if len(found) > 1:
        raise ConfigurationError(_ambiguous(advertiser_id, found))
    if not found:
        return None
    [one] = found
    return VerifiedSegment(segment_id=one.segment_id, segment_name=one.name, advertiser_id=advertiser_id, created=False)


def share_segment(client: AudienceClient, advertiser_id: str, segment_id: str, recipients: Sequence[str]) -> None:
    """Share a segment with advertisers that do not have it yet, and confirm it in the share log."""
    missing = _not_shared(client, advertiser_id, segment_id, recipients)
    client.share(advertiser_id, segment_id, missing)
    left = _not_shared(client, advertiser_id, segment_id, missing) if missing else []
    if left:
        raise TransientError(
            f"TikTok accepted the share of segment {segment_id}, but its share log does not list {', '.join(left)} yet"
        )


def _not_shared(client: AudienceClient, advertiser_id: str, segment_id: str, recipients: Sequence[str]) -> list[str]:
    shared = set(client.shared_with(advertiser_id, segment_id))
    return [recipient for recipient in recipients if recipient not in shared]


def _ambiguous(advertiser_id: str, found: Sequence[Segment]) -> str:
    ids = ", ".join(segment.segment_id for segment in found)
    return (
        f"advertiser {advertiser_id} has {len(found)} segments named {found[0].name!r}: {ids}. Give the operator the "
        "segment_id of the one that is meant, or rename the others in TikTok Ads Manager. Nothing was changed"
    )
