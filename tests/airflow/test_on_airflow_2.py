"""Refresh tokens on Airflow 2.11: a real scheduler with LocalExecutor, on PostgreSQL.

It needs an environment of its own; its Python is named by the environment variable below.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    APP_ID,
    APP_SECRET,
    BC_ID,
    REFRESH_TOKEN,
    Emulator,
)
from demo.processes import Family, poll
from tests.airflow.leaks import leaks
from tests.postgres import Postgres, missing_programs

PYTHON = os.environ.get("AIRFLOW_2_PYTHON", "")
REPOSITORY = Path(__file__).parents[2]
REFRESH = "/oauth2/refresh_token/"

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not PYTHON, reason="AIRFLOW_2_PYTHON names no Python with Airflow 2.11 and this package's needs"
    ),
    pytest.mark.skipif(bool(missing_programs()), reason="no PostgreSQL: apt-get install postgresql"),
]


class Airflow2:
    """A scheduler with LocalExecutor on a database of its own."""

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
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "tests" / "airflow" / "dags"),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://postgres@/postgres?host={postgres.folder}",
            "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            "PYTHONWARNINGS": "ignore",
            "SPT_NOENV": "1",
        }

    def __enter__(self) -> "Airflow2":
        self.cli("db", "migrate")
        command = [PYTHON, "-m", "airflow", "scheduler", "--skip-serve-logs"]
        self._family.start("scheduler", command, env=self._env, output=self.home / "scheduler.out", cwd=self.home)
        known = "SELECT count(*) FROM serialized_dag"
        poll(lambda: self._postgres.rows(known)[0][0] >= 5 or None, timeout=120, what="the DAGs")
        return self

    def __exit__(self, *_: object) -> None:
        self._family.stop()

    def cli(self, *arguments: str) -> str:
        done = subprocess.run(
            [PYTHON, "-m", "airflow", *arguments],
            env=self._env, cwd=self.home, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def connect(self, conn_id: str, tiktok: Emulator, **extra: str) -> None:
        fields: dict[str, Any] = {"conn_type": "tiktok", "host": tiktok.url, "login": APP_ID, "password": APP_SECRET}
        fields["extra"] = {"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **extra}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:  # Airflow keeps command lines in its audit log
            file.write(json.dumps({conn_id: fields}))
            file.flush()
            self.cli("connections", "import", file.name)

    def run(self, dag: str) -> str:
        """Trigger a DAG and return how its run ended."""
        self._runs += 1
        run_id = f"run-{self._runs}"
        self.cli("dags", "trigger", dag, "--run-id", run_id)
        query = f"SELECT state FROM dag_run WHERE run_id = '{run_id}' AND state IN ('success', 'failed')"
        state: str = poll(lambda: self._postgres.rows(query) or None, timeout=240, what=f"run of {dag}")[0][0]
        return state

    def written(self) -> dict[str, str]:
        """All that it wrote: the tables as text, the logs and the printed output."""
        tables = [
            name for (name,) in self._postgres.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        texts = {name: str(self._postgres.rows(f'SELECT * FROM "{name}"')) for name in tables}
        files = [path for path in self.home.rglob("*") if path.is_file()]
        return texts | {str(path): path.read_text(errors="replace") for path in files}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow2]:
    with Postgres() as postgres, Airflow2(tmp_path_factory.mktemp("airflow2"), postgres) as running:
        yield running


def test_parallel_tasks_cause_one_refresh_and_the_next_run_none(airflow: Airflow2, tiktok: Emulator) -> None:
    """Eight mapped tasks share one rotated token, kept encrypted; nothing shows it."""
    airflow.connect("tiktok_refresh", tiktok, refresh_token=REFRESH_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "refresh")
    for _ in range(2):
        assert airflow.run("refresh") == "success"
    assert tiktok.count_requests(REFRESH) == 1
    tiktok.advance(2 * 86_400)
    assert airflow.run("refresh") == "success"
    assert tiktok.count_requests(REFRESH) == 2
    kept = json.loads(airflow.cli("variables", "get", "tiktok_token_tiktok_refresh"))
    secrets = [REFRESH_TOKEN, ACCESS_TOKEN, APP_SECRET, kept["refresh_token"], kept["access_token"]]
    assert leaks(airflow.written(), secrets) == []


def test_tokens_may_be_kept_in_the_connection(airflow: Airflow2, tiktok: Emulator) -> None:
    """A task of Airflow 2 writes the connection in the database, without the API."""
    airflow.connect("tiktok_kept", tiktok, refresh_token=REFRESH_TOKEN, token_store="connection")
    tiktok.create_audience(ADVERTISER_ID, "kept")
    for _ in range(2):
        assert airflow.run("kept_in_connection") == "success"
    assert tiktok.count_requests(REFRESH) == 1


def test_a_token_lost_with_its_worker_asks_once_for_another_authorisation(airflow: Airflow2, tiktok: Emulator) -> None:
    """As on Airflow 3: the old token is tried once more, and never again."""
    airflow.connect("tiktok_killed", tiktok, refresh_token=REFRESH_TOKEN)
    assert airflow.run("killed") == "failed"
    assert tiktok.count_requests(REFRESH) == 1
    for _ in range(2):
        assert airflow.run("after_the_kill") == "failed"
        assert tiktok.count_requests(REFRESH) == 2
    assert any("authorise the app again in TikTok" in text for text in airflow.written().values())
