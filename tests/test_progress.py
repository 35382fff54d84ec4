"""Log lines that a person follows while a long task works."""

import logging

import pytest

from airflow_provider_tiktok.progress import Progress, duration, log_table

LOGGER = logging.getLogger("tests.progress")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_rows_rate_and_what_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """Every ten seconds a line with rows, rate and the time that is left; at the end one without that time."""
    clock = Clock()
    progress = Progress(LOGGER, "Sent", clock, total=50_000)
    for _ in range(25):
        clock.now += 1
        progress.advance(2_000)
    progress.report()
    assert caplog.messages == [
        "Sent 20,000 of 50,000 rows, 2,000 rows/s, 15 s to go",
        "Sent 40,000 of 50,000 rows, 2,000 rows/s, 5 s to go",
        "Sent 50,000 rows, 2,000 rows/s",
    ]


def test_an_unknown_total_has_no_end(caplog: pytest.LogCaptureFixture) -> None:
    """A query does not say how many rows it has."""
    clock = Clock()
    progress = Progress(LOGGER, "Read", clock)
    clock.now = 20
    progress.advance(1_500_000)
    assert caplog.messages == ["Read 1,500,000 rows, 75,000 rows/s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_400, "90 min"), (11_100, "3 h 5 min")],
)
def test_durations(seconds: float, text: str) -> None:
    """In the unit that a person would use."""
    assert duration(seconds) == text


def test_a_table_lines_up(caplog: pytest.LogCaptureFixture) -> None:
    """Numbers stand under each other, with separators."""
    log_table(LOGGER, [("members", 2_519_000), ("  added", 7), ("seconds", 1.5)])
    assert [len(message) for message in caplog.messages] == [73, 73, 73]
    assert caplog.messages[0].endswith(" 2,519,000")
