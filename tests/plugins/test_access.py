"""Who sees the page, and the tokens on it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models import Connection, Variable
from airflow.utils.session import create_session

from airflow_provider_tiktok.api.tokens import fingerprint
from airflow_provider_tiktok.emulator import ACCESS_TOKEN, APP_ID, APP_SECRET, REFRESH_TOKEN
from tests.kit import Desk, emails
from tests.plugins.conftest import Visit
from tests.plugins.reading import Page

PATHS = ("/deliveries", "/deliveries?dag_id=somebody", "/deliveries/{segment}/{unique}", "/deliveries/{segment}/gone")


@pytest.fixture
def delivered(desk: Desk) -> str:
    """The unique name of a receipt."""
    receipt = desk.deliver(desk.snapshot(emails(*range(20))))
    return (receipt.receipt_uri or "").rpartition("-")[2].removesuffix(".json")


@pytest.mark.parametrize("path", PATHS)
def test_nobody_sees_anything_without_a_token(visit: Visit, desk: Desk, delivered: str, path: str) -> None:
    """Not even whether there is such a receipt; the answer leads to the log-in."""
    answer = visit(None).get(path.format(segment=desk.segment_id, unique=delivered))
    assert answer.status_code == 401
    page = Page(answer.text)
    assert desk.segment_id not in page.text
    assert "auth/login?next=" in page.links[0]


def test_a_wrong_token_is_none(visit: Visit, delivered: str) -> None:
    """As Airflow itself answers it, in the cookie and in the header."""
    client = visit(None)
    assert client.get("/deliveries", headers={"Authorization": "Bearer wrong"}).status_code == 403
    client.cookies.set("_token", "wrong")
    assert client.get("/deliveries").status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_who_has_no_role_is_refused(visit: Visit, desk: Desk, delivered: str, path: str) -> None:
    """Naming a DAG in the address does not help."""
    answer = visit("").get(path.format(segment=desk.segment_id, unique=delivered))
    assert (answer.status_code, "permission" in answer.text) == (403, True)
    assert desk.segment_id not in Page(answer.text).text


@pytest.mark.parametrize("role", ["viewer", "user", "op", "admin"])
def test_who_may_read_all_dags_sees_the_deliveries(visit: Visit, delivered: str, role: str) -> None:
    """By the cookie that the frame of Airflow's UI sends."""
    assert Page(visit(role).get("/deliveries").text).rows("Deliveries")[0]["Receipt"] == delivered


def test_the_token_may_come_in_a_header(visit: Visit, delivered: str) -> None:
    """As programs send it."""
    token = visit("viewer").cookies["_token"]
    assert visit(None).get("/deliveries", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def kept(**values: Any) -> str:
    seed = fingerprint(REFRESH_TOKEN)
    return json.dumps(
        {"seed": seed, "refresh_token": "rotated-1", "access_token": "rotated-2", "generation": 3, **values}
    )


NONE = "\N{EN DASH}"
SECRETS = (ACCESS_TOKEN, REFRESH_TOKEN, APP_SECRET, "rotated-1", "rotated-2", fingerprint(REFRESH_TOKEN))


@pytest.fixture
def connections(database: None) -> Iterator[None]:
    """A connection for each way in which a token may stand."""
    refreshed = {"refresh_token": REFRESH_TOKEN, "advertiser_id": "1"}
    extras: dict[str, Any] = {
        "long_lived": {"access_token": ACCESS_TOKEN},
        "fresh": refreshed,
        "renewed": refreshed,
        "expired": refreshed,
        "dead": {**refreshed, "token_store": "connection", "token_state": json.loads(kept(dead=True))},
        "broken": refreshed,
        "incomplete": {},
    }
    variables = {
        "renewed": kept(expires_at=4_000_000_000.0),
        "expired": kept(expires_at=1_000_000_000.0),
        "broken": "no JSON rotated-1",
    }
    with create_session() as session:
        for conn_id, extra in extras.items():
            fields = {"login": APP_ID, "password": APP_SECRET, "extra": json.dumps(extra)}
            session.add(Connection(conn_id=conn_id, conn_type="tiktok", **fields))
        session.add(Connection(conn_id="another", conn_type="http"))
        session.add_all(Variable(key=f"tiktok_token_{name}", val=value) for name, value in variables.items())
    yield
    with create_session() as session:
        session.query(Connection).delete()
        session.query(Variable).delete()


def test_how_the_tokens_stand_is_told(visit: Visit, desk: Desk, connections: None, delivered: str) -> None:
    """Of each connection to TikTok; TikTok is not asked, and no token is on the page."""
    before = len(desk.tiktok.requests())
    text = visit("op").get("/deliveries").text
    rows = {row[0]: row[1:] for row in Page(text).tables["Tokens"][1:]}
    assert rows["long_lived"] == ["valid", "long-lived access token", "no timed expiry", "0"]
    assert rows["fresh"] == ["not used yet", "refresh token", NONE, "0"]
    assert rows["renewed"] == ["valid", "refresh token", "2096-10-02 07:06", "3"]
    assert rows["expired"] == ["expired: the next run renews it", "refresh token", "2001-09-09 01:46", "3"]
    assert rows["dead"] == ["dead: authorise again", "refresh token", NONE, "3"]
    assert "cannot be read" in rows["broken"][0]
    assert "Access token" in rows["incomplete"][0]
    assert "another" not in rows
    assert [secret for secret in SECRETS if secret in text] == []
    assert len(desk.tiktok.requests()) == before


def test_the_tokens_are_for_those_who_may_read_connections(visit: Visit, connections: None, delivered: str) -> None:
    """A viewer sees the deliveries only."""
    page = Page(visit("viewer").get("/deliveries").text)
    assert "Tokens" not in page.tables
    assert "long_lived" not in page.text
