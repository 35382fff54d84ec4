"""Keep a TikTok segment equal to a file: read and hash it, find or make the segment, send what changed."""

from datetime import UTC, datetime
from pathlib import Path

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator
from airflow_provider_tiktok.transfers.file_to_snapshot import FileToTikTokSnapshotOperator

CUSTOMERS = Path(__file__).with_name("customers.csv")

with DAG(
    dag_id="tiktok_tutorial",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    max_active_runs=1,
    doc_md=__doc__,
    tags=["tiktok"],
):
    read_customers = FileToTikTokSnapshotOperator(
        task_id="read_customers",
        path=CUSTOMERS.as_uri(),
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        default_region="US",
        reject_file=True,
    )
    verify = TikTokVerifySegmentOperator(task_id="verify", segment_name="Tutorial customers")
    upload = TikTokUploadSegmentOperator(task_id="upload", segment=verify.output, source=read_customers.output)

    read_customers >> verify >> upload
