"""A batch of rows to records, with an account of every row and every cell."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason
from airflow_provider_tiktok.core.records import Bytes, Mask
from airflow_provider_tiktok.core.refusals import Refusals, refusals_of
from airflow_provider_tiktok.core.suppression import Suppressed
from airflow_provider_tiktok.core.vector import EMPTY, OK, REASONS, DigestColumn, digest_column

PHONE = IdentifierKind.PHONE_SHA256


@dataclass(slots=True)
class RowCounts:
    """Rows read, suppressed and refused, cells by outcome, and refused cells of rows kept for another identifier."""

    rows_read: int = 0
    suppressed: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    refused_identifiers: dict[IdentifierKind, Counter[Reason]] = field(default_factory=dict)
    identifiers: Counter[IdentifierKind] = field(default_factory=Counter)
    cells: dict[IdentifierKind, Counter[Reason]] = field(default_factory=dict)

    def add(self, other: "RowCounts") -> None:
        """Count what another batch has counted."""
        self.rows_read += other.rows_read
        self.suppressed += other.suppressed
        self.rejected += other.rejected
        self.identifiers += other.identifiers
        for mine, others in ((self.refused_identifiers, other.refused_identifiers), (self.cells, other.cells)):
            for kind, reasons in others.items():
                mine.setdefault(kind, Counter()).update(reasons)


def digest_batch(
    cells: Sequence[pa.Array],
    columns: Columns,
    counts: RowCounts,
    suppressed: Suppressed | None = None,
    refusals: list[Refusals] | None = None,
) -> tuple[Bytes, Bytes]:
    """Digest a batch, whose columns are in the order of ``columns.read``.

    Return the records of the rows that have at least one identifier and none that is ``suppressed``, and the second
    digests of their phones where both are asked for; count all other rows. The batch's refused cells are added to
    ``refusals`` where these are asked for.
    """
    regions = [columns.default_region]
    if columns.region_column:
        given = [(region or "").strip().upper() for region in cells[len(columns.names)].to_pylist()]
        regions = [region or columns.default_region for region in given]
    found = [
        digest_column(column, kind, hashing, regions, columns.rules)
        for column, kind, hashing in zip(cells, columns.kinds, columns.hashing, strict=False)
    ]
    identifiers = [*zip(columns.kinds, found, strict=True), *_second_phones(cells, columns, regions, found)]
    left_out = _left_out(identifiers, suppressed)
    present = np.logical_or.reduce([column.present for column in found])
    _count(found, present, left_out, columns, counts)
    if refusals is not None:
        refusals.append(refusals_of(found, present, left_out, cells[-1] if columns.key_column else None))
    kept = present & ~left_out
    records = columns.layout.pack([c.digests[kept] for c in found], [c.present[kept] for c in found])
    aliases = [column.digests[column.present & kept] for _, column in identifiers[len(found) :]]
    return records, np.concatenate([np.zeros((0, PHONE.digest_size), np.uint8), *aliases])


def _second_phones(
    cells: Sequence[pa.Array], columns: Columns, regions: Sequence[str | None], found: Sequence[DigestColumn]
) -> list[tuple[IdentifierKind, DigestColumn]]:
    """Digests of the numbers without plus; a value that was a digest already has no second one."""
    if columns.rules.phone_format != "both" or PHONE not in columns.kinds:
        return []
    place = columns.kinds.index(PHONE)
    rules = replace(columns.rules, phone_format="digits")
    second = digest_column(cells[place], PHONE, columns.hashing[place], regions, rules)
    second.outcomes[(second.digests == found[place].digests).all(axis=1)] = EMPTY
    return [(PHONE, second)]


def _left_out(identifiers: Sequence[tuple[IdentifierKind, DigestColumn]], suppressed: Suppressed | None) -> Mask:
    """Which rows have an identifier that is suppressed."""
    found = np.zeros(len(identifiers[0][1].outcomes), bool)
    if suppressed is not None:
        for kind, column in identifiers:
            found |= column.present & suppressed.holds(kind, column.digests)
    return found


def _count(found: Sequence[DigestColumn], present: Mask, left_out: Mask, columns: Columns, counts: RowCounts) -> None:
    counts.rows_read += len(present)
    counts.suppressed += int(left_out.sum())
    kept, first = present & ~left_out, np.full(len(present), EMPTY, np.uint8)
    for kind, column in zip(reversed(columns.kinds), reversed(found), strict=True):
        first = np.where(column.outcomes == EMPTY, first, column.outcomes)
        counts.identifiers[kind] += int(column.present.sum())
        counts.cells.setdefault(kind, Counter()).update(_reasons(column.outcomes))
        refused = _reasons(column.outcomes[kept])
        del refused[Reason.EMPTY]
        if refused:
            counts.refused_identifiers.setdefault(kind, Counter()).update(refused)
    counts.rejected.update(_reasons(first[~present]))


def _reasons(outcomes: Bytes) -> Counter[Reason]:
    tally = np.bincount(outcomes, minlength=OK + 1)
    return Counter({reason: int(tally[number]) for number, reason in enumerate(REASONS) if tally[number]})
