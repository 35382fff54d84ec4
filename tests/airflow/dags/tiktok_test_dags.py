"""DAGs for the tests on a real scheduler: rows through XCom, refresh tokens, and a failing verify."""

import os
import signal
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_tiktok.api.tokens import TokenState
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.hooks.token_store import VariableTokenStore
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
    ).expand(segment_name=["refresh"] * 8)

with DAG(dag_id="kept_in_connection", schedule=None, start_date=START):
    TikTokVerifySegmentOperator.partial(task_id="verify", tiktok_conn_id="tiktok_kept", create_if_missing=False).expand(
        segment_name=["kept"] * 4
    )

with DAG(dag_id="killed", schedule=None, start_date=START):

    @task
    def die_before_the_new_token_is_kept() -> None:
        save = VariableTokenStore.save

        def save_or_die(self: VariableTokenStore, state: TokenState) -> None:
            if not state.pending:
                os.kill(os.getpid(), signal.SIGKILL)
            save(self, state)

        VariableTokenStore.save = save_or_die  # type: ignore[method-assign]
        TikTokHook("tiktok_killed").get_conn().check_token()

    die_before_the_new_token_is_kept()

with DAG(dag_id="after_the_kill", schedule=None, start_date=START):
    TikTokVerifySegmentOperator(task_id="verify", segment_name="alive", tiktok_conn_id="tiktok_killed")

with DAG(dag_id="failing", schedule=None, start_date=START):
    TikTokVerifySegmentOperator(task_id="verify", segment_name="failing", tiktok_conn_id="tiktok_failing")
