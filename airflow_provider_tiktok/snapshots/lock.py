"""One delivery at a time to a segment, on whatever storage holds the snapshots.

A claim is a file. Who writes a claim and then sees no other has the segment; who sees another withdraws and waits. Two
cannot both have it on storage that lists a file once it is written, as local disks, S3, GCS and Azure do: of two claims
one was written later, and its writer lists after that. No lock service and no conditional write is needed.

A holder beats: it writes its claim anew every few seconds. A claim that does not change for a while, as seen by the
clock of the one who waits, is that of a killed worker and is removed. So is, at once, the claim of an earlier try of
the same task, since Airflow runs one try at a time.
"""

import random
import threading
import time
from collections.abc import Callable
from types import TracebackType

from airflow_provider_tiktok.errors import BusyError
from airflow_provider_tiktok.snapshots.files import StoragePath, list_names, read_json, write_json

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 2.0


class SegmentLock:
    """Holds one segment; use it as a context manager. ``holder`` names the task instance, ``unique`` this try of it."""

    def __init__(
        self,
        folder: StoragePath,
        holder: str,
        unique: str,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._folder, self._holder, self._unique = folder / "claims", holder, unique
        self._name = f"{unique}.json"
        self._sleep, self._clock, self._jitter = sleep, clock, jitter
        self._seen: dict[str, tuple[object, float]] = {}
        self._beats, self._ended = 0, threading.Event()
        self._heart = threading.Thread(target=self._beat, name="tiktok-lock", daemon=True)

    def __enter__(self) -> "SegmentLock":
        started = self._clock()
        while not self._take():
            if self._clock() - started > PATIENCE_SECONDS:
                raise BusyError(
                    f"another task still delivers to this segment: {', '.join(self._holders())}. Nothing was changed. "
                    "Run this task again later; max_active_runs=1 keeps runs of one DAG apart"
                )
            self._sleep(POLL_SECONDS * (0.5 + self._jitter()))
        self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._heart.join()
        self._withdraw(self._name)

    def check(self) -> None:
        """Raise when another task has taken the segment, as it may when this one was stopped for long."""
        if self._name not in list_names(self._folder):
            raise BusyError("this task was taken for dead and another one delivers to the segment now; it stops here")

    def _take(self) -> bool:
        if self._others():
            return False
        self._claim()
        if not self._others():
            return True
        self._withdraw(self._name)
        return False

    def _others(self) -> list[str]:
        """Claims of others that live; those of the dead are removed."""
        names = [name for name in list_names(self._folder) if name.endswith(".json") and name != self._name]
        return [name for name in names if not self._is_dead(name)]

    def _is_dead(self, name: str) -> bool:
        claim = read_json(self._folder / name)
        if claim is None:
            return True
        before, since = self._seen.get(name, (None, 0.0))
        if claim != before:
            self._seen[name] = claim, self._clock()
            dead = bool(self._holder) and claim["holder"] == self._holder
        else:
            dead = self._clock() - since > STALE_SECONDS
        if dead:
            self._withdraw(name)
        return dead

    def _holders(self) -> list[str]:
        claims = [read_json(self._folder / name) for name in self._others()]
        return [claim["holder"] or "a task without a name" for claim in claims if claim]

    def _claim(self) -> None:
        self._beats += 1
        write_json(self._folder / self._name, {"holder": self._holder, "beats": self._beats}, self._unique)

    def _withdraw(self, name: str) -> None:
        path = self._folder / name
        if path.exists():
            path.unlink()

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            if self._name not in list_names(self._folder):
                return
            self._claim()
