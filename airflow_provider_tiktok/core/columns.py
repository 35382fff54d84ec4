"""Columns of a query -> identifiers of members: the order of the columns is decided here, once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason

Identifiers = tuple[bytes | None, ...]
"""The digests of one member, one place for each kind of its :class:`Columns`, ``None`` where there is none."""


class ColumnError(ValueError):
    """The columns of a query do not fit what was declared; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a query hold which kind of identifier, in the one order that everything else follows."""

    names: tuple[str, ...]
    kinds: tuple[IdentifierKind, ...]
    hashing: Hashing = Hashing.AUTO
    default_region: str | None = None

    @classmethod
    def parse(cls, columns: Mapping[str, str], hashing: str = "auto", default_region: str | None = None) -> "Columns":
        """Check a ``{query column: kind}`` mapping; raise :class:`ColumnError` with what to write instead."""
        if not columns:
            raise ColumnError(f"columns is empty; name at least one, as {{'email': 'EMAIL_SHA256'}}. {_known()}")
        unknown = sorted({kind for kind in columns.values() if kind not in set(IdentifierKind)})
        if unknown:
            raise ColumnError(f"columns: unknown identifier kind {', '.join(map(repr, unknown))}. {_known()}")
        twice = sorted(kind for kind, count in Counter(columns.values()).items() if count > 1)
        if twice:
            raise ColumnError(
                f"columns: {', '.join(twice)} is given for several columns, but a member has at most one "
                "identifier of a kind; pick one with COALESCE, or return one row for each value"
            )
        if hashing not in set(Hashing):
            raise ColumnError(f"hashing is {hashing!r}; use one of {', '.join(Hashing)}")
        return cls(
            names=tuple(columns),
            kinds=tuple(IdentifierKind(kind) for kind in columns.values()),
            hashing=Hashing(hashing),
            default_region=default_region,
        )

    def positions(self, available: Sequence[str]) -> tuple[int, ...]:
        """Where the columns stand in a query's result; names are compared exactly, then ignoring case."""
        exact = {name: position for position, name in enumerate(available)}
        folded = {name.lower(): position for position, name in enumerate(available)}
        missing = [name for name in self.names if name not in exact and name.lower() not in folded]
        if missing:
            raise ColumnError(
                f"the query returns no column {', '.join(map(repr, missing))}; it returns "
                f"{', '.join(map(repr, available))}. Mend the query or the operator's columns"
            )
        return tuple(exact.get(name, folded.get(name.lower(), -1)) for name in self.names)


@dataclass(slots=True)
class RowCounts:
    """Rows read and refused, and refused identifiers of rows that were kept for another identifier."""

    rows_read: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    refused_identifiers: dict[IdentifierKind, Counter[Reason]] = field(default_factory=dict)


def digest_rows(rows: Iterable[Sequence[object]], columns: Columns, counts: RowCounts) -> list[Identifiers]:
    """Digest rows whose cells are in the order of ``columns``.

    Return the identifiers of the rows that have at least one, and count the others by reason.
    """
    kept = []
    for row in rows:
        counts.rows_read += 1
        outcome = [
            digest_cell(kind, _text(cell, name), columns.hashing, columns.default_region)
            for name, kind, cell in zip(columns.names, columns.kinds, row, strict=True)
        ]
        identifiers = tuple(cell if isinstance(cell, bytes) else None for cell in outcome)
        refused = {
            kind: reason
            for kind, reason in zip(columns.kinds, outcome, strict=True)
            if isinstance(reason, Reason) and reason is not Reason.EMPTY
        }
        if not any(identifiers):
            counts.rejected[next(iter(refused.values()), Reason.EMPTY)] += 1
            continue
        for kind, reason in refused.items():
            counts.refused_identifiers.setdefault(kind, Counter())[reason] += 1
        kept.append(identifiers)
    return kept


def _text(value: object, column: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and value != value:  # noqa: PLR0124  NaN is how pandas says NULL
        return None
    raise ColumnError(
        f"column {column!r} holds a value of type {type(value).__name__}, not text; cast it in the query, "
        f"as CAST({column} AS VARCHAR)"
    )


def _known() -> str:
    return f"Known kinds: {', '.join(IdentifierKind)}"
