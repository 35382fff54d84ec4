"""One delivery at a time to a segment, on whatever storage holds the snapshots.

A claim is a file. Who writes a claim and then sees no other has the segment; who sees another withdraws and waits. Two
cannot both have it on storage that lists a file once it is written, as local disks, S3, GCS and Azure do: of two claims
one was written later, and its writer lists after that. No lock service and no conditional write is needed.

A holder beats: it writes its claim anew every few seconds. A claim that does not change for a while, as seen by the
clock of the one who waits, is that of a killed worker and is removed. So is, at once, the claim of an earlier try of
the same task, since Airflow runs one try at a time. A holder that could not beat for that while gives up by itself,
and never writes its claim again: by its own clock the while ends before it does for anybody who waits.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from airflow_provider_tiktok.errors import BusyError
from airflow_provider_tiktok.snapshots.files import StoragePath, list_names, read_json, write_json

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
STALE_SECONDS = 60.0
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 2.0
LOOK_SECONDS = 5.0
"""How often a holder looks whether it still has the segment."""

NAMELESS = {"holder": ""}
"""What is read of a claim that makes no sense."""


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
        beat_seconds: float = BEAT_SECONDS,
    ) -> None:
        self._folder, self._holder, self._unique = folder / "claims", holder, unique
        self._name = f"{unique}.json"
        self._sleep, self._clock, self._jitter, self._beat_seconds = sleep, clock, jitter, beat_seconds
        self._seen: dict[str, tuple[dict[str, Any], float]] = {}
        self._beats, self._renewed, self._looked = 0, 0.0, 0.0
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="tiktok-lock", daemon=True)

    def __enter__(self) -> "SegmentLock":
        started, told = self._clock(), False
        while not self._take():
            if not told:
                logger.info("Waiting for the segment; another task works on it: %s", self._holders())
                told = True
            if self._clock() - started > PATIENCE_SECONDS:
                raise BusyError(
                    f"another task still works on this segment: {self._holders()}. Nothing was changed. "
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

    def check(self, every: float = 0.0) -> None:
        """Raise when another task may have the segment, as when this one was stopped for long.

        Looks into the storage unless that was done within ``every`` seconds.
        """
        now = self._clock()
        if self._has_lapsed(now):
            raise BusyError(
                f"this task could not renew its claim on the segment for {STALE_SECONDS:.0f} seconds, so another one "
                "may deliver to it now; it stops here. Its next try goes on where it stopped"
            )
        if now - self._looked < every:
            return
        if self._name not in list_names(self._folder):
            raise BusyError("another task has taken the segment from this one, which stops here")
        self._looked = now

    def _take(self) -> bool:
        if self._others():
            return False
        taken = False
        try:
            self._claim(self._clock())
            taken = not self._others()
        finally:
            if not taken:
                self._withdraw(self._name)
        return taken

    def _others(self) -> list[str]:
        """Claims of others that live; those of the dead are removed. A name with a dot in front is but a draft."""
        names = [name for name in list_names(self._folder) if name.endswith(".json") and not name.startswith(".")]
        return [name for name in names if name != self._name and not self._is_dead(name)]

    def _is_dead(self, name: str) -> bool:
        claim = self._read(name)
        if claim is None:
            return True
        before, since = self._seen.get(name, ({}, 0.0))
        if claim != before:
            self._seen[name] = claim, self._clock()
            dead = bool(self._holder) and claim["holder"] == self._holder
        else:
            dead = self._clock() - since > STALE_SECONDS
        if dead:
            self._withdraw(name)
        return dead

    def _read(self, name: str) -> dict[str, Any] | None:
        """A claim; ``None`` when it is gone. One that changed while it was read counts as another one each time."""
        try:
            return read_json(self._folder / name)
        except FileNotFoundError:
            return None
        except OSError:
            seen, _ = self._seen.get(name, (NAMELESS, 0.0))
            return {**seen, "read": self._clock()}
        except ValueError:
            return NAMELESS

    def _holders(self) -> str:
        claims = [self._seen[name][0] for name in self._others()]
        return ", ".join(claim["holder"] or "a task without a name" for claim in claims) or "one after the other"

    def _claim(self, now: float) -> None:
        self._beats += 1
        write_json(self._folder / self._name, {"holder": self._holder, "beats": self._beats}, self._unique)
        self._renewed = now

    def _withdraw(self, name: str) -> None:
        with suppress(FileNotFoundError):
            (self._folder / name).unlink()

    def _has_lapsed(self, now: float) -> bool:
        return now - self._renewed > STALE_SECONDS

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds) and self._renew():
            pass

    def _renew(self) -> bool:
        """Write the claim anew; tells whether it is still this task's. Trouble with the storage may pass."""
        now = self._clock()  # before looking: who is stopped between the look and the write has lapsed afterwards
        if self._has_lapsed(now):
            return False
        try:
            if self._name not in list_names(self._folder):
                return False
            self._claim(now)
        except Exception as error:  # of whatever storage; without a beat the claim lapses
            logger.warning("The claim on the segment could not be renewed (%s); trying again", type(error).__name__)
        return True
