"""Tests of a DAG against a local TikTok."""

import json
import sqlite3

import pytest
from dags.consenting import dag

SEGMENT = "Customers with consent"


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    """A database in place of the warehouse, under the name of its connection."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("CREATE TABLE customers (email TEXT, marketing_consent INTEGER)")
        database.executemany(
            "INSERT INTO customers VALUES (?, ?)",
            [("Ada@Example.com", 1), ("grace@example.org", 1), ("no@example.net", 0), ("not an address", 1)],
        )
        yield database


def test_customers_with_consent_reach_tiktok(tiktok_emulator, warehouse):
    assert dag.test().state == "success"
    tiktok_emulator.assert_members(SEGMENT, EMAIL_SHA256=["ada@example.com", "grace@example.org"])


def test_who_withdraws_consent_leaves_the_segment(tiktok_emulator, warehouse):
    dag.test()
    warehouse.execute("UPDATE customers SET marketing_consent = 0 WHERE email = 'grace@example.org'")
    dag.test()
    tiktok_emulator.assert_members(SEGMENT, EMAIL_SHA256=["ada@example.com"])


def test_a_lost_answer_and_a_rate_limit_lose_nobody(tiktok_emulator, warehouse):
    tiktok_emulator.emulator.drop_after("/segment/mapping/")
    tiktok_emulator.emulator.fail_with_code("/segment/mapping/", 40100)
    assert dag.test().state == "success"
    assert tiktok_emulator.emulator.count_requests("/segment/mapping/") == 3
    tiktok_emulator.assert_members(SEGMENT, EMAIL_SHA256=["ada@example.com", "grace@example.org"])


def test_an_analyst_changes_nothing(tiktok_emulator, warehouse):
    tiktok_emulator.emulator.set_role("7012345678901234561", "ANALYST")
    assert dag.test().state == "failed"
    assert tiktok_emulator.emulator.audiences() == []


def test_tiktok_takes_ten_hours_until_the_segment_can_be_used(tiktok_emulator, warehouse):
    tiktok_emulator.emulator.configure(lag_seconds=10 * 3600, valid_cover=2)
    dag.test()
    assert [one["is_valid"] for one in tiktok_emulator.emulator.audiences()] == [False]
    tiktok_emulator.emulator.advance(10 * 3600)
    assert [one["is_valid"] for one in tiktok_emulator.emulator.audiences()] == [True]
