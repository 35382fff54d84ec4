"""The example of dags/ that waits for a segment, as the scheduler sees it."""

import warnings
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import ADVERTISER_ID

EXAMPLE = Path(__file__).parents[2] / "dags" / "tiktok_when_ready.py"


@pytest.fixture(scope="module")
def namespace() -> dict[str, Any]:
    """The example's module, imported with every warning as an error."""
    space: dict[str, Any] = {"__name__": "example", "__file__": str(EXAMPLE)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(EXAMPLE.read_text(), str(EXAMPLE), "exec"), space)
    return space


def test_the_example_waits_in_the_triggerer_after_a_verify(namespace: dict[str, Any]) -> None:
    """verify >> ready, for an advertiser of the emulator's world."""
    sensor = namespace["ready"]
    assert [task.task_id for task in sensor.dag.topological_sort()] == ["verify", "ready"]
    assert sensor.deferrable
    assert namespace["ADVERTISER"] == ADVERTISER_ID
