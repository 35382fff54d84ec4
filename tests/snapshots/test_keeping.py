"""Old snapshots go, and every delivery after that is still exact."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID
from airflow_provider_tiktok.errors import ConfigurationError, TikTokError
from airflow_provider_tiktok.hooks.storage import snapshot_root
from airflow_provider_tiktok.snapshots.keeping import Reason, folders_named, gather
from airflow_provider_tiktok.snapshots.pruning import Pruning
from airflow_provider_tiktok.snapshots.store import Snapshot
from airflow_provider_tiktok.snapshots.tree import list_tree
from tests.kit import MAPPING, PERSON, Desk, email_digests, emails

NOW = datetime.now(UTC)
AGE = timedelta(days=90)


def pruning(root: Path | str, days: float = 100) -> Pruning:
    """Prunes as of some days from now, when everything that a test writes is old."""
    return Pruning(cast("Any", snapshot_root(str(root))), AGE, lambda: NOW + timedelta(days=days))


def prune(root: Path | str, days: float = 100) -> dict[str, int]:
    """Prune; return how many are kept for each reason."""
    with_root = pruning(root, days)
    verdict = with_root.look()
    assert [one.folder for one in with_root.remove(verdict)] == [one.folder for one in verdict.goes]
    return {reason.name: len(some) for reason, some in verdict.kept.items()}


def left(desk: Desk) -> set[str]:
    return {path.name for path in (desk.root / "snapshots").iterdir()}


def names(*snapshots: Snapshot) -> set[str]:
    return {snapshot.folder.name for snapshot in snapshots}


def test_the_last_delivered_snapshot_stays_at_any_age(desk: Desk) -> None:
    """Those before it go with their receipts; the next delivery sends the difference and nothing else."""
    for day in (1, 2):
        desk.deliver(desk.snapshot(emails(*range(10 + day)), day=day))
    last = desk.snapshot(emails(*range(5, 15)), day=3)
    desk.deliver(last)
    assert prune(desk.root, days=10_000) == {"REFERRED": 1}
    assert left(desk) == names(last)
    receipt = desk.deliver(desk.snapshot(emails(*range(6, 16)), day=4))
    assert (receipt.added, receipt.unchanged, receipt.removed) == (1, 9, 1)
    assert desk.members() == email_digests(*range(6, 16))


def test_all_appends_since_the_last_mirror_stay(desk: Desk) -> None:
    """A log of appends refers to many snapshots, and the next mirror takes out what only the first of them held."""
    desk.deliver(desk.snapshot(emails(90), day=1))
    kept = [desk.snapshot(emails(1, 2), day=2)]
    desk.deliver(kept[0])
    for day, more in ((3, emails(3)), (4, emails(4, 5))):
        kept.append(desk.snapshot(more, day=day))
        desk.deliver(kept[-1], mode="append")
    assert prune(desk.root) == {"REFERRED": 3}
    assert left(desk) == names(*kept)
    receipt = desk.deliver(desk.snapshot(emails(2, 4, 6), day=5))
    assert (receipt.added, receipt.removed) == (1, 3)
    assert desk.members() == email_digests(2, 4, 6)


def test_the_snapshot_of_an_interrupted_delivery_stays(desk: Desk) -> None:
    """It was begun, and the next try goes on where it stopped."""
    before, begun = desk.snapshot(emails(*range(8)), day=1), desk.snapshot(emails(*range(4, 20)), day=2)
    desk.deliver(before)
    desk.tiktok.fail_with_code(MAPPING, 40007, times=None, skip=2)
    with pytest.raises(TikTokError):
        desk.deliver(begun)
    desk.tiktok.clear_faults()
    assert prune(desk.root) == {"REFERRED": 2}
    assert left(desk) == names(before, begun)
    assert desk.deliver(begun).removed == 4
    assert desk.members() == email_digests(*range(4, 20))


def test_what_is_younger_than_the_age_stays(desk: Desk) -> None:
    """The age is that of the file, not of the interval: a backfill makes old intervals today."""
    snapshot = desk.snapshot(emails(1), day=1)
    assert prune(desk.root, days=89.9) == {"YOUNG": 1}
    assert left(desk) == names(snapshot)
    assert prune(desk.root, days=90.1) == {}
    assert left(desk) == set()


def test_a_receipt_does_not_make_a_snapshot_younger(desk: Desk) -> None:
    """The manifest alone tells when it was published."""
    snapshot = desk.snapshot(emails(1), day=1)
    manifest = cast("Path", snapshot.folder) / "manifest.json"
    os.utime(manifest, ((NOW - AGE * 2).timestamp(),) * 2)
    assert prune(desk.root, days=0) == {}


def test_a_suppression_inside_of_a_snapshot_belongs_to_it(desk: Desk) -> None:
    """It stays with a snapshot that is needed, and goes with one that is not."""
    snapshots = [desk.snapshot(emails(day), day=day) for day in (1, 2)]
    for snapshot in snapshots:
        out = desk.snapshot(emails(9))
        shutil.move(cast("Path", out.folder), cast("Path", snapshot.folder) / "suppressed")
        desk.deliver(snapshot)
    assert prune(desk.root) == {"REFERRED": 1}
    assert left(desk) == names(snapshots[1])
    assert Snapshot.open(snapshots[1].folder / "suppressed").counts.members == 1


def test_a_suppression_elsewhere_stays_with_the_snapshots_that_name_it(desk: Desk) -> None:
    """One snapshot of people who opted out may serve many; an append that was delivered takes them out by it."""
    desk.deliver(desk.snapshot(emails(1, 2, 3), day=1))
    out, unused = desk.snapshot(emails(2)), desk.snapshot(emails(7))
    appended = desk.snapshot(emails(2, 4), day=2, suppression=out)
    desk.deliver(appended, mode="append")
    assert desk.members() == email_digests(1, 3, 4)
    assert prune(desk.root) == {"REFERRED": 3}
    assert names(out, appended) < left(desk)
    assert unused.folder.name not in left(desk)
    receipt = desk.deliver(desk.snapshot(emails(2, 3, 5), day=3))
    assert (receipt.added, receipt.unchanged, receipt.removed) == (2, 1, 2)
    assert desk.members() == email_digests(2, 3, 5)


def test_a_suppression_stays_for_a_snapshot_that_is_not_delivered_yet(desk: Desk) -> None:
    """The snapshot is young, though the list of people who opted out is old."""
    out = desk.snapshot(emails(2))
    snapshot = desk.snapshot(emails(1, 2), suppression=out)
    os.utime(cast("Path", snapshot.folder) / "manifest.json", ((NOW + timedelta(days=50)).timestamp(),) * 2)
    assert prune(desk.root) == {"YOUNG": 1, "REFERRED": 1}
    assert left(desk) == names(out, snapshot)


def test_what_is_left_of_an_interrupted_snapshot_goes_when_it_is_old(desk: Desk) -> None:
    """A folder without a manifest may also be one that is being written."""
    folder = desk.root / "snapshots" / "vip" / "2026-01-01" / "a1"
    folder.mkdir(parents=True)
    for name in ("members.parquet", ".a1.json"):
        (folder / name).write_bytes(b"torn")
    assert prune(desk.root, days=89) == {"YOUNG": 1}
    assert prune(desk.root) == {}
    assert not folder.parent.exists()
    assert left(desk) == {"vip"}


def test_nothing_published_goes_while_a_delivery_runs(desk: Desk) -> None:
    """Which one it reads cannot be told before it writes its log. A claim that nobody renews is that of the dead."""
    desk.deliver(desk.snapshot(emails(1), day=1))
    old = desk.snapshot(emails(2), day=2)
    with desk.courier().lock(desk.target()):
        [claim] = (desk.root / "delivered" / desk.segment_id / "claims").iterdir()
        os.utime(claim, ((NOW + timedelta(days=100)).timestamp(),) * 2)
        assert prune(desk.root) == {"REFERRED": 1, "RUNNING": 1}
        assert old.folder.name in left(desk)
        os.utime(claim, (NOW.timestamp(),) * 2)
        assert prune(desk.root) == {"REFERRED": 1}
    assert old.folder.name not in left(desk)


def test_what_comes_to_be_needed_after_the_look_stays(desk: Desk) -> None:
    """A person may take time to say yes, and somebody delivers an old snapshot meanwhile."""
    first, second = desk.snapshot(emails(1), day=1), desk.snapshot(emails(2), day=2)
    with_root = pruning(desk.root)
    verdict = with_root.look()
    assert {one.folder for one in verdict.goes} == names(first, second)
    desk.deliver(first)
    later = desk.snapshot(emails(3), day=3)
    assert {one.folder for one in with_root.remove(verdict)} == names(second)
    assert left(desk) == names(first, later)


@pytest.mark.parametrize("written", ["{}", '[{"a": "{uri}"}]', '{"to": {"come": ["{uri}/members.parquet"]}}'])
def test_any_file_beside_the_log_may_need_a_snapshot(desk: Desk, written: str) -> None:
    """Whatever a later release keeps there: an address in it is enough."""
    snapshot = desk.snapshot(emails(1))
    path = desk.root / "delivered" / "1" / "progress.json"
    path.parent.mkdir(parents=True)
    path.write_text(written.replace("{uri}", snapshot.uri))
    assert prune(desk.root) == ({"REFERRED": 1} if "uri" in written else {})


@pytest.mark.parametrize("how", ["path", "uri", "link", "slash"])
def test_the_root_may_be_named_in_another_way_than_by_the_deliveries(desk: Desk, how: str, tmp_path: Path) -> None:
    """An address is compared by its end: another scheme, connection or mount may lead to the same place."""
    link = tmp_path / "link"
    link.symlink_to(desk.root)
    snapshot = desk.snapshot(emails(1))
    desk.deliver(snapshot)
    root = {"path": str(desk.root), "uri": desk.root.as_uri(), "link": str(link), "slash": f"{desk.root}/"}[how]
    assert prune(root) == {"REFERRED": 1}


def test_a_log_behind_a_link_counts(desk: Desk) -> None:
    """As where a volume is mounted elsewhere."""
    desk.deliver(desk.snapshot(emails(1)))
    [log] = (desk.root / "delivered").rglob(f"{ADVERTISER_ID}.json")
    shutil.move(log, desk.root / "log.json")
    log.symlink_to(desk.root / "log.json")
    assert prune(desk.root) == {"REFERRED": 1}
    shutil.move(log.parent, desk.root / "folder")
    log.parent.symlink_to(desk.root / "folder")
    assert prune(desk.root) == {"REFERRED": 1}


def test_snapshots_delivered_from_another_root_stay(desk: Desk) -> None:
    """A receipt tells that they were delivered, and the log that needs them is not here."""
    snapshot = desk.snapshot(emails(1))
    desk.deliver(snapshot)
    shutil.move(desk.root / "delivered", desk.root / "elsewhere")
    assert prune(desk.root) == {"ELSEWHERE": 1}


def test_what_others_put_there_stays(desk: Desk) -> None:
    """A folder named snapshots may be anybody's."""
    folder = desk.root / "snapshots" / "2020"
    for name in ("mine/report.pdf", "lake/part-0.parquet", "top.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    inside = cast("Path", desk.snapshot(emails(1)).folder) / "notes" / "todo.txt"
    inside.parent.mkdir()
    inside.write_text("x")
    assert prune(desk.root) == {"FOREIGN": 4}
    assert inside.exists()
    assert not (inside.parents[1] / "manifest.json").exists()


@pytest.mark.parametrize("where", ["delivered/1/2.json", "snapshots/1/manifest.json"])
def test_a_torn_file_that_may_need_a_snapshot_stops_all(desk: Desk, where: str) -> None:
    """What cannot be read may refer to any snapshot."""
    old, young = desk.snapshot(emails(1)), desk.snapshot(emails(2))
    path = desk.root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"operations": [')
    os.utime(path, ((NOW + timedelta(days=50)).timestamp(),) * 2)
    with pytest.raises(ConfigurationError, match=r"is not JSON.*Nothing was removed"):
        prune(desk.root)
    assert left(desk) == names(old, young)


def test_a_folder_that_may_not_be_read_stops_all(desk: Desk) -> None:
    """It may hold the log that needs a snapshot. Who may do anything, as in a container, is another user for once."""
    desk.deliver(desk.snapshot(emails(1)))
    old = desk.snapshot(emails(2))
    [closed] = (desk.root / "delivered").iterdir()
    for path in (desk.root, *desk.root.parents[:2]):
        path.chmod(0o755)
    closed.chmod(0)
    me, nobody = os.geteuid(), 65534
    os.seteuid(me or nobody)
    try:
        with pytest.raises(ConfigurationError, match="PermissionError"):
            pruning(desk.root).look()
    finally:
        os.seteuid(me)
        closed.chmod(0o755)
    assert old.folder.name in left(desk)


def test_every_file_of_a_snapshot_is_known(desk: Desk) -> None:
    """Or snapshots with it would never go."""
    desk.deliver(
        desk.snapshot([("a@example.com", "+12125550123", None)], columns=PERSON, rules={"phone_format": "both"})
    )
    [stored] = gather(list_tree(cast("Any", snapshot_root(str(desk.root)) / "snapshots")))
    assert len(stored.files) == 6
    assert stored.is_ours()


def test_a_root_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """As before the first delivery."""
    assert prune(tmp_path / "nothing") == {}


def test_reasons_read_as_sentences() -> None:
    """Each is told after a number."""
    assert all(reason[0].islower() and not reason.endswith(".") for reason in Reason)


def test_an_address_names_its_folder_and_those_around_it() -> None:
    """Also when a segment itself is called snapshots."""
    assert set(folders_named("s3://c@b/snapshots/snapshots/1/a")) >= {"snapshots/1/a", "1/a"}
    assert set(folders_named(["not/a/place", 7, None, {"a": "b"}])) == set()
