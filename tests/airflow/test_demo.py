"""The demo, run once on a real Airflow: TikTok holds what the query says, and nothing personal is left anywhere."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID_2, APP_SECRET
from demo.report import DemoResult, tables
from demo.run import run_demo
from demo.shop import read_customers
from tests.airflow.leaks import leaks, written_by

REPOSITORY = Path(__file__).parents[2]

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(workdir: Path) -> Iterator[DemoResult]:
    said: list[str] = []
    yield run_demo(workdir, say=said.append)
    assert any("success" in line for line in said)


def test_tiktok_holds_exactly_what_the_query_says(demo: DemoResult) -> None:
    """Membership at the emulator is that of the raw rows, hashed by plain hashlib, for each kind."""
    for kind in ("EMAIL_SHA256", "PHONE_SHA256", "IDFA_SHA256"):
        assert demo.held[kind] == demo.expected.digests[kind]
        assert len(demo.held[kind]) > 1000


def test_the_readme_shows_what_the_demo_says(demo: DemoResult) -> None:
    """All of its tables, with all numbers; the segment's id alone is another one each time."""
    shown = (REPOSITORY / "README.md").read_text().partition("```text\n")[2].partition("\nTikTok holds exactly")[0]
    said = tables(demo).replace(demo.upload["segment_id"], shown.partition("segment, created")[2].split()[0])
    assert [line.rstrip() for line in said.strip("\n").splitlines()] == shown.strip("\n").splitlines()


def test_every_row_is_accounted_for(demo: DemoResult) -> None:
    """Counts of the query task are those of the raw rows, reason by reason."""
    counts = demo.expected.counts()
    assert {name: demo.snapshot[name] for name in counts} == counts
    assert len(counts["rejected"]) > 4


def test_the_other_advertiser_is_mapped(demo: DemoResult) -> None:
    """The chain's last task reports the advertiser of the example's settings row."""
    assert demo.map["mapped_advertiser_ids"] == [ADVERTISER_ID_2]
    assert demo.upload["baseline"]
    assert demo.differences == []


def test_nothing_personal_is_left_in_airflow(demo: DemoResult, workdir: Path) -> None:
    """No address, number, device id, digest, token or secret stands in the metadata database, XCom or any log."""
    rows = read_customers(workdir / "shop.db")
    raw = {cell.strip() for row in rows for cell in row if cell and cell.strip()}
    plain = {cell.lower() for cell in raw} | {"".join(filter(str.isdigit, phone)) for _, phone, _ in rows if phone}
    digests = set().union(*demo.expected.digests.values())
    secrets = raw | plain | digests | {ACCESS_TOKEN, APP_SECRET}
    secrets -= {secret for secret in secrets if len(set(secret)) == 1}  # a row of zeros is nobody's
    examples = "".join(path.read_text() for path in (REPOSITORY / "dags").glob("*.py"))
    secrets -= {secret for secret in secrets if secret in examples}  # Airflow keeps the text of DAGs
    assert len(secrets) > 50_000
    texts = written_by(demo.airflow_home)
    assert len(texts) > 5, "the logs were found"
    assert "snapshot_uri" in texts["metadata database"], "XCom was found"
    assert leaks(texts, secrets) == []


def test_the_leak_search_finds_what_is_there(demo: DemoResult, workdir: Path) -> None:
    """The search above can fail: it finds each customer of the shop's own database."""
    with closing(sqlite3.connect(workdir / "shop.db")) as database:
        (email,) = database.execute("SELECT email FROM customers WHERE email LIKE '%@example.com' LIMIT 1").fetchone()
        dump = "\n".join(database.iterdump())
    assert leaks({"shop": dump}, [email]) == ["shop"]
    assert leaks({"shop": dump}, [email[::-1]]) == []


def test_no_process_is_left(demo: DemoResult, workdir: Path) -> None:
    """Airflow and the emulator end with the demo."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in lines if str(workdir) in line] == []
