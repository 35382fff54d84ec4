"""Slice of "Observe deliveries": whether a snapshot holds a person."""

# [who]
import hashlib

import pyarrow.compute as pc
import pyarrow.parquet as pq
from airflow.providers.common.compat.sdk import ObjectStoragePath


def was_in(snapshot_uri: str, kind: str, value: str) -> bool:
    """Tell whether a snapshot holds an identifier, such as ``EMAIL_SHA256`` of an address."""
    digest = hashlib.new(kind.rpartition("_")[2].lower(), value.encode()).digest()
    with (ObjectStoragePath(snapshot_uri) / "members.parquet").open("rb") as file:
        column = pq.read_table(file, columns=[kind])[kind].combine_chunks()
    return bool(pc.any(pc.equal(column, pc.cast(digest, column.type))).as_py())


# [/who]
