"""A failure in a mapped task group stays in its index on Airflow 2.11 too."""

from pathlib import Path

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, ADVERTISER_ID_2, ADVERTISER_ID_3, Emulator
from demo.expected import expect
from demo.shop import read_customers
from tests.airflow.airflow_2 import Airflow2

pytestmark = [pytest.mark.airflow, pytest.mark.airflow_2, pytest.mark.timeout(300)]

DAG = "tiktok_many_advertisers"


def test_one_advertiser_that_fails_leaves_the_others_alone(airflow_2: Airflow2, tiktok: Emulator, shop: Path) -> None:
    """Of three advertisers one is held as Analyst: its verify says so, and the others deliver the whole query."""
    airflow_2.add_connections({"shop": {"conn_type": "sqlite", "host": str(shop)}})
    airflow_2.connect("tiktok_default", tiktok, access_token=ACCESS_TOKEN)
    tiktok.set_role(ADVERTISER_ID_2, "ANALYST")
    assert airflow_2.run(DAG) == "failed"
    assert f"the authorised user is Analyst of advertiser {ADVERTISER_ID_2}" in airflow_2.logs(DAG)
    rows = read_customers(shop, "marketing_consent = 1 AND phone IS NOT NULL")
    everybody = expect([(None, phone, None) for _, phone, _ in rows]).digests["PHONE_SHA256"]
    held = {one["owner_id"]: tiktok.members(one["audience_id"])["PHONE_SHA256"] for one in tiktok.audiences()}
    assert held == {ADVERTISER_ID: everybody, ADVERTISER_ID_3: everybody}
