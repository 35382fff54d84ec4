"""The request budget of an app: as many calls a second as TikTok allows, and no 40100 for a burst of its own making."""

import threading
import time
from collections.abc import Callable
from functools import cache

CALLS_PER_SECOND = 8.0
"""TikTok allows an app 10 calls a second at its lowest level. Source: portal document 1740029171730433."""

BURST = 2
"""Calls at once. With it no second holds more than ``CALLS_PER_SECOND + BURST``."""


class TokenBucket:
    """Lets callers through at a rate, each one once; shared by threads."""

    def __init__(
        self,
        per_second: float = CALLS_PER_SECOND,
        burst: int = BURST,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate, self._burst, self._clock, self._sleep = per_second, burst, clock, sleep
        self._tokens, self._at, self._lock = float(burst), clock(), threading.Lock()

    def take(self) -> None:
        """Wait for this caller's turn."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
            self._at = now
            wait = -self._tokens / self._rate
        if wait > 0:
            self._sleep(wait)


@cache
def app_budget(app_id: str) -> TokenBucket:
    """The bucket of an app in this process. Processes do not know of each other: a pool keeps tasks few."""
    del app_id
    return TokenBucket()
