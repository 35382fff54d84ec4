"""Somebody who opts out leaves the segment, and is back after opting in; the emulator's membership is the judge."""

from typing import Any

import pytest

from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2
from airflow_provider_tiktok.errors import RejectedError
from airflow_provider_tiktok.snapshots.store import Snapshot
from tests.kit import MAPPING, Desk, digests, email_digests, emails

CONTACT = {"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"}
SHARED = "+12125550123"
ANN, BOB = ("ann@example.com", SHARED), ("bob@example.com", SHARED)
MODES = pytest.mark.parametrize("mode", ["mirror", "append"])


def without(
    desk: Desk, rows: list[Any], optouts: list[Any], day: int, columns: dict[str, str] | None = None, **options: Any
) -> Snapshot:
    """A snapshot of rows without those who opted out."""
    suppression = desk.snapshot(optouts, day=day, columns=columns, **options)
    return desk.snapshot(rows, day=day, columns=columns, suppression=suppression, **options)


@MODES
def test_somebody_who_opts_out_is_removed_and_comes_back(desk: Desk, mode: Any) -> None:
    """The list of customers stays the same; that of those who opted out decides."""
    people = emails(1, 2, 3)
    desk.deliver(without(desk, people, [], day=1), mode=mode)
    assert desk.members() == email_digests(1, 2, 3)
    receipt = desk.deliver(without(desk, people, emails(2), day=2), mode=mode)
    assert desk.members() == email_digests(1, 3)
    assert (receipt.members, receipt.added, receipt.unchanged, receipt.removed) == (2, 0, 2, 1)
    receipt = desk.deliver(without(desk, people, [], day=3), mode=mode)
    assert desk.members() == email_digests(1, 2, 3)
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 2, 0)


@MODES
def test_a_shared_phone_stays_until_it_opts_out_itself(desk: Desk, mode: Any) -> None:
    """Who opts out by an address leaves by it; the phone goes when somebody names the phone, from all who hold it."""
    desk.deliver(without(desk, [ANN, BOB], [], day=1, columns=CONTACT), mode=mode)
    desk.deliver(without(desk, [ANN, BOB], [("ann@example.com", None)], day=2, columns=CONTACT), mode=mode)
    assert desk.members() == digests(["bob@example.com"])
    assert desk.members("PHONE_SHA256") == digests([SHARED])
    desk.deliver(without(desk, [ANN, BOB], [("ann@example.com", SHARED)], day=3, columns=CONTACT), mode=mode)
    assert desk.members("PHONE_SHA256") == set()
    desk.deliver(without(desk, [ANN, BOB], [], day=4, columns=CONTACT), mode=mode)
    assert desk.members() == digests(["ann@example.com", "bob@example.com"])
    assert desk.members("PHONE_SHA256") == digests([SHARED])


@MODES
def test_both_formats_of_a_phone_leave_and_come_back(desk: Desk, mode: Any) -> None:
    """No second digest stays behind."""
    options = {"columns": {"phone": "PHONE_SHA256"}, "rules": {"phone_format": "both"}}
    numbers = [(SHARED,), ("+12125550124",)]
    for day, optouts, left in ((1, [], numbers), (2, [(SHARED,)], numbers[1:]), (3, [], numbers)):
        desk.deliver(without(desk, numbers, optouts, day=day, **options), mode=mode)
        assert desk.members("PHONE_SHA256") == digests(f for (one,) in left for f in (one, one[1:]))


def test_an_append_removes_who_was_delivered_long_ago(desk: Desk) -> None:
    """Also somebody whom this query does not return, and a kind of identifier that it does not have."""
    desk.deliver(desk.snapshot([ANN, BOB], day=1, columns=CONTACT), mode="append")
    suppression = desk.snapshot([ANN], day=2, columns=CONTACT)
    receipt = desk.deliver(desk.snapshot(emails(9), day=2, suppression=suppression), mode="append")
    assert desk.members() == digests(["bob@example.com"]) | email_digests(9)
    assert desk.members("PHONE_SHA256") == set()
    assert (receipt.added, receipt.removed) == (1, 2)


def test_an_append_removes_nobody_who_was_not_delivered(desk: Desk) -> None:
    """Of a long list of people who opted out, only those who may be in the segment cost a request."""
    desk.deliver(desk.snapshot(emails(1, 2), day=1), mode="append")
    before = desk.mapping_requests()
    receipt = desk.deliver(without(desk, emails(1, 2), emails(*range(100, 200)), day=2), mode="append")
    assert (receipt.removed, receipt.requests) == (0, 0)
    assert desk.mapping_requests() == before
    assert desk.members() == email_digests(1, 2)


def test_a_mirror_after_appends_with_opt_outs_is_exact(desk: Desk) -> None:
    """The log of appends tells who was taken out, so that nobody is removed twice or forgotten."""
    desk.deliver(without(desk, emails(1, 2, 3), [], day=1), mode="append")
    desk.deliver(without(desk, emails(2, 4), emails(1, 2), day=2), mode="append")
    assert desk.members() == email_digests(3, 4)
    receipt = desk.deliver(desk.snapshot(emails(1, 4), day=3))
    assert desk.members() == email_digests(1, 4)
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 1, 1)


def test_a_guard_stops_an_append_that_would_remove_too_many(desk: Desk) -> None:
    """A list of opted-out people that holds everybody looks like a mistake."""
    desk.deliver(desk.snapshot(emails(1, 2, 3, 4), day=1), mode="append")
    snapshot = without(desk, emails(5), emails(1, 2, 3), day=2)
    with pytest.raises(GuardError, match=r"remove 3 of 4 .* max_delete_pct=50"):
        desk.deliver(snapshot, mode="append", guards={"max_delete_pct": 50.0})
    assert desk.members() == email_digests(1, 2, 3, 4)


def test_a_dry_run_tells_the_removes_of_an_append(desk: Desk) -> None:
    """The plan's counts are those of the delivery that would follow."""
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=1), mode="append")
    snapshot = without(desk, emails(2, 3, 4), emails(1, 2), day=2)
    planned = desk.courier().dry_run(desk.plan(snapshot, mode="append"))
    done = desk.deliver(snapshot, mode="append")
    assert (planned.added, planned.removed, planned.requests) == (1, 2, 2)
    assert (done.added, done.removed, done.requests) == (1, 2, 2)


@pytest.mark.parametrize("after", range(6))
def test_a_broken_append_goes_on_where_it_stopped(desk: Desk, after: int) -> None:
    """Wherever it was broken off, among the adds or the removes: a retry sends the rest, and all of it is exact."""
    desk.deliver(desk.snapshot(emails(*range(10)), day=1), mode="append")
    snapshot = without(desk, emails(*range(4, 16)), emails(*range(6)), day=2)
    desk.tiktok.fail_with_code(MAPPING, 40007, times=None, skip=after)
    with pytest.raises(RejectedError):
        desk.deliver(snapshot, mode="append")
    desk.tiktok.clear_faults()
    before = desk.mapping_requests()
    receipt = desk.deliver(snapshot, mode="append")
    assert desk.members() == email_digests(*range(6, 16))
    assert desk.mapping_requests() == before + 6 - after
    assert (receipt.added, receipt.removed, receipt.sent) == (6, 6, 12)


@pytest.mark.parametrize("after", range(6))
def test_a_broken_append_is_repaired_by_another_delivery(desk: Desk, after: int) -> None:
    """What is not known to be added or removed is sent again, whatever comes next."""
    desk.deliver(desk.snapshot(emails(*range(10)), day=1), mode="append")
    desk.tiktok.fail_with_code(MAPPING, 40007, times=None, skip=after)
    with pytest.raises(RejectedError):
        desk.deliver(without(desk, emails(*range(4, 16)), emails(*range(6)), day=2), mode="append")
    desk.tiktok.clear_faults()
    desk.deliver(without(desk, emails(0, *range(12, 16)), emails(*range(1, 6)), day=3), mode="append")
    assert email_digests(0, *range(6, 10), *range(12, 16)) <= desk.members()
    assert not desk.members() & email_digests(*range(1, 6))
    desk.deliver(desk.snapshot(emails(1, 15), day=4))
    assert desk.members() == email_digests(1, 15)


def test_an_opt_out_that_tiktok_refuses_is_tried_again(desk: Desk) -> None:
    """It is not taken for removed, as long as TikTok does not say so."""
    desk.deliver(desk.snapshot(emails(1, 2, 3, 4), day=1), mode="append")
    desk.tiktok.poison(email_digests(2))
    receipt = desk.deliver(without(desk, emails(5, 6), emails(1, 2), day=2), mode="append")
    assert receipt.refused == {"removes": 1}
    assert desk.members() == email_digests(2, 3, 4, 5, 6)
    desk.tiktok.clear_faults()
    receipt = desk.deliver(without(desk, emails(5, 6), emails(1, 2), day=3), mode="append")
    assert desk.members() == email_digests(3, 4, 5, 6)
    assert receipt.removed == 1


def test_an_opt_out_holds_for_all_advertisers(desk: Desk) -> None:
    """It is removed for each advertiser of the delivery, also when one of them never had it."""
    desk.deliver(desk.snapshot(emails(1, 2), day=1), mode="append")
    target = desk.target(ADVERTISER_ID, ADVERTISER_ID_2)
    receipt = desk.deliver(without(desk, emails(1, 2), emails(2), day=2), mode="append", target=target)
    assert desk.members() == email_digests(1)
    assert (receipt.added, receipt.removed) == (1, 1)
    assert desk.deliver(without(desk, emails(1, 2), emails(2), day=3), mode="append", target=target).requests == 0
