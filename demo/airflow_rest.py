"""A small client of Airflow's public REST API (v2): what a person does in the UI, from Python."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

from demo.processes import poll

FINISHED = frozenset({"success", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """One task instance that reached another state, ``elapsed`` seconds after the wait began."""

    task_id: str
    map_index: int
    state: str
    elapsed: float

    @property
    def label(self) -> str:
        """Return the task's id, with its map index when it is mapped."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class AirflowRest:
    """Airflow at ``url``, which must not ask for a password (``simple_auth_manager_all_admins``)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # loopback: never through a proxy

    def check(self) -> None:
        """Raise when Airflow cannot answer any more; whoever runs the server knows better than this client."""

    def request(self, method: str, path: str, **kwargs: Any) -> Any:
        """Call ``/api/v2/<path>`` and return the JSON answer; anything but 2xx raises with Airflow's own words."""
        reply = self._session.request(method, f"{self.url}/api/v2/{path}", timeout=30, **kwargs)
        if not reply.ok:
            raise AirflowRestError(method, path, reply.status_code, reply.text)
        return reply.json() if reply.content else None

    def health(self) -> dict[str, str | None] | None:
        """Return the status of each component, or None while the server does not answer."""
        try:
            answer: dict[str, dict[str, Any]] = self.request("GET", "monitor/health")
        except (requests.ConnectionError, AirflowRestError):
            return None
        return {name: (part or {}).get("status") for name, part in answer.items()}

    def hook_meta(self) -> list[dict[str, Any]]:
        """Return what the UI's connection form knows of each connection type."""
        reply = self._session.get(f"{self.url}/ui/connections/hook_meta", timeout=30)
        reply.raise_for_status()
        answer: list[dict[str, Any]] = reply.json()
        return answer

    def add_connection(
        self, conn_id: str, conn_type: str, *, extra: dict[str, Any] | str | None = None, **fields: Any
    ) -> None:
        """Store or replace a connection. Fields: host, login, password, port, schema, description."""
        body = {"connection_id": conn_id, "conn_type": conn_type, **fields}
        if extra is not None:
            body["extra"] = extra if isinstance(extra, str) else json.dumps(extra)
        try:
            self.request("POST", "connections", json=body)
        except AirflowRestError as error:
            if error.status != 409:
                raise
            self.request("PATCH", f"connections/{quote(conn_id)}", json=body)

    def wait_for_dag(self, dag_id: str, timeout: float = 60.0, grace: float = 6.0) -> None:
        """Wait until the DAG is parsed; ImportError if it is missing ``grace`` seconds after an import error."""
        first_error: float | None = None

        def parsed() -> bool | None:
            nonlocal first_error
            self.check()
            if self._knows_dag(dag_id):
                return True
            errors = self.import_errors()
            if errors and first_error is None:
                first_error = time.monotonic()
            if errors and first_error is not None and time.monotonic() - first_error > grace:
                raise ImportError(f"DAG {dag_id!r} is missing; Airflow could not import:\n" + "\n".join(errors))
            return None

        poll(parsed, timeout=timeout, what=f"parsing DAG {dag_id!r}")

    def import_errors(self) -> list[str]:
        """Return one text per DAG file that could not be imported."""
        errors = self.request("GET", "importErrors")["import_errors"]
        return [f"{error['filename']}:\n{error['stack_trace']}" for error in errors]

    def unpause(self, dag_id: str, timeout: float = 60.0) -> None:
        """Wait until the DAG is parsed, then let it run."""
        self.wait_for_dag(dag_id, timeout)
        self.request("PATCH", f"dags/{quote(dag_id)}", json={"is_paused": False})

    def trigger(
        self,
        dag_id: str,
        logical_date: datetime | None = None,
        conf: dict[str, Any] | None = None,
        **fields: Any,
    ) -> str:
        """Start a run and return its id. More fields: run_after, data_interval_start, data_interval_end, dag_run_id."""
        dates = {"logical_date": logical_date, **fields}
        body = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in dates.items()}
        run: dict[str, str] = self.request("POST", f"dags/{quote(dag_id)}/dagRuns", json={**body, "conf": conf or {}})
        return run["dag_run_id"]

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return str(self.request("GET", _run_path(dag_id, run_id))["state"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run, as Airflow describes them."""
        answer = self.request("GET", f"{_run_path(dag_id, run_id)}/taskInstances", params={"limit": 100})
        return list(answer["task_instances"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        timeout: float = 300.0,
        on_progress: Callable[[TaskChange], None] | None = None,
    ) -> str:
        """Wait until the run has ended and return its state; each new state of a task is reported."""
        start = time.monotonic()
        seen: dict[tuple[str, int], str] = {}

        def ended() -> str | None:
            self.check()
            state = self.run_state(dag_id, run_id)  # before the tasks: their last states are reported too
            for task in self.task_instances(dag_id, run_id):
                key = (task["task_id"], task["map_index"])
                new = task["state"]
                if new is not None and seen.get(key) != new:
                    seen[key] = new
                    if on_progress is not None:
                        elapsed = time.monotonic() - start
                        on_progress(TaskChange(task_id=key[0], map_index=key[1], state=new, elapsed=elapsed))
            return state if state in FINISHED else None

        try:
            return poll(ended, timeout=timeout, what=f"the end of {dag_id} {run_id}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; tasks: { {key[0]: state for key, state in seen.items()} }") from None

    def xcom(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, key: str = "return_value") -> Any:
        """Return what a task left; KeyError when it left nothing under this key."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        try:
            return self.request("GET", path, params={"map_index": map_index})["value"]
        except AirflowRestError as error:
            if error.status == 404:
                raise KeyError(f"{task_id} left no XCom {key!r} in {run_id}") from None
            raise

    def task_logs(
        self, dag_id: str, run_id: str, task_id: str, try_number: int | None = None, map_index: int = -1
    ) -> str:
        """Return the log of one try of a task (default: the last), one line per message."""
        number = try_number or self._last_try(dag_id, run_id, task_id, map_index)
        answer = self.request(
            "GET",
            f"{_run_path(dag_id, run_id)}/taskInstances/{quote(task_id)}/logs/{number}",
            params={"map_index": map_index, "full_content": True},
            headers={"Accept": "application/json"},
        )
        return "\n".join(_log_line(message) for message in answer["content"])

    def _last_try(self, dag_id: str, run_id: str, task_id: str, map_index: int) -> int:
        for task in self.task_instances(dag_id, run_id):
            if (task["task_id"], task["map_index"]) == (task_id, map_index):
                return max(int(task["try_number"]), 1)
        raise KeyError(f"no task {task_id!r} with map index {map_index} in {run_id}")

    def _knows_dag(self, dag_id: str) -> bool:
        try:
            return not self.request("GET", f"dags/{quote(dag_id)}")["is_stale"]
        except AirflowRestError as error:
            if error.status == 404:
                return False
            raise


class AirflowRestError(RuntimeError):
    """Airflow answered a call of its REST API with something else than success."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: HTTP {status}: {text[:2000]}")
        self.status = status


def _run_path(dag_id: str, run_id: str) -> str:
    return f"dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"


def _log_line(message: dict[str, Any] | str) -> str:
    if isinstance(message, str):
        return message
    parts = [str(message.get("timestamp") or ""), str(message.get("level") or ""), str(message["event"])]
    errors = [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in message.get("error_detail") or []]
    return " ".join([part for part in parts if part] + errors)
