"""The package as others meet it: metadata, names, and what importing it costs."""

import json
import subprocess
import sys
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points, version
from pathlib import Path

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

import airflow_provider_tiktok
from airflow_provider_tiktok.hooks.form import FORM_FIELDS, SECRET_FIELDS
from airflow_provider_tiktok.hooks.tiktok import TikTokHook
from airflow_provider_tiktok.provider_info import get_provider_info

SCHEMA = Path(airflow.__file__).parent / "provider_info.schema.json"


def test_provider_info_is_valid_for_airflow() -> None:
    """The metadata passes Airflow's own schema."""
    jsonschema.validate(get_provider_info(), json.loads(SCHEMA.read_text()))


def test_the_entry_point_leads_to_the_provider_info() -> None:
    """Airflow finds the provider through its entry point, whose package name is the distribution's."""
    found = [e for e in entry_points(group="apache_airflow_provider") if e.module.startswith("airflow_provider_tiktok")]
    assert [entry.load()() for entry in found] == [get_provider_info()]
    assert get_provider_info()["package-name"] == found[0].dist.name  # type: ignore[union-attr]


def test_the_version_stands_in_one_place() -> None:
    """The installed distribution has the package's version."""
    assert version("airflow-provider-tiktok") == airflow_provider_tiktok.__version__


def test_every_module_that_the_metadata_names_can_be_imported() -> None:
    """No hook, operator, sensor, trigger or transfer is announced that does not exist, and none is missing."""
    info = get_provider_info()
    parts = ("hooks", "operators", "sensors", "triggers")
    named = [module for part in parts for entry in info[part] for module in entry["python-modules"]]
    named += [entry["python-module"] for entry in info["transfers"]]
    package = Path(airflow_provider_tiktok.__file__).parent
    classes = {
        f"airflow_provider_tiktok.{path.parent.name}.{path.stem}"
        for folder in ("operators", "sensors", "transfers", "triggers")
        for path in (package / folder).glob("[!_]*.py")
    }
    assert set(named) == classes | {"airflow_provider_tiktok.hooks.tiktok"}
    for name in named:
        with suppress(AirflowOptionalProviderFeatureException):  # its words when this Airflow is too old for a module
            import_module(name)


def test_every_command_that_the_metadata_names_can_be_run() -> None:
    """Airflow gets one group from the function it is told of, and each command in it leads to a function of ours."""
    functions = [name.rpartition(".") for name in get_provider_info()["cli"]]
    [group] = [one for module, _, name in functions for one in getattr(import_module(module), name)()]
    assert group.name == "tiktok"
    modules = [import_module(f"airflow_provider_tiktok.{name}") for name in ("commands", "connection_commands")]
    assert {command.name for command in group.subcommands} == {"authorize", "whoami", "deliveries", "prune"}
    for command in group.subcommands:
        assert any(callable(getattr(module, command.func.__name__, None)) for module in modules)


def test_the_connection_form_is_the_same_on_both_airflow_lines() -> None:
    """Airflow 3 reads the form from the metadata and Airflow 2 from the hook; the fields are one list."""
    [connection] = get_provider_info()["connection-types"]
    assert connection["connection-type"] == TikTokHook.conn_type
    assert connection["hook-name"] == TikTokHook.hook_name
    assert set(connection["conn-fields"]) == set(FORM_FIELDS)
    secret = {name for name, field in connection["conn-fields"].items() if field["schema"].get("format") == "password"}
    assert secret == SECRET_FIELDS
    behaviour = TikTokHook.get_ui_field_behaviour()
    assert behaviour["relabeling"] == connection["ui-field-behaviour"]["relabeling"]


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("airflow_provider_tiktok", ["airflow", "pyarrow", "requests"]),
        ("airflow_provider_tiktok.provider_info", ["airflow", "pyarrow", "requests"]),
        ("airflow_provider_tiktok.delivery", ["airflow", "fastapi"]),
        (
            "airflow_provider_tiktok.cli",
            ["pyarrow", "airflow_provider_tiktok.api.transport", "airflow_provider_tiktok.commands"],
        ),
        ("airflow_provider_tiktok.operators.segment", ["fastapi", "uvicorn", "pandas"]),
    ],
)
def test_an_import_brings_only_what_it_needs(module: str, absent: list[str]) -> None:
    """Core and delivery do not know Airflow, and a DAG file does not load the emulator."""
    code = f"import sys, {module}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().splitlines()[-1] == "[]"
