"""What an operator of Airflow sees of a delivery: lineage events, metrics, links and the log, on a real scheduler."""

import html
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ADVERTISER_ID_2,
    APP_ID,
    APP_SECRET,
    BC_ID,
    Emulator,
)
from demo.expected import expect
from demo.local_airflow import LocalAirflow
from demo.shop import read_customers
from tests.airflow.conftest import REPOSITORY
from tests.airflow.leaks import leaks, written_by

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

EXAMPLE = "tiktok_segment_delivery"
MAPPED = "mapped_uploads"
LINEAGE = "lineage.jsonl"
AUDIENCES = f"https://ads.tiktok.com/i18n/dmp/audience/list?aadvid={ADVERTISER_ID}"


class StatsdListener:
    """Receives metrics as StatsD does, by UDP, with tags as InfluxDB's."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._lines: list[str] = []
        self._thread = Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while (packet := self._socket.recv(65_535)) != b"end":
            self._lines.extend(packet.decode().splitlines())

    def stop(self) -> None:
        self._socket.sendto(b"end", ("127.0.0.1", self.port))
        self._thread.join(timeout=5)
        self._socket.close()

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def numbers(self, prefix: str, tags: dict[str, str]) -> dict[str, float]:
        """What came of the metrics below a prefix with exactly these tags, by the last part of their names."""
        found: dict[str, float] = {}
        for line in self._lines:
            name, *given = line.partition(":")[0].split(",")
            if name.startswith(prefix) and dict(tag.split("=") for tag in given) == tags:
                found[name.removeprefix(prefix)] = float(line.partition(":")[2].partition("|")[0])
        return found


@pytest.fixture(scope="module")
def metrics() -> Iterator[StatsdListener]:
    listener = StatsdListener()
    yield listener
    listener.stop()


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory, shop: Path, metrics: StatsdListener) -> Iterator[LocalAirflow]:
    """An Airflow that writes its lineage events to a file and sends its metrics to the listener."""
    home = tmp_path_factory.mktemp("observed")
    env = {
        "PYTHONPATH": str(REPOSITORY),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(home / LINEAGE), "append": True}
        ),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(metrics.port),
        "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
    }
    folders = [REPOSITORY / "dags", REPOSITORY / "tests" / "airflow" / "dags"]
    with LocalAirflow(home, folders, env=env) as local:
        local.add_connection("shop", "sqlite", host=str(shop))
        for dag in (EXAMPLE, MAPPED):
            local.unpause(dag)
        yield local


@dataclass(frozen=True)
class Delivered:
    """A run of the example, and one of mapped uploads: with nothing to change, and into a new segment."""

    airflow: LocalAirflow
    run_id: str
    mapped_run_id: str
    receipts: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]

    def event(self, task_id: str) -> dict[str, Any]:
        """The OpenLineage event of a task that was completed."""
        events = map(json.loads, (self.airflow.home / LINEAGE).read_text().splitlines())
        (found,) = (
            event
            for event in events
            if event["job"]["name"] == f"{EXAMPLE}.{task_id}" and event["eventType"] == "COMPLETE"
        )
        return dict(found)

    def links(self, dag: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        answer = self.airflow.request("GET", path, params={"map_index": map_index})
        return dict(answer["extra_links"])


@pytest.fixture(scope="module")
def delivered(observed: LocalAirflow, emulator_process: Emulator) -> Delivered:
    emulator_process.reset()
    observed.add_connection(
        "tiktok_default",
        "tiktok",
        host=emulator_process.url,
        login=APP_ID,
        password=APP_SECRET,
        extra={"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, "access_token": ACCESS_TOKEN},
    )
    run_id = observed.trigger(EXAMPLE)
    assert observed.wait(EXAMPLE, run_id) == "success"
    first = observed.xcom(EXAMPLE, run_id, "upload")
    second = emulator_process.create_audience(ADVERTISER_ID, "second")
    conf = {"snapshot_uri": first["snapshot_uri"], "first": first["segment_id"], "second": second}
    mapped_run_id = observed.trigger(MAPPED, conf=conf)
    assert observed.wait(MAPPED, mapped_run_id) == "success"
    mapped = [observed.xcom(MAPPED, mapped_run_id, "upload", map_index=index) for index in range(2)]
    return Delivered(observed, run_id, mapped_run_id, (first, *mapped))


def opened(airflow: LocalAirflow, page: str) -> str:
    """What a person who is logged in sees at an address."""
    with requests.Session() as session:
        session.trust_env = False  # loopback: never through a proxy
        token = session.get(f"{airflow.url}/auth/token", timeout=30).json()["access_token"]
        answer = session.get(page, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def places(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


def test_lineage_leads_from_the_table_to_the_segment(delivered: Delivered, shop: Path) -> None:
    """Query, upload and map tell their hop: each output is the next one's input, columns are traced, e-mail masked."""
    query, upload, mapping = (delivered.event(task) for task in ("query_customers", "upload", "map"))
    table, segment = (f"sqlite://{shop}", "customers"), f"segment/{delivered.receipts[0]['segment_id']}"
    owner, other = f"tiktok://advertiser/{ADVERTISER_ID}", f"tiktok://advertiser/{ADVERTISER_ID_2}"
    assert places(query["inputs"]) == [table]
    assert places(upload["inputs"]) == places(mapping["inputs"]) == places(query["outputs"])
    assert places(upload["outputs"]) == [(owner, segment)]
    assert places(mapping["outputs"]) == [(owner, segment), (other, segment)]
    fields = query["outputs"][0]["facets"]["columnLineage"]["fields"]
    (email,) = fields["EMAIL_SHA256"]["inputFields"]
    assert (email["namespace"], email["name"], email["field"]) == (*table, "email")
    assert [one["masking"] for one in email["transformations"]] == [True]
    assert set(fields) == {"EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"}
    members = delivered.receipts[0]["members"]
    rows = [event["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] for event in (query, upload, mapping)]
    assert rows == [members] * 3


def test_counters_and_timers_arrive(delivered: Delivered, metrics: StatsdListener) -> None:
    """StatsD holds what the receipts say, by task, segment, advertiser and mode."""
    account = delivered.airflow.xcom(EXAMPLE, delivered.run_id, "query_customers")
    found = metrics.numbers("airflow.tiktok.snapshot.", {"dag_id": EXAMPLE, "task_id": "query_customers"})
    assert found.pop("duration") > 0
    assert found == {
        **{name: account[name] for name in ("rows_read", "members", "duplicates", "suppressed")},
        "rejected": sum(account["rejected"].values()),
    }
    for receipt, dag in zip(delivered.receipts, (EXAMPLE, MAPPED, MAPPED), strict=True):
        tags = {"dag_id": dag, "task_id": "upload", "segment_id": receipt["segment_id"]}
        found = metrics.numbers("airflow.tiktok.delivery.", {**tags, "advertiser_id": ADVERTISER_ID, "mode": "mirror"})
        assert found.pop("duration") > 0
        numbers = {name: receipt[name] for name in ("added", "removed", "requests", "retries")}
        assert found == {**numbers, "rows_sent": receipt["sent"], "refused": 0}
    assert [receipt["sent"] > 0 for receipt in delivered.receipts] == [True, False, True]


def test_links_lead_to_ads_manager_and_to_the_receipt(delivered: Delivered) -> None:
    """Airflow's API has them for each task, and for each mapped instance its own."""
    assert delivered.links(EXAMPLE, delivered.run_id, "verify") == {"TikTok Ads Manager": AUDIENCES}
    assert delivered.links(EXAMPLE, delivered.run_id, "map") == {"TikTok Ads Manager": AUDIENCES}
    instances = [(EXAMPLE, delivered.run_id, -1), *((MAPPED, delivered.mapped_run_id, index) for index in range(2))]
    for receipt, (dag, run_id, index) in zip(delivered.receipts, instances, strict=True):
        (unique,) = re.findall(rf"/receipt-{receipt['segment_id']}-(\w+)\.json$", receipt["receipt_uri"])
        page = f"{delivered.airflow.url}/tiktok/deliveries/{receipt['segment_id']}/{unique}"
        assert delivered.links(dag, run_id, "upload", index) == {"TikTok Ads Manager": AUDIENCES, "Receipt": page}
        assert receipt["receipt_uri"] in opened(delivered.airflow, page)


def test_the_log_can_be_followed(delivered: Delivered) -> None:
    """Each task says what it did: account of the rows, segment, receipt; or that there was nothing to do."""
    read, verify, upload, mapping = (
        delivered.airflow.task_logs(EXAMPLE, delivered.run_id, task)
        for task in ("query_customers", "verify", "upload", "map")
    )
    receipt = delivered.receipts[0]
    members, segment = f"{receipt['members']:,}", f"segment {receipt['segment_id']}"
    assert re.search(rf"members +{members}\n", read)
    assert f"Snapshot: {receipt['snapshot_uri']}" in read
    assert f"Created {segment} 'Customers with consent' of advertiser {ADVERTISER_ID}" in verify
    assert f"First delivery to {segment} of advertiser {ADVERTISER_ID} is done:" in upload
    assert re.search(rf"added +{members}\n", upload)
    assert f"Receipt: {receipt['receipt_uri']}" in upload
    assert f"of advertiser {ADVERTISER_ID} is there for {ADVERTISER_ID_2} too" in mapping
    again = delivered.airflow.task_logs(MAPPED, delivered.mapped_run_id, "upload", map_index=0)
    assert f"Nothing to change: {segment} of advertiser {ADVERTISER_ID} holds this snapshot already" in again


def test_no_person_is_in_events_metrics_or_logs(delivered: Delivered, metrics: StatsdListener, shop: Path) -> None:
    """No cell of the shop and no digest of it, no token."""
    rows = read_customers(shop)
    people = {cell.strip() for row in rows for cell in row if cell and len(set(cell.strip())) > 1}  # zeros are nobody's
    digests = set().union(*expect(rows).digests.values())
    texts = written_by(delivered.airflow.home)
    del texts["metadata database"]  # holds the tests' own DAGs, people and all; test_demo.py looks there
    texts |= {"events": (delivered.airflow.home / LINEAGE).read_text(), "metrics": metrics.text}
    assert leaks(texts, [*people, *digests, ACCESS_TOKEN, APP_SECRET]) == []
