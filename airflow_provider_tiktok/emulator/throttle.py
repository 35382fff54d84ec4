"""TikTok's request limits per developer app (portal doc 1740029171730433)."""

from collections import deque

from airflow_provider_tiktok.emulator.errors import ApiError
from airflow_provider_tiktok.emulator.settings import Settings

TOO_MANY = "Too many requests. Please retry in some time."
PENALTY_SECONDS = 300.0


class Throttle:
    """Sliding windows of a second and a minute; the Streaming API (/segment/) has its own bucket."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {"general": deque(), "streaming": deque()}
        self._minute: deque[float] = deque()
        self._punished_until = 0.0

    def admit(self, path: str, now: float, settings: Settings) -> None:
        """Count one request, or refuse it with 40100. (K)"""
        if "/segment/" in path:
            _count(self._recent["streaming"], now, 1.0, settings.streaming_qps)
            return
        if now < self._punished_until:
            raise ApiError(40100, TOO_MANY)
        _count(self._recent["general"], now, 1.0, settings.qps)
        try:
            _count(self._minute, now, 60.0, settings.qpm)
        except ApiError:
            self._punished_until = now + PENALTY_SECONDS
            raise


def _count(window: deque[float], now: float, seconds: float, limit: int) -> None:
    if not limit:
        return
    while window and window[0] <= now - seconds:
        window.popleft()
    if len(window) >= limit:
        raise ApiError(40100, TOO_MANY)
    window.append(now)
