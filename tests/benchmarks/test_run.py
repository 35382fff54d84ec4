"""The benchmark itself, with few rows: it measures, and it notices when something wrong arrives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("psycopg2", reason="needs the extra [bench]")

from benchmarks.delivery import Case, Delivered, Track, deliver
from benchmarks.people import Expected, People, device_ids, emails, person_of, phones
from benchmarks.sink import Sink

ROWS = 2_000


@pytest.fixture
def people(tmp_path: Path) -> People:
    made = People(folder=tmp_path, rows=ROWS)
    made.generate()
    return made


def run_script(people: People) -> list[Delivered]:
    case = Case(people=people, source="parquet", identifiers=3, contender="script")
    with Sink(latency_ms=0) as sink:
        return list(deliver(case, ["full"], Track(sink=sink, database=None, folder=people.folder)))


def test_rows_hold_as_many_different_people_as_promised(tmp_path: Path) -> None:
    """Three rows of a hundred are duplicates, whatever the number of rows."""
    for rows in (1, 97, 98, 100, 5_042):
        assert len(np.unique(person_of(np.arange(rows)))) == People(folder=tmp_path, rows=rows).people


def test_people_have_identifiers_of_their_own() -> None:
    """No two people share an e-mail address, a phone number or a device."""
    persons = np.arange(10_000, dtype=np.int64)
    for make in (emails, phones, device_ids):
        assert len(make(persons).unique()) == len(persons)


def test_the_script_delivers_everybody_once(people: People) -> None:
    """What arrives at the sink is counted and compared with the people, over TLS."""
    (delivered,) = run_script(people)
    assert delivered.problem == ""
    assert delivered.arrived.added == 3 * people.people
    assert delivered.usage.seconds > 0
    assert delivered.usage.peak_mb >= delivered.usage.start_mb > 0


def test_a_wrong_delivery_is_noticed(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people in the same number are a problem."""
    expected = people.expected()
    other = replace(expected["version 1"], fingerprint=1)
    monkeypatch.setattr(People, "expected", lambda _: {**expected, "version 1": other})
    (delivered,) = run_script(people)
    assert "or others" in delivered.problem
    assert isinstance(other, Expected)
