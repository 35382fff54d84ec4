"""What Airflow is told about this provider, without importing any of it."""

from typing import Any

from airflow_provider_tiktok import __version__
from airflow_provider_tiktok.hooks.form import FORM_FIELDS, HIDDEN, PLACEHOLDERS, RELABELLED, SECRET_FIELDS

INTEGRATION = "TikTok Ads"
SEGMENT_URIS = {
    "schemes": ["tiktok"],
    "handler": "airflow_provider_tiktok.assets.sanitize_uri",
    "factory": "airflow_provider_tiktok.assets.segment_asset",
    "to_openlineage_converter": "airflow_provider_tiktok.assets.convert_asset_to_openlineage",
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata, in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-tiktok",
        "name": INTEGRATION,
        "description": "Keeps TikTok Ads audiences equal to the results of a query.",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://business-api.tiktok.com/portal/docs",
                "tags": ["service"],
            },
            {
                "integration-name": "Common SQL",
                "external-doc-url": "https://airflow.apache.org/docs/apache-airflow-providers-common-sql/",
                "tags": ["software"],
            },
            {
                "integration-name": "Common IO",
                "external-doc-url": "https://airflow.apache.org/docs/apache-airflow-providers-common-io/",
                "tags": ["software"],
            },
        ],
        "connection-types": [
            {
                "connection-type": "tiktok",
                "hook-class-name": "airflow_provider_tiktok.hooks.tiktok.TikTokHook",
                "hook-name": INTEGRATION,
                "ui-field-behaviour": {
                    "hidden-fields": HIDDEN,
                    "relabeling": RELABELLED,
                    "placeholders": PLACEHOLDERS,
                },
                "conn-fields": {
                    name: {
                        "label": label,
                        "description": description,
                        "schema": {"type": ["string", "null"]}
                        | ({"format": "password"} if name in SECRET_FIELDS else {}),
                    }
                    for name, (label, description) in FORM_FIELDS.items()
                },
            }
        ],
        "hooks": [
            {"integration-name": INTEGRATION, "python-modules": ["airflow_provider_tiktok.hooks.tiktok"]},
        ],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "airflow_provider_tiktok.operators.approval",
                    "airflow_provider_tiktok.operators.segment",
                    "airflow_provider_tiktok.operators.token",
                ],
            },
        ],
        "sensors": [
            {"integration-name": INTEGRATION, "python-modules": ["airflow_provider_tiktok.sensors.segment"]},
        ],
        "triggers": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    "airflow_provider_tiktok.triggers.pause",
                    "airflow_provider_tiktok.triggers.ready",
                ],
            },
        ],
        "transfers": [
            {
                "source-integration-name": "Common SQL",
                "target-integration-name": INTEGRATION,
                "python-module": "airflow_provider_tiktok.transfers.sql_to_snapshot",
            },
            {
                "source-integration-name": "Common IO",
                "target-integration-name": INTEGRATION,
                "python-module": "airflow_provider_tiktok.transfers.file_to_snapshot",
            },
        ],
        "asset-uris": [SEGMENT_URIS],
        "dataset-uris": [SEGMENT_URIS],  # their name on Airflow 2
        "extra-links": [
            "airflow_provider_tiktok.links.AdsManagerLink",
            "airflow_provider_tiktok.links.ReceiptLink",
        ],
        "cli": ["airflow_provider_tiktok.cli.get_cli_commands"],
        "config": {
            "tiktok": {
                "description": "Settings of the TikTok provider.",
                "options": {
                    "snapshot_root": {
                        "description": (
                            "Folder of the snapshots and delivery logs, as any ObjectStoragePath URI. Tasks that run "
                            "on several machines must share it. The default is a folder under AIRFLOW_HOME."
                        ),
                        "version_added": __version__,
                        "type": "string",
                        "example": "s3://aws_default@my-bucket/tiktok",
                        "default": None,
                    },
                    "api_url": {
                        "description": (
                            "Address of Airflow's API server as tasks reach it, for connections with token_store = "
                            "connection: renewed tokens are written back through it. The default is [api] base_url."
                        ),
                        "version_added": __version__,
                        "type": "string",
                        "example": "https://airflow.example.com",
                        "default": None,
                    },
                    "api_username": {
                        "description": "User who may edit the connection, for token_store = connection.",
                        "version_added": __version__,
                        "type": "string",
                        "example": "tiktok-tokens",
                        "default": None,
                    },
                    "api_password": {
                        "description": "Password of api_username.",
                        "version_added": __version__,
                        "type": "string",
                        "sensitive": True,
                        "example": None,
                        "default": None,
                    },
                },
            }
        },
    }
