"""The sensor, run as Airflow runs it, against segments in every state."""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, ADVERTISER_ID_2, Emulator
from airflow_provider_tiktok.errors import AuthError, ConfigurationError, RejectedError
from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator
from tests.kit import EMAIL, context
from tests.sensors.waiting import GET, Waiting

DAY = 86_400.0
MODES = [pytest.param({"deferrable": True}, id="deferrable"), pytest.param({"deferrable": False}, id="poke")]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was logged: Airflow 2 logs through ``logging``, Airflow 3 prints."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + capsys.readouterr().out


# --- ready ---


@pytest.mark.parametrize("mode", MODES)
def test_a_ready_segment_is_seen_at_the_first_look(connection: Emulator, mode: Mapping[str, Any]) -> None:
    """One request; ids, state and size come back, and the segment's asset is updated with them."""
    segment = connection.create_audience(ADVERTISER_ID, "vip", cover_num=2500)
    task = Waiting(segment=segment, **mode)
    told = task.start()
    assert (told["segment_id"], told["advertiser_id"]) == (segment, ADVERTISER_ID)
    assert (told["state"], told["size"]) == ("ready", 2500)
    assert datetime.fromisoformat(told["expires_at"]) > datetime.now(UTC) + timedelta(days=300)
    uri = f"tiktok://advertiser/{ADVERTISER_ID}/segment/{segment}"
    assert task.events.told == [("tiktok_segment_ready", uri, told)]
    assert connection.count_requests(GET) == 1


def test_the_segment_may_be_what_verify_returned(connection: Emulator) -> None:
    """Its advertiser counts, and not that of the connection."""
    segment = connection.create_audience(ADVERTISER_ID_2, "vip", cover_num=2500)
    verified = {"segment_id": segment, "segment_name": "vip", "advertiser_id": ADVERTISER_ID_2, "created": False}
    assert Waiting(segment=verified).run()["advertiser_id"] == ADVERTISER_ID_2


@pytest.mark.parametrize("mode", MODES)
def test_a_segment_that_expires_soon_is_ready_with_a_warning(
    connection: Emulator, heard: Callable[[], str], mode: Mapping[str, Any]
) -> None:
    """Within 60 days of its end it can be used, and a person is told until when."""
    segment = connection.create_audience(ADVERTISER_ID, "old", cover_num=2500, age_seconds=330 * DAY)
    told = Waiting(segment=segment, **mode).run()
    assert told["state"] == "expiring"
    assert re.search(f"(?i)warning.*Segment {segment}.*expires soon, on {told['expires_at'][:10]}", heard())


@pytest.mark.parametrize("mode", MODES)
def test_a_segment_is_waited_for_while_tiktok_computes_it(connection: Emulator, mode: Mapping[str, Any]) -> None:
    """What was just uploaded is size 0 and invalid at first; once TikTok has computed it, the task succeeds."""
    connection.configure(valid_cover=3, lag_seconds=1.0)
    segment = connection.create_audience(ADVERTISER_ID, "fresh")
    people = [{"email": f"person{number}@example.com"} for number in range(3)]
    TikTokUploadSegmentOperator(task_id="upload", segment=segment, source=people, columns=EMAIL).execute(context())
    task = Waiting(segment=segment, min_size=3, **mode)
    assert task.run()["size"] == 3
    assert connection.count_requests(GET) > 2
    assert len(task.events.told) == 1


# --- waiting ---


def test_the_log_says_how_far_the_segment_is(connection: Emulator, heard: Callable[[], str]) -> None:
    """State, size, what is wanted, the next look and the end of the wait, at each look of the task."""
    segment = connection.create_audience(ADVERTISER_ID, "fresh")
    assert isinstance(Waiting(segment=segment, deferrable=True, poke_interval=1800).start(), TaskDeferred)
    log = heard()
    assert f"Segment {segment} of advertiser {ADVERTISER_ID} is still computed by TikTok: size 0, 1,000 wanted" in log
    assert "Next look in 0:30:00; giving up at " in log


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("audience", "text"),
    [
        pytest.param({"cover_num": 0}, "still computed by TikTok: size 0, 1,000 wanted.*longer timeout", id="computed"),
        pytest.param({"cover_num": 400}, "too small: size 400, 1,000 wanted.*Deliver more members", id="small"),
        pytest.param({"cover_num": 0, "age_seconds": 3 * DAY}, "too small: size 0, 1,000 wanted", id="none matched"),
    ],
)
def test_a_time_out_says_what_the_segment_was(
    connection: Emulator, audience: dict[str, Any], text: str, mode: Mapping[str, Any]
) -> None:
    """The error names the last state, the size, the size that is wanted and what to do; no event is sent."""
    segment = connection.create_audience(ADVERTISER_ID, "small", **audience)
    task = Waiting(segment=segment, timeout=0.3, **mode)
    with pytest.raises(AirflowSensorTimeout, match=rf"not ready within 0:00:00\.3.*Segment {segment} .*{text}"):
        task.run()
    assert task.events.told == []


@pytest.mark.parametrize("mode", MODES)
def test_soft_fail_skips_on_a_time_out(connection: Emulator, mode: Mapping[str, Any]) -> None:
    """A campaign that is not vital goes on without the segment."""
    segment = connection.create_audience(ADVERTISER_ID, "small", cover_num=400)
    with pytest.raises(AirflowSkipException):
        Waiting(segment=segment, timeout=0.2, soft_fail=True, **mode).run()


def test_the_wait_counts_from_the_first_start(connection: Emulator) -> None:
    """However often the task is woken, the end stays where it was."""
    task = Waiting(segment=connection.create_audience(ADVERTISER_ID, "fresh"), deferrable=True, timeout=3600.0)
    first = task.start()
    again = task.go_on(first, {"code": "problem"})
    assert again.trigger.ends_at == first.trigger.ends_at
    assert again.kwargs == first.kwargs
    assert timedelta(hours=1) < again.timeout < timedelta(hours=1, minutes=6)


def test_an_outage_of_tiktok_is_waited_through(connection: Emulator, heard: Callable[[], str]) -> None:
    """Neither the task nor the trigger gives up when a look brings no answer."""
    segment = connection.create_audience(ADVERTISER_ID, "vip", cover_num=2500)
    connection.fail_with_http(GET, 502, times=4)
    assert Waiting(segment=segment, deferrable=True).run()["state"] == "ready"
    log = heard()
    assert "gave HTTP 502" in log
    assert "looking again in" in log
    assert connection.count_requests(GET) == 6, "two for the task, two for the trigger, then one for each"


def test_an_outage_until_the_end_is_named_in_the_time_out(connection: Emulator) -> None:
    """Nothing was seen, and the error says so."""
    segment = connection.create_audience(ADVERTISER_ID, "vip", cover_num=2500)
    connection.fail_with_http(GET, 502, times=None)
    with pytest.raises(AirflowSensorTimeout, match="TikTok gave no answer"):
        Waiting(segment=segment, deferrable=True, timeout=0.1).run()


# --- the end of the wait ---


@pytest.mark.parametrize("mode", MODES)
def test_an_expired_segment_ends_the_wait(connection: Emulator, mode: Mapping[str, Any]) -> None:
    """It never becomes usable again: one look, and an error that says when it expired and what to do."""
    segment = connection.create_audience(ADVERTISER_ID, "old", cover_num=2500, age_seconds=366 * DAY)
    with pytest.raises(ConfigurationError, match=r"expired on 20\d\d-\d\d-\d\d.*Make a new segment"):
        Waiting(segment=segment, **mode).run()
    assert connection.count_requests(GET) == 1
    with pytest.raises(AirflowSkipException, match="expired on"):
        Waiting(segment=segment, soft_fail=True, **mode).run()


@pytest.mark.parametrize("mode", MODES)
def test_a_failed_segment_ends_the_wait_with_tiktoks_words(connection: Emulator, mode: Mapping[str, Any]) -> None:
    """TikTok's error is shown, without the personal value in it."""
    segment = connection.create_audience(ADVERTISER_ID, "broken")
    connection.fail_audience(segment, "bad row jane@example.com", "computing failed")
    with pytest.raises(
        RejectedError, match=r"error is: bad row \*\*\*\. TikTok says: computing failed\. Deliver again"
    ):
        Waiting(segment=segment, **mode).run()
    with pytest.raises(AirflowSkipException, match="could not be computed"):
        Waiting(segment=segment, soft_fail=True, **mode).run()


def test_a_segment_that_fails_during_the_wait_wakes_the_task(connection: Emulator) -> None:
    """The trigger sees it, and the task's error is as clear as at the first look."""
    segment = connection.create_audience(ADVERTISER_ID, "breaking")
    task = Waiting(segment=segment, deferrable=True)
    deferred = task.start()
    connection.fail_audience(segment, "internal error")
    with pytest.raises(RejectedError, match="internal error"):
        task.go_on(deferred)


@pytest.mark.parametrize("soft_fail", [False, True], ids=["hard", "soft"])
@pytest.mark.parametrize("mode", MODES)
def test_a_segment_that_is_not_there_is_an_error(
    connection: Emulator, mode: Mapping[str, Any], soft_fail: bool
) -> None:
    """Another advertiser's, or a deleted one: a person must mend the DAG, whatever ``soft_fail`` says."""
    segment = connection.create_audience(ADVERTISER_ID_2, "another's")
    with pytest.raises(ConfigurationError, match=f"advertiser {ADVERTISER_ID} has no segment {segment}"):
        Waiting(segment=segment, soft_fail=soft_fail, **mode).run()


def test_a_token_that_is_revoked_during_the_wait_is_named_by_the_task(connection: Emulator) -> None:
    """The trigger tells no more than that there is a problem; the task's own error says what to do."""
    task = Waiting(segment=connection.create_audience(ADVERTISER_ID, "fresh"), deferrable=True)
    deferred = task.start()
    connection.revoke_token(ACCESS_TOKEN)
    with pytest.raises(AuthError, match="authorise again"):
        task.go_on(deferred)
