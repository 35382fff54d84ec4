"""A newcomer who does what a page of docs/ says, to the letter, in a directory and terminals of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from demo.local_airflow import free_port
from demo.processes import Family, poll
from tests.airflow.page import Block
from tests.wheel import REPOSITORY

STAYS_BUSY, AGAIN, LOG = "which stays busy", "again and again until the delivery is there", "Log of "
"""How the captions of blocks end and begin."""

PORT = "8090"
"""Of the emulator, on the page."""

LINE = f"airflow-{version('apache-airflow')}-python{sys.version_info.major}.{sys.version_info.minor}"
CONSTRAINTS = REPOSITORY / "constraints" / f"{LINE}.txt"
INSTALL, PATIENCE = 500.0, 150.0
"""Seconds: for pip, and for all else."""


class Terminal:
    """A shell that reads what is typed from a named pipe, and ends with the first command that fails."""

    def __init__(self, family: Family, name: str, home: Path, env: Mapping[str, str]) -> None:
        self._family, self._output, self._prompt, self._start = family, home / f"{name}.out", home / f"{name}.prompt", 0
        pipe = home / f"{name}.pipe"
        os.mkfifo(pipe)
        self._keyboard = os.open(pipe, os.O_RDWR)
        command = ["bash", "--noprofile", "--norc", "-e", str(pipe)]
        family.start(name, command, env=env, output=self._output, cwd=home)

    def type(self, text: str) -> None:
        """Type commands; what was shown before them is forgotten."""
        self._start = self._output.stat().st_size
        self._prompt.unlink(missing_ok=True)
        os.write(self._keyboard, f"{text}: > '{self._prompt}'\n".encode())

    def finish(self, timeout: float) -> None:
        """Wait for the prompt."""
        poll(self._is_back, timeout=timeout, what=f"the end of what was typed; it shows\n{self.shown()}")

    def shown(self) -> str:
        """What it shows since something was typed."""
        return self._output.read_bytes()[self._start :].decode(errors="replace")

    def close(self) -> None:
        """Let the pipe go."""
        os.close(self._keyboard)

    def _is_back(self) -> bool | None:
        self._family.check()
        return self._prompt.exists() or None


class Newcomer:
    """Lives inside a ``with`` block, and leaves no process behind.

    What stands on the page is changed in two places: pip gets the wheel and the pinned set, the emulator a free port.
    """

    def __init__(self, home: Path, wheel: Path) -> None:
        self.home, self.place, self.port = home, home / "tiktok-tutorial", free_port()
        self._wheel, self._family = wheel, Family()
        self._terminals: dict[str, Terminal] = {}
        self.env = self._environment()

    def __enter__(self) -> "Newcomer":
        python = self.home / "bin" / "python3"
        python.parent.mkdir()
        python.write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')
        python.chmod(0o755)
        return self

    def __exit__(self, *_: object) -> None:
        self._family.stop()
        for terminal in self._terminals.values():
            terminal.close()

    def follow(self, blocks: list[Block]) -> None:
        """Do what a section says, and wait until each thing is seen that it shows."""
        look = str
        for block in blocks:
            if block.language == "python":
                (self.place / block.caption).write_text(block.text)
            elif block.language == "bash":
                look = self._type(block)
            else:
                self._see(block, self._log_of(block.caption) if block.caption.startswith(LOG) else look)

    def python(self, code: str) -> str:
        """What a line of Python prints in the environment that was made."""
        command = [str(self.place / "venv" / "bin" / "python"), "-c", code]
        done = subprocess.run(
            command, cwd=self.place, env=self.env, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout.strip()

    def _type(self, block: Block) -> Callable[[], str]:
        """Type a block into its terminal; return what shows what it led to."""
        name, _, how = block.caption.partition(", ")
        if name not in self._terminals:
            self._terminals[name] = Terminal(self._family, name, self.home, self.env)
        terminal, text = self._terminals[name], self._adapted(block.text)

        def once() -> str:
            terminal.type(text)
            if how != STAYS_BUSY:
                terminal.finish(INSTALL if "pip install" in text else PATIENCE)
            return terminal.shown()

        if how == AGAIN:
            return once
        once()
        return terminal.shown

    def _adapted(self, text: str) -> str:
        package = "airflow-provider-tiktok[emulator]"
        return (
            text.replace(f'"{package}"', f'"{package} @ {self._wheel.as_uri()}"')
            .replace("pip install ", f"pip install --quiet --constraint '{CONSTRAINTS}' ")
            .replace(PORT, str(self.port))
        )

    def _see(self, block: Block, look: Callable[[], str]) -> None:
        seen = Block(language=block.language, caption=block.caption, text=block.text.replace(PORT, str(self.port)))
        last = ""

        def is_there() -> bool | None:
            nonlocal last
            self._family.check()
            last = look()
            return seen.is_seen_in(last) or None

        try:
            poll(is_there, timeout=PATIENCE, what="what the page shows")
        except TimeoutError as error:
            raise AssertionError(f"{error}:\n{seen.text}\n{seen.caption} shows:\n{last}") from None

    def _log_of(self, caption: str) -> Callable[[], str]:
        """Reads the newest log of a task as the UI shows it."""
        pattern = f"airflow/logs/dag_id=*/run_id=*/task_id={caption.removeprefix(LOG)}/*.log"

        def read() -> str:
            logs = sorted(self.place.glob(pattern))
            lines = logs[-1].read_text().splitlines(keepends=True) if logs else []
            return "\n".join(json.loads(line)["event"] for line in lines if line.endswith("\n"))

        return read

    def _environment(self) -> dict[str, str]:
        """Nothing of the caller's Python and Airflow, and ports of Airflow that are free."""
        foreign = ("AIRFLOW_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        api, worker_log, trigger_log = (str(free_port()) for _ in range(3))
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(self.home / "bin"), kept["PATH"]]),
            "PIP_CACHE_DIR": kept.get("PIP_CACHE_DIR", str(Path.home() / ".cache" / "pip")),
            "PIP_NO_COMPILE": "1",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "AIRFLOW__API__PORT": api,
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{api}",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": worker_log,
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": trigger_log,
        }
