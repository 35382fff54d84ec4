"""Columns are checked once, their order is kept, and every row read is kept or rejected."""

import datetime
import decimal
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.columns import ColumnError, Columns, RowCounts, digest_rows
from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason

PERSON = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"}
JANE_SHA256 = "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"
PHONE_SHA256 = "a644642cf5b18c850cda6a57683ab0287c3f28ef939ee5f90f7be5312606f637"
DEVICE = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"

CELLS = st.sampled_from(
    [None, float("nan"), "", " \u00a0", "null", "None", "wrong", "jane@example.com", "joe@example.com"]
    + ["+12125550123", "212 555 0123", "555", DEVICE, DEVICE.upper(), "0" * 64, JANE_SHA256, JANE_SHA256[:32]]
)
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=20)


def digest(rows: Sequence[Sequence[object]], columns: Columns) -> tuple[list[tuple[bytes | None, ...]], RowCounts]:
    counts = RowCounts()
    return digest_rows(rows, columns, counts), counts


def text(cell: object) -> str | None:
    return cell if isinstance(cell, str) else None


def single(kind: IdentifierKind, cell: object) -> bytes | Reason:
    """The scalar function, which is the oracle."""
    return digest_cell(kind, text(cell), Hashing.AUTO, None)


# --- what was declared ---


def test_columns_keep_their_order() -> None:
    """Names and kinds stand in the order in which they were declared."""
    columns = Columns.parse({"z": "PHONE_SHA256", "a": "EMAIL_SHA256"}, "raw", "US")
    assert columns.names == ("z", "a")
    assert columns.kinds == (IdentifierKind.PHONE_SHA256, IdentifierKind.EMAIL_SHA256)
    assert (columns.hashing, columns.default_region) == (Hashing.RAW, "US")


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        pytest.param({}, {}, ["columns is empty", "{'email': 'EMAIL_SHA256'}", "AAID_MD5"], id="empty"),
        pytest.param({"a": "EMAIL"}, {}, ["columns", "'EMAIL'", "EMAIL_SHA256"], id="unknown kind"),
        pytest.param({"a": "email_sha256"}, {}, ["columns", "'email_sha256'", "EMAIL_SHA256"], id="lower-case kind"),
        pytest.param({"a": "GAID_MD5", "b": "MAID"}, {}, ["'GAID_MD5'", "'MAID'", "AAID_MD5"], id="two unknown kinds"),
        pytest.param(
            {"a": "PHONE_SHA256", "b": "PHONE_SHA256"}, {}, ["PHONE_SHA256", "several columns", "COALESCE"], id="twice"
        ),
        pytest.param({"a": "EMAIL_SHA256"}, {"hashing": "sha256"}, ["hashing", "'sha256'", "auto, raw, hashed"], id="hashing"),
    ],
)
def test_wrong_columns_are_refused_with_what_to_write(
    columns: Mapping[str, str], options: dict[str, str], said: list[str]
) -> None:
    """The error says what is wrong, where it stands and what may stand there."""
    with pytest.raises(ColumnError) as caught:
        Columns.parse(columns, **options)
    assert [words for words in said if words not in str(caught.value)] == []


@pytest.mark.parametrize("region", ["UK", "us", "USA", "XX", "", "None"])
def test_an_unknown_region_is_a_wrong_configuration(region: str) -> None:
    """A region that no numbering plan has would refuse every national phone as if the phones were wrong."""
    with pytest.raises(ColumnError, match="default_region"):
        Columns.parse(PERSON, default_region=region)


# --- where the columns stand ---


@pytest.mark.parametrize(
    ("available", "positions"),
    [
        pytest.param(["email", "phone", "idfa"], (0, 1, 2), id="in order"),
        pytest.param(["id", "idfa", "phone", "name", "email"], (4, 2, 1), id="in another order, with others"),
        pytest.param(["EMAIL", "Phone", "IDFA"], (0, 1, 2), id="in another case"),
        pytest.param(["EMAIL", "phone", "idfa", "email"], (3, 1, 2), id="exact beats another case"),
        pytest.param(["email", "phone", "idfa", "EMAIL"], (0, 1, 2), id="exact beats another case behind it"),
    ],
)
def test_columns_are_found_by_name(available: list[str], positions: tuple[int, ...]) -> None:
    """A column is found by its exact name, then ignoring case, as databases fold names differently."""
    assert Columns.parse(PERSON).positions(available) == positions


def test_a_missing_column_is_named() -> None:
    """The error names the columns that the query lacks and those that it has."""
    with pytest.raises(ColumnError) as caught:
        Columns.parse(PERSON).positions(["e_mail", "PHONE"])
    assert "no column 'email', 'idfa'" in str(caught.value)
    assert "'e_mail', 'PHONE'" in str(caught.value)


@pytest.mark.parametrize("available", [["email", "email"], ["Email", "EMAIL"]], ids=["same name", "same but for case"])
def test_an_ambiguous_column_is_refused(available: list[str]) -> None:
    """When two columns of a query could be meant, as after a JOIN, none is picked in silence."""
    with pytest.raises(ColumnError, match="email"):
        Columns.parse({"email": "EMAIL_SHA256"}).positions(available)


# --- rows ---


def test_a_row_with_only_a_phone_keeps_it_in_its_column() -> None:
    """An absent e-mail address does not move the phone into its place."""
    kept, counts = digest([(None, "+1231234567", "")], Columns.parse(PERSON))
    assert kept == [(None, bytes.fromhex(PHONE_SHA256), None)]
    assert counts.rejected == Counter()
    assert counts.refused_identifiers == {}


def test_a_refused_cell_beside_a_good_one_is_counted_as_an_identifier() -> None:
    """The row is a member for its good cell, and what was refused is counted by kind and reason."""
    kept, counts = digest([("janedoe@gmail.com", "555", None), ("janedoe@gmail.com", "n/a", "?")], Columns.parse(PERSON))
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
    counted = {(kind, reason): n for kind, reasons in counts.refused_identifiers.items() for reason, n in reasons.items()}
    assert counted == refused


@given(ROWS, st.integers(1, 7))
def test_chunks_count_like_the_whole(rows: list[tuple[object, ...]], size: int) -> None:
    """Counts add up over chunks to those of all rows at once."""
    columns, counts = Columns.parse(PERSON), RowCounts()
    kept = [m for start in range(0, len(rows), size) for m in digest_rows(rows[start : start + size], columns, counts)]
    assert (kept, counts) == digest(rows, columns)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [
        pytest.param(12125550123, "int", id="int"),
        pytest.param(12125550123.0, "float", id="float"),
        pytest.param(b"jane@example.com", "bytes", id="bytes"),
        pytest.param(memoryview(b"jane@example.com"), "memoryview", id="memoryview"),
        pytest.param(decimal.Decimal("12125550123"), "Decimal", id="Decimal"),
        pytest.param(True, "bool", id="bool"),
        pytest.param(datetime.date(1999, 12, 31), "date", id="date"),
        pytest.param(["jane@example.com"], "list", id="list"),
    ],
)
def test_a_cell_that_is_not_text_is_a_wrong_query(value: object, type_name: str) -> None:
    """The error names the column, the type and the cast that mends it, and never the value."""
    with pytest.raises(ColumnError) as caught:
        digest([("jane@example.com", None, None), (None, value, None)], Columns.parse(PERSON))
    said = str(caught.value)
    assert "column 'phone'" in said
    assert f"type {type_name}," in said
    assert "CAST(phone AS VARCHAR)" in said
    assert not any(part in said for part in (str(value), repr(value), "jane", "12125550123", "1999"))


@pytest.mark.parametrize("nan", [float("nan"), -float("nan")])
def test_nan_is_null(nan: float) -> None:
    """Pandas says NULL as NaN, so a NaN is an absent value and no wrong type."""
    kept, counts = digest([(nan, "+1231234567", nan), (nan, nan, None)], Columns.parse(PERSON))
    assert kept == [(None, bytes.fromhex(PHONE_SHA256), None)]
    assert counts.rejected == Counter({Reason.EMPTY: 1})


def test_a_uuid_is_taken_as_its_text() -> None:
    """Drivers return UUID columns as UUID objects; they are device ids like their text."""
    columns = Columns.parse({"idfa": "IDFA_SHA256"})
    assert digest([(uuid.UUID(DEVICE),)], columns) == digest([(DEVICE,)], columns)


@pytest.mark.parametrize("row", [("jane@example.com",), ("jane@example.com", None, None, None)], ids=["short", "long"])
def test_a_row_of_another_width_is_never_aligned_by_guess(row: tuple[str | None, ...]) -> None:
    """A row with too few or too many cells stops the work, and the error does not show it."""
    with pytest.raises(ValueError, match="zip") as caught:
        digest([row], Columns.parse(PERSON))
    assert "jane" not in str(caught.value)
