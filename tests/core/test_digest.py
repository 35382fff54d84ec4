"""Every row read is kept or rejected, and a kept row holds what the scalar function makes of its cells."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from tests.kit import digests, sha256, unpack

PERSON = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"}
JANE_SHA256 = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"
PHONE_SHA256 = "a644642cf5b18c850cda6a57683ab0287c3f28ef939ee5f90f7be5312606f637"
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"

CELLS = st.sampled_from(
    [
        *(None, float("nan"), "", " \u00a0", "null", "None", "wrong", "jane@example.com", "joe@example.com"),
        *("+12125550123", "212 555 0123", "555", DEVICE, DEVICE.upper(), "0" * 64, JANE_SHA256, JANE_SHA256[:32]),
    ]
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=20)

Members = list[tuple[bytes | None, ...]]


def add(rows: Sequence[Sequence[object]], columns: Columns, counts: RowCounts) -> Members:
    records, _ = digest_batch(from_rows(rows, columns), columns, counts)
    return unpack(columns.layout, records)


def digest(rows: Sequence[Sequence[object]], columns: Columns) -> tuple[Members, RowCounts]:
    counts = RowCounts()
    return add(rows, columns, counts), counts


def aliases(rows: Sequence[Sequence[object]], columns: Columns) -> list[str]:
    _, found = digest_batch(from_rows(rows, columns), columns, RowCounts())
    return [row.tobytes().hex() for row in found]


def single(kind: IdentifierKind, cell: object) -> bytes | Reason:
    """The scalar function, which is the oracle."""
    return digest_cell(kind, cell if isinstance(cell, str) else None, Hashing.AUTO, None)


def test_a_row_with_only_a_phone_keeps_it_in_its_column() -> None:
    """An absent e-mail address does not move the phone into its place."""
    kept, counts = digest([(None, "+1231234567", "")], Columns.parse(PERSON))
    assert kept == [(None, bytes.fromhex(PHONE_SHA256), None)]
    assert counts.rejected == Counter()
    assert counts.refused_identifiers == {}


def test_a_refused_cell_beside_a_good_one_is_counted_as_an_identifier() -> None:
    """The row is a member for its good cell, and what was refused is counted by kind and reason."""
    kept, counts = digest(
        [("janedoe@gmail.com", "555", None), ("janedoe@gmail.com", "n/a", "?")], Columns.parse(PERSON)
    )
    assert kept == [(bytes.fromhex(JANE_SHA256), None, None)] * 2
    assert counts.rejected == Counter()
    assert counts.refused_identifiers == {
        IdentifierKind.PHONE_SHA256: Counter({Reason.INVALID_PHONE: 1, Reason.PLACEHOLDER: 1}),
        IdentifierKind.IDFA_SHA256: Counter({Reason.INVALID_DEVICE_ID: 1}),
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param((None, "", " "), Reason.EMPTY, id="nothing"),
        pytest.param((None, "n/a", "?"), Reason.PLACEHOLDER, id="the first cell that is not empty"),
        pytest.param(("jane@", "+1", "?"), Reason.INVALID_EMAIL, id="the first cell"),
    ],
)
def test_a_row_without_a_usable_cell_is_rejected_once(row: tuple[str | None, ...], reason: Reason) -> None:
    """Its reason is that of its first cell that is not empty, and it counts in no other place."""
    kept, counts = digest([row], Columns.parse(PERSON))
    assert kept == []
    assert counts.rejected == Counter({reason: 1})
    assert counts.refused_identifiers == {}


@given(ROWS)
def test_every_row_read_is_kept_or_rejected(rows: list[tuple[object, ...]]) -> None:
    """No row is lost and none is counted twice, and a kept row has at least one digest."""
    kept, counts = digest(rows, Columns.parse(PERSON))
    assert counts.rows_read == len(rows) == len(kept) + sum(counts.rejected.values())
    assert all(any(cell is not None for cell in identifiers) for identifiers in kept)


@given(ROWS)
def test_rows_are_digested_like_their_cells(rows: list[tuple[object, ...]]) -> None:
    """Each cell of a kept row is what the scalar function makes of it, in its own column."""
    columns = Columns.parse(PERSON)
    single_cells = [[single(kind, cell) for kind, cell in zip(columns.kinds, row, strict=True)] for row in rows]
    expected = [tuple(cell if isinstance(cell, bytes) else None for cell in row) for row in single_cells]
    kept, counts = digest(rows, columns)
    assert kept == [row for row in expected if any(row)]
    refused = Counter(
        (kind, cell)
        for row, identifiers in zip(single_cells, expected, strict=True)
        for kind, cell in zip(columns.kinds, row, strict=True)
        if any(identifiers) and isinstance(cell, Reason) and cell is not Reason.EMPTY
    )
    counted = {
        (kind, reason): n for kind, reasons in counts.refused_identifiers.items() for reason, n in reasons.items()
    }
    assert counted == refused


@given(ROWS)
def test_every_cell_is_counted_once(rows: list[tuple[object, ...]]) -> None:
    """Of each kind there are as many identifiers and reasons as rows."""
    columns = Columns.parse(PERSON)
    _, counts = digest(rows, columns)
    for place, kind in enumerate(columns.kinds):
        outcomes = [single(kind, row[place]) for row in rows]
        assert counts.identifiers[kind] == sum(isinstance(each, bytes) for each in outcomes)
        assert counts.cells[kind] == Counter(each for each in outcomes if isinstance(each, Reason))


@given(ROWS, st.integers(1, 7))
def test_chunks_count_like_the_whole(rows: list[tuple[object, ...]], size: int) -> None:
    """Counts add up over chunks to those of all rows at once."""
    columns, counts = Columns.parse(PERSON), RowCounts()
    starts = range(0, max(1, len(rows)), size)
    kept = [member for start in starts for member in add(rows[start : start + size], columns, counts)]
    assert (kept, counts) == digest(rows, columns)


# --- regions ---


@pytest.mark.parametrize("default", [None, "US"])
def test_each_row_is_read_in_its_own_region(default: str | None) -> None:
    """A national number is completed by the row's country; where there is none, by the default region."""
    columns = Columns.parse(
        {"phone": "PHONE_SHA256"}, "raw", default_region=default, region_column="country", rules=None
    )
    rows = [
        ("020 7946 0018", "GB"),
        ("030 23125 123", "DE"),
        ("212 555 0123", None),
        ("212 555 0123", ""),
        ("+1 212 555 0199", "GB"),
        ("212 555 0123", "XX"),
    ]
    kept, counts = digest(rows, columns)
    sent = ["+442079460018", "+493023125123", *["+12125550123"] * 2 * (default is not None), "+12125550199"]
    assert [member[0].hex() for member in kept if member[0]] == [sha256(number) for number in sent]
    assert counts.rejected == Counter({Reason.NATIONAL_PHONE_WITHOUT_REGION: len(rows) - len(sent)})


# --- both forms of a phone ---

BOTH = Columns.parse(PERSON, default_region="US", rules={"phone_format": "both"})


def test_both_forms_of_a_phone_are_digested() -> None:
    """The record holds the digest with plus, and the one without comes beside it, however the number was written."""
    rows = [("jane@example.com", "+12125550123", None), (None, "(212) 555-0199", None)]
    kept, _ = digest(rows, BOTH)
    assert {member[1].hex() for member in kept if member[1]} == digests(["+12125550123", "+12125550199"])
    assert sorted(aliases(rows, BOTH)) == sorted(digests(["12125550123", "12125550199"]))


def test_a_digest_has_no_second_form() -> None:
    """Nobody can tell the other digest of a number that is hashed already, nor one of a missing or wrong number."""
    rows = [(None, PHONE_SHA256, None), ("jane@example.com", None, None), ("jane@example.com", "555", None)]
    assert aliases(rows, BOTH) == []


@pytest.mark.parametrize("phone_format", ["plus", "digits"])
def test_one_form_of_a_phone_has_no_aliases(phone_format: str) -> None:
    """Only who asks for both sends both."""
    columns = Columns.parse(PERSON, rules={"phone_format": phone_format})
    assert aliases([("jane@example.com", "+12125550123", None)], columns) == []


def test_both_forms_without_a_phone_column_are_none() -> None:
    """The rule is no error where there are no phones."""
    columns = Columns.parse({"email": "EMAIL_SHA256"}, rules={"phone_format": "both"})
    assert aliases([("jane@example.com",)], columns) == []


def test_aliases_do_not_count_as_identifiers() -> None:
    """The account is that of the rows, whatever the format of phones."""
    rows = [("jane@example.com", "+12125550123", None), (None, "555", None)]
    assert digest(rows, BOTH)[1] == digest(rows, Columns.parse(PERSON, default_region="US"))[1]
