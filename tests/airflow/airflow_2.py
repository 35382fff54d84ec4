"""A real Airflow 2.11 of its own, run by the Python of the tests: scheduler, LocalExecutor, triggerer, PostgreSQL."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_tiktok.emulator import ADVERTISER_ID, APP_ID, APP_SECRET, BC_ID, Emulator
from demo.processes import Family, poll, tail
from tests.postgres import Postgres, missing_programs

REPOSITORY = Path(__file__).parents[2]
DAG_FOLDERS = {"examples": REPOSITORY / "dags", "tests": REPOSITORY / "tests" / "airflow" / "dags"}


class Airflow2:
    """Lives inside a ``with`` block, on a database of its own; a DAG runs only when it is triggered."""

    def __init__(self, home: Path, postgres: Postgres) -> None:
        self.home, self._postgres, self._family, self._runs = home, postgres, Family(), 0
        self._env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")},
            "AIRFLOW_HOME": str(home),
            "PYTHONPATH": str(REPOSITORY),
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://postgres@/postgres?host={postgres.folder}",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
            "PYTHONWARNINGS": "ignore",
        }

    def __enter__(self) -> "Airflow2":
        (self.home / "dags").mkdir()
        for name, folder in DAG_FOLDERS.items():
            (self.home / "dags" / name).symlink_to(folder)
        self.cli("db", "migrate")
        for component in ("scheduler", "triggerer"):
            command = [sys.executable, "-m", "airflow", component, "--skip-serve-logs"]
            output = self.home / f"{component}.out"
            self._family.start(component, command, env=self._env, output=output, cwd=self.home)
        return self

    def __exit__(self, *_: object) -> None:
        self._family.stop()

    def cli(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self._env, cwd=self.home, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def connect(self, conn_id: str, tiktok: Emulator, **extra: str) -> None:
        """Store or replace a connection to the emulator."""
        fields: dict[str, Any] = {"host": tiktok.url, "login": APP_ID, "password": APP_SECRET}
        fields["extra"] = {"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **extra}
        self.add_connections({conn_id: {"conn_type": "tiktok", **fields}})

    def add_connections(self, connections: dict[str, dict[str, Any]]) -> None:
        """Store or replace connections, by their ids."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:  # Airflow keeps command lines in its audit log
            file.write(json.dumps(connections))
            file.flush()
            self.cli("connections", "import", "--overwrite", file.name)

    def run(self, dag: str, moment: datetime | None = None) -> str:
        """Trigger a DAG, as at a moment (default: now), and return how its run ended."""
        return self.wait(dag, self.start(dag, moment))

    def start(self, dag: str, moment: datetime | None = None) -> str:
        """Trigger a DAG and return the condition that names its run for :meth:`wait`."""
        poll(lambda: self._knows(dag), timeout=120, what=f"parsing of {dag}")
        self._runs += 1
        run_id = f"run-{self._runs}"
        self.cli("dags", "trigger", dag, "--run-id", run_id, *(["--exec-date", moment.isoformat()] if moment else []))
        return f"run_id = '{run_id}'"

    def wait(self, dag: str, which: str = "true", timeout: float = 240) -> str:
        """Return how the run of a DAG ended that an SQL condition names."""
        query = f"SELECT state FROM dag_run WHERE dag_id = '{dag}' AND {which} AND state IN ('success', 'failed')"
        state: str = poll(lambda: self._rows(query) or None, timeout=timeout, what=f"end of the run of {dag}")[0][0]
        return state

    def logs(self, dag: str) -> str:
        """The ends of a DAG's logs."""
        folder = self.home / "logs" / f"dag_id={dag}"
        return "\n".join(f"{path.relative_to(folder)}:\n{tail(path)}" for path in sorted(folder.rglob("*.log")))

    def written(self) -> dict[str, str]:
        """All that it wrote: the tables as text, the logs and the printed output."""
        tables = [name for (name,) in self._rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        texts = {name: str(self._rows(f'SELECT * FROM "{name}"')) for name in tables}
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return texts | {str(path): path.read_text(errors="replace") for path in files}

    def _knows(self, dag: str) -> bool | None:
        for (error,) in self._rows(f"SELECT stacktrace FROM import_error WHERE filename LIKE '%/{dag}.py'"):
            raise ImportError(error)
        return bool(self._rows(f"SELECT 1 FROM serialized_dag WHERE dag_id = '{dag}'")) or None

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        self._family.check()
        return self._postgres.rows(query)


@pytest.fixture(scope="session")
def airflow_2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow2]:
    """One Airflow 2.11 for all tests, with the examples and the tests' DAGs."""
    if missing_programs():
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    with Postgres() as postgres, Airflow2(tmp_path_factory.mktemp("airflow2"), postgres) as running:
        yield running
