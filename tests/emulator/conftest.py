"""A bare HTTP client for these tests; the emulator itself is the `tiktok` of `tests/conftest.py`."""

import hashlib
import json
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from airflow_provider_tiktok.emulator import ACCESS_TOKEN, ADVERTISER_ID, Emulator

BASE = "/open_api/v1.3/"


class Api:
    """The HTTP client: knows how to send, and nothing of the emulator's code."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)

    def exchange(self, method: str, target: str, body: bytes | None = None, **headers: str):
        """Send one request; status, headers and body of the reply."""
        connection = HTTPConnection(self._address.hostname, self._address.port, timeout=20)
        try:
            connection.request(method, target, body, {k.replace("_", "-"): v for k, v in headers.items()})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def post(self, path: str, body: object, token: str = ACCESS_TOKEN) -> dict:
        """POST a JSON value and return the envelope."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Access_Token": token, "Content_Type": "application/json"}
        status, _, text = self.exchange("POST", BASE + path, data, **headers)
        assert status == 200, text
        return json.loads(text)

    def get(self, path: str, token: str = ACCESS_TOKEN, **query: object) -> dict:
        """GET with JSON-encoded arrays and return the envelope."""
        encoded = {k: v if isinstance(v, str) else json.dumps(v) for k, v in query.items()}
        target = BASE + path + (f"?{urlencode(encoded)}" if encoded else "")
        status, _, text = self.exchange("GET", target, Access_Token=token)
        assert status == 200, text
        return json.loads(text)

    def segment(self, name: str = "buyers", advertiser_id: str = ADVERTISER_ID) -> str:
        """Create a segment and return its id."""
        body = {"advertiser_id": advertiser_id, "action": "create", "custom_audience_name": name}
        return self.post("segment/audience/", body)["data"]["audience_id"]

    def seen(self, audience_id: str, advertiser_id: str = ADVERTISER_ID) -> dict | None:
        """The details of an audience as one advertiser sees it."""
        reply = self.get("dmp/custom_audience/get/", advertiser_id=advertiser_id, custom_audience_ids=[audience_id])
        return reply["data"]["list"][0]["audience_details"] if reply["data"]["list"] else None

    def map(self, audience_id: str, *texts: str, kind: str = "EMAIL_SHA256", **fields: object) -> dict:
        """Map hashes of `texts`, one row each; `fields` replace fields of the body."""
        rows = [[{"id": self.digest(text), "audience_ids": [audience_id]}] for text in texts]
        body = {
            "advertiser_ids": [ADVERTISER_ID],
            "action": "add",
            "id_schema": [kind],
            "batch_data": rows,
        } | fields
        return self.post("segment/mapping/", {k: v for k, v in body.items() if v is not None})

    @staticmethod
    def digest(text: str) -> str:
        """SHA-256 in lower-case hex."""
        return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def api(tiktok: Emulator) -> Api:
    return Api(tiktok.url)
