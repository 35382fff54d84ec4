"""The fixture ``tiktok_emulator`` for tests of your own DAGs. pytest finds it by itself once this package is installed.

::

    def test_customers_reach_tiktok(tiktok_emulator):
        dag = DagBag("dags").get_dag("my_delivery")
        assert dag.test().state == "success"
        tiktok_emulator.assert_members("Customers with consent", EMAIL_SHA256=["ada@example.com"])
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_tiktok.emulator import Emulator


class TikTokRehearsal:
    """A TikTok for one test: empty at its start, and connected as ``tiktok_default``.

    ``emulator`` has everything else that the emulator can do: faults, delays, sizes, time, roles.
    """

    def __init__(self, emulator: "Emulator") -> None:
        self.emulator = emulator

    @property
    def url(self) -> str:
        """Address of the emulator, which is also a page for a browser."""
        return self.emulator.url

    def segment_id(self, name: str) -> str:
        """Id of the one segment of this name, whoever owns it; AssertionError when there is none or several."""
        found = [one["audience_id"] for one in self.emulator.audiences() if one["name"] == name]
        assert len(found) == 1, f"TikTok has {len(found)} segments named {name!r}"  # noqa: S101  # for pytest
        return str(found[0])

    def assert_members(self, name: str, **values: Iterable[str]) -> None:
        """Assert that a segment holds exactly these identifiers.

        :param name: Name of the segment.
        :param values: For each identifier kind, such as ``EMAIL_SHA256``, the values as TikTok wants them before they
            are hashed: trimmed, lower-case e-mails; phones in E.164 with ``+``; lower-case device ids. A kind that is
            not given must have no member.
        """
        held = self.emulator.members(self.segment_id(name))
        unknown = sorted(values.keys() - held.keys())
        assert not unknown, f"{unknown[0]} is no identifier kind; use one of {', '.join(sorted(held))}"  # noqa: S101
        expected = {kind: {_digest(kind, value) for value in values.get(kind, ())} for kind in held}
        wrong = [
            f"{kind}: {len(expected[kind] - held[kind])} missing, {len(held[kind] - expected[kind])} unexpected"
            for kind in sorted(held)
            if held[kind] != expected[kind]
        ]
        assert not wrong, f"segment {name!r} does not hold what was expected. {'; '.join(wrong)}"  # noqa: S101


def _digest(kind: str, value: str) -> str:
    return hashlib.new(kind.rpartition("_")[2].lower(), value.encode()).hexdigest()


@pytest.fixture(scope="session")
def _tiktok_emulator_process() -> "Iterator[Emulator]":
    from airflow_provider_tiktok.emulator import Emulator  # noqa: PLC0415  # costs nothing where it is not used

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def tiktok_emulator(
    _tiktok_emulator_process: "Emulator", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> TikTokRehearsal:
    """An empty local TikTok, the connection ``tiktok_default`` to it, and a snapshot root of the test's own.

    Needs the extra ``[emulator]``. The process is started once for all tests of a session.
    """
    from airflow_provider_tiktok.emulator import (  # noqa: PLC0415  # as above
        ACCESS_TOKEN,
        ADVERTISER_ID,
        APP_ID,
        APP_SECRET,
        BC_ID,
    )

    _tiktok_emulator_process.reset()
    connection = {
        "conn_type": "tiktok",
        "host": _tiktok_emulator_process.url,
        "login": APP_ID,
        "password": APP_SECRET,
        "extra": {"access_token": ACCESS_TOKEN, "advertiser_id": ADVERTISER_ID, "bc_id": BC_ID},
    }
    monkeypatch.setenv("AIRFLOW_CONN_TIKTOK_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", (tmp_path / "tiktok").as_uri())
    return TikTokRehearsal(_tiktok_emulator_process)
