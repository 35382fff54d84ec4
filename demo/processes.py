"""Start programs as one family, and end the whole family: children, grandchildren and those that changed group."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
MARK = "LOCAL_PROCESS_FAMILY"
"""Environment variable that every process of a family inherits."""


class Family:
    """Programs started together. A process belongs to the family by its session or by the mark in its environment."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._leaders: dict[str, subprocess.Popen[bytes]] = {}
        self._outputs: dict[str, Path] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str], output: Path, cwd: Path) -> None:
        """Start a program in a session of its own; what it prints goes to ``output``."""
        # SPT_NOENV: setproctitle would overwrite the memory of the environment, and with it the mark.
        marked = {**env, MARK: self._mark, "SPT_NOENV": "1"}
        with output.open("ab") as sink:
            self._leaders[name] = subprocess.Popen(
                command,
                env=marked,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._outputs[name] = output

    def check(self) -> None:
        """Raise when a program has ended by itself, with the end of what it printed."""
        for name, leader in self._leaders.items():
            if leader.poll() is not None:
                raise RuntimeError(
                    f"{name} ended with code {leader.returncode}; the end of {self._outputs[name]}:\n"
                    f"{tail(self._outputs[name])}"
                )

    def finish(self, name: str, timeout: float) -> None:
        """Wait until a program ends with code 0, then forget it."""
        leader = self._leaders[name]
        try:
            code = leader.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{name} did not end within {timeout:.0f} s:\n{tail(self._outputs[name])}") from None
        if code != 0:
            raise RuntimeError(f"{name} failed with code {code}:\n{tail(self._outputs[name])}")
        del self._leaders[name]

    def alive(self) -> list[psutil.Process]:
        """Every living process of the family, whoever started it."""
        sessions = {leader.pid for leader in self._leaders.values()}
        return [process for process in _living() if self._owns(process, sessions)]

    def stop(self, grace: float = 6.0) -> None:
        """Ask the programs to end (SIGTERM), kill what is left after ``grace`` seconds, verify that nothing lives."""
        known = self.alive()
        for leader in self._leaders.values():
            if leader.poll() is None:
                leader.terminate()
        psutil.wait_procs(known, timeout=grace)
        for _ in range(3):  # a dying program may still start one more child
            left = self.alive()
            if not left:
                break
            for process in left:
                _kill(process)
            psutil.wait_procs(left, timeout=grace)
        for leader in self._leaders.values():
            leader.wait(grace)
        left = self.alive()
        if left:
            raise RuntimeError(f"these processes survived SIGKILL: {[process.pid for process in left]}")
        self._leaders.clear()

    def _owns(self, process: psutil.Process, sessions: set[int]) -> bool:
        try:
            return os.getsid(process.pid) in sessions or process.environ().get(MARK) == self._mark
        except (psutil.Error, OSError):
            return False  # ended meanwhile, or another user's


def _living() -> Iterator[psutil.Process]:
    own = os.getpid()
    for process in psutil.process_iter():
        try:
            if process.pid != own and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except psutil.Error:
            continue


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def tail(path: Path, lines: int = 30) -> str:
    """Return the last lines of a text file."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def poll(question: Callable[[], T | None], *, timeout: float, what: str, interval: float = 0.25) -> T:
    """Ask again and again until there is an answer; ``what`` names it in the TimeoutError."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer is not None:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {timeout:.0f} s")
        time.sleep(interval)
