"""A delivery ends with the segment equal to the snapshot; the emulator's membership is the judge."""

import pytest

from airflow_provider_tiktok.core.guards import GuardError
from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ADVERTISER_ID, ADVERTISER_ID_2, ADVERTISER_ID_3
from airflow_provider_tiktok.errors import TransientError
from airflow_provider_tiktok.snapshots.files import read_json
from tests.kit import MAPPING, PERSON, Desk, digests, email_digests, emails

IDFA = "5f3a2b18-9c4d-4e7f-b8e2-17d3a1e69b25"


def test_a_first_mirror_is_a_baseline(desk: Desk) -> None:
    """The first delivery adds everybody, removes nobody, and says that it is the first."""
    receipt = desk.deliver(desk.snapshot(emails(1, 2, 3)))
    assert desk.members() == email_digests(1, 2, 3)
    assert (receipt.baseline, receipt.added, receipt.unchanged, receipt.removed) == (True, 3, 0, 0)
    assert (receipt.sent, receipt.batches, receipt.requests, receipt.retries) == (3, 2, 2, 0)


def test_a_mirror_sends_only_what_changed(desk: Desk) -> None:
    """One leaver and one joiner are two rows in two requests."""
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=1))
    receipt = desk.deliver(desk.snapshot(emails(2, 3, 4), day=2))
    assert desk.members() == email_digests(2, 3, 4)
    assert (receipt.baseline, receipt.added, receipt.unchanged, receipt.removed) == (False, 1, 2, 1)
    assert receipt.sent == 2


def test_the_same_interval_again_sends_nothing(desk: Desk) -> None:
    """A re-run costs no mapping request."""
    snapshot = desk.snapshot(emails(1, 2, 3))
    desk.deliver(snapshot)
    before = desk.mapping_requests()
    receipt = desk.deliver(desk.snapshot(emails(3, 2, 1)))
    assert desk.mapping_requests() == before
    assert (receipt.added, receipt.unchanged, receipt.requests) == (0, 3, 0)


def test_a_shared_phone_stays_while_somebody_holds_it(desk: Desk) -> None:
    """Removing one of two people with one phone removes the e-mail address and keeps the phone."""
    phone = "+442079460018"
    both = [("a@example.com", phone, None), ("b@example.com", phone, None)]
    desk.deliver(desk.snapshot(both, day=1, columns=PERSON))
    receipt = desk.deliver(desk.snapshot(both[:1], day=2, columns=PERSON))
    assert desk.members("EMAIL_SHA256") == digests(["a@example.com"])
    assert desk.members("PHONE_SHA256") == digests([phone])
    assert receipt.removed == 1


def test_a_changed_identifier_is_replaced(desk: Desk) -> None:
    """A person with a new e-mail address and the same phone is one added member and one removed identifier."""
    desk.deliver(desk.snapshot([("old@example.com", "+442079460018", IDFA)], day=1, columns=PERSON))
    receipt = desk.deliver(desk.snapshot([("new@example.com", "+442079460018", IDFA)], day=2, columns=PERSON))
    assert desk.members("EMAIL_SHA256") == digests(["new@example.com"])
    assert desk.members("PHONE_SHA256") == digests(["+442079460018"])
    assert desk.members("IDFA_SHA256") == digests([IDFA])
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 0, 1)


def test_absent_identifiers_keep_the_others_in_their_columns(desk: Desk) -> None:
    """People with only a phone, only a device or only an e-mail address are all matched by what they have."""
    rows = [(None, "+442079460018", None), (None, None, IDFA), ("a@example.com", None, None)]
    receipt = desk.deliver(desk.snapshot(rows, columns=PERSON))
    assert desk.members("EMAIL_SHA256") == digests(["a@example.com"])
    assert desk.members("PHONE_SHA256") == digests(["+442079460018"])
    assert desk.members("IDFA_SHA256") == digests([IDFA])
    assert receipt.members == receipt.added == 3


def test_a_column_that_is_no_longer_sent_is_taken_out(desk: Desk) -> None:
    """Identifiers of a kind that the new query lacks leave the segment."""
    desk.deliver(desk.snapshot([("a@example.com", "+442079460018", None)], day=1, columns=PERSON))
    desk.deliver(desk.snapshot([("a@example.com",)], day=2))
    assert desk.members("EMAIL_SHA256") == digests(["a@example.com"])
    assert desk.members("PHONE_SHA256") == set()


def test_append_adds_and_never_removes(desk: Desk) -> None:
    """Append is a union with what was delivered before."""
    desk.deliver(desk.snapshot(emails(1, 2), day=1), mode="append")
    receipt = desk.deliver(desk.snapshot(emails(2, 3), day=2), mode="append")
    assert desk.members() == email_digests(1, 2, 3)
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 1, 0)


def test_remove_takes_out_what_the_snapshot_holds(desk: Desk) -> None:
    """Remove is a difference, and a mirror afterwards knows about it."""
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=1))
    receipt = desk.deliver(desk.snapshot(emails(3, 9), day=2), mode="remove")
    assert desk.members() == email_digests(1, 2)
    assert (receipt.added, receipt.removed) == (0, 2)
    receipt = desk.deliver(desk.snapshot(emails(1, 2, 3), day=3))
    assert desk.members() == email_digests(1, 2, 3)
    assert receipt.added == 1


def test_an_older_interval_is_superseded(desk: Desk) -> None:
    """Delivering the past after the present changes nothing and says so."""
    desk.deliver(desk.snapshot(emails(1), day=2))
    receipt = desk.deliver(desk.snapshot(emails(2), day=1))
    assert receipt.superseded
    assert desk.members() == email_digests(1)


def test_an_older_interval_may_fail_or_be_applied(desk: Desk) -> None:
    """What happens to the past is the user's choice."""
    desk.deliver(desk.snapshot(emails(1), day=2))
    with pytest.raises(GuardError, match="nothing was changed"):
        desk.deliver(desk.snapshot(emails(2), day=1), on_older="fail")
    assert desk.members() == email_digests(1)
    desk.deliver(desk.snapshot(emails(2), day=1), on_older="apply")
    assert desk.members() == email_digests(2)


def test_an_interrupted_delivery_is_finished_by_its_retry(desk: Desk) -> None:
    """A delivery that failed after some batches is completed by the next attempt."""
    snapshot = desk.snapshot(emails(*range(10)))
    desk.tiktok.fail_with_http(MAPPING, 502, times=3, skip=2)
    with pytest.raises(TransientError):
        desk.deliver(snapshot)
    assert len(desk.members()) == 4
    desk.deliver(snapshot)
    assert desk.members() == email_digests(*range(10))


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_a_newer_snapshot_cleans_up_after_an_interrupted_one(desk: Desk, applied: bool) -> None:
    """People whom a failed delivery may have added, and who left since, are removed by the next one."""
    desk.deliver(desk.snapshot(emails(0, 1, 2), day=1))
    desk.tiktok.fail_with_http(MAPPING, 502, times=3, skip=1, applied=applied)
    with pytest.raises(TransientError):
        desk.deliver(desk.snapshot(emails(1, 2, *range(10, 16)), day=2))
    assert desk.members() > email_digests(0, 1, 2), "the failed delivery added somebody"
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=3))
    assert desk.members() == email_digests(1, 2, 3)


def test_a_guard_stops_a_large_removal_before_the_first_change(desk: Desk) -> None:
    """Losing more than the allowed part of a segment fails the task and leaves TikTok as it was."""
    desk.deliver(desk.snapshot(emails(1, 2, 3, 4), day=1))
    before = desk.mapping_requests()
    with pytest.raises(GuardError, match=r"remove 3 of 4 .* max_delete_pct=50"):
        desk.deliver(desk.snapshot(emails(1), day=2), guards={"max_delete_pct": 50.0})
    assert desk.mapping_requests() == before
    assert desk.members() == email_digests(1, 2, 3, 4)


def test_an_empty_snapshot_never_empties_a_segment_unasked(desk: Desk) -> None:
    """Nobody is removed because a query came back empty, unless that is asked for."""
    desk.deliver(desk.snapshot(emails(1, 2), day=1))
    empty = desk.snapshot([], day=2)
    with pytest.raises(GuardError, match="allow_empty"):
        desk.deliver(empty, guards={"allow_empty": False})
    assert desk.members() == email_digests(1, 2)
    desk.deliver(empty, guards={"allow_empty": True})
    assert desk.members() == set()


def test_a_dry_run_tells_the_plan_and_changes_nothing(desk: Desk) -> None:
    """The plan's counts are those of the delivery that would follow."""
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=1))
    snapshot, before = desk.snapshot(emails(2, 3, 4), day=2), desk.mapping_requests()
    planned = desk.courier().dry_run(desk.plan(snapshot))
    assert desk.mapping_requests() == before
    done = desk.deliver(snapshot)
    assert planned.dry_run
    assert (planned.added, planned.unchanged, planned.removed) == (done.added, done.unchanged, done.removed)
    assert (planned.batches, planned.requests) == (done.batches, done.requests)
    assert planned.stopped_by == []


def test_a_dry_run_tells_which_guards_would_stop_the_delivery(desk: Desk) -> None:
    """All of them at once, with the numbers; and what would be asked of TikTok all the same."""
    desk.deliver(desk.snapshot(emails(*range(10)), day=3))
    guards = {"max_delete_pct": 50.0, "min_members": 1000, "on_small": "fail"}
    planned = desk.courier().dry_run(desk.plan(desk.snapshot(emails(0), day=4), guards=guards))
    small, removes = planned.stopped_by
    assert "min_members=1000" in small
    assert "remove 9 of 10" in removes
    assert (planned.removed, planned.requests) == (9, 5)
    older = desk.courier().dry_run(desk.plan(desk.snapshot(emails(0), day=1), on_older="fail"))
    assert "2026-01-03" in older.stopped_by[0]


def test_a_dry_run_tells_how_long_it_takes_at_the_lowest_rate(desk: Desk) -> None:
    """Ten thousand rows a second, should TikTok count rows and not requests."""
    planned = desk.courier().dry_run(desk.plan(desk.snapshot(emails(*range(25_000))), batch_rows=1000))
    assert (planned.requests, planned.estimated_seconds) == (25, 2.5)


def test_a_dry_run_counts_the_requests_of_all_parts(desk: Desk) -> None:
    """Members, second digests of phones and each kind's removes make batches of their own."""
    rules = {"phone_format": "both"}
    before = [(f"person{n}@example.com", f"+1212555010{n}", None) for n in range(5)]
    after = [(f"other{n}@example.com", f"+1212555011{n}", None) for n in range(5)]
    desk.deliver(desk.snapshot(before, day=1, columns=PERSON, rules=rules))
    snapshot = desk.snapshot(after, day=2, columns=PERSON, rules=rules)
    planned = desk.courier().dry_run(desk.plan(snapshot))
    done = desk.deliver(snapshot)
    assert (planned.batches, planned.requests) == (done.batches, done.requests) == (14, 14)


def test_too_few_members_stop_a_delivery_on_request(desk: Desk) -> None:
    """Nothing is sent when a small snapshot is an error."""
    with pytest.raises(GuardError, match="2 members, fewer than min_members=3"):
        desk.deliver(desk.snapshot(emails(1, 2)), guards={"min_members": 3, "on_small": "fail"})
    assert desk.mapping_requests() == 0
    desk.deliver(desk.snapshot(emails(1, 2, 3)), guards={"min_members": 3, "on_small": "fail"})
    assert desk.members() == email_digests(1, 2, 3)


def test_another_advertiser_gets_what_it_did_not_get_yet(desk: Desk) -> None:
    """An advertiser that is mapped later receives all members, and nothing when it has them."""
    snapshot = desk.snapshot(emails(1, 2, 3))
    desk.deliver(snapshot)
    receipt = desk.deliver(snapshot, target=desk.target(ADVERTISER_ID_2))
    assert receipt.added == 3
    assert [a["shared_with"] for a in desk.tiktok.audiences()] == [[ADVERTISER_ID_2]]
    assert desk.deliver(snapshot, target=desk.target(ADVERTISER_ID_2)).requests == 0
    both = desk.target(ADVERTISER_ID, ADVERTISER_ID_2, ADVERTISER_ID_3)
    assert desk.deliver(snapshot, target=both).added == 3, "the third advertiser has nothing yet"


def test_mapping_an_older_snapshot_than_the_owner_has_is_superseded(desk: Desk) -> None:
    """An advertiser is never mapped with a past that the owner has left behind."""
    past = desk.snapshot(emails(1), day=1)
    desk.deliver(desk.snapshot(emails(2), day=2))
    assert desk.deliver(past, target=desk.target(ADVERTISER_ID_2)).superseded
    assert desk.members() == email_digests(2)


def test_batches_go_out_side_by_side_and_all_arrive(desk: Desk) -> None:
    """With several requests under way the membership and the account are the same."""
    plan = desk.plan(desk.snapshot(emails(*range(101))), batch_rows=10)
    receipt = desk.courier(max_concurrency=8).deliver(plan)
    assert desk.members() == email_digests(*range(101))
    assert (receipt.batches, receipt.sent) == (11, 101)


def test_the_receipt_is_filed_beside_the_snapshot(desk: Desk) -> None:
    """What XCom gets is also a file, and both hold counts and ids only."""
    snapshot = desk.snapshot(emails(1, 2))
    receipt = desk.deliver(snapshot)
    assert receipt.receipt_uri is not None
    filed = read_json(desk.root.__class__(receipt.receipt_uri))
    assert filed == receipt.to_dict()
    assert str(snapshot.folder) in receipt.receipt_uri
    for digest in email_digests(1, 2):
        assert digest not in str(filed)


def test_a_receipt_names_the_first_and_the_last_request(desk: Desk) -> None:
    """Request ids lead from a receipt to TikTok's own log."""
    receipt: Receipt = desk.deliver(desk.snapshot(emails(1, 2, 3, 4, 5)))
    seen = [request["request_id"] for request in desk.tiktok.requests(MAPPING)]
    assert receipt.request_ids == [seen[0], seen[-1]]


def test_both_phone_formats_are_delivered_and_taken_out_again(desk: Desk) -> None:
    """With phone_format="both" a number is sent with and without its plus; without the rule the second one leaves."""
    rows = [("a@example.com", "+442079460018", None), (None, "(212) 555-0123", None), (None, None, IDFA)]
    with_plus, without = ["+442079460018", "+12125550123"], ["442079460018", "12125550123"]
    receipt = desk.deliver(desk.snapshot(rows, day=1, columns=PERSON, rules={"phone_format": "both"}))
    assert desk.members("PHONE_SHA256") == digests([*with_plus, *without])
    assert (receipt.members, receipt.added, receipt.sent) == (3, 3, 5)
    again = desk.deliver(desk.snapshot(rows, day=2, columns=PERSON, rules={"phone_format": "both"}))
    assert (again.added, again.unchanged, again.sent) == (0, 3, 0)
    receipt = desk.deliver(desk.snapshot(rows, day=3, columns=PERSON))
    assert desk.members("PHONE_SHA256") == digests(with_plus)
    assert desk.members("EMAIL_SHA256") == digests(["a@example.com"])
    assert (receipt.added, receipt.removed) == (0, 2)


def test_a_log_of_appends_is_known_exactly(desk: Desk) -> None:
    """A mirror after several appends and a removal ends with its own members and nothing else."""
    desk.deliver(desk.snapshot(emails(1, 2), day=1), mode="append")
    desk.deliver(desk.snapshot(emails(2, 3), day=2), mode="append")
    desk.deliver(desk.snapshot(emails(1), day=3), mode="remove")
    receipt = desk.deliver(desk.snapshot(emails(3, 4), day=4))
    assert desk.members() == email_digests(3, 4)
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 1, 1)
