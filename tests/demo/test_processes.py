"""A family of processes ends completely."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from demo.processes import Family, poll

STUBBORN_PARENT = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(300)
"""


def start(family: Family, code: str, output: Path) -> None:
    family.start("program", [sys.executable, "-c", code], env=os.environ, output=output, cwd=output.parent)


def test_stop_ends_children_in_other_sessions(tmp_path):
    """A program that ignores SIGTERM, and its child that left the session, are both gone after stop."""
    family, output = Family(), tmp_path / "out"
    start(family, STUBBORN_PARENT, output)
    child = int(poll(lambda: output.read_text().strip() or None, timeout=20, what="start of the child", interval=0.02))
    parent = psutil.Process(child).ppid()
    assert {process.pid for process in family.alive()} >= {parent, child}
    family.stop(grace=0.2)
    assert family.alive() == []
    assert not psutil.pid_exists(parent)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_check_tells_what_a_dead_program_printed(tmp_path):
    """A program that ends by itself is reported with its last words."""
    family = Family()
    start(family, "print('port is taken'); raise SystemExit(3)", tmp_path / "out")

    poll(lambda: [process.pid for process in family.alive()] == [] or None, timeout=20, what="end of the program")
    with pytest.raises(RuntimeError, match=r"(?s)program ended with code 3.*port is taken"):
        family.check()
    family.stop()


def test_finish_raises_for_a_failed_program(tmp_path):
    """A preparing step that fails stops the start."""
    family = Family()
    start(family, "raise SystemExit('no table')", tmp_path / "out")
    with pytest.raises(RuntimeError, match="no table"):
        family.finish("program", 20)
    family.stop()


def test_poll_ends_in_time():
    """A question without an answer is a TimeoutError that says what was awaited."""
    with pytest.raises(TimeoutError, match="rain did not happen"):
        poll(lambda: None, timeout=0.01, what="rain", interval=0.001)
