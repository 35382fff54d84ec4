"""The only module with TikTok's paths and field names: builds requests and reads answers.

Source: TikTok Business API v1.3; the portal documents are named at each part.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from airflow_provider_tiktok.api.resolution import OK, error_for, error_for_status
from airflow_provider_tiktok.api.rows import mapping_rows
from airflow_provider_tiktok.core.readiness import Description
from airflow_provider_tiktok.core.records import Bytes, Layout
from airflow_provider_tiktok.core.scrub import scrub_values

V13 = "/open_api/v1.3"
PAGE_SIZE = 100
BC_PAGE_SIZE = 50
SHARE_LIMIT = 10
PARAMETER_ERROR = 40002
"""Code of a request with a wrong parameter; of a batch, when a row of it is wrong."""

NAME_LENGTH = 70
"""Longest name of a segment. TikTok does not refuse a longer one: it keeps 67 characters and ``...``
(portal document 1739940583739393), and a later search by the exact name would miss it."""

Data = dict[str, Any]
Action = Literal["add", "delete"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request. ``repeatable``: sending it twice changes nothing more than sending it once."""

    method: Literal["GET", "POST"]
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    authenticated: bool = True
    repeatable: bool = True

    @property
    def streams(self) -> bool:
        """Whether it belongs to the Segment API, which has a rate limit of its own, a thousand times as high."""
        return "/segment/" in self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: HTTP status and raw body."""

    status: int
    body: bytes = field(repr=False)
    log_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One audience of a list, with what is needed to recognise a segment and its owner."""

    segment_id: str
    name: str
    is_creator: bool
    owner_advertiser_id: str
    audience_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """An advertiser as an asset of a business center, with the role of the authorised user."""

    advertiser_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The answer of a token endpoint. All but the access token may be absent."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int | None
    refresh_expires_in: int | None
    advertiser_ids: tuple[str, ...] = ()
    scopes: frozenset[int] = frozenset()


def read(reply: Reply) -> tuple[Data, str | None]:
    """Return ``data`` and the request id; success is HTTP 200 *and* ``code == 0``, all else is raised."""
    try:
        envelope = json.loads(reply.body)
        code = envelope["code"]
    except (ValueError, KeyError, TypeError):
        code = None
    if type(code) is not int:
        raise error_for_status(reply.status, reply.log_id)
    request_id = envelope.get("request_id") or reply.log_id
    if code != OK:
        raise error_for(code, str(envelope.get("message", "")), request_id, reply.status)
    if reply.status != 200:
        raise error_for_status(reply.status, request_id)
    return envelope.get("data") or {}, request_id


# --- OAuth: portal documents 1738373164380162 and 1738455508553729 -------------------------------------------------


def refresh(path: str, app_id: str, app_secret: str, refresh_token: str) -> Request:
    """Renew an access token; not repeatable, since the refresh token may be rotated by the first call."""
    body = {
        "app_id": app_id,
        "secret": app_secret,
        "refresh_token": refresh_token,
        "grant_type": "refresh_token",
    }
    return Request(method="POST", path=path, body=_json(body), authenticated=False, repeatable=False)


def exchange(app_id: str, app_secret: str, auth_code: str) -> Request:
    """Turn an auth code into tokens; not repeatable, since a code is good once."""
    body = {"app_id": app_id, "secret": app_secret, "auth_code": auth_code}
    path = f"{V13}/oauth2/access_token/"
    return Request(method="POST", path=path, body=_json(body), authenticated=False, repeatable=False)


def grant(data: Data) -> Grant:
    """Read the answer of a token endpoint."""
    return Grant(
        access_token=data["access_token"],
        refresh_token=data.get("refresh_token") or None,
        expires_in=data.get("expires_in"),
        refresh_expires_in=data.get("refresh_token_expires_in"),
        advertiser_ids=tuple(map(str, data.get("advertiser_ids") or ())),
        scopes=frozenset(scope for scope in data.get("scope") or () if isinstance(scope, int)),
    )


def authorised_advertisers(app_id: str, app_secret: str) -> Request:
    """List the advertisers that the token reaches; wants the app's secret beside the token."""
    params = {"app_id": app_id, "secret": app_secret}
    return Request(method="GET", path=f"{V13}/oauth2/advertiser/get/", params=params)


def advertiser_ids(data: Data) -> list[str]:
    """Read the ids of :func:`authorised_advertisers`."""
    return [str(item["advertiser_id"]) for item in data.get("list", [])]


def user_info() -> Request:
    """Ask who the token belongs to: the cheapest proof that it is accepted."""
    return Request(method="GET", path=f"{V13}/user/info/")


# --- Advertisers and business centers -----------------------------------------------------------------------------


def business_centers(page: int) -> Request:
    """List one page of the business centers that the user may see."""
    params = {"page": str(page), "page_size": str(BC_PAGE_SIZE)}
    return Request(method="GET", path=f"{V13}/bc/get/", params=params)


def business_center_ids(data: Data) -> list[str]:
    """Read the ids of :func:`business_centers`."""
    return [str(item["bc_info"]["bc_id"]) for item in data.get("list", [])]


def business_center_advertisers(bc_id: str, page: int) -> Request:
    """List one page of the advertisers of a business center (``/bc/advertiser/get/`` is not in v1.3)."""
    params = {"bc_id": bc_id, "asset_type": "ADVERTISER", "page": str(page), "page_size": str(BC_PAGE_SIZE)}
    return Request(method="GET", path=f"{V13}/bc/asset/get/", params=params)


def assets(data: Data) -> list[Asset]:
    """Read the advertisers of :func:`business_center_advertisers`."""
    return [
        Asset(advertiser_id=str(item["asset_id"]), role=str(item.get("advertiser_role") or ""))
        for item in data.get("list", [])
    ]


def total_pages(data: Data) -> int:
    """Read how many pages a list has."""
    return int(data.get("page_info", {}).get("total_page") or 1)


# --- Audiences: portal documents 1739940506015746 and 1739940583739393 ---------------------------------------------


def list_audiences(advertiser_id: str, page: int) -> Request:
    """List one page of the audiences that an advertiser owns or was given."""
    params = {"advertiser_id": advertiser_id, "page": str(page), "page_size": str(PAGE_SIZE)}
    return Request(method="GET", path=f"{V13}/dmp/custom_audience/list/", params=params)


def segments(data: Data) -> list[Segment]:
    """Read the audiences of :func:`list_audiences`."""
    return [
        Segment(
            segment_id=str(item["audience_id"]),
            name=str(item["name"]),
            is_creator=bool(item.get("is_creator")),
            owner_advertiser_id=str(item.get("owner_id") or ""),
            audience_type=str(item.get("audience_type") or ""),
        )
        for item in data.get("list", [])
    ]


def describe_audience(advertiser_id: str, audience_id: str) -> Request:
    """Ask for the details and the history of one audience (portal document 1739940507792385)."""
    params = {"advertiser_id": advertiser_id, "custom_audience_ids": _json([audience_id]).decode()}
    return Request(method="GET", path=f"{V13}/dmp/custom_audience/get/", params=params)


def description(data: Data) -> Description | None:
    """Read :func:`describe_audience`; ``None`` for an unknown audience. Values of a wrong kind count as not told."""
    for item in data.get("list") or ():
        details = item.get("audience_details") or {}
        changes = [_moment(entry.get("opt_time")) for entry in item.get("audience_history") or ()]
        return Description(
            size=_count(details.get("cover_num")),
            is_valid=details.get("is_valid") is True,
            is_expiring=details.get("is_expiring") is True,
            expires_at=_moment(details.get("expired_time")),
            changed_at=max(filter(None, changes), default=None),
            error=scrub_values(str(details.get("error_msg") or "")),
            message=scrub_values(str(details.get("msg") or "")),
        )
    return None


def _count(value: Any) -> int:
    try:
        return max(0, int(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def _moment(text: object) -> datetime | None:
    """A time stamp of TikTok's, ``YYYY-MM-DD HH:MM:SS`` in UTC."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def create_segment(advertiser_id: str, name: str) -> Request:
    """Create a segment; not repeatable, since names are not unique and a second call makes a second one."""
    body = {"advertiser_id": advertiser_id, "action": "create", "custom_audience_name": name}
    return Request(method="POST", path=f"{V13}/segment/audience/", body=_json(body), repeatable=False)


def created_segment_id(data: Data) -> str:
    """Read the id of :func:`create_segment`."""
    return str(data["audience_id"])


def share(advertiser_id: str, segment_id: str, shared_with: Sequence[str]) -> Request:
    """Share an audience with up to ten advertisers of the same business center."""
    body = {
        "advertiser_id": advertiser_id,
        "custom_audience_ids": [segment_id],
        "shared_advertiser_ids": list(shared_with),
    }
    return Request(method="POST", path=f"{V13}/dmp/custom_audience/share/", body=_json(body))


def share_log(advertiser_id: str, segment_id: str) -> Request:
    """Ask with whom an audience is shared."""
    params = {"advertiser_id": advertiser_id, "custom_audience_id": segment_id}
    return Request(method="GET", path=f"{V13}/dmp/custom_audience/share/log/", params=params)


def shared_advertiser_ids(data: Data) -> list[str]:
    """Read the recipients of :func:`share_log`."""
    return [str(item["shared_advertiser_id"]) for item in data.get("list", [])]


# --- Members: portal document 1739940585975809 ---------------------------------------------------------------------


def map_members(action: Action, segment_id: str, advertisers: Sequence[str], layout: Layout, records: Bytes) -> Request:
    """Add or delete members. Set semantics, so repeatable.

    ``id_schema`` and the cells of each row follow the layout; an absent identifier is the empty object, which keeps
    every cell in its column.
    """
    head = _json({"advertiser_ids": list(advertisers), "action": action, "id_schema": list(layout.kinds)})
    rows = b"".join(mapping_rows(layout, records, segment_id))
    body = head[:-1] + b',"batch_data":[' + rows[:-1] + b"]}"
    return Request(method="POST", path=f"{V13}/segment/mapping/", body=body)


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
