"""Collects what was measured, and writes it even when the run was ended early."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import columns, delivery, sets
from benchmarks.table import Cell, render

NOTES = """\
* script: pandas, hashlib, `json.dumps`, one `requests.post` after the other. ours: `SqlToTikTokSnapshotOperator` or
  `FileToTikTokSnapshotOperator`, then `TikTokUploadSegmentOperator(batch_rows=10_000, max_concurrency=8)`.
* Each line was measured in a process of its own. Imports are not in the seconds; "at start" is the peak of memory after
  them. CPU and memory are the client's, without PostgreSQL and the sink, which share the cores.
* "x script" compares with the script's full delivery, which is also what the script sends when little has changed.
* "right": at the sink, each person was counted once, and the sum over the e-mail digests is that of the people."""


@dataclass(slots=True)
class Report:
    """Results so far."""

    head: str
    latency_ms: float
    delivered: list[delivery.Delivered] = field(default_factory=list)
    hashing: list[list[Cell]] = field(default_factory=list)
    sets: list[list[Cell]] = field(default_factory=list)
    limits: list[list[Cell]] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether nothing wrong arrived at the sink."""
        return not any(one.problem for one in self.delivered)

    def write(self, output: Path | None) -> None:
        """Write everything to standard output, and to a file when one is given."""
        text = self.to_markdown()
        sys.stdout.write(text)
        sys.stdout.flush()
        if output:
            output.write_text(text)

    def to_markdown(self) -> str:
        """All tables that have rows."""
        tables = (
            (f"From the source to the segment, {self.latency_ms:g} ms latency", delivery.HEADS, self._delivery()),
            ("Hashing a column, compared row by row", columns.HASH_HEADS, self.hashing),
            ("What changed", sets.HEADS, self.sets),
            ("Limits of the machine", columns.LIMIT_HEADS, self.limits),
        )
        parts = [f"## {title}\n\n{render(heads, rows)}" for title, heads, rows in tables if rows]
        return "\n\n".join(["# Benchmark", self.head, *parts, "## Notes", NOTES]) + "\n"

    def _delivery(self) -> list[list[Cell]]:
        return delivery.table_rows(self.delivered)
