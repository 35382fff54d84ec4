"""A stand-in for TikTok that is much faster than its clients: it reads a body, waits, counts, and says OK.

One thread for each connection, so that the latency of one delays no other. It runs in a process of its own, ends with
the process that started it, and counts identifiers and sums up e-mail digests without parsing JSON: all rows of a body
have one width, because the invented people have all identifiers.
"""

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.certificate import write_certificate
from benchmarks.child import ROOT
from benchmarks.people import fingerprint

ANSWER = json.dumps({"code": 0, "message": "OK", "request_id": "20260101000000010000000000000001", "data": {}}).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER
LENGTH = b"content-length:"
ID = b'"id":'


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What arrived since the last reset. Fingerprints are of e-mail digests."""

    requests: int
    added: int
    deleted: int
    added_fingerprint: int
    deleted_fingerprint: int


class Sink:
    """The sink's process; use it as a context manager."""

    def __init__(self, latency_ms: float) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "benchmarks.sink", str(latency_ms)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.url = f"https://127.0.0.1:{self._ask('port')}"

    def __enter__(self) -> "Sink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def take(self) -> Arrived:
        """Return what arrived and begin anew."""
        return Arrived(**self._ask("take"))

    def _ask(self, question: str) -> Any:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the sink has no pipes")
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class _Counts:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: Counter[str] = Counter()

    def add(self, body: memoryview) -> None:
        """Count one body."""
        text = bytes(body)
        start = text.index(b'"batch_data"')
        head = text[:start]
        what = "deleted" if b'"delete"' in head else "added"
        identifiers = text.count(ID, start)
        total = _email_fingerprint(text, start, head.count(b"_SHA256"), identifiers) if b'["EMAIL_' in head else 0
        with self._lock:
            self._sums.update({"requests": 1, what: identifiers, f"{what}_fingerprint": total})

    def take(self) -> dict[str, int]:
        """Return the sums and begin anew."""
        with self._lock:
            sums, self._sums = self._sums, Counter()
        names = ("requests", "added", "deleted", "added_fingerprint", "deleted_fingerprint")
        return {name: sums[name] % 2**64 for name in names}


def _email_fingerprint(text: bytes, start: int, kinds: int, identifiers: int) -> int:
    """Sum up the first digests of the rows, found by the width of the first row."""
    places = [text.index(ID, start)]
    for _ in range(kinds if identifiers > kinds else 0):
        places.append(text.index(ID, places[-1] + 1))
    digest = text.index(b'"', places[0] + len(ID)) + 1
    rows, width = identifiers // kinds, places[-1] - places[0]
    body = np.frombuffer(text, np.uint8, offset=digest)
    return fingerprint(np.lib.stride_tricks.as_strided(body, (rows, 64), (width, 1)))


def _serve(listener: socket.socket, context: ssl.SSLContext, latency: float, counts: _Counts) -> None:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_talk, args=(connection, context, latency, counts), daemon=True).start()


def _talk(connection: socket.socket, context: ssl.SSLContext, latency: float, counts: _Counts) -> None:
    buffer = bytearray(1 << 21)
    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
        while end := _receive(secure, buffer):
            body_start = buffer.index(b"\r\n\r\n") + 4
            time.sleep(latency)
            counts.add(memoryview(buffer)[body_start:end])
            secure.sendall(REPLY)


def _receive(secure: ssl.SSLSocket, buffer: bytearray) -> int:
    """Read one request into the buffer; return where it ends, 0 at the end of the connection."""
    filled, wanted = 0, 0
    while not wanted or filled < wanted:
        if wanted > len(buffer):
            buffer.extend(bytes(wanted - len(buffer)))
        with memoryview(buffer) as view:
            got = secure.recv_into(view[filled:])
        if not got:
            return 0
        filled += got
        head = buffer.find(b"\r\n\r\n", 0, filled) if not wanted else -1
        if head >= 0:
            length = bytes(buffer[:head]).lower().partition(LENGTH)[2].split(b"\r\n")[0]
            wanted = head + 4 + int(length or 0)
    return filled


def main(latency_ms: float) -> None:
    """Serve until standard input ends; answer questions that come there, one a line."""
    context, counts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), _Counts()
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(write_certificate(Path(folder)))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_serve, args=(listener, context, latency_ms / 1000, counts), daemon=True).start()
    for question in sys.stdin:
        answer = listener.getsockname()[1] if question.strip() == "port" else counts.take()
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
