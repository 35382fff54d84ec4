"""The emulator over HTTP: the API, its faults, the control endpoints and the page."""

import asyncio
import sys
import time
from dataclasses import dataclass

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import Receive, Scope, Send

from airflow_provider_tiktok.emulator import control
from airflow_provider_tiktok.emulator.faults import Fault
from airflow_provider_tiktok.emulator.gateway import DROPPED, Incoming, Reply, handle, injected
from airflow_provider_tiktok.emulator.page import page
from airflow_provider_tiktok.emulator.server import TRANSPORT
from airflow_provider_tiktok.emulator.settings import Settings
from airflow_provider_tiktok.emulator.state import World
from airflow_provider_tiktok.emulator.traffic import Record, loggable
from airflow_provider_tiktok.emulator.world import default_world

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Dropped(Response):
    """No reply at all: the socket is closed, so the client sees a connection error."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's signature
        """Close the connection under the server's feet and wait until it has noticed."""
        scope[TRANSPORT].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


@dataclass(slots=True, kw_only=True)
class Emulation:
    """The current world, and the settings to which a reset returns."""

    base: Settings
    world: World
    verbose: bool = False

    def reset(self) -> None:
        """A fresh default world: no audiences, no faults, clock at the present."""
        self.world = default_world(self.base)

    async def answer(self, request: Request) -> Response:
        """Serve one request of TikTok's API."""
        started, world = time.perf_counter(), self.world
        try:
            incoming = await _incoming(request)
        except ClientDisconnect:
            return Response(status_code=400)
        trouble = world.faults.draw(incoming.path)
        if trouble.seconds:
            await asyncio.sleep(trouble.seconds)
        reply = _outcome(world, incoming, trouble.failure)
        record = Record(
            time=world.now(),
            method=incoming.method,
            path=loggable(incoming.path),
            status=reply.status,
            code=reply.code,
            request_id=reply.request_id,
            rows=reply.rows,
            ms=round((time.perf_counter() - started) * 1000, 2),
            fault=" + ".join(trouble.labels) or None,
        )
        world.traffic.add(record)
        if self.verbose:
            print(record.line(), file=sys.stderr)  # noqa: T201  # the server's log
        return _response(reply)


async def _incoming(request: Request) -> Incoming:
    return Incoming(
        method=request.method,
        path=request.scope["path"],
        query=request.query_params,
        token=request.headers.get("access-token", ""),
        content_type=request.headers.get("content-type", ""),
        body=await request.body(),
    )


def _outcome(world: World, incoming: Incoming, failure: Fault | None) -> Reply:
    """The reply, or what a fault puts in its place before or after the change is made."""
    if failure is None:
        return handle(world, incoming)
    rows = handle(world, incoming).rows if failure.applied else 0
    return injected(world, failure, rows)


def _response(reply: Reply) -> Response:
    if reply.status == DROPPED:
        return Dropped()
    headers = {"X-TT-LOGID": reply.request_id}
    return Response(reply.body, status_code=reply.status, headers=headers, media_type=reply.media_type)


def create_app(settings: Settings | None = None, *, verbose: bool = False) -> FastAPI:
    """The ASGI application, with a default world."""
    base = settings or Settings()
    emulation = Emulation(base=base, world=default_world(base), verbose=verbose)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)

    async def index(_request: Request) -> Response:
        return JSONResponse(control.index())

    async def command(request: Request) -> Response:
        status, value = control.run(
            emulation, request.method, request.path_params["name"], request.query_params, await request.body()
        )
        return JSONResponse(value, status_code=status)

    async def front(request: Request) -> Response:
        return HTMLResponse(page(emulation.world, refresh=request.query_params.get("refresh") is not None))

    app.add_route("/", front, methods=["GET"])
    app.add_route("/_emulator/", index, methods=["GET"])
    app.add_route("/_emulator/{name}", command, methods=["GET", "POST"])
    app.add_route("/{path:path}", emulation.answer, methods=METHODS)
    return app
