"""Which columns of a query hold which kind of identifier: the order of the columns is decided here, once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import phonenumbers

from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind
from airflow_provider_tiktok.core.normalise import DEFAULT_RULES
from airflow_provider_tiktok.core.records import Layout
from airflow_provider_tiktok.core.rules import Rules


class ColumnError(ValueError):
    """The columns of a query do not fit what was declared; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns with their kinds, and how their cells are read.

    ``region_column`` names the column of countries, ``key_column`` that of the keys by which refused rows are named.
    """

    names: tuple[str, ...]
    kinds: tuple[IdentifierKind, ...]
    hashing: tuple[Hashing, ...]
    default_region: str | None = None
    region_column: str | None = None
    key_column: str | None = None
    rules: Rules = DEFAULT_RULES

    @classmethod
    def parse(
        cls,
        columns: Mapping[str, str],
        hashing: str | Mapping[str, str] = "auto",
        default_region: str | None = None,
        region_column: str | None = None,
        rules: Mapping[str, str] | None = None,
        *,
        key_column: str | None = None,
    ) -> "Columns":
        """Check a ``{query column: kind}`` mapping; raise :class:`ColumnError` with what to write instead."""
        _check_kinds(columns)
        modes = hashing if isinstance(hashing, Mapping) else dict.fromkeys(columns, hashing)
        stray = sorted(set(modes) - set(columns))
        if stray:
            raise ColumnError(f"hashing names {', '.join(map(repr, stray))}, which is not among the columns")
        wrong = sorted({mode for mode in modes.values() if mode not in set(Hashing)})
        if wrong:
            raise ColumnError(f"hashing is {', '.join(map(repr, wrong))}; use one of {', '.join(Hashing)}")
        if default_region is not None and default_region not in phonenumbers.SUPPORTED_REGIONS:
            raise ColumnError(
                f"default_region is {default_region!r}; use an ISO 3166-1 code in upper case, such as 'US' or 'GB'"
            )
        if key_column is not None and key_column.lower() in map(str.lower, columns):
            raise ColumnError(
                f"the key column is {key_column!r}, which holds identifiers, and these go into no file; name a column "
                "with a key of your own, such as a customer number"
            )
        return cls(
            names=tuple(columns),
            kinds=tuple(IdentifierKind(kind) for kind in columns.values()),
            hashing=tuple(Hashing(modes.get(name, Hashing.AUTO)) for name in columns),
            default_region=default_region,
            region_column=region_column,
            key_column=key_column,
            rules=Rules.parse(rules),
        )

    @property
    def layout(self) -> Layout:
        """Where each kind's digest stands in a record."""
        return Layout(self.kinds)

    @property
    def read(self) -> tuple[str, ...]:
        """Names of all columns that are read: those of identifiers, then those of regions and keys if there are any."""
        return (*self.names, *(name for name in (self.region_column, self.key_column) if name))

    def positions(self, available: Sequence[str]) -> tuple[int, ...]:
        """Where the columns that are read stand in a query's result.

        Names are compared exactly, and ignoring case where no column has exactly that name.
        """
        missing = [name for name in self.read if not _matches(name, available)]
        if missing:
            raise ColumnError(
                f"there is no column {', '.join(map(repr, missing))} in the source; it has "
                f"{', '.join(map(repr, available))}. Mend the source or the operator's columns"
            )
        unclear = [name for name in self.read if len(_matches(name, available)) > 1]
        if unclear:
            raise ColumnError(_more_than_once(unclear))
        return tuple(_matches(name, available)[0] for name in self.read)

    def some_positions(self, available: Sequence[str]) -> tuple[int | None, ...]:
        """As :meth:`positions`, but one column of identifiers is enough; ``None`` stands for those that are missing."""
        there = [name for name in self.read if _matches(name, available)]
        if not set(there) & set(self.names):
            raise ColumnError(
                f"there is none of the columns {', '.join(map(repr, self.names))} in the source; it has "
                f"{', '.join(map(repr, available))}. Give at least one of them the same name"
            )
        unclear = [name for name in there if len(_matches(name, available)) > 1]
        if unclear:
            raise ColumnError(_more_than_once(unclear))
        return tuple(next(iter(_matches(name, available)), None) for name in self.read)


def _check_kinds(columns: Mapping[str, str]) -> None:
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


def _matches(name: str, available: Sequence[str]) -> list[int]:
    exact = [position for position, other in enumerate(available) if other == name]
    return exact or [position for position, other in enumerate(available) if other.lower() == name.lower()]


def _more_than_once(names: Sequence[str]) -> str:
    return f"the source has {', '.join(map(repr, names))} more than once; give each column a name of its own"


def _known() -> str:
    return f"Known kinds: {', '.join(IdentifierKind)}"
