"""Refused cells are named by row, column and reason; what they hold is nowhere."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_columns, from_rows
from airflow_provider_tiktok.core.columns import ColumnError, Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.hashing import digest_cell
from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind, Reason
from airflow_provider_tiktok.core.refusals import Refusals
from airflow_provider_tiktok.core.rows import Rows
from airflow_provider_tiktok.core.suppression import Suppressed
from airflow_provider_tiktok.core.vector import REASONS
from tests.kit import sha256

CONTACT = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
COLUMNS = Columns.parse(CONTACT)
KEYED = Columns.parse({"email": "EMAIL_SHA256"}, key_column="customer_id")
CELLS = st.sampled_from([None, "", "bad", "n/a", "a@example.com", "+12125550123", "2125550123", "ab" * 20])
Line = tuple[int, str, Reason, bool]


def refusals(cells: list[pa.Array], columns: Columns, suppressed: Suppressed | None = None) -> Refusals:
    found: list[Refusals] = []
    digest_batch(cells, columns, RowCounts(), suppressed, found)
    return found[0]


def lines(found: Refusals, columns: Columns) -> list[Line]:
    names = [*columns.names, ""]
    cells = zip(
        found.rows.tolist(), found.places.tolist(), found.reasons.tolist(), found.rejected.tolist(), strict=True
    )
    return [(row, names[place], REASONS[reason], rejected) for row, place, reason, rejected in cells]


def expected(rows: Sequence[Sequence[str | None]]) -> list[Line]:
    """By the scalar function, row by row."""
    found: list[Line] = []
    for number, row in enumerate(rows):
        outcomes = {
            name: digest_cell(IdentifierKind(CONTACT[name]), cell, Hashing.AUTO, None)
            for name, cell in zip(CONTACT, row, strict=True)
        }
        bad = {name: one for name, one in outcomes.items() if isinstance(one, Reason)}
        filled = {name: reason for name, reason in bad.items() if reason is not Reason.EMPTY}
        rejected = len(bad) == len(outcomes)
        found += [(number, name, reason, rejected) for name, reason in filled.items()]
        found += [(number, "", Reason.EMPTY, True)] * (rejected and not filled)
    return found


@given(st.lists(st.tuples(CELLS, CELLS), max_size=20))
def test_every_refused_cell_and_every_blank_row_is_named(rows: list[tuple[str | None, str | None]]) -> None:
    """In the order of the rows, and those that are rejected are as many as the account says."""
    counts, found = RowCounts(), list[Refusals]()
    digest_batch(from_rows(rows, COLUMNS), COLUMNS, counts, None, found)
    assert found[0].batch_rows == len(rows)
    assert lines(found[0], COLUMNS) == expected(rows)
    assert len({row for row, _, _, rejected in expected(rows) if rejected}) == sum(counts.rejected.values())


def test_suppressed_rows_are_not_named() -> None:
    """Nobody needs to mend the phone of somebody who opted out."""
    rows = [("a@example.com", "555"), ("b@example.com", "555")]
    digest = np.frombuffer(bytes.fromhex(sha256("a@example.com")), np.uint8)[None, :]
    suppressed = Suppressed({IdentifierKind.EMAIL_SHA256: [digest]})
    found = refusals(from_rows(rows, COLUMNS), COLUMNS, suppressed)
    assert lines(found, COLUMNS) == [(1, "phone", Reason.INVALID_PHONE, False)]


# --- keys ---

UUID_TEXT = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"
KEYS = [
    pytest.param(7, "7", id="number"),
    pytest.param(2**63, str(2**63), id="large number"),
    pytest.param(Decimal("7.50"), "7.50", id="decimal"),
    pytest.param("007", "007", id="text"),
    pytest.param("=1+1", "=1+1", id="formula"),
    pytest.param("@x\n,\"y'", "@x\n,\"y'", id="punctuation"),
    pytest.param("Müller 東", "Müller 東", id="other scripts"),
    pytest.param(UUID(UUID_TEXT), UUID_TEXT, id="UUID"),
    pytest.param(date(2026, 1, 2), "2026-01-02", id="date"),
    pytest.param(datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02 03:00:00+00:00", id="time"),
    pytest.param(b"\x01\xff", "01ff", id="bytes"),
    pytest.param(True, "True", id="truth"),
    pytest.param(None, "", id="NULL"),
    pytest.param(math.nan, "", id="NaN"),
]


@pytest.mark.parametrize(("key", "text"), KEYS)
def test_a_key_of_any_type_is_its_text(key: object, text: str) -> None:
    """Of rows, as a database's cursor gives them, and of mappings; beside keys of other types."""
    rows = [("good@example.com", object()), ("bad", key)]
    assert refusals(from_rows(rows, KEYED), KEYED).keys == [text]
    mappings = [{"customer_id": each, "email": email} for email, each in rows]
    assert [refusals(batch, KEYED).keys for batch in Rows(mappings).batches(KEYED)] == [[text]]


@pytest.mark.parametrize(("key", "text"), KEYS)
def test_a_key_of_any_type_of_a_frame_or_table_is_its_text(key: object, text: str) -> None:
    """Of a DataFrame and of an Arrow table, where the column stands elsewhere and is not read for good rows."""
    good, keys = ["good@example.com", "bad"], [None, key]
    frame = pd.DataFrame({"customer_id": pd.Series(keys, dtype=object), "email": good})
    sources = [Rows(frame)]
    if not isinstance(key, UUID) and key != 2**63:
        sources.append(Rows(pa.table({"customer_id": pa.array(keys), "email": pa.array(good)})))
    for source in sources:
        assert [refusals(batch, KEYED).keys for batch in source.batches(KEYED)] == [[text]]


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (pa.array(["x", "k"]).dictionary_encode(), "k"),
        (pa.array(["x", "k"], pa.large_string()), "k"),
        (pa.array([0, 1_500_000_000_123_456_789], pa.timestamp("ns", "UTC")), "2017-07-14 02:40:00.123456+00:00"),
        (pa.array([None, None]), ""),
        (pa.chunked_array([["x"], ["k"]]), "k"),
        (pa.Array.from_buffers(pa.string(), 2, pa.array([b"x", b"k\xff"]).buffers()), "k\\xff"),
    ],
    ids=["dictionary", "large text", "nanoseconds", "no type", "chunks", "no UTF-8"],
)
def test_a_key_of_any_arrow_type_is_its_text(array: pa.Array, text: str) -> None:
    """As Parquet files have them."""
    emails = pa.array(["good@example.com", "bad"])
    assert refusals(from_columns([emails, array], KEYED), KEYED).keys == [text]


def test_a_key_that_is_no_text_is_escaped() -> None:
    """A lone surrogate cannot be written and breaks nothing."""
    assert refusals(from_rows([("bad", "k\ud800")], KEYED), KEYED).keys == ["k\\ud800"]


def test_without_a_key_column_keys_are_empty() -> None:
    """The row's number is there all the same."""
    assert refusals(from_rows([("bad", None)], COLUMNS), COLUMNS).keys == [""]


def test_the_key_stands_behind_the_region() -> None:
    """Both are columns of the source, and may be one and the same."""
    columns = Columns.parse({"phone": "PHONE_SHA256"}, region_column="country", key_column="id")
    assert columns.read == ("phone", "country", "id")
    assert refusals(from_rows([("020 7946 0018", "GB", 1), ("020 7946 0018", None, 2)], columns), columns).keys == ["2"]
    same = Columns.parse({"phone": "PHONE_SHA256"}, region_column="country", key_column="country")
    assert refusals(from_rows([("555", "GB", "GB")], same), same).keys == ["GB"]


@pytest.mark.parametrize("key", ["email", "EMAIL"])
def test_a_column_of_identifiers_is_no_key(key: str) -> None:
    """Otherwise the file would hold the values that it must not hold."""
    with pytest.raises(ColumnError, match="holds identifiers, and these go into no file"):
        Columns.parse(CONTACT, key_column=key)


def test_reasons_add_up_to_the_account_of_cells() -> None:
    """Each cell that is counted as refused is named once."""
    rows = [("bad", "555"), ("n/a", None), ("a@example.com", "555"), (None, None)]
    counts, found = RowCounts(), list[Refusals]()
    digest_batch(from_rows(rows, COLUMNS), COLUMNS, counts, None, found)
    named = Counter(reason for _, name, reason, _ in lines(found[0], COLUMNS) if name)
    counted = sum(counts.cells.values(), Counter[Reason]())
    del counted[Reason.EMPTY]
    assert named == counted
