"""How far a delivery has come, kept while it sends: a retry goes on at the first batch that was not acknowledged.

The batches of a plan are numbered, and the same plan always makes the same batches: a delivery that was begun changes
neither what is to be added nor what is to be removed for the snapshot it belongs to.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from airflow_provider_tiktok.snapshots.files import StoragePath, read_json, write_json


@dataclass(slots=True, kw_only=True)
class Acknowledged:
    """Batches that TikTok acknowledged, and what it refused, over all attempts at one plan.

    ``refused`` holds digests as hex by identifier kind; it is state like the snapshot itself, and goes into no log.
    """

    plan: str
    before: int = 0
    beyond: list[int] = field(default_factory=list)
    rows: int = 0
    batches: int = 0
    requests: int = 0
    request_ids: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)
    refused_rows: dict[str, int] = field(default_factory=dict)

    def __contains__(self, number: int) -> bool:
        return number < self.before or number in self.beyond

    def count(self, number: int, rows: int, requests: int, request_id: str | None) -> None:
        """Add one batch."""
        self.beyond.append(number)
        while self.before in self.beyond:
            self.beyond.remove(self.before)
            self.before += 1
        self.rows += rows
        self.batches += 1
        self.requests += requests
        if request_id:
            self.request_ids = [*self.request_ids[:1], request_id]

    def refuse(self, part: str, digests: dict[str, list[str]]) -> None:
        """Add one row that TikTok refused, of the members, the aliases or the removes."""
        self.refused_rows[part] = self.refused_rows.get(part, 0) + 1
        for kind, values in digests.items():
            self.refused.setdefault(kind, []).extend(values)


class AcknowledgedFile:
    """Keeps the progress of the delivery to a segment; there is one at a time, see :class:`SegmentLock`."""

    def __init__(self, folder: StoragePath, unique: str) -> None:
        self._path, self._unique = folder / "progress.json", unique

    def load(self, plan: str) -> Acknowledged:
        """Progress of a plan; none when the last delivery had another one."""
        values: dict[str, Any] | None = read_json(self._path)
        return Acknowledged(**values) if values and values["plan"] == plan else Acknowledged(plan=plan)

    def save(self, acknowledged: Acknowledged) -> None:
        """Replace what is kept."""
        write_json(self._path, asdict(acknowledged), self._unique)
