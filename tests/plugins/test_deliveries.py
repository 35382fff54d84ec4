"""The deliveries page on receipts of real deliveries."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.models import Connection
from airflow.utils.session import create_session

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.emulator import ADVERTISER_ID
from tests.kit import Desk, emails
from tests.plugins.conftest import Visit
from tests.plugins.reading import Page
from tests.s3 import Bucket
from tests.transfers.test_object_storage import segment, upload

__all__ = ["segment"]

COUNTS = {"Members": "members", "Added": "added", "Unchanged": "unchanged", "Removed": "removed"}


def unique_of(receipt: Receipt) -> str:
    return (receipt.receipt_uri or "").rpartition("-")[2].removesuffix(".json")


def age(receipts: Iterable[Receipt]) -> None:
    """Set the receipts a minute apart, since those of a test are of one second."""
    for number, receipt in enumerate(receipts):
        os.utime(Path(receipt.receipt_uri or ""), (1_790_000_000 + number * 60,) * 2)


def write_receipt(folder: Path, segment_id: str, unique: str, content: Any) -> Path:
    """A receipt as a file, whatever is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"receipt-{segment_id}-{unique}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def multiply(desk: Desk, number: int) -> None:
    """Deliver once, and copy the snapshot with its receipt, each copy a minute older than the one before."""
    receipt = Path(desk.deliver(desk.snapshot(emails(*range(20)))).receipt_uri or "")
    now = time.time()
    os.utime(receipt, (now, now))
    for copy in range(1, number):
        folder = desk.root / "snapshots" / f"copy{copy}"
        shutil.copytree(receipt.parent, folder, ignore=shutil.ignore_patterns("receipt-*"))
        moved = write_receipt(folder, desk.segment_id, f"c{copy}", receipt.read_text())
        os.utime(moved, (now - 60 * copy,) * 2)


def test_the_page_shows_what_the_receipts_say(visit: Visit, desk: Desk) -> None:
    """Newest first; a baseline, a difference and a superseded delivery are told apart."""
    old, new = (
        desk.snapshot([*emails(*range(20)), ("no address",), ("",)], day=1),
        desk.snapshot(emails(*range(5, 22)), day=2),
    )
    receipts = [desk.deliver(old), desk.deliver(new), desk.deliver(old)]
    age(receipts)
    page = Page(visit().get("/deliveries").text)
    rows = page.rows("Deliveries")
    assert [row["Receipt"] for row in rows] == [unique_of(receipt) for receipt in reversed(receipts)]
    for row, receipt in zip(rows, reversed(receipts), strict=True):
        assert {name: row[name] for name in COUNTS} == {name: str(getattr(receipt, f)) for name, f in COUNTS.items()}
        assert row["Requests"] == f"{receipt.requests} {receipt.retries} retries"
    assert [row["State"] for row in rows] == ["superseded mirror", "delivered mirror", "baseline mirror"]
    assert rows[1]["Delivered, for (UTC)"] == "2026-09-21 14:14 for 2026-01-02"
    assert [row["Rejected"] for row in rows] == ["2 1 empty, 1 invalid email", "0", "2 1 empty, 1 invalid email"]
    [line] = page.rows("Segments")
    assert line["Segment"].endswith(desk.segment_id)
    assert line["Advertisers"] == ADVERTISER_ID
    assert (line["Members"], line["Added"], line["Removed"]) == ("17", "2", "5")
    assert "svg" in page.tags


def test_a_dry_run_is_told_apart_and_changes_no_size(visit: Visit, desk: Desk) -> None:
    """The segment's size stays that of the delivery before it."""
    desk.deliver(desk.snapshot(emails(*range(20))))
    snapshot = desk.snapshot(emails(*range(30)), day=2)
    planned = desk.courier().dry_run(desk.plan(snapshot))
    path = write_receipt(Path(snapshot.uri), desk.segment_id, "dry", planned.to_dict())
    os.utime(path, (time.time() + 60,) * 2)
    page = Page(visit().get("/deliveries").text)
    assert [row["State"].split(" mirror")[0] for row in page.rows("Deliveries")] == ["dry run", "baseline"]
    [line] = page.rows("Segments")
    assert line["Members"] == "20"
    assert line["Last delivery (UTC)"].endswith("dry run")


def test_a_segment_may_be_looked_at_alone(visit: Visit, desk: Desk) -> None:
    """Its deliveries and no others, with the larger chart."""
    desk.deliver(desk.snapshot(emails(1, 2)))
    other = desk.snapshot(emails(1), day=2)
    write_receipt(Path(other.uri), "77", "x", desk.courier().dry_run(desk.plan(other)).to_dict())
    page = Page(visit().get("/deliveries", params={"segment": desk.segment_id}).text)
    [row] = page.rows("Deliveries")
    assert (row["State"], row["Members"]) == ("baseline mirror", "2")
    assert ("class", "chart large") in page.attributes
    assert "There is no delivery to segment 78" in visit().get("/deliveries?segment=78").text


def test_many_deliveries_come_page_by_page(visit: Visit, desk: Desk) -> None:
    """Each once, the newest first; a page beyond the last is the last."""
    multiply(desk, 60)
    pages = [Page(visit().get(f"/deliveries?page={number}").text).rows("Deliveries") for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [25, 25, 10, 10]
    names = [row["Receipt"] for page in pages[:3] for row in page]
    assert names[1:] == [f"c{copy}" for copy in range(1, 60)]
    assert pages[3] == pages[2]
    assert visit().get("/deliveries?page=0").status_code == 422


def seconds_of(ask: Callable[[], object]) -> float:
    begin = time.perf_counter()
    ask()
    return time.perf_counter() - begin


def test_a_thousand_deliveries_take_less_than_a_second(visit: Visit, desk: Desk) -> None:
    """One listing, and the receipts that are shown."""
    multiply(desk, 1000)
    client = visit()
    client.get("/deliveries?page=40")  # what is imported and compiled once
    paths = ("/deliveries", f"/deliveries?segment={desk.segment_id}", "/deliveries?page=20")
    took = [min(seconds_of(lambda path=path: client.get(path)) for _ in range(3)) for path in paths]
    print("seconds:", [round(seconds, 3) for seconds in took])
    assert max(took) < 1


def test_a_receipt_opens_in_full(visit: Visit, desk: Desk) -> None:
    """Its own counts, and those of its snapshot, from the address that an operator link has."""
    receipt = desk.deliver(desk.snapshot([*emails(*range(20)), ("no address",)]))
    page = Page(visit().get(f"/deliveries/{desk.segment_id}/{unique_of(receipt)}").text)
    delivery = page.facts("Delivery")
    assert (delivery["members"], delivery["added"], delivery["plan"]) == ("20", "20", receipt.plan)
    assert delivery["receipt uri"] == receipt.receipt_uri
    assert delivery["request ids"].split() == receipt.request_ids
    snapshot = page.facts("Snapshot")
    assert (snapshot["rows read"], snapshot["rejected"]) == ("21", "invalid_email: 1")


def test_a_receipt_of_a_pruned_snapshot_is_told_to_be_gone(visit: Visit, desk: Desk) -> None:
    """A link in Airflow outlives the receipt it leads to."""
    answer = visit().get(f"/deliveries/{desk.segment_id}/gone")
    assert (answer.status_code, "pruned" in answer.text) == (404, True)


@pytest.mark.parametrize(
    "path",
    [
        "../outside/{segment}/x",
        "{segment}/..%2f..%2foutside%2freceipt-{segment}-x",
        "..%2f..%2foutside/x",
        "%2e%2e/x",
        "{segment}/x.json",
        "{segment}/*",
        "outside%2freceipt-{segment}/x",
        "{segment}/x%00",
    ],
)
def test_an_address_leads_to_no_file_but_a_receipt_under_the_root(visit: Visit, desk: Desk, path: str) -> None:
    """A receipt beside the snapshots, and a file that is none, are not shown."""
    desk.deliver(desk.snapshot(emails(1)))
    write_receipt(desk.root / "outside", desk.segment_id, "x", {"mode": "secret of another folder"})
    answer = visit().get(f"/deliveries/{path.format(segment=desk.segment_id)}")
    assert answer.status_code == 404
    assert "secret of another folder" not in answer.text


def test_an_empty_root_tells_what_to_do(visit: Visit, desk: Desk) -> None:
    """And where the page looks."""
    text = visit().get("/deliveries").text
    assert desk.root.as_uri().removeprefix("file://") in text
    assert "tiktok_segment_delivery" in text


def test_a_storage_that_cannot_be_read_is_told(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an answer that is no success, with the setting to mend."""
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", "nowhere://bucket/tiktok")
    answer = visit().get("/deliveries")
    assert answer.status_code == 503
    assert "[tiktok] snapshot_root cannot be reached" in answer.text


@pytest.fixture
def stored_aws(database: None, bucket: Bucket) -> Iterator[str]:
    """A connection to the bucket's server that only the database has."""
    fields = json.loads(os.environ["AIRFLOW_CONN_AWS_DEFAULT"])
    with create_session() as session:
        session.add(Connection(conn_id="stored_aws", **{**fields, "extra": json.dumps(fields["extra"])}))
    yield "stored_aws"
    with create_session() as session:
        session.query(Connection).delete()


def test_the_page_reads_a_bucket(
    visit: Visit, segment: str, bucket: Bucket, stored_aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where several workers keep their snapshots, with a connection that only the database has."""
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", f"{bucket.uri}/tiktok")
    receipt = upload(segment, [{"email": "person1@example.com"}], columns={"email": "EMAIL_SHA256"})
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")  # as in the API server
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", f"s3://{stored_aws}@{bucket.name}/tiktok")
    [row] = Page(visit().get("/deliveries").text).rows("Deliveries")
    assert row["Receipt"] == receipt["receipt_uri"].rpartition("-")[2].removesuffix(".json")
    assert visit().get(f"/deliveries/{segment}/{row['Receipt']}").status_code == 200
