"""The example DAGs, as the scheduler sees them."""

import re
import warnings
from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID_2

REPOSITORY = Path(__file__).parent.parent
DAGS = REPOSITORY / "dags"
SLICED = ("how-to/backfill", "how-to/many-advertisers-and-segments", "how-to/rows-from-python")
"""Pages of docs/ whose Python is cut from the examples."""


@pytest.fixture(scope="module")
def namespace() -> dict[str, object]:
    """The example's module, imported with warnings as errors."""
    path = DAGS / "tiktok_segment_delivery.py"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module="airflow_provider_tiktok")
        space: dict[str, object] = {"__name__": "example", "__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), space)
    return space


def test_the_example_is_one_chain(namespace: dict[str, object]) -> None:
    """query_customers >> verify >> upload >> map."""
    dag = namespace["query_customers"].dag  # type: ignore[attr-defined]
    assert dag.dag_id == "tiktok_segment_delivery"
    assert [task.task_id for task in dag.topological_sort()] == ["query_customers", "verify", "upload", "map"]
    assert dag.get_task("upload").upstream_task_ids == {"query_customers", "verify"}


def test_the_example_has_a_real_data_interval_and_one_run_at_a_time(namespace: dict[str, object]) -> None:
    """A backfill delivers days, not moments, and the schedule never runs two of them at once."""
    dag = namespace["query_customers"].dag  # type: ignore[attr-defined]
    assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
    assert dag.max_active_runs == 1


def test_the_example_runs_against_the_emulator_as_it_is(namespace: dict[str, object]) -> None:
    """The advertiser in the settings row exists in the emulator's world."""
    assert namespace["ALSO_FOR"] == [ADVERTISER_ID_2]


@pytest.mark.parametrize("page", SLICED)
def test_the_python_of_a_page_is_cut_from_the_examples(page: str) -> None:
    """Each block stands in a file of dags/ as it is, so a test runs it."""
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```$", (REPOSITORY / "docs" / f"{page}.md").read_text())
    examples = [path.read_text() for path in DAGS.glob("*.py")]
    assert blocks
    assert [block for block in blocks if not any(f"\n{block}" in text for text in examples)] == []
