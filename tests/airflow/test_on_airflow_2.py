"""Refresh tokens on Airflow 2.11: a real scheduler with LocalExecutor, on PostgreSQL."""

import json

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, APP_SECRET, REFRESH_TOKEN, Emulator
from tests.airflow.airflow_2 import Airflow2
from tests.airflow.leaks import leaks

REFRESH = "/oauth2/refresh_token/"

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_2, pytest.mark.timeout(600)]


def test_parallel_tasks_cause_one_refresh_and_the_next_run_none(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """Eight mapped tasks share one rotated token, kept encrypted; nothing shows it."""
    airflow_2.connect("tiktok_refresh", tiktok, refresh_token=REFRESH_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "refresh")
    for _ in range(2):
        assert airflow_2.run("refresh") == "success"
    assert tiktok.count_requests(REFRESH) == 1
    tiktok.advance(2 * 86_400)
    assert airflow_2.run("refresh") == "success"
    assert tiktok.count_requests(REFRESH) == 2
    kept = json.loads(airflow_2.cli("variables", "get", "tiktok_token_tiktok_refresh"))
    secrets = [REFRESH_TOKEN, ACCESS_TOKEN, APP_SECRET, kept["refresh_token"], kept["access_token"]]
    assert leaks(airflow_2.written(), secrets) == []


def test_tokens_may_be_kept_in_the_connection(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """A task of Airflow 2 writes the connection in the database, without the API."""
    airflow_2.connect("tiktok_kept", tiktok, refresh_token=REFRESH_TOKEN, token_store="connection")
    tiktok.create_audience(ADVERTISER_ID, "kept")
    for _ in range(2):
        assert airflow_2.run("kept_in_connection") == "success"
    assert tiktok.count_requests(REFRESH) == 1


def test_a_token_lost_with_its_worker_asks_once_for_another_authorisation(
    airflow_2: Airflow2, tiktok: Emulator
) -> None:
    """As on Airflow 3: the old token is tried once more, and never again."""
    airflow_2.connect("tiktok_killed", tiktok, refresh_token=REFRESH_TOKEN)
    assert airflow_2.run("killed") == "failed"
    assert tiktok.count_requests(REFRESH) == 1
    for _ in range(2):
        assert airflow_2.run("after_the_kill") == "failed"
        assert tiktok.count_requests(REFRESH) == 2
    assert any("authorise the app again in TikTok" in text for text in airflow_2.written().values())
