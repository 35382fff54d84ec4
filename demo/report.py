"""What the demo prints: counts, ids and places. Never a person, a digest or a token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.expected import KINDS, Expected

_PERSONAL = (
    (re.compile(r"[^\s'\"<>]+@[^\s'\"<>]+"), "<e-mail>"),
    (re.compile(r"\b[0-9a-fA-F]{32,}\b"), "<digest>"),
    (re.compile(r"\+[0-9][-0-9 ().]{6,}[0-9]"), "<phone>"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """One run of the demo: what was expected, what the tasks said, and what TikTok holds afterwards."""

    airflow_home: Path
    run_id: str
    snapshot: Mapping[str, Any]
    verify: Mapping[str, Any]
    upload: Mapping[str, Any]
    map: Mapping[str, Any]
    expected: Expected
    held: Mapping[str, set[str]]

    @property
    def receipt_uri(self) -> str:
        """Return where the full receipt is."""
        return str(self.upload["receipt_uri"])

    @property
    def differences(self) -> list[str]:
        """Say, without any value, how a count or TikTok's sets differ from what the raw rows call for."""
        return [
            *_count_differences("snapshot", self.expected.counts(), self.snapshot),
            *_count_differences("upload", {"members": self.expected.members}, self.upload),
            *_set_differences(self.expected.digests, self.held),
        ]


def tables(result: DemoResult) -> str:
    """Lay out everything a person wants to see after the run."""
    return "\n\n".join(
        (
            _rows_table(result.snapshot),
            _refused_table(result.snapshot),
            _sent_table(result),
            _held_table(result),
        )
    )


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Take out what a log tail must not show, should a foreign library have written it there."""
    for secret in secrets:
        text = text.replace(secret, "***")
    for pattern, name in _PERSONAL:
        text = pattern.sub(name, text)
    return text


def _rows_table(snapshot: Mapping[str, Any]) -> str:
    rejected = sum(snapshot["rejected"].values())
    names = {"rows_read": "read by the query", "members": "members", "duplicates": "duplicates"}
    lines = [(label, snapshot[name]) for name, label in names.items()]
    lines += [("on the suppression list", snapshot["suppressed"])] if snapshot["suppressed"] else []
    return _table(("customers", "rows"), [*lines, ("refused, no identifier usable", rejected)])


def _refused_table(snapshot: Mapping[str, Any]) -> str:
    refused = snapshot["refused_identifiers"]
    reasons = sorted({*snapshot["rejected"], *(reason for kind in refused.values() for reason in kind)})
    kinds = [refused.get(kind, {}) for kind in KINDS]
    rows = snapshot["rejected"]
    lines = [(reason, rows.get(reason, 0), *(kind.get(reason, 0) for kind in kinds)) for reason in reasons]
    return _table(("refused because", "rows", *(f"beside: {_short(kind)}" for kind in KINDS)), lines)


def _sent_table(result: DemoResult) -> str:
    upload = result.upload
    created = "created" if result.verify["created"] else "found"
    lines = [
        (f"segment, {created}", upload["segment_id"]),
        ("owned by advertiser", result.map["owner_advertiser_id"]),
        ("mapped to advertisers", ", ".join(result.map["mapped_advertiser_ids"]) or "none"),
        *((name, upload[name]) for name in ("added", "unchanged", "removed", "sent", "batches", "requests", "retries")),
        ("refused by TikTok", sum(upload["rejected"].values())),
    ]
    return _table(("delivery", ""), lines)


def _held_table(result: DemoResult) -> str:
    identifiers = result.snapshot["identifiers"]
    lines = []
    for kind in KINDS:
        expected, held = result.expected.digests[kind], result.held.get(kind, set())
        verdict = "equal" if expected == held else "DIFFERENT"
        lines.append((kind, len(expected), identifiers.get(kind, 0), len(held), verdict))
    return _table(("identifiers", "query calls for", "snapshot", "TikTok holds", "sets are"), lines)


def _count_differences(what: str, expected: Mapping[str, object], said: Mapping[str, Any]) -> list[str]:
    return [
        f"{what}: {name} is {said.get(name)}, the raw rows call for {value}"
        for name, value in expected.items()
        if said.get(name) != value
    ]


def _set_differences(expected: Mapping[str, set[str]], held: Mapping[str, set[str]]) -> list[str]:
    texts = []
    for kind in sorted({*expected, *held}):
        wanted, present = expected.get(kind, set()), held.get(kind, set())
        if wanted != present:
            missing, surplus = len(wanted - present), len(present - wanted)
            texts.append(f"TikTok: {kind}: {missing:,} identifiers are missing, {surplus:,} should not be there")
    return texts


def _table(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    cells = [list(head), *([_cell(value) for value in line] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    first, *others = (_line(row, widths) for row in cells)
    return "\n".join((first, "  " + "  ".join("-" * width for width in widths), *others))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    texts = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(["", row[0].ljust(widths[0]), *texts[1:]]).rstrip()


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _short(kind: str) -> str:
    return kind.removesuffix("_SHA256").lower()
