"""DAGs for the tests on a real scheduler: rows through XCom, a refresh token, and a failing verify."""

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_tiktok.operators.segment import TikTokUploadSegmentOperator, TikTokVerifySegmentOperator

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG(dag_id="rows", schedule=None, start_date=START):

    @task(show_return_value_in_logs=False)  # else Airflow writes the rows into the log
    def people() -> list[dict[str, str]]:
        return [{"email": f"canary{number}@example.com"} for number in range(3)]

    segment = TikTokVerifySegmentOperator(task_id="verify", segment_name="rows")
    TikTokUploadSegmentOperator(
        task_id="upload", segment=segment.output, source=people(), columns={"email": "EMAIL_SHA256"}
    )

with DAG(dag_id="refresh", schedule=None, start_date=START):
    TikTokVerifySegmentOperator.partial(
        task_id="verify", tiktok_conn_id="tiktok_refresh", create_if_missing=False
    ).expand(segment_name=["refresh"] * 4)

with DAG(dag_id="failing", schedule=None, start_date=START):
    TikTokVerifySegmentOperator(task_id="verify", segment_name="failing", tiktok_conn_id="tiktok_failing")
