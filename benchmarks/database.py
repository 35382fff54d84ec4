"""A PostgreSQL of the benchmark's own, in the work folder and on a free port; stopped at the end, kept on the disk."""

import io
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg2
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.progress import say

USER = "bench"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "max_wal_size": "4GB",
    "synchronize_seqscans": "off",
}


def missing_programs() -> list[str]:
    """Programs of PostgreSQL that are not on the PATH."""
    return [name for name in ("initdb", "postgres") if shutil.which(name) is None]


class Database:
    """The server; use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self.port = _free_port()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        say(f"Starting PostgreSQL on port {self.port}")
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603
                [_program("postgres"), "-D", str(self._data), "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **_identity(),
            )
        try:
            self._wait()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        """Address in SQLAlchemy's form."""
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/postgres"

    def airflow_connection(self) -> dict[str, Any]:
        """The same as an Airflow connection."""
        return {"conn_type": "postgres", "host": "127.0.0.1", "port": self.port, "login": USER, "schema": "postgres"}

    def load(self, table: str, parquet: Path) -> None:
        """Copy a Parquet file of texts into a table of that name, unless it is there."""
        with closing(self._connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", (table,))
            if cursor.fetchone() != (None,):
                return
            say(f"Copying {parquet.name} into PostgreSQL")
            file = pq.ParquetFile(parquet)
            columns = ", ".join(f"{name} text" for name in file.schema_arrow.names)
            cursor.execute(f"CREATE TABLE {table} ({columns})")
            for batch in file.iter_batches(100_000):
                lines = io.BytesIO()
                pyarrow.csv.write_csv(batch, lines, pyarrow.csv.WriteOptions(include_header=False))
                lines.seek(0)
                cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT csv)", lines)
            cursor.execute(f"ANALYZE {table}")

    def _initialise(self) -> None:
        identity = _identity()
        self._data.mkdir(mode=0o700, exist_ok=True)
        if identity:
            shutil.chown(self._data, identity["user"], identity["group"])
        command = [_program("initdb"), "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8"]
        subprocess.run(  # noqa: S603
            [*command, "--locale=C", "--no-sync"], check=True, stdout=subprocess.DEVNULL, **identity
        )

    def _connect(self) -> Any:
        return psycopg2.connect(host="127.0.0.1", port=self.port, user=USER, dbname="postgres")

    def _wait(self) -> None:
        end = time.monotonic() + 60
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start, see {self._folder / 'log'}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _stop(self) -> None:
        self._server.send_signal(signal.SIGINT)  # "fast shutdown"
        self._server.wait(60)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on the PATH")
    return os.path.realpath(found)


def _identity() -> dict[str, Any]:
    """Arguments for a process that must not be root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
