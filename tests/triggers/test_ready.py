"""The trigger that looks at a segment from within the triggerer."""

import asyncio
from typing import Any

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_SECRET, REFRESH_TOKEN, Emulator
from airflow_provider_tiktok.triggers.ready import SegmentReadyTrigger
from tests.kit import connect
from tests.sensors.waiting import GET, Waiting, first_event


def test_what_is_stored_of_the_trigger_holds_no_secret_and_reads_old_ones(connection: Emulator) -> None:
    """Ids, numbers and a moment; arguments of another version are passed over."""
    task = Waiting(segment=connection.create_audience(ADVERTISER_ID, "fresh"), deferrable=True)
    path, kwargs = task.start().trigger.serialize()
    assert path == "airflow_provider_tiktok.triggers.ready.SegmentReadyTrigger"
    assert not {ACCESS_TOKEN, APP_SECRET, REFRESH_TOKEN} & {str(value) for value in kwargs.values()}
    assert SegmentReadyTrigger(**kwargs, retired="argument").serialize() == (path, kwargs)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda tiktok, segment: tiktok.set_cover(segment, 2500), "settled", id="ready"),
        pytest.param(lambda tiktok, segment: tiktok.fail_audience(segment, "boom"), "settled", id="failed"),
        pytest.param(lambda tiktok, segment: tiktok.revoke_token(ACCESS_TOKEN), "problem", id="revoked"),
        pytest.param(lambda tiktok, segment: None, "timeout", id="nothing"),
    ],
)
def test_the_trigger_tells_one_word(connection: Emulator, change: Any, code: str) -> None:
    """Nothing else goes through Airflow's database."""
    segment = connection.create_audience(ADVERTISER_ID, "fresh")
    deferred = Waiting(segment=segment, deferrable=True, timeout=0.5).start()
    change(connection, segment)
    assert asyncio.run(asyncio.wait_for(first_event(deferred.trigger), timeout=20)) == {"code": code}


def test_the_trigger_never_blocks_the_loop(connection: Emulator) -> None:
    """While TikTok takes its time to answer, everything else in the triggerer goes on."""
    segment = connection.create_audience(ADVERTISER_ID, "fresh")
    deferred = Waiting(segment=segment, deferrable=True).start()
    connection.set_cover(segment, 2500)
    connection.delay(GET, 1.0)

    async def longest_pause() -> float:
        loop, waiting, longest = asyncio.get_running_loop(), asyncio.ensure_future(first_event(deferred.trigger)), 0.0
        while not waiting.done():
            begin = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - begin)
        return longest

    assert asyncio.run(asyncio.wait_for(longest_pause(), timeout=20)) < 0.5


def test_a_missing_connection_is_named_by_the_task(connection: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that goes away during the wait does not kill the trigger: it wakes the task."""
    connect(monkeypatch, connection, "tiktok_gone")
    segment = connection.create_audience(ADVERTISER_ID, "fresh")
    task = Waiting(segment=segment, deferrable=True, tiktok_conn_id="tiktok_gone")
    deferred = task.start()
    monkeypatch.delenv("AIRFLOW_CONN_TIKTOK_GONE")
    assert asyncio.run(asyncio.wait_for(first_event(deferred.trigger), timeout=20)) == {"code": "problem"}
