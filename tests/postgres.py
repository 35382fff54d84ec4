"""A real PostgreSQL for as long as a ``with`` block lasts: unprivileged, on a socket file, without fsync."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PROGRAMS = ("initdb", "postgres")
NOBODY = 65534
"""PostgreSQL refuses to run as root."""

START_SECONDS = 30
_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "log_statement": "all",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": "%a|",
}
_LINE = re.compile(r"(?P<name>[^|]*)\|LOG:\s+(?P<what>connection authorized|disconnection|statement|execute [^:]*)")
_STATEMENT = re.compile(r"LOG:\s+(?:statement|execute [^:]*):\s+(?P<verb>\w+)")
# The server ends when standard input does: also when this process, or its whole group, is killed.
_GUARD = "trap '' TERM INT HUP; \"$@\" & server=$!; cat > /dev/null; kill -QUIT $server; wait $server"


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Postgres:
    """Starts a server with an empty database ``postgres``; ``folder`` is the host to connect to."""

    def __enter__(self) -> Self:
        self._log = _Log()
        self.folder = Path(tempfile.mkdtemp(prefix="tiktok-postgres-"))
        try:
            self._start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stop()
        finally:
            shutil.rmtree(self.folder)

    def connect(self, database: str = "postgres", **options: Any) -> Any:
        import psycopg2

        return psycopg2.connect(host=str(self.folder), user="postgres", dbname=database, **options)

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each in a transaction of its own."""
        with closing(self.connect(database)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            for statement in statements:
                cursor.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    def verbs(self, name: str) -> set[str]:
        """First words of the statements of an application, as the server's log has them, once it has disconnected."""
        return self._log.verbs(name)

    def _start(self) -> None:
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
            who = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        data = str(self.folder / "data")
        subprocess.run(
            ["initdb", "-D", data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            timeout=START_SECONDS,
            cwd=self.folder,
            **who,
        )
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", "postgres", "-D", data, "-k", str(self.folder), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            **who,
        )
        assert self._process.stderr is not None
        self._reader = threading.Thread(target=self._log.read, args=[self._process.stderr], daemon=True)
        self._reader.start()
        if not self._log.ready.wait(START_SECONDS):
            self._stop()
            raise RuntimeError(f"PostgreSQL did not start in {START_SECONDS} s:\n{self._log.tail()}")

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait(20)
            self._reader.join(20)
            self._process.stderr.close()  # type: ignore[union-attr]


class _Log:
    """What the server says, read as it comes."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self._news = threading.Condition()
        self._lines: list[str] = []
        self._sessions: Counter[str] = Counter()
        self._verbs: defaultdict[str, set[str]] = defaultdict(set)

    def read(self, stream: Any) -> None:
        for raw in stream:
            line = raw.decode(errors="replace")
            with self._news:
                self._lines = [*self._lines[-30:], line]
                self._take(line)
                self._news.notify_all()
            if "ready to accept connections" in line:
                self.ready.set()

    def _take(self, line: str) -> None:
        found = _LINE.match(line)
        if not found:
            return
        name, what = found["name"], found["what"]
        if what == "connection authorized":
            named = re.search(r"application_name=(\S+)", line)
            self._sessions[named[1] if named else ""] += 1
        elif what == "disconnection":
            self._sessions[name] -= 1
        else:
            statement = _STATEMENT.search(line)
            self._verbs[name].add(statement["verb"].upper() if statement else "?")

    def verbs(self, name: str, timeout: float = 20) -> set[str]:
        with self._news:
            gone = self._news.wait_for(lambda: name in self._sessions and self._sessions[name] == 0, timeout)
            assert gone, f"{name!r} is still connected, or never was:\n{self.tail()}"
            return set(self._verbs[name])

    def tail(self) -> str:
        return "".join(self._lines)
