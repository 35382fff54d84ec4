"""Whatever happened before, an append with a suppression leaves nobody in the segment who opted out.

As in ``test_diff.py`` the judge is a model in plain sets, and a delivery that was not settled did any part of its work.
"""

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

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

KINDS = (IdentifierKind.EMAIL_SHA256, IdentifierKind.PHONE_SHA256)
MODES = ("mirror", "append", "append", "remove")
Identifier = tuple[IdentifierKind, bytes]


@cache
def open_snapshot(uri: str) -> Snapshot:
    return Snapshot.open(Path(uri))


@cache
def content(uri: str) -> frozenset[Identifier]:
    """All that a settled delivery of a snapshot brings into a segment: members and second digests."""
    snapshot = open_snapshot(uri) if uri else None
    if snapshot is None:
        return frozenset()
    members = {(k, c) for row in members_of(snapshot) for k, c in zip(snapshot.kinds, row, strict=True) if c}
    return frozenset(members | {(KINDS[1], each.tobytes()) for block in snapshot.alias_digests() for each in block})


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> list[Snapshot]:
    """Snapshots of few people who share phones, most of them with a suppression, of two kinds and of one."""
    rng = random.Random(20260202)

    def take(kinds: Sequence[IdentifierKind], rows: int, suppression: Snapshot | None = None) -> Snapshot:
        columns = Columns.parse({kind: kind for kind in kinds}, rules={"phone_format": "both"})
        cells = {
            KINDS[0]: [None, *(f"person{number}@example.com" for number in range(6))],
            KINDS[1]: [None, *(f"+1212555012{number}" for number in range(4))],
        }
        batch = from_rows([[rng.choice(cells[kind]) for kind in kinds] for _ in range(rows)], columns)
        folder = tmp_path_factory.mktemp("snapshot")
        return take_snapshot([batch], columns, folder, interval_end="2026-01-01", unique="a1", suppression=suppression)

    suppressions = [take(KINDS, 3), take(KINDS, 1), take(KINDS[:1], 3), take(KINDS, 0)]
    both = [take(KINDS, rng.randint(2, 8), rng.choice(suppressions)) for _ in range(6)]
    addresses = [take(KINDS[:1], 5, suppression) for suppression in suppressions]
    phones = [take(KINDS[1:], 3, suppressions[0])]
    return [*both, *addresses, *phones, take(KINDS, 6), take(KINDS[1:], 3)]


def happened(mode: str, before: set[Identifier], snapshot: Snapshot, undone: set[Identifier]) -> set[Identifier]:
    """True membership after a delivery that made all changes but those to ``undone``."""
    delivered, suppressed = content(snapshot.uri), content(snapshot.suppression)
    adds = delivered if mode != "remove" else frozenset()
    takes = {"mirror": before - delivered, "append": suppressed, "remove": delivered}[mode]
    return (before | (adds - undone)) - (takes - undone)


def planned(snapshot: Snapshot, logs: Sequence[DeliveryLog], mode: str) -> tuple[set[Identifier], list[Identifier]]:
    """What a delivery adds and removes."""
    difference = diff.compare(snapshot, logs, open_snapshot, mode)
    rows = [{(k, c) for k, c in zip(snapshot.kinds, row, strict=True) if c} for row in members_of(snapshot)]
    rows += [{(KINDS[1], each.tobytes())} for block in snapshot.alias_digests() for each in block]
    added = set().union(*(row for row, mark in zip(rows, difference.marks, strict=True) if mark))
    removed = [
        (kind, each)
        for kind in difference.removes
        for bucket in diff.removes(snapshot, kind, logs, open_snapshot, mode)
        for each in bucket.to_pylist()
    ]
    assert len(set(removed)) == len(removed), "an identifier is removed twice"
    assert {kind: count for kind, count in difference.removes.items() if count} == Counter(kind for kind, _ in removed)
    return added, removed


def test_the_pool_holds_what_is_to_be_proved(pool: list[Snapshot]) -> None:
    """No snapshot holds anybody whom it suppresses, and several suppress somebody whom another one holds."""
    assert not [each for each in pool if content(each.uri) & content(each.suppression)]
    held = set().union(*(content(each.uri) for each in pool))
    assert len([each for each in pool if content(each.suppression) & held]) >= 5
    assert sum(each.counts.suppressed for each in pool) >= 5


@pytest.mark.parametrize("opted_out", [True, False], ids=["settled", "begun"])
def test_who_opted_out_by_an_append_is_known_to_be_gone(pool: list[Snapshot], opted_out: bool) -> None:
    """A delivery after it adds them again; while it was only begun, it is not known whether they are gone."""
    snapshot = next(each for each in pool if each.suppression and content(each.suppression))
    everybody = next(each for each in pool if not each.suppression and each.kinds == KINDS)
    log = DeliveryLog().settled("append", everybody).begun("append", snapshot)
    log = log.settled("append", snapshot) if opted_out else log
    both = content(everybody.uri) & content(snapshot.suppression)
    assert both
    assert both <= planned(everybody, [log], "mirror")[0]
    left = set(planned(snapshot, [log], "mirror")[1])
    assert left & both == (set() if opted_out else both)


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_deliveries_are_exact_after_any_history_with_opt_outs(pool: list[Snapshot], data: st.DataObject) -> None:
    """Of one or two advertisers: a mirror equals its snapshot, an append adds it and takes out all it suppresses.

    And a retry, which finds its own delivery begun, plans the same in the same order.
    """
    advertisers = range(data.draw(st.integers(1, 2), "advertisers"))
    logs = [DeliveryLog() for _ in advertisers]
    truths: list[set[Identifier]] = [set() for _ in advertisers]
    for _ in range(data.draw(st.integers(0, 4), "deliveries")):
        snapshot, mode = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(MODES), "mode")
        settled = data.draw(st.sampled_from([True, True, False]), "settled")
        for advertiser in data.draw(st.sets(st.sampled_from(advertisers), min_size=1), "to"):
            logs[advertiser] = logs[advertiser].begun(mode, snapshot)
            changeable = sorted(truths[advertiser] | content(snapshot.uri) | content(snapshot.suppression))
            bits = data.draw(st.integers(0, 2 ** len(changeable) - 1), "applied")
            undone = {one for position, one in enumerate(changeable) if not settled and bits >> position & 1}
            truths[advertiser] = happened(mode, truths[advertiser], snapshot, undone)
            if settled:
                logs[advertiser] = logs[advertiser].settled(mode, snapshot)
    snapshot, mode = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(("mirror", "append")), "last mode")
    added, removed = planned(snapshot, logs, mode)
    assert not added & set(removed)
    for truth in truths:
        assert (truth | added) - set(removed) == happened(mode, truth, snapshot, set())
    begun = [log.begun(mode, snapshot) for log in logs]
    assert planned(snapshot, begun, mode) == (added, removed)
