"""What only a real scheduler, executor and API server can show."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_tiktok.emulator import (
    ACCESS_TOKEN,
    ADVERTISER_ID,
    ANALYST_ADVERTISER_ID,
    APP_ID,
    APP_SECRET,
    BC_ID,
    REFRESH_TOKEN,
    Emulator,
)
from demo.expected import expect
from demo.local_airflow import LocalAirflow
from demo.shop import read_customers
from tests.airflow.conftest import TODAY
from tests.airflow.leaks import leaks, written_by
from tests.kit import digests

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(300)]

EXAMPLE = "tiktok_segment_delivery"
REFRESH = "/oauth2/refresh_token/"


def connect(airflow: LocalAirflow, tiktok: Emulator, conn_id: str = "tiktok_default", **extra: str) -> None:
    airflow.add_connection(
        conn_id,
        "tiktok",
        host=tiktok.url,
        login=APP_ID,
        password=APP_SECRET,
        extra={"advertiser_id": ADVERTISER_ID, "bc_id": BC_ID, **extra},
    )


def run(airflow: LocalAirflow, dag: str, logical_date: datetime | None = None) -> tuple[str, str]:
    airflow.unpause(dag)
    interval = {} if logical_date is None else {"data_interval_start": logical_date}
    if logical_date is not None:
        interval["data_interval_end"] = logical_date + timedelta(days=1)
    run_id = airflow.trigger(dag, logical_date, **interval)
    return run_id, airflow.wait(dag, run_id, timeout=240)


def test_past_intervals_run_in_any_order(airflow: LocalAirflow, tiktok: Emulator, shop: Path) -> None:
    """The example DAG delivers any past day; a day that is older than the delivered one changes nothing."""
    connect(airflow, tiktok, access_token=ACCESS_TOKEN)
    receipts = {}
    for days in (20, 3, 10):
        run_id, state = run(airflow, EXAMPLE, TODAY - timedelta(days=days))
        assert state == "success"
        receipts[days] = airflow.xcom(EXAMPLE, run_id, "upload")
    newest = (TODAY - timedelta(days=2)).strftime("%Y-%m-%d %H:%M:%S")
    expected = expect(read_customers(shop, "marketing_consent = 1 AND signed_up_at < ?", (newest,)))
    held = tiktok.members(receipts[3]["segment_id"])
    assert {kind: held[kind] for kind in expected.digests} == expected.digests
    assert (receipts[20]["baseline"], receipts[3]["baseline"]) == (True, False)
    assert 0 < receipts[3]["added"] < receipts[3]["members"]
    assert [receipts[days]["superseded"] for days in (20, 3, 10)] == [False, False, True]


def test_a_manual_run_without_logical_date_delivers(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """The button "Trigger" of the UI gives a run without data interval, and it works."""
    connect(airflow, tiktok, access_token=ACCESS_TOKEN)
    run_id, state = run(airflow, EXAMPLE)
    assert state == "success"
    assert airflow.xcom(EXAMPLE, run_id, "upload")["members"] > 1000


def test_rows_through_xcom_are_not_stored_as_rendered_templates(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """Rows of an upstream task are delivered, and the upload task's rendered fields show how many, not who."""
    connect(airflow, tiktok, access_token=ACCESS_TOKEN)
    run_id, state = run(airflow, "rows")
    assert state == "success"
    segment_id = airflow.xcom("rows", run_id, "upload")["segment_id"]
    assert tiktok.members(segment_id)["EMAIL_SHA256"] == digests(f"canary{n}@example.com" for n in range(3))
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        fields = [
            json.dumps(row) for row in database.execute("SELECT rendered_fields FROM rendered_task_instance_fields")
        ]
    assert any("3 rows, not shown" in row for row in fields)
    assert not any("canary" in row for row in fields)
    logs = {name: text for name, text in written_by(airflow.home).items() if name != "metadata database"}
    assert leaks(logs, [f"canary{number}@example.com" for number in range(3)]) == []


def test_parallel_tasks_cause_one_refresh_and_the_next_run_none(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """Eight mapped tasks share one rotated token, kept encrypted in Airflow; nothing shows it."""
    connect(airflow, tiktok, "tiktok_refresh", refresh_token=REFRESH_TOKEN)
    tiktok.create_audience(ADVERTISER_ID, "refresh")
    for _ in range(2):
        assert run(airflow, "refresh")[1] == "success"
    assert tiktok.count_requests(REFRESH) == 1
    tiktok.advance(2 * 86_400)  # the access token is expired at TikTok, though not by this machine's clock
    assert run(airflow, "refresh")[1] == "success"
    assert tiktok.count_requests(REFRESH) == 2, "one refresh for eight tasks that were refused at once"
    with closing(sqlite3.connect(airflow.home / "airflow.db")) as database:
        rows = database.execute("SELECT key, is_encrypted FROM variable WHERE key = 'tiktok_token_tiktok_refresh'")
        assert rows.fetchall() == [("tiktok_token_tiktok_refresh", 1)]
    secrets = [REFRESH_TOKEN, ACCESS_TOKEN, APP_SECRET, *kept_tokens(airflow, "tiktok_refresh")]
    assert leaks(written_by(airflow.home), secrets) == []


def test_a_token_lost_with_its_worker_asks_once_for_another_authorisation(
    airflow: LocalAirflow, tiktok: Emulator
) -> None:
    """Killed between TikTok's answer and the store, a task takes the new token with it, which nothing can prevent.

    The next run tries the old one once and says what to do, the one after that does not call at all; with the token of
    a new authorisation in the connection everything works again. None of the tokens is left anywhere.
    """
    connect(airflow, tiktok, "tiktok_killed", refresh_token=REFRESH_TOKEN)
    assert run(airflow, "killed")[1] == "failed"
    assert tiktok.count_requests(REFRESH) == 1
    for _ in range(2):
        run_id, state = run(airflow, "after_the_kill")
        assert state == "failed"
        assert "authorise the app again in TikTok" in airflow.task_logs("after_the_kill", run_id, "verify")
        assert tiktok.count_requests(REFRESH) == 2, "the old token is tried once, and never again"
    fresh = tiktok.issue_token(refresh=True)
    connect(airflow, tiktok, "tiktok_killed", refresh_token=fresh["refresh_token"])
    assert run(airflow, "after_the_kill")[1] == "success"
    assert tiktok.count_requests(REFRESH) == 3
    kept = kept_tokens(airflow, "tiktok_killed")
    assert len(kept) == 2
    secrets = [REFRESH_TOKEN, ACCESS_TOKEN, APP_SECRET, *fresh.values(), *kept]
    assert leaks(written_by(airflow.home), [secret for secret in secrets if isinstance(secret, str)]) == []


def test_tokens_may_be_kept_in_the_connection(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """Tasks write the rotated token back through Airflow's API, once for all of them; the API shows none of it."""
    connect(airflow, tiktok, "tiktok_kept", refresh_token=REFRESH_TOKEN, token_store="connection")
    tiktok.create_audience(ADVERTISER_ID, "kept")
    for _ in range(2):
        assert run(airflow, "kept_in_connection")[1] == "success"
    assert tiktok.count_requests(REFRESH) == 1
    shown = airflow.request("GET", "connections/tiktok_kept")
    assert json.loads(shown["extra"])["token_state"] != ""
    assert json.loads(shown["extra"])["advertiser_id"] == ADVERTISER_ID
    assert [one["key"] for one in airflow.request("GET", "variables")["variables"] if "kept" in one["key"]] == []
    state = stored_extra(airflow, "tiktok_kept")["token_state"]
    assert str(state["generation"]) == "1"
    secrets = [REFRESH_TOKEN, ACCESS_TOKEN, APP_SECRET, state["refresh_token"], state["access_token"]]
    assert leaks({**written_by(airflow.home), "the API": json.dumps(shown)}, secrets) == []


def test_the_keeper_renews_in_its_pool(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """The example DAG obtains the token before anybody needs it, and leaves a young one alone."""
    connect(airflow, tiktok, refresh_token=REFRESH_TOKEN)
    airflow.request("POST", "pools", json={"name": "tiktok_token", "slots": 1})
    told = []
    for _ in range(2):
        run_id, state = run(airflow, "tiktok_token_keeper")
        assert state == "success"
        told.append(airflow.xcom("tiktok_token_keeper", run_id, "renew"))
    assert [(one["renewed"], one["generation"]) for one in told] == [(True, 1), (False, 1)]
    assert tiktok.count_requests(REFRESH) == 1


def test_a_person_authorises_on_the_command_line(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """The code becomes a connection that works, ``whoami`` tells what it reaches, and nothing shows a token."""
    tiktok.configure(legacy_refresh_mode=True)
    tiktok.issue_auth_code("code-of-a-person")
    address = "http://127.0.0.1:8765/?state=s&auth_code=code-of-a-person"
    options = ["--conn-id", "tiktok_authorised", "--advertiser-id", ADVERTISER_ID]
    app = ["--app-id", APP_ID, "--host", tiktok.url, "--auth-code", address]
    printed = airflow.cli("tiktok", "authorize", *options, *app)
    assert "Connection 'tiktok_authorised' is saved" in printed
    extra = stored_extra(airflow, "tiktok_authorised")
    assert extra["advertiser_id"] == ADVERTISER_ID
    assert "access_token" not in extra, "it would outlive its day; the refresh token brings the next one"
    assert {pool["name"] for pool in airflow.request("GET", "pools")["pools"]} >= {"tiktok_token"}
    told = airflow.cli("tiktok", "whoami", "--conn-id", "tiktok_authorised")
    assert "not used yet" in told
    secrets = [APP_SECRET, "code-of-a-person", str(extra["refresh_token"])]
    assert leaks({"authorize": printed, "whoami": told, **written_by(airflow.home)}, secrets) == []


def test_authorising_anew_keeps_what_the_form_holds(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """Host, port, app and account are those of the connection; only the token is another one."""
    address = urlsplit(tiktok.url)
    host, extra = f"http://{address.hostname}", {"advertiser_id": ADVERTISER_ID, "access_token": "old-access-token"}
    fields = {"host": host, "port": address.port, "login": APP_ID, "password": APP_SECRET, "extra": extra}
    airflow.add_connection("tiktok_anew", "tiktok", **fields)
    tiktok.issue_auth_code("another-code")
    airflow.cli("tiktok", "authorize", "--conn-id", "tiktok_anew", "--auth-code", "another-code")
    stored = airflow.request("GET", "connections/tiktok_anew")
    assert (stored["host"], stored["port"], stored["login"]) == (host, address.port, APP_ID)
    kept = stored_extra(airflow, "tiktok_anew")
    assert kept["advertiser_id"] == ADVERTISER_ID
    assert kept["access_token"] not in {"", "old-access-token"}


def test_authorising_without_a_terminal_says_where_the_secret_goes(airflow: LocalAirflow) -> None:
    """In a script nobody can be asked: one clear error, and no traceback."""
    env = {name: value for name, value in airflow.env.items() if name != "TIKTOK_APP_SECRET"}
    options = ["--conn-id", "tiktok_scripted", "--app-id", APP_ID]
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "tiktok", "authorize", *options],
        env=env,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # no terminal either
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "set the environment variable TIKTOK_APP_SECRET" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_whoami_shows_advertisers_with_roles(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """A long-lived token is asked what it reaches; a token that is no good is one clear error."""
    connect(airflow, tiktok, "tiktok_who", access_token=ACCESS_TOKEN)
    told = airflow.cli("tiktok", "whoami", "--conn-id", "tiktok_who")
    assert ADVERTISER_ID in told
    assert "Analyst" in told
    assert "0 of 400" in told
    connect(airflow, tiktok, "tiktok_who", access_token="revoked-access-token")
    with pytest.raises(RuntimeError, match="authorise again") as caught:
        airflow.cli("tiktok", "whoami", "--conn-id", "tiktok_who")
    assert "Traceback" not in str(caught.value)
    assert leaks({"whoami": told + str(caught.value)}, [ACCESS_TOKEN, "revoked-access-token", APP_SECRET]) == []


def stored_extra(airflow: LocalAirflow, conn_id: str) -> dict[str, Any]:
    """The extra fields of a connection, as only the server's own command line shows them."""
    (shown,) = json.loads(airflow.cli("connections", "get", conn_id, "--output", "json"))
    extra: dict[str, Any] = shown["extra_dejson"]
    return extra


def kept_tokens(airflow: LocalAirflow, conn_id: str) -> list[str]:
    """The tokens that the store holds, as only the server's own command line shows them."""
    state = json.loads(airflow.cli("variables", "get", f"tiktok_token_{conn_id}"))
    return [state["refresh_token"], state["access_token"]]


def test_a_failing_task_logs_one_clear_error(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """The log of a task that cannot work says what to do, and holds no secret."""
    connect(airflow, tiktok, "tiktok_failing", access_token=ACCESS_TOKEN, advertiser_id=ANALYST_ADVERTISER_ID)
    run_id, state = run(airflow, "failing")
    assert state == "failed"
    log = airflow.task_logs("failing", run_id, "verify")
    assert f"Analyst of advertiser {ANALYST_ADVERTISER_ID}" in log
    assert "ask for the role Operator or Admin" in log
    assert leaks(written_by(airflow.home), [ACCESS_TOKEN, APP_SECRET]) == []
    assert tiktok.audiences() == []


def test_the_connection_form_and_its_test_button_work(airflow: LocalAirflow, tiktok: Emulator) -> None:
    """The UI offers TikTok Ads with its own fields, and the button reports what the hook found."""
    form = next(entry for entry in airflow.hook_meta() if entry["connection_type"] == "tiktok")
    assert form["hook_name"] == "TikTok Ads"
    assert set(form["extra_fields"]) == {"access_token", "refresh_token", "advertiser_id", "bc_id"}
    assert form["standard_fields"]["login"]["title"] == "App id"
    body = {
        "connection_id": "candidate",
        "conn_type": "tiktok",
        "host": tiktok.url,
        "login": APP_ID,
        "password": APP_SECRET,
        "extra": json.dumps({"access_token": ACCESS_TOKEN, "advertiser_id": ADVERTISER_ID}),
    }
    answer = airflow.request("POST", "connections/test", json=body)
    assert answer["status"], answer
    body["extra"] = json.dumps({"access_token": ACCESS_TOKEN, "advertiser_id": ANALYST_ADVERTISER_ID})
    answer = airflow.request("POST", "connections/test", json=body)
    assert not answer["status"]
    assert "Analyst" in answer["message"]
