"""The script that people have today, as pandas and requests suggest it."""

import hashlib
import json

import pandas as pd
import requests
import sqlalchemy
import urllib3

from benchmarks.child import Job
from benchmarks.contenders import ADVERTISER, BATCH_ROWS, PATH, SEGMENT

urllib3.disable_warnings()  # the sink has a certificate of its own


def prepare(columns: dict[str, str], url: str, database: str | None, table: str, parquet: str) -> Job:
    """Make the job of delivering a table, or a Parquet file when no database is given."""

    def work() -> dict[str, int]:
        frame = read_table(database, table, list(columns)) if database else pd.read_parquet(parquet, columns=[*columns])
        for column in columns:
            frame[column] = frame[column].str.strip().str.lower().map(sha256)
        rows = frame.drop_duplicates().to_dict("records")
        for start in range(0, len(rows), BATCH_ROWS):
            post(url, columns, rows[start : start + BATCH_ROWS])
        return {"people": len(rows)}

    return Job(work)


def read_table(database: str, table: str, columns: list[str]) -> pd.DataFrame:
    """Read columns of a table."""
    return pd.read_sql(f"SELECT {', '.join(columns)} FROM {table}", sqlalchemy.create_engine(database))  # noqa: S608


def sha256(value: str) -> str:
    """Hash one value."""
    return hashlib.sha256(value.encode()).hexdigest()


def post(url: str, columns: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Send one batch."""
    body = {
        "advertiser_ids": [ADVERTISER],
        "action": "add",
        "id_schema": list(columns.values()),
        "batch_data": [[{"id": row[column], "audience_ids": [SEGMENT]} for column in columns] for row in rows],
    }
    headers = {"Access-Token": "bench", "Content-Type": "application/json"}
    response = requests.post(url + PATH, data=json.dumps(body), headers=headers, timeout=60, verify=False)  # noqa: S501
    response.raise_for_status()
    if response.json()["code"] != 0:
        raise RuntimeError(response.json()["message"])
