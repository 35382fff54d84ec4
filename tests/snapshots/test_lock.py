"""One delivery at a time to a segment: threads, processes, the dead, the stopped and the second tries."""

import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.api.client import Answer, AudienceClient
from airflow_provider_tiktok.emulator import ADVERTISER_ID, Emulator
from airflow_provider_tiktok.errors import BusyError
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from airflow_provider_tiktok.snapshots.files import read_json
from airflow_provider_tiktok.snapshots.lock import LOOK_SECONDS, PATIENCE_SECONDS, STALE_SECONDS, SegmentLock
from airflow_provider_tiktok.snapshots.log import DeliveryLogs
from tests.kit import Desk, context, email_digests, emails

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30
QUICK = 0.01
"""Scale of the waits where there are real ones."""


class Waiting:
    """A clock that stands still but for sleeping, and what else happens while one sleeps."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.now, self._meanwhile = 0.0, meanwhile

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self._meanwhile()

    def options(self) -> dict[str, Any]:
        return {"sleep": self.sleep, "clock": self.clock}


def nobody_sleeps(seconds: float) -> None:
    raise AssertionError("it waits")


def claims(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "claims").iterdir())


def quick_sleep(seconds: float) -> None:
    time.sleep(seconds * QUICK)


def increment(counter: Path, folder: Any, unique: str, times: int) -> None:
    """Read, dawdle, write: whatever comes in between is lost."""
    for number in range(times):
        with SegmentLock(folder, f"task {unique}", f"{unique}-{number}", sleep=quick_sleep):
            value = int(counter.read_text())
            time.sleep(QUICK)
            counter.write_text(str(value + 1))


# --- one at a time ---


def test_threads_never_hold_a_segment_at_once(tmp_path: Path) -> None:
    """Whatever they read and write, nobody comes in between."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    started = time.monotonic()
    with ThreadPoolExecutor(6) as pool:
        for each in [pool.submit(increment, counter, tmp_path, f"thread{n}", 10) for n in range(6)]:
            each.result(timeout=SECONDS)
    print(f"60 turns of 6 threads in {time.monotonic() - started:.1f} s")
    assert counter.read_text() == "60"
    assert claims(tmp_path) == []


CHILD = """
import sys
from pathlib import Path
from tests.snapshots.test_lock import increment
counter, folder, unique, times = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
increment(Path(counter), Path(folder), unique, int(times))
"""


def start(program: str, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def await_line(process: "subprocess.Popen[bytes]", expected: str) -> None:
    """Wait until a child says something; what it logs is passed over."""
    line = ""
    while line != expected:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], SECONDS)[0], "the child hangs"
        line = process.stdout.readline().decode().rstrip("\n")
        assert line or process.poll() is None, "the child ended"


def finish(process: "subprocess.Popen[bytes]") -> int:
    """Let the child go on, and wait for its end."""
    process.communicate(b"\n", timeout=SECONDS)
    return process.returncode


def hammer(program: str, counter: Path, folder: str, processes: int, times: int) -> float:
    """Increment from several processes that begin together; seconds that it took."""
    counter.write_text("0")
    children = [start(program, str(counter), folder, f"process{n}", str(times)) for n in range(processes)]
    try:
        for child in children:
            await_line(child, "ready")
        started = time.monotonic()
        with ThreadPoolExecutor(processes) as pool:
            assert list(pool.map(finish, children)) == [0] * processes
        return time.monotonic() - started
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_processes_never_hold_a_segment_at_once(tmp_path: Path) -> None:
    """Workers that share nothing but a folder."""
    took = hammer(CHILD, tmp_path / "counter", str(tmp_path), processes=4, times=12)
    print(f"48 turns of 4 processes in {took:.1f} s")
    assert (tmp_path / "counter").read_text() == "48"
    assert claims(tmp_path) == []


def test_a_waiter_gets_the_segment_when_the_holder_leaves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It says so once, asks again and again, and has it as soon as it is free."""
    caplog.set_level(logging.INFO)
    holder = SegmentLock(tmp_path, "first", "1").__enter__()
    asked: list[list[str]] = []

    def meanwhile() -> None:
        asked.append(claims(tmp_path))
        if len(asked) == 3:
            holder.__exit__(None, None, None)

    with SegmentLock(tmp_path, "second", "2", **Waiting(meanwhile).options()):
        assert claims(tmp_path) == ["2.json"]
    assert asked == [["1.json"]] * 3
    assert caplog.text.count("Waiting for the segment; another task works on it: first") == 1


def test_a_free_segment_is_had_at_once(tmp_path: Path) -> None:
    """The usual case costs no wait, though a writer that died left half a draft behind."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / ".dead.json").write_text("{")
    with SegmentLock(tmp_path, "task", "1", sleep=nobody_sleeps) as lock:
        lock.check()


def test_a_claim_is_withdrawn_whatever_happens(tmp_path: Path) -> None:
    """After success, after an error, and when the storage fails while the segment is being taken."""
    with SegmentLock(tmp_path, "task", "1", sleep=nobody_sleeps):
        assert claims(tmp_path) == ["1.json"]
    assert claims(tmp_path) == []
    with pytest.raises(KeyError), SegmentLock(tmp_path, "task", "2", sleep=nobody_sleeps):
        raise KeyError
    assert claims(tmp_path) == []
    broken = Broken(tmp_path)
    broken.fails = lambda name: name == "claims" and (tmp_path / "claims" / "3.json").exists()
    with pytest.raises(OSError, match="storage"), SegmentLock(broken, "task", "3"):
        pass
    assert claims(tmp_path) == []


class Broken:
    """A folder whose storage fails when ``fails`` says so, given the last part of a path."""

    fails: Callable[[str], bool]

    def __init__(self, path: Path, top: "Broken | None" = None) -> None:
        self.path, self.top = path, top or self

    def __truediv__(self, name: str) -> "Broken":
        return Broken(self.path / name, self.top)

    def with_name(self, name: str) -> "Broken":
        return Broken(self.path.with_name(name), self.top)

    def rename(self, target: "Broken") -> None:
        self._use().rename(target.path)

    def open(self, mode: str) -> Any:
        return self._use().open(mode)

    def iterdir(self) -> Iterator["Broken"]:
        return (Broken(path, self.top) for path in self._use().iterdir())

    def _use(self) -> Path:
        if self.top.fails(self.path.name):
            raise OSError("storage")
        return self.path

    @property
    def parent(self) -> "Broken":
        return Broken(self.path.parent, self.top)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.path, name)


# --- the dead and the living ---

HOLDER = """
import sys
from pathlib import Path
from airflow_provider_tiktok.snapshots.files import read_json
from airflow_provider_tiktok.snapshots.lock import SegmentLock
with SegmentLock(Path(sys.argv[1]), "dead.upload run 1", "dead"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def dead_holder(folder: Path) -> Iterator[None]:
    """A process took the segment and was killed."""
    with start(HOLDER, str(folder)) as process:
        try:
            await_line(process, "held")
        finally:
            process.kill()
    assert process.returncode == -signal.SIGKILL
    assert claims(folder) == ["dead.json"]
    yield


def test_a_dead_holder_is_waited_for_as_long_as_it_might_live(tmp_path: Path) -> None:
    """Its claim is removed when it did not change for a minute by the waiter's own clock, and not before."""
    with dead_holder(tmp_path):
        waiting = Waiting(lambda: seen.append((waiting.now, claims(tmp_path))))
        seen: list[tuple[float, list[str]]] = []
        with SegmentLock(tmp_path, "other task", "2", **waiting.options()):
            assert claims(tmp_path) == ["2.json"]
    assert all(names == ["dead.json"] for _, names in seen)
    assert STALE_SECONDS < waiting.now <= STALE_SECONDS + 5


def test_the_next_try_of_a_killed_task_waits_for_nobody(tmp_path: Path) -> None:
    """It carries the same name, and Airflow runs one try at a time."""
    with dead_holder(tmp_path), SegmentLock(tmp_path, "dead.upload run 1", "2", sleep=nobody_sleeps):
        assert claims(tmp_path) == ["2.json"]


def test_a_claim_that_nobody_can_read_dies_like_any_other(tmp_path: Path) -> None:
    """Half a file, as a full disk leaves it, holds nobody up for ever."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "torn.json").write_text("{")
    waiting = Waiting()
    with SegmentLock(tmp_path, "task", "1", **waiting.options()):
        assert STALE_SECONDS < waiting.now <= STALE_SECONDS + 5


def beats(folder: Any, unique: str) -> int | None:
    """How often a holder has beaten; ``None`` while the claim is being written, as some storage shows."""
    try:
        claim = read_json(folder / "claims" / f"{unique}.json")
    except OSError:
        return None
    return claim["beats"] if claim else None


def await_beat(folder: Any, unique: str) -> None:
    """Wait until a holder has renewed its claim."""
    before, end = beats(folder, unique), time.monotonic() + SECONDS
    while (now := beats(folder, unique)) == before or now is None:
        assert time.monotonic() < end, "the holder does not beat"


def test_a_holder_that_beats_is_never_taken_for_dead(tmp_path: Path) -> None:
    """However long it takes; the other one gives up, says who has the segment and what to do, and leaves no claim."""
    with SegmentLock(tmp_path, "shop.upload run 7", "1", beat_seconds=QUICK) as holder:
        waiting = Waiting(lambda: await_beat(tmp_path, "1"))
        with pytest.raises(BusyError, match=r"shop\.upload run 7\. .* Run this task again later; max_active_runs=1"):
            SegmentLock(tmp_path, "other", "2", **waiting.options()).__enter__()
        assert PATIENCE_SECONDS < waiting.now <= PATIENCE_SECONDS + 5
        assert claims(tmp_path) == ["1.json"]
        holder.check()


def test_tasks_without_a_name_do_not_take_from_each_other(tmp_path: Path) -> None:
    """Outside of a run there is no telling a second try from another task."""
    with SegmentLock(tmp_path, "", "1", beat_seconds=QUICK):
        waiting = Waiting(lambda: await_beat(tmp_path, "1"))
        with pytest.raises(BusyError, match="a task without a name"):
            SegmentLock(tmp_path, "", "2", **waiting.options()).__enter__()
        assert claims(tmp_path) == ["1.json"]


# --- a holder that lost its segment ---


def test_an_old_try_that_still_lives_finds_out(tmp_path: Path) -> None:
    """The new try of the same task has the segment at once; the old one is told, and does not come back."""
    old = SegmentLock(tmp_path, "task", "old", beat_seconds=QUICK).__enter__()
    old.check()
    with SegmentLock(tmp_path, "task", "new", sleep=nobody_sleeps) as new:
        with pytest.raises(BusyError, match="another task has taken the segment"):
            old.check()
        old._heart.join(timeout=SECONDS)
        assert not old._heart.is_alive()
        old.__exit__(None, None, None)
        new.check()
        assert claims(tmp_path) == ["new.json"]


def test_the_storage_is_not_asked_at_every_look(tmp_path: Path) -> None:
    """Between batches a look is due every few seconds, by the task's clock."""
    waiting = Waiting()
    with SegmentLock(tmp_path, "task", "1", **waiting.options()) as lock:
        lock.check(every=LOOK_SECONDS)
        (tmp_path / "claims" / "1.json").unlink()
        lock.check(every=LOOK_SECONDS)
        waiting.now += LOOK_SECONDS
        with pytest.raises(BusyError, match="another task has taken"):
            lock.check(every=LOOK_SECONDS)


def test_a_holder_that_was_stopped_for_long_gives_up_by_itself(tmp_path: Path) -> None:
    """When it could not renew its claim for a minute another may have the segment: it stops, and renews no more."""
    waiting = Waiting()
    with SegmentLock(tmp_path, "task", "1", beat_seconds=QUICK, **waiting.options()) as lock:
        await_beat(tmp_path, "1")
        waiting.now += STALE_SECONDS + 1
        lock._heart.join(timeout=SECONDS)
        assert not lock._heart.is_alive()
        with pytest.raises(BusyError, match="could not renew its claim on the segment for 60 seconds"):
            lock.check(every=LOOK_SECONDS)


def test_trouble_with_the_storage_may_pass(tmp_path: Path) -> None:
    """A beat that failed is followed by the next one."""
    broken, failed = Broken(tmp_path), threading.Event()
    broken.fails = lambda name: False
    with SegmentLock(broken, "task", "1", beat_seconds=QUICK) as lock:
        broken.fails = lambda name: failed.set() or True  # type: ignore[func-returns-value]
        assert failed.wait(SECONDS)
        broken.fails = lambda name: False
        await_beat(tmp_path, "1")
        lock.check()


class Interrupted:
    """A client whose third call finds the task replaced by a new try."""

    def __init__(self, client: AudienceClient, replaced: Callable[[], object]) -> None:
        self._client, self._replaced, self.calls = client, replaced, 0

    def map_members(self, *arguments: Any) -> Answer:
        self.calls += 1
        if self.calls == 3:
            self._replaced()
        return self._client.map_members(*arguments)


@pytest.mark.parametrize("last", [False, True], ids=["in the middle", "at the last batch"])
def test_a_delivery_that_lost_its_segment_stops_and_records_nothing(desk: Desk, last: bool) -> None:
    """It sends no further batch, and leaves progress and log to the one that took over."""
    snapshot = desk.snapshot(emails(*range(6 if last else 40)))
    courier = desk.courier(holder="task")
    folder = courier.logs.folder(desk.segment_id)
    new = SegmentLock(folder, "task", "new")
    waiting = Waiting(new.__enter__)
    client: Any = Interrupted(desk.client, lambda: waiting.sleep(0 if last else LOOK_SECONDS))
    courier = replace(courier, client=client, clock=waiting.clock)
    with pytest.raises(BusyError, match="another task has taken the segment"), courier.lock(desk.target()) as lock:
        courier.deliver(desk.plan(snapshot), lock)
    assert client.calls == 3
    [operation] = DeliveryLogs(desk.root).load(desk.segment_id, ADVERTISER_ID).operations
    assert not operation.settled
    saved = json.loads((folder / "progress.json").read_text())["batches"]
    assert saved == (3 if last else 2)
    new.check()
    desk.courier().deliver(desk.plan(snapshot), new)
    new.__exit__(None, None, None)
    assert desk.members() == email_digests(*range(6 if last else 40))


def test_the_upload_operator_finds_out_too(connection: Emulator, tmp_path: Path) -> None:
    """A task whose claim was taken away while it waited for TikTok fails, though all was acknowledged."""
    segment = connection.create_audience(ADVERTISER_ID, "vip")
    connection.delay("/segment/mapping/", 0.5)
    folder = tmp_path / "root" / "delivered" / segment / "claims"

    def take_away() -> None:
        end = time.monotonic() + SECONDS
        while not (found := list(folder.glob("[!.]*.json"))):
            assert time.monotonic() < end
        found[0].unlink()

    rows = [{"email": "person1@example.com"}]
    operator = TikTokUploadSegmentOperator(
        task_id="upload", segment=segment, source=rows, columns={"email": "EMAIL_SHA256"}
    )
    with ThreadPoolExecutor(1) as pool:
        thief = pool.submit(take_away)
        with pytest.raises(BusyError, match="another task has taken the segment"):
            operator.execute(context())
        thief.result(timeout=SECONDS)
    assert os.listdir(folder) == []
