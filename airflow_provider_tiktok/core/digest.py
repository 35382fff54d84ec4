"""A batch of rows to records, with an account of every row and every cell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason
from airflow_provider_tiktok.core.records import Bytes, Mask
from airflow_provider_tiktok.core.vector import EMPTY, OK, REASONS, DigestColumn, digest_column

PHONE = IdentifierKind.PHONE_SHA256


@dataclass(slots=True)
class RowCounts:
    """Rows read and refused, cells by outcome, and refused cells of rows that were kept for another identifier."""

    rows_read: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    refused_identifiers: dict[IdentifierKind, Counter[Reason]] = field(default_factory=dict)
    identifiers: Counter[IdentifierKind] = field(default_factory=Counter)
    cells: dict[IdentifierKind, Counter[Reason]] = field(default_factory=dict)

    def add(self, other: "RowCounts") -> None:
        """Count what another batch has counted."""
        self.rows_read += other.rows_read
        self.rejected += other.rejected
        self.identifiers += other.identifiers
        for mine, others in ((self.refused_identifiers, other.refused_identifiers), (self.cells, other.cells)):
            for kind, reasons in others.items():
                mine.setdefault(kind, Counter()).update(reasons)


def digest_batch(cells: Sequence[pa.Array], columns: Columns, counts: RowCounts) -> tuple[Bytes, Bytes]:
    """Digest a batch, whose columns are in the order of ``columns.read``.

    Return the records of the rows that have at least one identifier, and the second digests of their phones where both
    are asked for; count all other rows by reason.
    """
    regions = [columns.default_region]
    if columns.region_column:
        given = [(region or "").strip().upper() for region in cells[-1].to_pylist()]
        regions = [region or columns.default_region for region in given]
    found = [
        digest_column(column, kind, hashing, regions, columns.rules)
        for column, kind, hashing in zip(cells, columns.kinds, columns.hashing, strict=False)
    ]
    kept = np.logical_or.reduce([column.present for column in found])
    _count(found, kept, columns, counts)
    records = columns.layout.pack([c.digests[kept] for c in found], [c.present[kept] for c in found])
    return records, _aliases(cells, columns, regions, found)


def _aliases(
    cells: Sequence[pa.Array], columns: Columns, regions: Sequence[str | None], found: Sequence[DigestColumn]
) -> Bytes:
    """Digests of the numbers without plus; a value that was a digest already has no second one."""
    if columns.rules.phone_format != "both" or PHONE not in columns.kinds:
        return np.zeros((0, PHONE.digest_size), np.uint8)
    place = columns.kinds.index(PHONE)
    rules = replace(columns.rules, phone_format="digits")
    second = digest_column(cells[place], PHONE, columns.hashing[place], regions, rules)
    differs = (second.digests != found[place].digests).any(axis=1)
    aliases: Bytes = second.digests[second.present & differs]
    return aliases


def _count(found: Sequence[DigestColumn], kept: Mask, columns: Columns, counts: RowCounts) -> None:
    counts.rows_read += len(kept)
    first = np.full(len(kept), EMPTY, np.uint8)
    for kind, column in zip(reversed(columns.kinds), reversed(found), strict=True):
        first = np.where(column.outcomes == EMPTY, first, column.outcomes)
        counts.identifiers[kind] += int(column.present.sum())
        counts.cells.setdefault(kind, Counter()).update(_reasons(column.outcomes))
        refused = _reasons(column.outcomes[kept])
        del refused[Reason.EMPTY]
        if refused:
            counts.refused_identifiers.setdefault(kind, Counter()).update(refused)
    counts.rejected.update(_reasons(first[~kept]))


def _reasons(outcomes: Bytes) -> Counter[Reason]:
    tally = np.bincount(outcomes, minlength=OK + 1)
    return Counter({reason: int(tally[number]) for number, reason in enumerate(REASONS) if tally[number]})
