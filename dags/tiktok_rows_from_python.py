"""Deliver rows that a Python task returns: a list of mappings, and a pandas DataFrame.

What a task returns is stored in XCom, by default in Airflow's database, and stays there in clear until it is cleaned:
these rows are personal data. Let a query or files be the source where you can, which store hashes only. Where you
cannot, keep the rows few, switch off the line in the log that shows them, and clean XCom (``airflow db clean``).
"""

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator

with DAG(
    dag_id="tiktok_rows_from_python",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    doc_md=__doc__,
    tags=["tiktok"],
):

    @task(show_return_value_in_logs=False)
    def subscribers() -> list[dict[str, str | None]]:
        """Return a list of mappings; every row has every column."""
        return [
            {"email": "ada@example.com", "phone": "+12125550101"},
            {"email": "grace@example.org", "phone": None},
        ]

    @task(show_return_value_in_logs=False)
    def visitors() -> Any:
        """Return a DataFrame."""
        import pandas as pd  # noqa: PLC0415  Airflow reads this file often, and pandas takes its time

        return pd.DataFrame({"device": ["6d92078a-8246-4ba4-ae5b-76104861e7dc", None, "not a device id"]})

    newsletter = TikTokVerifySegmentOperator(task_id="newsletter", segment_name="Subscribers of the newsletter")
    TikTokUploadSegmentOperator(
        task_id="upload_subscribers",
        segment=newsletter.output,
        source=subscribers(),
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
    )
    app = TikTokVerifySegmentOperator(task_id="app", segment_name="Visitors of the app")
    TikTokUploadSegmentOperator(
        task_id="upload_visitors",
        segment=app.output,
        source=visitors(),
        columns={"device": "IDFA_SHA256"},
    )
