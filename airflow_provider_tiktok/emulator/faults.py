"""Trouble on demand: latency, API codes, HTTP errors, dropped connections, poison rows."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_provider_tiktok.emulator.errors import html_page
from airflow_provider_tiktok.emulator.traffic import ends_with

MESSAGES = {
    20001: "Partially successful.",
    40016: "Requests made too frequently. Please retry in some time.",
    40100: "Too many requests. Please retry in some time.",
    40105: "Access token is incorrect or has been revoked.",
    40133: "Advertiser's QPS reaches QPS limit for current path, request is temporarily restricted.",
    50000: "System error. Please retry.",
    51305: "Satellite service error. Please retry.",
}
TITLES = {400: "Bad Request", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}


class Kind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"
    CODE = "code"
    HTTP = "http"
    DROP = "drop"
    POISON = "poison"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One instruction: which requests (path suffix, after `skip` of them, `times` of them), and what happens.

    `applied` decides whether the change is made before the trouble: the client then cannot know the outcome.
    `times` None means for ever.
    """

    kind: Kind
    path: str = ""
    times: int | None = 1
    skip: int = 0
    applied: bool = False
    seconds: float = 0.0
    code: int = 50000
    message: str | None = None
    status: int = 502
    body: str | None = None
    hashes: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        numbers = (self.skip, self.seconds, self.code, self.status, 0 if self.times is None else self.times)
        if not all(isinstance(one, int | float) and one >= 0 for one in numbers):
            raise ValueError("times, skip, seconds, code and status must be numbers, not below 0")
        if not isinstance(self.path, str) or not 200 <= self.status <= 599:
            raise ValueError("path must be text, and status an HTTP status from 200 to 599")

    @property
    def spent(self) -> bool:
        """True when it has happened often enough."""
        return self.times is not None and self.times <= 0

    @property
    def label(self) -> str:
        """A short name for the request log."""
        value = {Kind.DELAY: f" {self.seconds} s", Kind.CODE: f" {self.code}", Kind.HTTP: f" {self.status}"}
        return f"{self.kind}{value.get(self.kind, '')}{' after apply' if self.applied else ''}"

    def fires(self) -> bool:
        """Count one matching request; True when this one is hit."""
        if self.spent:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def text(self) -> str:
        """The message of an API code, or the HTML of an HTTP error."""
        if self.kind is Kind.CODE:
            return self.message or MESSAGES.get(self.code, "Injected by the emulator.")
        return self.body or html_page(self.status, TITLES.get(self.status, "Error"))

    def describe(self) -> dict[str, object]:
        """The fault as JSON; poison hashes only as a number."""
        return {
            "kind": str(self.kind),
            "path": self.path,
            "times": self.times,
            "skip": self.skip,
            "applied": self.applied,
            "label": self.label,
            "hashes": len(self.hashes),
        }


@dataclass(slots=True)
class Trouble:
    """What one request is in for: some latency, and at most one failure."""

    seconds: float = 0.0
    failure: Fault | None = None
    labels: list[str] = field(default_factory=list)

    def meet(self, fault: Fault) -> None:
        """Add one fault that fires."""
        self.labels.append(fault.label)
        if fault.kind is Kind.DELAY:
            self.seconds += fault.seconds
        else:
            self.failure = fault


class Faults:
    """The instructions in force."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put one instruction in force."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Back to smooth running."""
        self._faults.clear()

    def describe(self) -> list[dict[str, object]]:
        """All instructions that are not spent."""
        return [fault.describe() for fault in self._faults if not fault.spent]

    def draw(self, path: str) -> Trouble:
        """Consume what is meant for this request: latencies add up, the first failure wins."""
        trouble = Trouble()
        for fault in self._faults:
            if fault.kind is Kind.POISON or not ends_with(path, fault.path):
                continue
            if fault.kind is not Kind.DELAY and trouble.failure is not None:
                continue
            if fault.fires():
                trouble.meet(fault)
        return trouble

    def poisons(self) -> bool:
        """Whether any poison is in force; most requests need no further look."""
        return any(fault.kind is Kind.POISON and not fault.spent for fault in self._faults)

    def poisoned(self, hashes: Collection[str]) -> bool:
        """Whether a batch with these hashes must be refused."""
        return any(
            fault.kind is Kind.POISON and not fault.hashes.isdisjoint(hashes) and fault.fires()
            for fault in self._faults
        )
