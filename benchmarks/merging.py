"""The difference of two sets of digests as pandas users take it."""

import pandas as pd

from benchmarks.child import Job


def prepare(before: str, now: str) -> Job:
    """Make the job of reading two Parquet files of hex digests and merging them."""

    def work() -> dict[str, int]:
        merged = pd.read_parquet(before).merge(pd.read_parquet(now), on="email_sha256", how="outer", indicator=True)
        joined = merged.loc[merged["_merge"] == "right_only", "email_sha256"]
        left = merged.loc[merged["_merge"] == "left_only", "email_sha256"]
        return {"added": len(joined), "removed": len(left)}

    return Job(work)
