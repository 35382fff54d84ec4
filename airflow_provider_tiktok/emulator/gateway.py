"""From a request to a reply, without any HTTP library: routing, token, scope, throttle, handler, envelope."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_tiktok.emulator.access import Call, demand_scope, token_of
from airflow_provider_tiktok.emulator.errors import ApiError, HttpError
from airflow_provider_tiktok.emulator.faults import Fault, Kind
from airflow_provider_tiktok.emulator.params import Params, body_of
from airflow_provider_tiktok.emulator.routes import BASE, ROUTES, Route
from airflow_provider_tiktok.emulator.state import World

DROPPED = 0
"""Status of a reply that is never sent: the connection is closed instead."""
NOT_FOUND = "404 page not found"
_OTHER_VERSION = re.compile(r"/open_api/v(?!1\.3/)\d+\.\d+/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """The parts of an HTTP request that matter."""

    method: str
    path: str
    query: Mapping[str, str]
    token: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What goes back. `code` is None when the body is not an envelope."""

    status: int
    body: str
    request_id: str
    code: int | None = None
    media_type: str = "application/json"
    rows: int = 0


def new_request_id(now: float) -> str:
    """Like TikTok's: yyyyMMddHHmmss and 17 upper-case hex digits. (K)"""
    return datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S") + uuid.uuid4().hex[:17].upper()


def envelope(now: float, code: int, message: str, data: dict[str, object], *, rows: int = 0) -> Reply:
    """HTTP 200 with code, message, request_id and data. (K)"""
    request_id = new_request_id(now)
    shown = {"code": code, "message": message, "request_id": request_id, "data": data}
    return Reply(
        status=200,
        body=json.dumps(shown, ensure_ascii=False, separators=(",", ":")),
        request_id=request_id,
        code=code,
        rows=rows,
    )


def handle(world: World, incoming: Incoming) -> Reply:
    """Answer one request. The first rejection wins, and a rejected request has changed nothing."""
    now = world.now()
    call = Call(world=world, params=Params({}, encoded=True))
    try:
        route = _route(incoming)
        _admit(world, incoming, route, call)
        call.params = _params(world, incoming)
        data = route.handler(call)
    except ApiError as error:
        return envelope(now, error.code, error.message, {}, rows=call.rows)
    except HttpError as error:
        return Reply(
            status=error.status,
            body=error.body,
            request_id=new_request_id(now),
            media_type=error.media_type,
            rows=call.rows,
        )
    return envelope(now, 0, "OK", data, rows=call.rows)


def _route(incoming: Incoming) -> Route:
    """The exact path; only a GET may lack the trailing slash. (K for the slash, U for 405)"""
    path = incoming.path
    if _OTHER_VERSION.match(path):
        raise ApiError(40051, f"Invalid API version, please use {BASE}")
    if incoming.method == "GET" and not path.endswith("/"):
        path += "/"
    route = ROUTES.get(path)
    if route is None:
        raise HttpError(404, NOT_FOUND)
    if route.method != incoming.method:
        raise HttpError(405, "405 method not allowed")
    return route


def _admit(world: World, incoming: Incoming, route: Route, call: Call) -> None:
    if route.authenticated:
        call.token = token_of(world, incoming.token)
        if route.scope is not None:
            demand_scope(call.token, route.scope)
    world.throttle.admit(incoming.path, world.now(), world.settings)


def _params(world: World, incoming: Incoming) -> Params:
    if incoming.method == "GET":
        return Params(incoming.query, encoded=True)
    body = body_of(incoming.content_type, incoming.body, world.settings.byte_cap)
    return Params(body, encoded=False)


def injected(world: World, fault: Fault, rows: int = 0) -> Reply:
    """What a fault asks for: an API code with HTTP 200, an HTTP error with HTML, or no reply at all."""
    if fault.kind is Kind.DROP:
        return Reply(status=DROPPED, body="", request_id="", rows=rows)
    if fault.kind is Kind.CODE:
        return envelope(world.now(), fault.code, fault.text(), {}, rows=rows)
    return Reply(
        status=fault.status,
        body=fault.text(),
        request_id=new_request_id(world.now()),
        media_type="text/html",
        rows=rows,
    )
