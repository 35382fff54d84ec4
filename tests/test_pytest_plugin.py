"""The fixture that users' own tests get, as a test project of theirs meets it."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

DAG = """
from datetime import UTC, datetime
from airflow.providers.common.compat.sdk import DAG, task
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator

with DAG(dag_id="mine", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="Mine")
    upload = TikTokUploadSegmentOperator(
        task_id="upload", segment=segment.output, source=[{"mail": "Ada@Example.com"}], columns={"mail": "EMAIL_SHA256"}
    )
"""

TESTS = """
import pytest
from my_dag import segment, upload
from types import SimpleNamespace
from datetime import UTC, datetime

CONTEXT = {"data_interval_end": datetime(2026, 1, 2, tzinfo=UTC), "dag_run": SimpleNamespace(run_after=None)}


def deliver():
    upload.segment = segment.execute(CONTEXT)
    return upload.execute(CONTEXT)


def test_delivers(tiktok_emulator):
    assert deliver()["added"] == 1
    tiktok_emulator.assert_members("Mine", EMAIL_SHA256=["ada@example.com"])


def test_begins_empty_each_time(tiktok_emulator):
    assert tiktok_emulator.emulator.audiences() == []
    assert deliver()["baseline"], "no delivery of another test is remembered"


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"EMAIL_SHA256": ["ada@example.com", "grace@example.com"]}, "EMAIL_SHA256: 1 missing, 0 unexpected"),
        ({}, "EMAIL_SHA256: 0 missing, 1 unexpected"),
        ({"EMAIL": []}, "EMAIL is no identifier kind"),
    ],
)
def test_tells_what_is_wrong_without_naming_anybody(tiktok_emulator, expected, said):
    deliver()
    with pytest.raises(AssertionError, match=said) as caught:
        tiktok_emulator.assert_members("Mine", **expected)
    assert "grace" not in str(caught.value).replace("expected", "")


def test_asks_for_the_segment_by_its_name(tiktok_emulator):
    with pytest.raises(AssertionError, match="0 segments named 'Nobody'"):
        tiktok_emulator.segment_id("Nobody")
"""


def test_a_project_of_users_gets_the_fixture_without_any_set_up(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed is enough: the DAG under test reaches an emulator, and its segment is asserted by plain values."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makepyfile(my_dag=DAG, test_mine=TESTS)
    pytester.runpytest_subprocess("-q", timeout=100).assert_outcomes(passed=6)
