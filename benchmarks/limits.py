"""What no program can pass on this machine: SHA-256 of prepared bytes, and HTTPS of prepared bodies."""

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import requests
import urllib3

from benchmarks.child import Job
from benchmarks.contenders import ADVERTISER, BATCH_ROWS, PATH, SEGMENT
from benchmarks.people import emails

try:
    import stringzilla
except ImportError:
    stringzilla = None

HASHED = 1_000_000
LANES = 20_000
BODIES = 16
THREADS = 8

urllib3.disable_warnings()  # the sink has a certificate of its own


def prepare_hashlib() -> Job:
    """Make the job of hashing normal e-mail addresses with hashlib."""
    texts = _texts()

    def work() -> dict[str, int]:
        sha256 = hashlib.sha256
        return {"rows": len([sha256(text).digest() for text in texts])}

    return Job(work)


def prepare_stringzilla() -> Job:
    """Make the job of hashing normal e-mail addresses with stringzilla."""
    texts = pa.array(_texts(), pa.binary())

    def work() -> dict[str, int]:
        for start in range(0, len(texts), LANES):
            some = pa.concat_arrays([texts[start : start + LANES]])
            digests = np.empty((len(some), 32), np.uint8)
            stringzilla.Sha256s(len(some)).update(stringzilla.Strs(some)).digest(out=digests)
        return {"rows": len(texts)}

    return Job(work)


def prepare_posts(url: str, rows: int) -> Job:
    """Make the job of posting as many rows as given, in prepared bodies, with pooled connections."""
    bodies = [_body(number) for number in range(BODIES)]
    requests_needed, local = -(-rows // BATCH_ROWS), threading.local()

    def post(number: int) -> int:
        if not hasattr(local, "session"):
            local.session = requests.Session()
            local.session.verify, local.session.trust_env = False, False
        status: int = local.session.post(url + PATH, data=bodies[number % BODIES], timeout=60).status_code
        return status

    def work() -> dict[str, Any]:
        with ThreadPoolExecutor(THREADS) as pool:
            statuses = set(pool.map(post, range(requests_needed)))
        return {"rows": requests_needed * BATCH_ROWS, "ok": statuses == {200}}

    return Job(work)


def _texts() -> list[bytes]:
    return [text.encode() for text in emails(np.arange(HASHED)).to_pylist()]


def _body(number: int) -> bytes:
    digests = (hashlib.sha256(b"%d.%d" % (number, row)).hexdigest() for row in range(BATCH_ROWS))
    rows = [[{"id": digest, "audience_ids": [SEGMENT]}] for digest in digests]
    head = {"advertiser_ids": [ADVERTISER], "action": "add", "id_schema": ["EMAIL_SHA256"]}
    return json.dumps({**head, "batch_data": rows}, separators=(",", ":")).encode()
