"""A row of which any identifier is suppressed is left out as a whole, and accounted for."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind
from airflow_provider_tiktok.core.suppression import Suppressed
from tests.kit import digests, sha256, unpack

EMAIL, PHONE = IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256
CONTACT = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
BOTH = Columns.parse(CONTACT, default_region="US", rules={"phone_format": "both"})
PLUS = Columns.parse(CONTACT, default_region="US")

Row = tuple[str | None, str | None]
Identifier = tuple[IdentifierKind, str]

NUMBERS = ["+12125550123", "+12125550124"]
EMAILS = st.sampled_from([None, "a@example.com", " B@example.com", "bad", "n/a", sha256("a@example.com")])
PHONES = st.sampled_from([None, *NUMBERS, "(212) 555-0123", "555", sha256(NUMBERS[0]), sha256(NUMBERS[0][1:])])
ROWS = st.lists(st.tuples(EMAILS, PHONES), max_size=15)
KNOWN = st.sets(
    st.sampled_from(
        [
            *((EMAIL, sha256(each)) for each in ("a@example.com", "b@example.com", "elsewhere@example.com")),
            *((PHONE, sha256(each)) for number in NUMBERS for each in (number, number[1:])),
        ]
    )
)


def suppressing(identifiers: Iterable[Identifier]) -> Suppressed:
    blocks = {}
    for kind in (EMAIL, PHONE):
        some = b"".join(bytes.fromhex(each) for given_kind, each in identifiers if given_kind == kind)
        blocks[kind] = [np.frombuffer(some, np.uint8).reshape(-1, 32)]
    return Suppressed(blocks)


def run(rows: list[Row], columns: Columns, known: Iterable[Identifier]) -> tuple[list[set[Identifier]], RowCounts]:
    """Identifiers of the rows that are kept, then aliases, one set each."""
    counts = RowCounts()
    records, aliases = digest_batch(from_rows(rows, columns), columns, counts, suppressing(known))
    members = unpack(columns.layout, records)
    kept = [{(k, c.hex()) for k, c in zip(columns.kinds, row, strict=True) if c} for row in members]
    return kept + [{(PHONE, alias.tobytes().hex())} for alias in aliases], counts


def identifiers(row: Row, columns: Columns) -> set[Identifier]:
    """By the scalar function: all that a row would bring into a segment."""
    found = set()
    for kind, cell in zip((EMAIL, PHONE), row, strict=True):
        outcome = digest_cell(kind, cell, Hashing.AUTO, "US")
        if isinstance(outcome, bytes):
            found.add((kind, outcome.hex()))
            plain = [number for number in NUMBERS if sha256(number) == outcome.hex() and len(cell or "") < 64]
            found |= {(PHONE, sha256(number[1:])) for number in plain if columns.rules.phone_format == "both"}
    return found


@pytest.mark.parametrize("columns", [PLUS, BOTH], ids=["one format", "both formats"])
@given(rows=ROWS, known=KNOWN)
def test_rows_with_a_suppressed_identifier_are_left_out(
    columns: Columns, rows: list[Row], known: set[Identifier]
) -> None:
    """What is kept is what the other rows give alone, nothing of it is suppressed, and the account adds up."""
    kept, counts = run(rows, columns, known)
    others = [row for row in rows if not identifiers(row, columns) & known]
    without, expected = run(others, columns, [])
    assert kept == without
    assert not set().union(*kept) & known
    assert counts.suppressed == len(rows) - len(others)
    assert counts.rows_read == len(rows)
    assert counts.rejected == expected.rejected
    assert counts.refused_identifiers == expected.refused_identifiers


def test_any_identifier_suppresses_the_row() -> None:
    """Somebody who opted out by phone does not stay by the e-mail address beside it."""
    kept, counts = run([("a@example.com", NUMBERS[0]), ("b@example.com", None)], PLUS, [(PHONE, sha256(NUMBERS[0]))])
    assert kept == [{(EMAIL, sha256("b@example.com"))}]
    assert (counts.rows_read, counts.suppressed) == (2, 1)


def test_a_suppressed_row_that_repeats_counts_each_time() -> None:
    """It is no duplicate, since it is no member."""
    _, counts = run([("a@example.com", "555")] * 3, PLUS, [(EMAIL, sha256("a@example.com"))])
    assert (counts.suppressed, counts.rejected, counts.refused_identifiers) == (3, Counter(), {})


@pytest.mark.parametrize("number", [NUMBERS[0], NUMBERS[0][1:]], ids=["with a plus", "without"])
def test_both_formats_of_a_suppressed_phone_are_left_out(number: str) -> None:
    """Whichever of its digests is known, neither of them is written."""
    [known] = digests([number])
    assert run([("a@example.com", "212 555 0123")], BOTH, [(PHONE, known)])[0] == []


def test_a_row_without_a_usable_identifier_is_rejected_not_suppressed() -> None:
    """An absent digest is no digest of zeros."""
    _, counts = run([(None, None), ("bad", None)], PLUS, [(EMAIL, "00" * 32), (PHONE, "00" * 32)])
    assert (counts.suppressed, sum(counts.rejected.values())) == (0, 2)


@given(ROWS, KNOWN, st.integers(1, 5))
def test_suppressed_rows_add_up_over_batches(rows: list[Row], known: set[Identifier], size: int) -> None:
    """The counts of batches make the count of all."""
    counts = RowCounts()
    for start in range(0, max(1, len(rows)), size):
        counts.add(run(rows[start : start + size], BOTH, known)[1])
    assert counts == run(rows, BOTH, known)[1]
