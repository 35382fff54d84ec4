"""The sensor on a real Airflow 2.11: scheduler, LocalExecutor and triggerer; the dataset event for a campaign DAG."""

import json

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


def test_a_segment_that_became_ready_queues_its_campaign(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """Looked at from the triggerer with the connection's long-lived token, ready, a dataset event for the campaign.

    This Airflow starts no runs by itself, so the campaign stays queued.
    """
    airflow_2.connect("tiktok_default", tiktok, access_token=ACCESS_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "fresh", audience_id=SEGMENT)
    run = airflow_2.start("ready_deferred")
    await_looks(tiktok, 4)
    tiktok.set_cover(SEGMENT, 2500)
    assert airflow_2.wait("ready_deferred", run) == "success", airflow_2.logs("ready_deferred")
    texts = airflow_2.written()
    assert f"tiktok://advertiser/{ADVERTISER_ID}/segment/{SEGMENT}" in texts["dataset"]
    assert "2500" in texts["dataset_event"], "the size stands in the event's extra"
    assert "tiktok_campaign" in texts["dataset_dag_run_queue"]
    log = "\n".join(text for name, text in texts.items() if "dag_id=ready_deferred" in name)
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
