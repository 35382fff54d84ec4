"""An S3 over real HTTP, and buckets in it."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from airflow_provider_tiktok.emulator import Emulator

NEEDED = {
    "moto.server": "moto[server]",
    "flask_cors": "moto[server]",
    "s3fs": "s3fs",
    "airflow.providers.amazon.aws.fs.s3": "the Amazon provider",
}
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()  # until the parent closes it, or dies
"""
SECONDS = 60


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A server in a process of its own, one for all tests: Airflow remembers the server of a connection."""
    for module, package in NEEDED.items():
        pytest.importorskip(module, reason=f"{package} is not installed")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout is not None
        try:
            assert select.select([server.stdout], [], [], SECONDS)[0], "moto did not start"
            yield server.stdout.readline().decode().strip()
        finally:
            server.kill()


class Bucket:
    """A bucket, seen by a client of its own."""

    def __init__(self, url: str, name: str) -> None:
        import boto3

        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
        self._s3 = boto3.client("s3", endpoint_url=url, **keys)
        self._s3.create_bucket(Bucket=name)
        self.name, self.uri = name, f"s3://aws_default@{name}"

    def names(self, end: str = "") -> list[str]:
        found = self._s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return sorted(one["Key"] for one in found if one["Key"].endswith(end))

    def get(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def put(self, key: str, content: bytes) -> None:
        self._s3.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self._s3.delete_object(Bucket=self.name, Key=key)


@pytest.fixture
def bucket(
    s3_url: str, connection: Emulator, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Bucket:
    """An empty bucket of the test's own, which is the snapshot root."""
    extra = {"endpoint_url": s3_url, "region_name": "us-east-1"}
    fields = {"conn_type": "aws", "login": "testing", "password": "testing", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(fields))
    bucket = Bucket(s3_url, f"bucket-{abs(hash(request.node.name))}")
    monkeypatch.setenv("AIRFLOW__TIKTOK__SNAPSHOT_ROOT", f"{bucket.uri}/tiktok")
    return bucket
