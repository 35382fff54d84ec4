"""Slices of "Choose columns and identifier kinds"."""

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_tiktok.transfers.sql_to_snapshot import SqlToTikTokSnapshotOperator

with DAG(dag_id="columns", schedule=None):
    # [columns]
    customers = SqlToTikTokSnapshotOperator(
        task_id="query_customers",
        conn_id="warehouse",
        sql="SELECT email, phone, idfa FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256", "idfa": "IDFA_SHA256"},
        default_region="US",
    )
    # [/columns]

    # [hashing]
    hashed = SqlToTikTokSnapshotOperator(
        task_id="query_hashed",
        conn_id="warehouse",
        sql="SELECT email_sha256, phone FROM hashed_customers",
        columns={"email_sha256": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        hashing={"email_sha256": "hashed", "phone": "raw"},
        default_region="US",
    )
    # [/hashing]

    # [regions]
    abroad = SqlToTikTokSnapshotOperator(
        task_id="query_by_country",
        conn_id="warehouse",
        sql="SELECT phone, country FROM customers WHERE marketing_consent = 1",
        columns={"phone": "PHONE_SHA256"},
        region_column="country",
        default_region="US",
    )
    # [/regions]

    # [rules]
    ruled = SqlToTikTokSnapshotOperator(
        task_id="query_with_rules",
        conn_id="warehouse",
        sql="SELECT email, phone FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        rules={"email_tags": "remove", "phone_format": "both"},
        default_region="US",
    )
    # [/rules]

    # [rejects]
    told = SqlToTikTokSnapshotOperator(
        task_id="query_and_tell",
        conn_id="warehouse",
        sql="SELECT customer_id, email, phone FROM customers WHERE marketing_consent = 1",
        columns={"email": "EMAIL_SHA256", "phone": "PHONE_SHA256"},
        reject_key="customer_id",
    )
    # [/rejects]
