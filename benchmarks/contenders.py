"""What all contenders share: whom they deliver to, in which portions, and the environment of our operators."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SEGMENT = "123456789"
ADVERTISER = "7012345678901234567"
PATH = "/open_api/v1.3/segment/mapping/"
BATCH_ROWS = 10_000
WAREHOUSE = "bench_warehouse"

SCRIPT, OURS, FAST = "script", "ours", "fast"
LABELS = {SCRIPT: "script", OURS: "ours", FAST: "ours [fast]"}


def missing() -> dict[str, str]:
    """Contenders and sources that cannot be measured here, with the reason."""
    found = {}
    if find_spec("stringzilla") is None:
        found[FAST] = "stringzilla is not installed (extra [fast])"
    return found


def reads_files() -> bool:
    """Whether this version of the package takes snapshots of Parquet files."""
    return find_spec("airflow_provider_tiktok.transfers.file_to_snapshot") is not None


def environment(root: Path, url: str, database: dict[str, Any] | None, *, fast: bool) -> dict[str, str | None]:
    """Variables of a process that runs the operators; ``None`` removes one."""
    tiktok = {
        "conn_type": "tiktok",
        "host": url,
        "extra": {"access_token": "bench", "advertiser_id": ADVERTISER, "verify_tls": False},
    }
    return {
        "AIRFLOW_HOME": str(root / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__TIKTOK__SNAPSHOT_ROOT": (root / "snapshots").as_uri(),
        "AIRFLOW_CONN_TIKTOK_DEFAULT": json.dumps(tiktok),
        f"AIRFLOW_CONN_{WAREHOUSE.upper()}": json.dumps(database or {"conn_type": "sqlite"}),
        "AIRFLOW_TIKTOK_NO_FAST": None if fast else "1",
        "PYTHONWARNINGS": "ignore:Unverified HTTPS request",
    }
