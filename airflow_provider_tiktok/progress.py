"""Progress of long work in the log: rows, rate, and the expected end where the total is known."""

import logging
from collections.abc import Callable

EVERY_SECONDS = 10.0


class Progress:
    """Logs what was done, at most once in ten seconds and once at the end."""

    def __init__(self, logger: logging.Logger, verb: str, clock: Callable[[], float], total: int | None = None) -> None:
        self._logger, self._verb, self._clock, self._total = logger, verb, clock, total
        self._done, self._started = 0, clock()
        self._logged = self._started

    def advance(self, rows: int) -> None:
        """Count rows that are done."""
        self._done += rows
        if self._clock() - self._logged >= EVERY_SECONDS:
            self.report()

    def report(self) -> None:
        """Log now."""
        self._logged = self._clock()
        rate = self._done / max(self._logged - self._started, 1e-9)
        if self._total is None:
            self._logger.info("%s %d rows, %.0f rows/s", self._verb, self._done, rate)
            return
        left = (self._total - self._done) / rate if rate else 0.0
        self._logger.info(
            "%s %d of %d rows, %.0f rows/s, %.0f s to go", self._verb, self._done, self._total, rate, left
        )
