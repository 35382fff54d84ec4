"""Records are members as bytes: packed and read back without loss, ordered in one way, told apart byte by byte."""

import hashlib
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.records import Bytes, Layout, first_of_each, longest_run, ordered
from tests import kit

EMAIL, PHONE, MD5 = IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256, IdentifierKind.IDFA_MD5
LAYOUT = Layout((EMAIL, PHONE, MD5))
Row = tuple[bytes | None, ...]


def digests(size: int) -> st.SearchStrategy[bytes]:
    """Digests that often share their first bytes, their last ones or all of them, zeros among them."""
    byte = st.sampled_from([b"\x00", b"\x01", b"\xff"])
    filled = st.builds(lambda head, fill, tail: head + fill * (size - 2) + tail, byte, byte, byte)
    tied = st.builds(lambda tail: b"\x07" * 8 + tail, st.binary(min_size=size - 8, max_size=size - 8))
    return filled | tied | st.binary(min_size=size, max_size=size)


@st.composite
def members(draw: st.DrawFn, least: int = 0) -> tuple[Layout, list[Row]]:
    """Rows of any layout, with ``least`` digests at least and some rows twice."""
    kinds = draw(st.lists(st.sampled_from(IdentifierKind), min_size=1, unique=True))
    row = st.tuples(*(st.none() | digests(kind.digest_size) for kind in kinds))
    rows = draw(st.lists(row.filter(lambda row: sum(cell is not None for cell in row) >= least), max_size=12))
    return Layout(tuple(kinds)), rows + (draw(st.lists(st.sampled_from(rows), max_size=4)) if rows else [])


def texts(records: Bytes) -> list[bytes]:
    return [record.tobytes() for record in records]


def rows_of(values: Sequence[bytes]) -> Bytes:
    """Byte strings of one length as an array."""
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1 if values else 1)


# --- layout ---


@given(members())
def test_members_are_packed_and_read_back(given_rows: tuple[Layout, list[Row]]) -> None:
    """A flag and a digest for each kind in the order of the layout, zeros for an absent one, and nothing else."""
    layout, rows = given_rows
    columns = [
        np.frombuffer(
            b"".join(b"\xaa" * kind.digest_size if row[place] is None else row[place] for row in rows), np.uint8
        ).reshape(-1, kind.digest_size)
        for place, kind in enumerate(layout.kinds)
    ]
    present = [np.array([row[place] is not None for row in rows], bool) for place in range(len(layout.kinds))]
    records = layout.pack(columns, present)
    assert (records == kit.pack(layout, rows)).all()
    assert records.shape == (len(rows), layout.width)
    assert kit.unpack(layout, records) == rows
    for place, kind in enumerate(layout.kinds):
        assert layout.present(records, kind).tolist() == [row[place] is not None for row in rows]
        assert texts(layout.digests(records, kind)) == [row[place] or bytes(kind.digest_size) for row in rows]


@given(members(least=1))
def test_the_first_byte_is_that_of_the_first_digest(given_rows: tuple[Layout, list[Row]]) -> None:
    """Members are bucketed by the first identifier that they have."""
    layout, rows = given_rows
    expected = [next(cell[0] for cell in row if cell is not None) for row in rows]
    assert layout.first_bytes(kit.pack(layout, rows)).tolist() == expected


def test_a_record_is_as_wide_as_its_digests_and_flags() -> None:
    """33 bytes for a SHA-256, 17 for an MD5, one after the other."""
    assert LAYOUT.width == 33 + 33 + 17
    assert [LAYOUT.flag(kind) for kind in LAYOUT.kinds] == [0, 33, 66]


def test_digests_are_a_view() -> None:
    """No copy is made of what is only looked at."""
    records = kit.pack(LAYOUT, [(b"\x01" * 32, None, None)])
    assert LAYOUT.digests(records, EMAIL).base is not None
    assert np.shares_memory(LAYOUT.digests(records, EMAIL), records)


def test_an_absent_digest_is_not_one_of_zeros() -> None:
    """A flag tells them apart, and so does the order."""
    zeros, none = (b"\x00" * 32,), (None,)
    layout = Layout((EMAIL,))
    records = ordered(kit.pack(layout, [none, zeros, none, zeros]), key_at=1)
    assert first_of_each(records).sum() == 2
    assert sorted(map(str, kit.unpack(layout, records))) == sorted(map(str, [zeros, zeros, none, none]))


# --- order ---


@given(st.data(), members())
def test_the_order_does_not_depend_on_the_order_before(
    data: st.DataObject, given_rows: tuple[Layout, list[Row]]
) -> None:
    """Any permutation of the records is ordered in the same way, and none is lost, whichever digest comes first."""
    layout, rows = given_rows
    shuffled = data.draw(st.permutations(rows))
    for kind in layout.kinds:
        key_at = layout.flag(kind) + 1
        one = texts(ordered(kit.pack(layout, rows), key_at))
        assert one == texts(ordered(kit.pack(layout, shuffled), key_at))
        assert sorted(one) == sorted(texts(kit.pack(layout, rows)))


@given(members())
def test_the_order_is_that_of_the_digest_then_of_all_bytes(given_rows: tuple[Layout, list[Row]]) -> None:
    """As Python orders byte strings, beginning at the digest."""
    layout, rows = given_rows
    for kind in layout.kinds:
        at = layout.flag(kind) + 1
        found = texts(ordered(kit.pack(layout, rows), at))
        assert found == sorted(found, key=lambda record, at=at: record[at:] + record[:at])


@given(members())
def test_equal_digests_and_equal_records_stand_side_by_side(given_rows: tuple[Layout, list[Row]]) -> None:
    """So that counting what differs from its neighbour counts what is different."""
    layout, rows = given_rows
    for kind in layout.kinds:
        records = ordered(kit.pack(layout, rows), layout.flag(kind) + 1)
        digest = layout.digests(records, kind)
        assert first_of_each(records).sum() == len(set(rows))
        assert first_of_each(digest).sum() == len(set(texts(digest)))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_records_are_in_order(count: int) -> None:
    """None and one need no ordering."""
    layout = Layout((MD5,))
    records = kit.pack(layout, [(bytes([9 - number] * 16),) for number in range(count)])
    assert texts(ordered(records, 1)) == sorted(texts(records))


def test_a_tie_in_the_first_eight_bytes_is_broken_by_the_rest() -> None:
    """Digests that agree in the bytes that are compared first are ordered by the others, among other digests."""
    layout = Layout((EMAIL, MD5))
    tied = [(b"\x07" * 8 + bytes([n]) * 24, bytes([m]) * 16) for n in range(3) for m in range(3)] * 2
    apart = [(bytes([n]) * 32, None) for n in (0, 6, 7, 8, 255)]
    records = ordered(kit.pack(layout, tied[::-1] + apart), key_at=1)
    assert kit.unpack(layout, records) == sorted(tied + apart, key=lambda row: (row[0], row[1] or b""))
    assert first_of_each(records).sum() == 9 + 5


@pytest.mark.parametrize("fill", [b"\x00", b"\x01", b"\xff"], ids=["zeros", "ones", "high"])
def test_records_that_differ_only_in_zeros_at_the_end_stay_different(fill: bytes) -> None:
    """NumPy trims zeros at the end of byte strings; here no byte is lost for it."""
    layout = Layout((EMAIL, MD5))
    rows: list[Row] = [(b"\x07" * 32, fill * kept + bytes(16 - kept)) for kept in range(17)]
    rows += [(b"\x07" * 32, None), (b"\x07" * 31 + b"\x00", None), (b"\x07" * 8 + bytes(24), bytes(16))]
    records = ordered(kit.pack(layout, [*rows, *rows[::-1]]), key_at=1)
    found = kit.unpack(layout, records[first_of_each(records)])
    assert set(found) == set(rows)
    assert len(found) == len(set(rows))
    assert len(records) == 2 * len(rows)


def test_many_records_are_ordered_as_by_python() -> None:
    """Thousands of members, a part of them twice and a part of them sharing a digest."""
    layout = Layout((EMAIL, PHONE))
    rows: list[Row] = [
        (hashlib.sha256(b"%d" % (n % 3000)).digest(), hashlib.sha256(b"%d" % (n % 7)).digest() if n % 5 else None)
        for n in range(10_000)
    ]
    records = ordered(kit.pack(layout, rows), key_at=1)
    assert texts(records) == sorted(texts(kit.pack(layout, rows)), key=lambda record: record[1:] + record[:1])
    assert first_of_each(records).sum() == len(set(rows))


# --- runs ---

VALUES = st.lists(st.sampled_from([b"\x00\x00", b"\x00\x01", b"\x01\x00", b"\xff\xff"]), max_size=20)


@given(VALUES)
def test_the_first_of_each_run_is_marked(values: list[bytes]) -> None:
    """As ``itertools.groupby`` groups neighbours."""
    expected = [place == 0 for _, group in groupby(values) for place, _ in enumerate(group)]
    assert first_of_each(rows_of(values)).tolist() == expected


@given(VALUES)
def test_the_longest_run_is_found(values: list[bytes]) -> None:
    """As ``itertools.groupby`` counts them; no rows have no run."""
    expected = max((sum(1 for _ in group) for _, group in groupby(values)), default=0)
    assert longest_run(first_of_each(rows_of(values))) == expected
