"""Progress and results of long work in the log: rows, rate, the expected end where the total is known, tables."""

import logging
from collections.abc import Callable, Iterable

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
        done, speed = f"{self._done:,}", f"{rate:,.0f} rows/s"
        if self._total is None or self._done >= self._total:
            self._logger.info("%s %s rows, %s", self._verb, done, speed)
            return
        left = (self._total - self._done) / rate if rate else 0.0
        self._logger.info("%s %s of %s rows, %s, %s to go", self._verb, done, f"{self._total:,}", speed, duration(left))


def duration(seconds: float) -> str:
    """Time in the unit that a person would use: ``"40 s"``, ``"12 min"``, ``"3 h 5 min"``."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def log_table(logger: logging.Logger, lines: Iterable[tuple[str, object]]) -> None:
    """Log labels with their values, one a line."""
    for label, value in lines:
        text = f"{value:,}" if isinstance(value, int) else str(value)
        logger.info("%s", f"{label:<60} {text:>12}".rstrip())
