"""The sensor on a real Airflow 2.11: scheduler, LocalExecutor and triggerer; a campaign DAG that its event starts."""

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_SECRET, REFRESH_TOKEN, Emulator
from demo.processes import poll
from tests.airflow.airflow_2 import Airflow2
from tests.airflow.leaks import leaks

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_2, pytest.mark.timeout(300)]

GET, REFRESH = "/dmp/custom_audience/get/", "/oauth2/refresh_token/"
SEGMENT = "987654321"
"""Segment of the example, on whose asset its campaign DAG is scheduled."""


def await_looks(tiktok: Emulator, more: int) -> None:
    wanted = tiktok.count_requests(GET) + more
    poll(lambda: tiktok.count_requests(GET) >= wanted or None, timeout=120, what=f"{more} more looks")


def test_a_campaign_starts_by_itself_when_the_segment_is_ready(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """Looked at from the triggerer with the connection's long-lived token, ready, one dataset event, one campaign."""
    airflow_2.connect("tiktok_default", tiktok, access_token=ACCESS_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "fresh", audience_id=SEGMENT)
    begin = datetime.now(UTC)
    run = airflow_2.start("ready_deferred")
    await_looks(tiktok, 4)
    tiktok.set_cover(SEGMENT, 2500)
    assert airflow_2.wait("ready_deferred", run) == "success", airflow_2.logs("ready_deferred")
    campaign = f"run_type = 'dataset_triggered' AND start_date > '{begin.isoformat()}'"
    assert airflow_2.wait("tiktok_campaign", campaign, timeout=120) == "success"
    texts = {name: text for name, text in airflow_2.written().items() if "ready_deferred" in name}
    log = "\n".join(text for name, text in texts.items() if name.endswith(".log") or ".log.trigger" in name)
    assert "is still computed by TikTok: size 0, 1,000 wanted" in log
    assert [noise for noise in ("Traceback", "cannot be called outside", "was never awaited") if noise in log] == []


def test_the_triggerer_renews_a_token_that_is_refused(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """As on Airflow 3: the Variable is read and written from within the triggerer, and nothing shows a token."""
    airflow_2.connect("tiktok_renewing", tiktok, refresh_token=REFRESH_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "renewing", audience_id=SEGMENT)
    run = airflow_2.start("ready_renewing")
    await_looks(tiktok, 3)
    assert tiktok.count_requests(REFRESH) == 1
    tiktok.advance(2 * 86_400)
    await_looks(tiktok, 3)
    assert tiktok.count_requests(REFRESH) == 2
    tiktok.set_cover(SEGMENT, 2500)
    assert airflow_2.wait("ready_renewing", run) == "success", airflow_2.logs("ready_renewing")
    assert tiktok.count_requests(REFRESH) == 2
    kept = json.loads(airflow_2.cli("variables", "get", "tiktok_token_tiktok_renewing"))
    assert leaks(airflow_2.written(), [REFRESH_TOKEN, APP_SECRET, kept["refresh_token"], kept["access_token"]]) == []
