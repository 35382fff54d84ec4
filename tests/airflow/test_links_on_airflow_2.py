"""The links of a task on Airflow 2.11, which asks for them when somebody looks, through its own REST API."""

import json
import subprocess
import sys

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, Emulator
from tests.airflow.airflow_2 import Airflow2

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_2, pytest.mark.timeout(600)]

ASK = """
import json, sys
from airflow.www.app import create_app

app = create_app()
app.config["AUTH_ROLE_PUBLIC"] = "Admin"
client = app.test_client()
for path in sys.argv[1:]:
    answer = client.get("/api/v1/" + path)
    print("ANSWER", json.dumps(answer.get_json()))
"""


def test_a_mapped_task_links_to_ads_manager(airflow_2: Airflow2, tiktok: Emulator) -> None:
    """The owner's audiences; there is no page of receipts on this line."""
    airflow_2.connect("tiktok_refresh", tiktok, access_token=ACCESS_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "refresh")
    assert airflow_2.run("refresh") == "success"
    (run_id,) = airflow_2._rows("SELECT max(run_id) FROM dag_run WHERE dag_id = 'refresh'")[0]
    done = subprocess.run(
        [sys.executable, "-c", ASK, f"dags/refresh/dagRuns/{run_id}/taskInstances/verify/links?map_index=0"],
        env={**airflow_2._env, "AIRFLOW__API__AUTH_BACKENDS": "airflow.api.auth.backend.default"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    answers = [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    assert answers == [
        {"TikTok Ads Manager": f"https://ads.tiktok.com/i18n/dmp/audience/list?aadvid={ADVERTISER_ID}"}
    ], done.stderr[-2000:]
