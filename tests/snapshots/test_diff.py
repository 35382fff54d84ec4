"""Whatever happened before, the planned adds and removes make the segment equal to the snapshot.

The judge is a model in plain sets: what is truly in the segment for each advertiser. A delivery that was settled did
all of its work; one that was not did any part of it, which the test draws and the code does not know.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.core.cells import from_rows
from airflow_provider_tiktok.core.columns import Columns
from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.snapshots import diff
from airflow_provider_tiktok.snapshots.log import DeliveryLog
from airflow_provider_tiktok.snapshots.source import take_snapshot
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import members_of

KINDS = (IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256, IdentifierKind.IDFA_MD5)
Row = tuple[int | None, ...]
Identifier = tuple[IdentifierKind, bytes]
Take = Callable[[Sequence[Row], tuple[IdentifierKind, ...]], Snapshot]


def digest(kind: IdentifierKind, number: int) -> bytes:
    """A digest of an invented person; several share the first, a middle and the last bucket."""
    first = (0x00, 0x7F, 0xFF, 0x10)[number % 4]
    return bytes([first, *([number + 1] * (kind.digest_size - 1))])


@cache
def open_snapshot(uri: str) -> Snapshot:
    return Snapshot.open(Path(uri))


@pytest.fixture(scope="module")
def take(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """Takes a snapshot of rows of numbers, one for each kind."""

    def take(rows: Sequence[Row], kinds: tuple[IdentifierKind, ...]) -> Snapshot:
        columns = Columns.parse({kind: kind for kind in kinds})
        cells = [
            [None if number is None else digest(kind, number).hex() for kind, number in zip(kinds, row, strict=True)]
            for row in rows
        ]
        folder = tmp_path_factory.mktemp("snapshot")
        batch = from_rows(cells, columns)
        return take_snapshot([batch], columns, folder, interval_end="2026-01-01", unique="a1")

    return take


@cache
def rows_of(uri: str) -> list[frozenset[Identifier]]:
    """The identifiers of each member, read from the members alone."""
    snapshot = open_snapshot(uri)
    return [
        frozenset((kind, cell) for kind, cell in zip(snapshot.kinds, member, strict=True) if cell is not None)
        for member in members_of(snapshot)
    ]


def identifiers_of(snapshot: Snapshot) -> set[Identifier]:
    """The identifiers of all members."""
    return set().union(*rows_of(snapshot.uri))


def planned(snapshot: Snapshot, logs: Sequence[DeliveryLog]) -> tuple[set[Identifier], set[Identifier]]:
    """What a mirror adds, with all identifiers of each marked member, and what it removes."""
    difference = diff.compare(snapshot, logs, open_snapshot)
    rows = zip(rows_of(snapshot.uri), difference.marks, strict=True)
    added = set().union(*(row for row, mark in rows if mark))
    removed = [
        (kind, each)
        for kind in dict.fromkeys((*snapshot.kinds, *diff.delivered_kinds(logs, open_snapshot)))
        for bucket in diff.removes(snapshot, kind, logs, open_snapshot)
        for each in bucket.to_pylist()
    ]
    assert len(set(removed)) == len(removed), "an identifier is removed twice"
    assert {kind: count for kind, count in difference.removes.items() if count} == Counter(kind for kind, _ in removed)
    return added, set(removed)


# --- the algebra, exhaustively ---

MODES = ("mirror", "append", "remove")


def happened(mode: str, before: set[bytes], delivered: set[bytes], undone: set[bytes]) -> set[bytes]:
    """True membership after a delivery that made all changes but those to ``undone``."""
    adds = delivered if mode in {"mirror", "append"} else set()
    takes = before - delivered if mode == "mirror" else delivered if mode == "remove" else set()
    return (before | (adds - undone)) - (takes - undone)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_truth_lies_between_the_bounds_for_every_history(length: int) -> None:
    """For every sequence of deliveries, settled or not, and every fate of an identifier in it, the bounds hold.

    Each identifier stands for one fate: in which snapshots it is, which of the changes to it were applied, and which
    were refused, when TikTok may have taken it all the same with another row.
    """
    numbers = range(8**length)
    fates = [(number.to_bytes(16, "big"), [number >> 3 * step & 7 for step in range(length)]) for number in numbers]
    nothing = pa.array([], pa.binary(16))
    states = [(diff.Bounds(nothing, nothing), set[bytes]())]
    for step in range(length):
        delivered, unapplied, refused = ({one for one, fate in fates if fate[step] & bit} for bit in (1, 2, 4))
        array, refusals = pa.array(sorted(delivered), pa.binary(16)), pa.array(sorted(refused), pa.binary(16))
        states = [
            (bounds.after(mode, array, settled=settled, refused=told), happened(mode, truth, delivered, undone))
            for bounds, truth in states
            for mode in MODES
            for settled, told, undone in (
                (False, nothing, unapplied),
                (True, nothing, set[bytes]()),
                (True, refusals, refused & unapplied),
            )
        ]
    assert len(states) == 9**length
    for bounds, truth in states:
        surely, possibly = bounds.surely.to_pylist(), bounds.possibly.to_pylist()
        assert set(surely) <= truth <= set(possibly)
        assert len(set(surely)) == len(surely)
        assert len(set(possibly)) == len(possibly)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_settled_deliveries_leave_nothing_unknown(length: int) -> None:
    """When every delivery was settled, both bounds are the truth, so that no request is made in vain."""
    numbers = [number.to_bytes(16, "big") for number in range(2**length)]
    snapshots = [{one for n, one in enumerate(numbers) if n >> step & 1} for step in range(length)]
    for modes in product(MODES, repeat=length):
        nothing = pa.array([], pa.binary(16))
        bounds, truth = diff.Bounds(nothing, nothing), set[bytes]()
        for mode, delivered in zip(modes, snapshots, strict=True):
            bounds = bounds.after(mode, pa.array(sorted(delivered), pa.binary(16)), settled=True, refused=nothing)
            truth = happened(mode, truth, delivered, set())
        assert set(bounds.surely.to_pylist()) == truth == set(bounds.possibly.to_pylist())


# --- the core promise, on real snapshots ---


@pytest.fixture(scope="module")
def pool(take: Take) -> list[Snapshot]:
    """Random small snapshots of few people, with shared and changed identifiers, of three kinds and of one."""
    rng = random.Random(20260101)

    def rows(width: int) -> Iterator[Row]:
        for _ in range(rng.randint(3, 12)):
            row = tuple(rng.choice([None, *range(9)]) for _ in range(width))
            yield row if any(cell is not None for cell in row) else (rng.randrange(9),) * width

    kinds = [KINDS] * 3 + [KINDS[:1]] * 3 + [KINDS[1:2]] * 2 + [KINDS[1::-1]] * 2
    return [take(list(rows(len(each))), each) for each in kinds] + [take([], KINDS[:1])]


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_mirror_makes_the_segment_equal_to_the_snapshot(pool: list[Snapshot], data: st.DataObject) -> None:
    """After any history of one to three advertisers, applying the plan to each one's truth gives the snapshot."""
    advertisers = range(data.draw(st.integers(1, 3), "advertisers"))
    logs = [DeliveryLog() for _ in advertisers]
    truths: list[set[Identifier]] = [set() for _ in advertisers]
    for _ in range(data.draw(st.integers(0, 3), "deliveries")):
        snapshot, mode = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(MODES), "mode")
        settled = data.draw(st.booleans(), "settled")
        content = identifiers_of(snapshot)
        for advertiser in data.draw(st.sets(st.sampled_from(advertisers), min_size=1), "to"):
            logs[advertiser] = logs[advertiser].begun(mode, snapshot)
            if settled:
                logs[advertiser] = logs[advertiser].settled(mode, snapshot)
            # A bit for each identifier that could change tells whether its change was applied.
            changeable = sorted(truths[advertiser] | content)
            bits = data.draw(st.integers(0, 2 ** len(changeable) - 1), "applied")
            applied = {one for position, one in enumerate(changeable) if bits >> position & 1}
            truths[advertiser] = happened(
                mode, truths[advertiser], content, set() if settled else set(changeable) - applied
            )  # type: ignore[arg-type, assignment]
    snapshot = data.draw(st.sampled_from(pool), "mirrored")
    added, removed = planned(snapshot, logs)
    assert not added & removed
    for truth in truths:
        assert (truth | added) - removed == identifiers_of(snapshot)


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_settled_segment_needs_only_the_difference(pool: list[Snapshot], data: st.DataObject) -> None:
    """After a settled mirror, members are marked exactly when they hold something new, and exactly the rest goes."""
    old, new = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(pool))
    logs = [DeliveryLog().begun("mirror", old).settled("mirror", old)]
    before, after = identifiers_of(old), identifiers_of(new)
    difference = diff.compare(new, logs, open_snapshot)
    assert list(difference.marks) == [bool(row - before) for row in rows_of(new.uri)]
    assert difference.delivered == len(before)
    assert planned(new, logs)[1] == before - after


# --- the same promise, told one by one ---

E, P, D = KINDS


def test_a_first_mirror_adds_everybody_and_removes_nobody(take: Take) -> None:
    """Without a past every member is new."""
    snapshot = take([(1, 2, None), (3, None, None)], KINDS)
    assert planned(snapshot, [DeliveryLog()]) == (identifiers_of(snapshot), set())


def test_a_delivered_snapshot_needs_nothing(take: Take) -> None:
    """Mirroring again what was settled sends nothing."""
    snapshot = take([(1, 2, None), (3, None, None)], KINDS)
    assert planned(snapshot, [DeliveryLog().settled("mirror", snapshot)]) == (set(), set())


def test_a_shared_identifier_stays_while_somebody_holds_it(take: Take) -> None:
    """Of two people with one phone one goes: the address is removed, the phone is not."""
    before, after = take([(1, 5, None), (2, 5, None)], KINDS), take([(2, 5, None)], KINDS)
    assert planned(after, [DeliveryLog().settled("mirror", before)]) == (set(), {(E, digest(E, 1))})


def test_a_changed_identifier_is_replaced(take: Take) -> None:
    """Somebody with a new address is added with both identifiers, and the former address is removed."""
    before, after = take([(1, 5, None)], KINDS), take([(2, 5, None)], KINDS)
    added, removed = planned(after, [DeliveryLog().settled("mirror", before)])
    assert added == {(E, digest(E, 2)), (P, digest(P, 5))}
    assert removed == {(E, digest(E, 1))}


def test_a_kind_that_is_no_longer_delivered_is_removed(take: Take) -> None:
    """When a query drops its phone column, the phones leave the segment."""
    before, after = take([(1, 5, None)], KINDS), take([(1,)], (E,))
    assert planned(after, [DeliveryLog().settled("mirror", before)]) == (set(), {(P, digest(P, 5))})


def test_an_identifier_of_one_kind_is_not_taken_for_another(take: Take) -> None:
    """The same bytes delivered as an e-mail address say nothing about a phone."""
    before, after = take([(1,)], (E,)), take([(1,)], (P,))
    added, removed = planned(after, [DeliveryLog().settled("mirror", before)])
    assert (added, removed) == ({(P, digest(P, 1))}, {(E, digest(E, 1))})


def test_after_an_interruption_both_are_repaired(take: Take) -> None:
    """What an interrupted mirror may have added is removed, and what it may have removed is added again."""
    first, interrupted = take([(1,), (2,)], (E,)), take([(2,), (3,)], (E,))
    log = DeliveryLog().settled("mirror", first).begun("mirror", interrupted)
    added, removed = planned(first, [log])
    assert (added, removed) == ({(E, digest(E, 1))}, {(E, digest(E, 3))})


def test_the_least_informed_advertiser_decides(take: Take) -> None:
    """With several advertisers, a member is added unless all surely have it, and removed if any may have it."""
    snapshot, other = take([(1,), (2,)], (E,)), take([(2,), (3,)], (E,))
    logs = [DeliveryLog().settled("mirror", snapshot), DeliveryLog().settled("mirror", other)]
    assert planned(snapshot, logs) == ({(E, digest(E, 1))}, {(E, digest(E, 3))})
    assert planned(snapshot, [logs[0], DeliveryLog()]) == (identifiers_of(snapshot), set())


# --- both forms of a phone ---

TakePhones = Callable[[Sequence[int], str], Snapshot]
FORMATS = ("plus", "digits", "both")


@pytest.fixture(scope="module")
def take_phones(tmp_path_factory: pytest.TempPathFactory) -> TakePhones:
    """Takes a snapshot of invented numbers with an address each, in one of the formats."""

    def take(numbers: Sequence[int], phone_format: str) -> Snapshot:
        columns = Columns.parse({"email": E, "phone": P}, rules={"phone_format": phone_format})
        rows = [(f"person{number}@example.com", phone(number)) for number in numbers]
        folder = tmp_path_factory.mktemp("snapshot")
        return take_snapshot([from_rows(rows, columns)], columns, folder, interval_end="2026-01-01", unique="a1")

    return take


def phone(number: int) -> str:
    return f"+1212555{number:04}"


def hashed(kind: IdentifierKind, *texts: str) -> set[Identifier]:
    return {(kind, hashlib.sha256(text.encode()).digest()) for text in texts}


def delivered_by(snapshot: Snapshot) -> set[Identifier]:
    """All that a settled delivery of it brings into a segment: members and second digests."""
    return identifiers_of(snapshot) | {(P, each.tobytes()) for block in snapshot.alias_digests() for each in block}


def rows_to_send(snapshot: Snapshot) -> list[frozenset[Identifier]]:
    """Members, then aliases, as they are numbered."""
    aliases = [frozenset({(P, each.tobytes())}) for block in snapshot.alias_digests() for each in block]
    return [*rows_of(snapshot.uri), *aliases]


def brought(snapshot: Snapshot, log: DeliveryLog) -> tuple[set[Identifier], set[Identifier], diff.Difference]:
    """What a mirror adds and removes, aliases included."""
    difference = diff.compare(snapshot, [log], open_snapshot)
    added = set().union(*(r for r, mark in zip(rows_to_send(snapshot), difference.marks, strict=True) if mark))
    kinds = dict.fromkeys((*snapshot.kinds, *diff.delivered_kinds([log], open_snapshot)))
    removed = {
        (kind, each)
        for kind in kinds
        for bucket in diff.removes(snapshot, kind, [log], open_snapshot)
        for each in bucket.to_pylist()
    }
    assert sum(difference.removes.values()) == len(removed)
    return added, removed, difference


def test_aliases_are_added_after_the_members(take_phones: TakePhones) -> None:
    """A first delivery marks them all: both digests of each phone come into the segment."""
    snapshot = take_phones([1, 2, 3], "both")
    added, removed, difference = brought(snapshot, DeliveryLog())
    assert difference.marks.tolist() == [True] * 6
    numbers = [phone(number) for number in (1, 2, 3)]
    assert hashed(P, *numbers, *(number.removeprefix("+") for number in numbers)) <= added
    assert (added, removed) == (delivered_by(snapshot), set())


def test_a_delivered_alias_needs_nothing(take_phones: TakePhones) -> None:
    """Mirroring the same again sends nothing, and what is in the segment is counted with its aliases."""
    snapshot = take_phones([1, 2, 3], "both")
    added, removed, difference = brought(snapshot, DeliveryLog().settled("mirror", snapshot))
    assert (added, removed) == (set(), set())
    assert difference.delivered == 9


def test_asking_for_both_forms_adds_the_missing_one_alone(take_phones: TakePhones) -> None:
    """Members that are there are not sent again."""
    before, after = take_phones([1, 2], "plus"), take_phones([1, 2], "both")
    added, removed, difference = brought(after, DeliveryLog().settled("mirror", before))
    assert difference.marks.tolist() == [False, False, True, True]
    assert (added, removed) == (hashed(P, "12125550001", "12125550002"), set())


@pytest.mark.parametrize(("later", "kept"), [("plus", "+"), ("digits", "")])
def test_a_later_snapshot_in_one_form_removes_the_other(take_phones: TakePhones, later: str, kept: str) -> None:
    """What is no longer asked for does not stay in the segment; the form that stays is not touched."""
    before, after = take_phones([1, 2], "both"), take_phones([1, 2], later)
    added, removed, _ = brought(after, DeliveryLog().settled("mirror", before))
    gone = "" if kept else "+"
    assert removed == hashed(P, f"{gone}12125550001", f"{gone}12125550002")
    assert added == set()


def test_both_forms_of_somebody_who_left_are_removed(take_phones: TakePhones) -> None:
    """Nobody stays in the segment by a second digest."""
    before, after = take_phones([1, 2], "both"), take_phones([2], "both")
    added, removed, _ = brought(after, DeliveryLog().settled("mirror", before))
    assert removed == hashed(P, "+12125550001", "12125550001") | hashed(E, "person1@example.com")
    assert added == set()


def test_removing_a_snapshot_removes_its_aliases(take_phones: TakePhones) -> None:
    """A delivery in the mode ``remove`` takes out both digests of each phone."""
    snapshot = take_phones([1, 2], "both")
    gone = {each for bucket in diff.distinct_digests(snapshot, P) for each in bucket.to_pylist()}
    texts = (text for number in (1, 2) for text in (phone(number), phone(number).removeprefix("+")))
    assert {(P, each) for each in gone} == hashed(P, *texts)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_mirror_is_exact_whatever_the_formats_were(take_phones: TakePhones, data: st.DataObject) -> None:
    """After any history of people and formats, settled or broken off anywhere, the segment equals the snapshot."""
    people = st.lists(st.integers(1, 4), max_size=4, unique=True)
    log, truth = DeliveryLog(), set[Identifier]()
    for _ in range(data.draw(st.integers(0, 3), "deliveries")):
        snapshot = take_phones(data.draw(people), data.draw(st.sampled_from(FORMATS)))
        mode, settled = data.draw(st.sampled_from(MODES)), data.draw(st.booleans(), "settled")
        log = log.begun(mode, snapshot)
        content = delivered_by(snapshot)
        changeable = sorted(truth | content)
        bits = data.draw(st.integers(0, 2 ** len(changeable) - 1), "applied")
        applied = {one for position, one in enumerate(changeable) if bits >> position & 1}
        truth = happened(mode, truth, content, set() if settled else set(changeable) - applied)  # type: ignore[arg-type, assignment]
        log = log.settled(mode, snapshot) if settled else log
    snapshot = take_phones(data.draw(people), data.draw(st.sampled_from(FORMATS)))
    added, removed, _ = brought(snapshot, log)
    assert not added & removed
    assert (truth | added) - removed == delivered_by(snapshot)
