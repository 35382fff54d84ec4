"""One column of e-mail addresses to digests, in memory: pandas with hashlib beside this package.

Each job writes its digests to a file after the measurement, so that they can be compared row by row.
"""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_tiktok.core.identifiers import Hashing, IdentifierKind
from airflow_provider_tiktok.core.rules import Rules
from airflow_provider_tiktok.core.sha256 import ENGINE
from airflow_provider_tiktok.core.vector import OK, DigestColumn, digest_column
from benchmarks.child import Job

BATCH_ROWS = 20_000


def prepare_pandas(parquet: str, digests: str) -> Job:
    """Make the job of the script's line."""
    column = pd.read_parquet(parquet, columns=["email"])["email"]

    def work() -> pd.Series:
        return column.str.strip().str.lower().map(lambda value: hashlib.sha256(value.encode()).hexdigest())

    def report(hashed: pd.Series) -> dict[str, Any]:
        Path(digests).write_bytes(b"".join(map(bytes.fromhex, hashed)))
        return {"rows": len(hashed), "engine": "hashlib"}

    return Job(work, report)


def prepare_ours(parquet: str, digests: str) -> Job:
    """Make the job of this package's column function, in batches of the operators' size."""
    column = pq.read_table(parquet, columns=["email"])["email"]
    batches = [batch for part in column.chunks for batch in _batches(part)]

    def work() -> list[DigestColumn]:
        kind, rules = IdentifierKind.EMAIL_SHA256, Rules()
        return [digest_column(batch, kind, Hashing.AUTO, [None], rules) for batch in batches]

    def report(hashed: list[DigestColumn]) -> dict[str, Any]:
        refused = sum(int((each.outcomes != OK).sum()) for each in hashed)
        Path(digests).write_bytes(b"".join(each.digests.tobytes() for each in hashed))
        return {"rows": sum(map(len, batches)), "refused": refused, "engine": ENGINE}

    return Job(work, report)


def _batches(part: pa.Array) -> list[pa.Array]:
    return [part.slice(start, BATCH_ROWS) for start in range(0, len(part), BATCH_ROWS)]
