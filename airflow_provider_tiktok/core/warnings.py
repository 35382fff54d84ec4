"""What a person should hear before anything is sent, because a column looks wrong."""

from collections import Counter

from airflow_provider_tiktok.core.digest import RowCounts
from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason

Repeats = Counter[IdentifierKind]
"""How many rows hold the most frequent digest of each kind."""

MANY_ROWS = 1000
"""Below this number of rows a share says little."""


def column_warnings(rows: RowCounts, repeats: Repeats) -> list[str]:
    """Sentences about columns that look wrong. They hold shares and counts, never values or digests."""
    found = []
    for kind, outcomes in rows.cells.items():
        filled = rows.identifiers[kind] + sum(outcomes.values()) - outcomes[Reason.EMPTY]
        hashes = outcomes[Reason.HASH_WHERE_RAW_DECLARED]
        national = outcomes[Reason.NATIONAL_PHONE_WITHOUT_REGION]
        if 2 * hashes > filled:
            found.append(f"{kind}: {_share(hashes, filled)} of a column declared raw are digests; use hashing='hashed'")
        if 2 * national > filled:
            found.append(
                f"{kind}: {_share(national, filled)} of the numbers have no country code and are refused; "
                "give default_region"
            )
        if outcomes[Reason.PLACEHOLDER] * 100 > filled:
            found.append(f"{kind}: {_share(outcomes[Reason.PLACEHOLDER], filled)} of the values are placeholders")
        if rows.rows_read >= MANY_ROWS and repeats[kind] * 100 > rows.rows_read:
            found.append(
                f"{kind}: one and the same value stands in {_share(repeats[kind], rows.rows_read)} of the rows; "
                "it is probably nobody's"
            )
    return found


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
