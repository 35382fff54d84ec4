"""Whatever stands in a file or in an address comes onto the page as text."""

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_tiktok.core.receipt import Receipt
from airflow_provider_tiktok.plugins.app import app
from tests.kit import Desk
from tests.plugins.conftest import Visit
from tests.plugins.reading import Page

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    SCRIPT,
    '"><img src=x onerror=alert(1)>',
    "</title></svg></style><script>",
    "{{ 7 * 7 }}",
    "' onload='x",
    "&lt;b&gt;",
]
TEXTS = st.text(max_size=10) | st.sampled_from(HOSTILE)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
RECEIPTS = VALUES | st.dictionaries(st.sampled_from([field.name for field in fields(Receipt)]), VALUES)
MANIFESTS = VALUES | st.fixed_dictionaries({"counts": VALUES | st.fixed_dictionaries({"rejected": VALUES})})
TAGS = (
    "html head meta title style body main header h1 h2 form label select option button section nav div span p code a "
    "dl dt dd table thead tbody tr th td time svg line text polyline g rect circle"
)
LEADING_OUT = {"src", "srcset", "action", "formaction", "style", "background", "xlink:href", "ping"}


def suspicious(text: str) -> list[Any]:
    """Tags and attributes that the templates do not have, and addresses that lead out of the page."""
    page = Page(text)
    attributes = [(name, value) for name, value in page.attributes if name.startswith("on") or name in LEADING_OUT]
    leading_out = [link for link in page.links if not link.startswith("/tiktok/deliveries")]
    return [
        *(page.tags - set(TAGS.split())),
        *(one for one in attributes if one != ("action", "/tiktok/deliveries")),
        *leading_out,
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(receipt=RECEIPTS, manifest=MANIFESTS)
def test_any_file_is_shown_as_text(visit: Visit, desk: Desk, receipt: Any, manifest: Any) -> None:
    """No content of a receipt or a manifest breaks the page or adds an element to it."""
    folder = desk.root / "snapshots" / "<b>name" / "end" / "one"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "receipt-<i>7-x.json").write_text(json.dumps(receipt))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    client = visit()
    for path in ("/deliveries", "/deliveries?segment=%3Ci%3E7", "/deliveries/%3Ci%3E7/x"):
        answer = client.get(path)
        assert (answer.status_code, suspicious(answer.text)) == (200, [])


def test_a_name_with_a_script_in_it_is_read_as_such(visit: Visit, desk: Desk) -> None:
    """Where somebody put it into a folder's name, a value, or the address."""
    folder = desk.root / "snapshots" / "<b>name"
    folder.mkdir(parents=True)
    (folder / "receipt-7-x.json").write_text(json.dumps({"mode": SCRIPT, "advertiser_ids": [SCRIPT], "dry_run": True}))
    texts = [
        Page(visit().get(path).text) for path in ("/deliveries", f"/deliveries?segment={SCRIPT}", "/deliveries/7/x")
    ]
    assert "<b>name" in texts[0].text
    assert all(SCRIPT in page.text for page in texts)
    assert suspicious(visit().get(f"/deliveries/7/{SCRIPT[:8]}").text) == []


def paths(pattern: str = "") -> Iterable[str]:
    return ["/deliveries", "/deliveries/7/x", "/deliveries?page=none", "/nowhere", f"/{pattern}"]


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("role", ["viewer", None], ids=["viewer", "nobody"])
def test_every_answer_forbids_scripts_and_foreign_frames(visit: Visit, path: str, role: str | None) -> None:
    """Also those that tell an error; nothing is kept by a browser or by what is between."""
    headers = visit(role).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert headers["X-Frame-Options"] == "SAMEORIGIN"


def test_there_is_no_description_of_the_application() -> None:
    """FastAPI's own pages would be open to all, and load scripts from elsewhere."""
    assert {route.path for route in app.routes} == {"/deliveries", "/deliveries/{segment_id}/{name}"}  # type: ignore[attr-defined]


def test_links_stay_below_where_airflow_is_served(visit: Visit, desk: Desk) -> None:
    """As behind a proxy that gives Airflow a path of its own."""
    folder = desk.root / "snapshots" / "name"
    folder.mkdir(parents=True)
    (folder / "receipt-7-x.json").write_text("{}")
    page = Page(visit(root_path="/airflow/tiktok").get("/airflow/tiktok/deliveries").text)
    assert page.links
    assert all(link.startswith("/airflow/tiktok/deliveries") for link in page.links)
    login = Page(visit(None, root_path="/airflow/tiktok").get("/airflow/tiktok/deliveries").text)
    assert [link.split("?")[0] for link in login.links] == ["/airflow/api/v2/auth/login"]
