"""The plugin as Airflow finds it."""

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from airflow_provider_tiktok.plugins.deliveries import TikTokDeliveriesPlugin


def test_the_entry_point_leads_to_the_plugin() -> None:
    """In the group that Airflow always loads: plugins named in a provider's metadata it passes over by default."""
    found = entry_points(group="airflow.plugins", name="tiktok_deliveries")
    assert [entry.load() for entry in found] == [TikTokDeliveriesPlugin]


def test_airflow_takes_the_plugin_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """Its application is mounted and its view is in the menu Browse."""
    plugins_manager = pytest.importorskip("airflow.plugins_manager")
    if not hasattr(plugins_manager, "get_fastapi_plugins"):
        pytest.skip("Airflow 2 has no such plugins")
    [app] = [one for one in plugins_manager.get_fastapi_plugins()[0] if one["url_prefix"] == "/tiktok"]
    views = plugins_manager._get_ui_plugins()[0]
    assert [one["category"] for one in views if one["url_route"] == "tiktok-deliveries"] == ["browse"]
    assert plugins_manager.get_import_errors() == {}
    assert "tiktok" not in caplog.text
    top = FastAPI()
    top.mount(app["url_prefix"], app["app"])
    assert TestClient(top).get("/tiktok/deliveries").status_code == 401


def test_other_processes_than_the_api_server_load_nothing_of_the_page() -> None:
    """Importing the plugin costs a scheduler, a worker and a command next to nothing."""
    heavy = ["fastapi", "starlette", "jinja2", "pyarrow", "numpy", "airflow_provider_tiktok.plugins.app"]
    code = (
        "import sys, airflow.plugins_manager; before = set(sys.modules)\n"
        "import airflow_provider_tiktok.plugins.deliveries\n"
        f"print([name for name in {heavy} if name in set(sys.modules) - before])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().splitlines()[-1] == "[]"
