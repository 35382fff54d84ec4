"""A column that looks wrong is told before anything is sent, with shares and without values."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.digest import RowCounts, digest_batch
from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason
from airflow_provider_tiktok.core.warnings import MANY_ROWS, column_warnings

EMAIL, PHONE = IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256


def warned(
    kind: IdentifierKind, good: int = 0, refused: Mapping[Reason, int] | None = None, repeats: int = 1
) -> list[str]:
    """Warnings about one column with so many digests, and cells that were refused."""
    counts = RowCounts(rows_read=good + sum((refused or {}).values()))
    counts.identifiers[kind] = good
    counts.cells[kind] = Counter(refused or {})
    return column_warnings(counts, Counter({kind: repeats}))


def test_a_clean_column_is_not_worth_a_word() -> None:
    """Neither is an empty one, nor one with some nulls and some typing errors."""
    assert warned(EMAIL, 5000) == []
    assert warned(EMAIL) == []
    assert warned(PHONE, 0, {Reason.EMPTY: 5000}) == []
    assert warned(EMAIL, 1000, {Reason.EMPTY: 9000, Reason.INVALID_EMAIL: 900}) == []


@pytest.mark.parametrize(
    ("kind", "reason", "share", "said"),
    [
        pytest.param(
            EMAIL, Reason.HASH_WHERE_RAW_DECLARED, 50, "declared raw are digests; use hashing='hashed'", id="hashes"
        ),
        pytest.param(
            PHONE,
            Reason.NATIONAL_PHONE_WITHOUT_REGION,
            50,
            "no country code and are refused; give default_region",
            id="national",
        ),
        pytest.param(EMAIL, Reason.PLACEHOLDER, 1, "of the values are placeholders", id="placeholders"),
    ],
)
class TestShares:
    """Each share has its limit, in percent of the cells that hold something."""

    def test_the_limit_itself_is_no_warning(self, kind: IdentifierKind, reason: Reason, share: int, said: str) -> None:
        """Exactly half, or one in a hundred, is still right."""
        assert warned(kind, 100 - share, {reason: share}) == []

    def test_above_the_limit_the_share_is_told(
        self, kind: IdentifierKind, reason: Reason, share: int, said: str
    ) -> None:
        """The sentence names the kind, the share and, where there is one, the cure."""
        (warning,) = warned(kind, 999 - 10 * share, {reason: 10 * share + 1})
        assert warning.startswith(f"{kind}: {share + 0.1:.1f} % ")
        assert said in warning

    def test_empty_cells_do_not_count(self, kind: IdentifierKind, reason: Reason, share: int, said: str) -> None:
        """A sparse column is judged by what it holds."""
        assert len(warned(kind, 999 - 10 * share, {reason: 10 * share + 1, Reason.EMPTY: 10**6})) == 1
        assert warned(kind, 100 - share, {reason: share, Reason.EMPTY: 10**6}) == []

    def test_a_column_of_nothing_else_is_told(
        self, kind: IdentifierKind, reason: Reason, share: int, said: str
    ) -> None:
        """A single cell is enough."""
        (warning,) = warned(kind, 0, {reason: 1})
        assert "100.0 %" in warning

    def test_other_refusals_count_as_values(self, kind: IdentifierKind, reason: Reason, share: int, said: str) -> None:
        """A cell that is refused for another reason holds something too."""
        assert warned(kind, 0, {reason: share, Reason.INVALID_EMAIL: 100 - share}) == []


@pytest.mark.parametrize(
    ("rows", "repeats", "told"),
    [
        pytest.param(MANY_ROWS, 11, True, id="more than one in a hundred"),
        pytest.param(MANY_ROWS, 10, False, id="one in a hundred"),
        pytest.param(MANY_ROWS - 1, 999, False, id="few rows"),
        pytest.param(10**6, 10_001, True, id="many rows"),
        pytest.param(10**6, 10_000, False, id="many rows at the limit"),
    ],
)
def test_a_value_that_stands_in_many_rows_is_told(rows: int, repeats: int, told: bool) -> None:
    """A shop's own number at every order is nobody's; below a thousand rows a share says little."""
    warnings = warned(PHONE, rows, repeats=repeats)
    assert [("one and the same value" in text, f"{100 * repeats / rows:.1f} %" in text) for text in warnings] == [
        (True, True)
    ] * told


def test_each_column_is_judged_for_itself() -> None:
    """Two wrong columns are two sentences, and one column may be wrong in two ways."""
    counts = RowCounts(rows_read=2000)
    counts.cells = {
        EMAIL: Counter({Reason.HASH_WHERE_RAW_DECLARED: 1500, Reason.PLACEHOLDER: 500}),
        PHONE: Counter({Reason.NATIONAL_PHONE_WITHOUT_REGION: 2000}),
    }
    kinds = [text.partition(":")[0] for text in column_warnings(counts, Counter({EMAIL: 500, PHONE: 0}))]
    assert kinds == ["EMAIL_SHA256"] * 3 + ["PHONE_SHA256"]


VALUES = [
    "jane@example.com",
    "+12125550123",
    "2125550123",
    "n/a",
    "ab" * 32,
    None,
    "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25",
]


@given(
    st.lists(st.tuples(st.sampled_from(VALUES), st.sampled_from(VALUES)), max_size=12),
    st.sampled_from(["raw", "hashed"]),
)
def test_warnings_hold_no_value(rows: list[tuple[str | None, str | None]], hashing: str) -> None:
    """Whatever the rows were, the sentences hold kinds, shares and names of parameters."""
    columns, counts = Columns.parse({"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}, hashing), RowCounts()
    digest_batch(from_rows(rows * 200, columns), columns, counts)
    said = " ".join(column_warnings(counts, Counter({EMAIL: len(rows) * 200, PHONE: 7})))
    shown = [value for value in VALUES if value and value in said]
    assert shown == []


def test_what_a_column_holds_is_counted_over_batches() -> None:
    """A placeholder in every second row of every batch is half of the values."""
    columns, counts = Columns.parse({"email": "EMAIL_SHA256"}), RowCounts()
    for _ in range(3):
        digest_batch(from_rows([("jane@example.com",), ("null",), (None,)], columns), columns, counts)
    (warning,) = column_warnings(counts, Counter({EMAIL: 1}))
    assert warning == "EMAIL_SHA256: 50.0 % of the values are placeholders"
