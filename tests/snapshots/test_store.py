"""The log of deliveries says what was begun and what is certain, and is read whole or not at all."""

import json
from pathlib import Path

import pytest

from airflow_provider_tiktok.core.identifiers import IdentifierKind
from airflow_provider_tiktok.core.receipt import SnapshotCounts
from airflow_provider_tiktok.snapshots.files import read_json, write_json
from airflow_provider_tiktok.snapshots.log import DeliveryLog, DeliveryLogs
from airflow_provider_tiktok.snapshots.store import Snapshot

COUNTS = SnapshotCounts(
    rows_read=0, members=0, duplicates=0, suppressed=0, rejected={}, identifiers={}, refused_identifiers={}
)
SEGMENT, ADVERTISER = "167290896", "7012345678901234567"


def snapshot(name: str, day: int = 1) -> Snapshot:
    """A snapshot that only has to be named."""
    return Snapshot(
        folder=Path("/snapshots") / name,
        kinds=(IdentifierKind.EMAIL_SHA256,),
        interval_end=f"2026-01-{day:02d}",
        content_digest="",
        counts=COUNTS,
    )


A, B, C = snapshot("a", 1), snapshot("b", 2), snapshot("c", 3)


def told(log: DeliveryLog) -> list[tuple[str, str, bool]]:
    return [(op.mode, op.snapshot_uri.rpartition("/")[2], op.settled) for op in log.operations]


def test_a_begun_delivery_is_uncertain() -> None:
    """Before the first change it is recorded, not settled, and the interval is not yet reached."""
    log = DeliveryLog().begun("mirror", A)
    assert told(log) == [("mirror", "a", False)]
    assert log.interval_end == ""


def test_a_settled_delivery_takes_the_place_of_its_begin() -> None:
    """One delivery is one operation."""
    log = DeliveryLog().begun("append", A).settled("append", A)
    assert told(log) == [("append", "a", True)]
    assert log.interval_end == A.interval_end


def test_a_retry_is_not_a_second_delivery() -> None:
    """Beginning the last operation again, after a killed worker, adds nothing to the log."""
    log = DeliveryLog().settled("mirror", A).begun("append", B)
    assert log.begun("append", B) == log


@pytest.mark.parametrize(("mode", "other"), [("remove", B), ("append", C)], ids=["another mode", "another snapshot"])
def test_what_is_no_retry_is_a_delivery_of_its_own(mode: str, other: Snapshot) -> None:
    """A delivery that broke off stays in the log when another one follows."""
    log = DeliveryLog().begun("append", B).begun(mode, other)
    assert told(log) == [("append", "b", False), (mode, other.uri.rpartition("/")[2], False)]


def test_a_settled_append_keeps_what_came_before() -> None:
    """Appends and removes build on the earlier operations, also on those that broke off."""
    log = DeliveryLog().settled("mirror", A).begun("append", B).begun("remove", C).settled("remove", C)
    assert told(log) == [("mirror", "a", True), ("append", "b", False), ("remove", "c", True)]


def test_a_delivery_that_had_nothing_to_send_is_recorded_beside_the_others() -> None:
    """It is settled without a begin, and takes nobody's place."""
    log = DeliveryLog().settled("append", A).settled("append", B)
    assert told(log) == [("append", "a", True), ("append", "b", True)]


def test_a_settled_mirror_makes_the_past_irrelevant() -> None:
    """After it the segment equals the snapshot, whatever was before."""
    log = DeliveryLog().settled("append", A).begun("remove", B).begun("mirror", C).settled("mirror", C)
    assert told(log) == [("mirror", "c", True)]


def test_settling_the_same_delivery_again_does_not_grow_the_log() -> None:
    """A re-run that finds nothing to send leaves the log as it was, so that it does not grow with every run."""
    log = DeliveryLog().settled("append", A)
    assert log.settled("append", A) == log


def test_a_late_delivery_of_an_older_interval_does_not_turn_back_the_clock() -> None:
    """The newest interval that was delivered is remembered."""
    assert DeliveryLog().settled("mirror", C).settled("append", A).interval_end == C.interval_end


@pytest.mark.parametrize(
    ("log", "done"),
    [
        pytest.param(DeliveryLog(), False, id="nothing delivered"),
        pytest.param(DeliveryLog().begun("remove", A), False, id="begun"),
        pytest.param(DeliveryLog().settled("remove", A), True, id="settled"),
        pytest.param(DeliveryLog().settled("remove", A, {"EMAIL_SHA256": ["00"]}), False, id="some rows refused"),
        pytest.param(DeliveryLog().settled("append", A), False, id="another mode"),
        pytest.param(DeliveryLog().settled("remove", B), False, id="another snapshot"),
        pytest.param(DeliveryLog().settled("remove", A).begun("append", B), False, id="something after it"),
        pytest.param(DeliveryLog().settled("append", B).settled("remove", A), True, id="something before it"),
    ],
)
def test_a_delivery_is_done_when_it_was_the_last_one_and_all_was_taken(log: DeliveryLog, done: bool) -> None:
    """Only when the last thing that happened is this delivery, and surely, need it not be done again."""
    assert log.is_done("remove", A) is done


def test_nothing_delivered_is_an_empty_log(tmp_path: Path) -> None:
    """A segment without a log was never delivered to."""
    assert DeliveryLogs(tmp_path).load(SEGMENT, ADVERTISER) == DeliveryLog()


@pytest.mark.parametrize(
    "log",
    [
        DeliveryLog(),
        DeliveryLog().settled("mirror", A).settled("append", B).begun("remove", C),
    ],
    ids=["empty", "three operations"],
)
def test_a_log_is_loaded_as_it_was_saved(tmp_path: Path, log: DeliveryLog) -> None:
    """Order, modes and certainty survive the file."""
    DeliveryLogs(tmp_path).save(SEGMENT, ADVERTISER, log, "a1")
    assert DeliveryLogs(tmp_path).load(SEGMENT, ADVERTISER) == log


def test_saving_replaces_the_log_and_leaves_no_draft(tmp_path: Path) -> None:
    """One file for each segment and advertiser is all there is."""
    logs = DeliveryLogs(tmp_path)
    logs.save(SEGMENT, ADVERTISER, DeliveryLog().begun("mirror", A), "a1")
    logs.save(SEGMENT, ADVERTISER, DeliveryLog().settled("mirror", A), "a1")
    assert told(logs.load(SEGMENT, ADVERTISER)) == [("mirror", "a", True)]
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [f"{ADVERTISER}.json"]


def test_segments_and_advertisers_have_logs_of_their_own(tmp_path: Path) -> None:
    """What one advertiser got says nothing about another, nor about another segment."""
    logs = DeliveryLogs(tmp_path)
    logs.save(SEGMENT, ADVERTISER, DeliveryLog().settled("mirror", A), "a1")
    logs.save(SEGMENT, "7099999999999999999", DeliveryLog().settled("mirror", B), "a1")
    assert told(logs.load(SEGMENT, ADVERTISER)) == [("mirror", "a", True)]
    assert logs.load("167290897", ADVERTISER) == DeliveryLog()


def test_a_log_holds_addresses_only(tmp_path: Path) -> None:
    """The file says where snapshots are and what became of them."""
    DeliveryLogs(tmp_path).save(SEGMENT, ADVERTISER, DeliveryLog().settled("mirror", A), "a1")
    saved = json.loads((tmp_path / "delivered" / SEGMENT / f"{ADVERTISER}.json").read_text())
    assert saved == {
        "interval_end": "2026-01-01",
        "operations": [{"mode": "mirror", "settled": True, "snapshot_uri": "/snapshots/a", "refused": {}}],
    }


@pytest.mark.parametrize("before", [None, DeliveryLog().settled("mirror", A)], ids=["no log yet", "a log"])
def test_a_half_written_draft_is_never_read(tmp_path: Path, before: DeliveryLog | None) -> None:
    """A worker killed while it writes leaves the former log in force."""
    logs = DeliveryLogs(tmp_path)
    if before:
        logs.save(SEGMENT, ADVERTISER, before, "a1")
    folder = tmp_path / "delivered" / SEGMENT
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".b2.json").write_text('{"interval_end": "2026-01-02", "operati')
    assert logs.load(SEGMENT, ADVERTISER) == (before or DeliveryLog())


def test_a_failed_write_leaves_the_former_file(tmp_path: Path) -> None:
    """The new text replaces the former one only when all of it is there."""
    path = tmp_path / "log.json"
    write_json(path, {"x": 1}, "a1")
    with pytest.raises(TypeError):
        write_json(path, {"x": object()}, "b2")
    assert read_json(path) == {"x": 1}


def test_an_operation_of_another_release_is_not_ignored(tmp_path: Path) -> None:
    """A log that this release does not understand stops the delivery instead of sending by a wrong past."""
    path = tmp_path / "delivered" / SEGMENT / f"{ADVERTISER}.json"
    write_json(path, {"interval_end": "", "operations": [{"mode": "mirror", "uri": "x"}]}, "a1")
    with pytest.raises(TypeError):
        DeliveryLogs(tmp_path).load(SEGMENT, ADVERTISER)
