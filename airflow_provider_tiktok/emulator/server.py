"""Running the application with uvicorn: readiness that can be trusted, connections that can be dropped."""

import asyncio
import gc
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

TRANSPORT = "emulator.transport"
"""Key of the ASGI scope under which a request finds its connection."""


class DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose requests can close their own connection, which ASGI itself does not offer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
        """Hand the connection to every request that comes over it."""
        super().connection_made(transport)
        app = cast("ASGI3Application", self.app)

        async def with_transport(scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
            cast("dict[str, object]", scope)[TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = with_transport


class Server(uvicorn.Server):
    """A server that says when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then call `ready`."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def listen(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 picks a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def write_atomically(path: Path, text: str) -> None:
    """Write a small file so that a reader sees all of it or nothing."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        draft.write(text)
    Path(draft.name).replace(path)


def stop_at_end_of_input(server: uvicorn.Server) -> None:
    """Stop when standard input ends: the process at its other end is gone."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        server.should_exit = True

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def collect_garbage_rarely() -> None:
    """A large batch makes 100,000 short-lived objects and no cycles; the usual thresholds cost it a tenth more."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def make_server(app: object, ready: Callable[[], None]) -> Server:
    """A quiet server: no access log, short farewell, idle connections live for a minute."""
    config = uvicorn.Config(
        cast("ASGI3Application", app),
        http=DroppableProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
    return Server(config, ready)
