"""What the emulator remembers of each request: never a token, a secret, a query string or a digest."""

import re
from collections import Counter, deque
from dataclasses import asdict, dataclass

KEPT = 5_000
_LONG_WORD = re.compile(r"[A-Za-z0-9_\-]{28,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request and its answer. `status` 0 = the connection was dropped, no answer was sent."""

    time: float
    method: str
    path: str
    status: int
    code: int | None
    request_id: str
    rows: int
    ms: float
    fault: str | None = None

    def line(self) -> str:
        """The request as one line of the server's log."""
        outcome = f"{self.status} code={self.code}" if self.status else "dropped"
        return f"{self.method} {self.path} {outcome} rows={self.rows} {self.ms} ms {self.fault or ''}".rstrip()


def loggable(path: str) -> str:
    """A path as it may be logged: cut to 120 characters, and without anything long enough to be a secret."""
    return _LONG_WORD.sub("(removed)", path[:120])


def ends_with(path: str, suffix: str) -> bool:
    """Whether `path` ends with `suffix`, trailing slashes aside; the empty suffix fits every path."""
    return path.rstrip("/").endswith(suffix.rstrip("/"))


class Traffic:
    """The last 5,000 requests, and how many there were of each path."""

    def __init__(self) -> None:
        self._records: deque[Record] = deque(maxlen=KEPT)
        self._counts: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Remember one request."""
        self._records.append(record)
        self._counts[record.path] += 1

    def records(self, path: str | None = None, limit: int = KEPT) -> list[dict[str, object]]:
        """The newest `limit` records whose path ends with `path`, oldest first."""
        chosen = [asdict(record) for record in self._records if path is None or ends_with(record.path, path)]
        return chosen[-limit:]

    def count(self, path: str = "") -> int:
        """How many requests had a path that ends with `path`, since the last reset."""
        return sum(n for seen, n in self._counts.items() if ends_with(seen, path))
