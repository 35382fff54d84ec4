"""A real Airflow 3 of its own: API server, scheduler, DAG processor and LocalExecutor on loopback, in one folder."""

from __future__ import annotations

import configparser
import json
import os
import secrets
import site
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.fernet import Fernet

from demo.airflow_rest import AirflowRest
from demo.processes import Family, poll, tail

READY_TIMEOUT = 180.0


class LocalAirflow(AirflowRest):
    """An Airflow that lives inside a ``with`` block and leaves no process behind.

    Everything it writes stays in ``home``: metadata database, keys, task logs, and one ``<component>.out`` for what
    each program prints. A used home may be used again. With ``schedule=False`` a DAG runs only when it is triggered
    or backfilled, so that unpausing it does not start a run by itself.
    """

    def __init__(
        self,
        home: Path,
        dags: Path | Sequence[Path],
        *,
        env: Mapping[str, str] | None = None,
        triggerer: bool = False,
        schedule: bool = False,
        parallelism: int = 4,
    ) -> None:
        self.home = home.resolve()
        self._dags = [path.resolve() for path in ([dags] if isinstance(dags, Path) else dags)]
        self._port = free_port()
        self._extra_env = dict(env or {})
        self._triggerer = triggerer
        self._options = {"parallelism": str(parallelism), "schedule": str(schedule)}
        self._family = Family()
        self.start_seconds = 0.0
        super().__init__(f"http://127.0.0.1:{self._port}")

    def __enter__(self) -> Self:
        """Start everything and wait until all components are healthy."""
        begin = time.monotonic()
        self.home.mkdir(parents=True, exist_ok=True)
        self._write_config()
        try:
            self._start("migrate", "db", "migrate")
            self._family.finish("migrate", READY_TIMEOUT)
            components = self._start_components()
            poll(lambda: self._healthy(components), timeout=READY_TIMEOUT, what=f"start of Airflow in {self.home}")
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.monotonic() - begin
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process, whatever happened."""
        self.stop()

    def stop(self) -> None:
        """End all processes and verify that none is left."""
        self._session.close()
        self._family.stop()

    def check(self) -> None:
        """Raise when a component has ended by itself."""
        self._family.check()

    def process_ids(self) -> list[int]:
        """Return the ids of all living processes of this Airflow, tasks included."""
        return [process.pid for process in self._family.alive()]

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a program meets this Airflow: no setting of the caller's own Airflow leaks in."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        paths = [str(Path(path).resolve()) for path in kept.get("PYTHONPATH", "").split(os.pathsep) if path]
        local = "127.0.0.1,localhost"
        no_proxy = ",".join(filter(None, [kept.get("no_proxy") or kept.get("NO_PROXY"), local]))
        return {
            **kept,
            "AIRFLOW_HOME": str(self.home),
            "HOME": str(self.home),  # nothing is written to the user's own
            "PYTHONUSERBASE": site.getuserbase(),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            "NO_PROXY": no_proxy,
            "no_proxy": no_proxy,
            "NO_COLOR": "1",
            **self._extra_env,
        }

    def cli(self, *arguments: str, timeout: float = 120.0) -> str:
        """Run ``airflow <arguments>`` against this Airflow and return what it prints; raise when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def output(self, component: str, lines: int = 60) -> str:
        """Return the end of what a component (api-server, scheduler, dag-processor, triggerer) printed."""
        return tail(self.home / f"{component}.out", lines)

    def _start_components(self) -> list[str]:
        self._start("api-server", "api-server")
        self._start("scheduler", "scheduler", "--skip-serve-logs")  # the API server reads the log files itself
        self._start("dag-processor", "dag-processor")
        if self._triggerer:
            self._start("triggerer", "triggerer", "--skip-serve-logs")
        return ["metadatabase", "scheduler", "dag_processor", *(["triggerer"] if self._triggerer else [])]

    def _start(self, name: str, *arguments: str) -> None:
        self._family.start(
            name,
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            output=self.home / f"{name}.out",
            cwd=self.home,
        )

    def _healthy(self, components: Sequence[str]) -> bool | None:
        self.check()
        health = self.health()
        return (health is not None and all(health.get(name) == "healthy" for name in components)) or None

    def _write_config(self) -> None:
        """Write airflow.cfg, so that a person who sets AIRFLOW_HOME meets the same Airflow, keys included."""
        parser = configparser.ConfigParser(interpolation=None)
        for section, options in self._settings(self._keys()).items():
            # Airflow reads the file with interpolation: a percent sign in a path must be doubled.
            parser[section] = {name: value.replace("%", "%%") for name, value in options.items()}
        path = self.home / "airflow.cfg"
        path.touch(mode=0o600)
        with path.open("w") as file:
            parser.write(file)

    def _keys(self) -> dict[str, str]:
        """Return the secret keys of this home; made on first use."""
        path = self.home / "keys.json"
        if not path.exists():
            path.touch(mode=0o600)
            keys = {
                "fernet": Fernet.generate_key().decode(),
                "jwt": secrets.token_hex(32),
                "api": secrets.token_hex(32),
            }
            path.write_text(json.dumps(keys))
        return dict(json.loads(path.read_text()))

    def _settings(self, keys: Mapping[str, str]) -> dict[str, dict[str, str]]:
        logs = self.home / "logs"
        return {
            "core": {
                "executor": "LocalExecutor",
                "parallelism": self._options["parallelism"],
                "load_examples": "False",
                "fernet_key": keys["fernet"],
                "hostname_callable": "socket.gethostname",  # no name server is asked
                "dags_folder": str(self._dags[0]),
                "plugins_folder": str(self.home / "plugins"),
                "test_connection": "Enabled",
                "simple_auth_manager_all_admins": "True",
                "execution_api_server_url": f"{self.url}/execution/",
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{self.home / 'airflow.db'}"},
            "api": {"host": "127.0.0.1", "port": str(self._port), "base_url": self.url, "secret_key": keys["api"]},
            "api_auth": {"jwt_secret": keys["jwt"]},
            "logging": {
                "base_log_folder": str(logs),
                "dag_processor_child_process_log_directory": str(logs / "dag_processor"),
                "colored_console_log": "False",
            },
            "scheduler": {
                "scheduler_idle_sleep_time": "0.3",
                "use_job_schedule": self._options["schedule"],
            },
            # Where a task's process outlives its sockets by a moment, Airflow 3.3.2 sees its end this late.
            "workers": {"min_heartbeat_interval": "1"},
            "dag_processor": {
                "dag_bundle_config_list": json.dumps([_bundle(*numbered) for numbered in enumerate(self._dags)]),
                "refresh_interval": "2",
                "bundle_refresh_check_interval": "1",
                "parsing_processes": "1",
            },
            "usage_data_collection": {"enabled": "False"},
        }


def _bundle(number: int, path: Path) -> dict[str, object]:
    return {
        "name": f"{path.name}-{number}" if number else path.name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(path)},
    }


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
