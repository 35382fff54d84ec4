"""Names that a page may put into code font."""

import ast
import importlib
import inspect
from dataclasses import fields
from functools import cache

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_tiktok.api.settings import Settings as ConnectionSettings
from airflow_provider_tiktok.cli import get_cli_commands
from airflow_provider_tiktok.core.identifiers import IdentifierKind, Reason
from airflow_provider_tiktok.core.readiness import SegmentState
from airflow_provider_tiktok.core.receipt import Receipt, SnapshotCounts
from airflow_provider_tiktok.core.rules import Rules
from airflow_provider_tiktok.emulator import control
from airflow_provider_tiktok.emulator.faults import Fault
from airflow_provider_tiktok.emulator.process import Emulator
from airflow_provider_tiktok.emulator.settings import Settings as EmulatorSettings
from airflow_provider_tiktok.provider_info import get_provider_info
from tests.docs.pages import REPOSITORY

OTHERS = """
access_control assigned_users base_url catchup dag_id dag_run default_args depends_on_past fail_fast
marketing_consent max_active_runs max_active_tis_per_dag max_active_tis_per_dagrun retry_delay soft_fail
show_return_value_in_logs start_date statsd_on task_id test_connection completed_at
"""
"""Airflow's own, and those of the examples' tables."""

ELSEWHERE = (
    "airflow_provider_tiktok.errors",
    "airflow_provider_tiktok.core.guards",
    "airflow_provider_tiktok.core.columns",
    "airflow_provider_tiktok.core.receipt",
    "airflow_provider_tiktok.task_groups",
    "airflow_provider_tiktok.assets",
    "airflow_provider_tiktok.links",
    "airflow_provider_tiktok.pytest_plugin",
)
"""Modules beside those of the provider info whose names a user meets."""

MADE = """
airflow_provider_tiktok reject_uri reject_file token_state tiktok_token created mapped_advertiser_ids answered_by
tiktok_token_keeper tiktok_api rows_sent expires_at assert_members
"""
"""Fields that are written out in the code, and names that we propose."""


def public_modules() -> list[str]:
    """Modules that the provider info names."""
    info = get_provider_info()
    kinds = ("hooks", "operators", "sensors", "triggers")
    listed = [module for kind in kinds for entry in info[kind] for module in entry["python-modules"]]
    return [*listed, *(entry["python-module"] for entry in info["transfers"])]


def public_names() -> dict[str, object]:
    """Full name -> class or function that is meant for users."""
    found = {}
    for name in [*public_modules(), *ELSEWHERE]:
        module = importlib.import_module(name)
        listed = getattr(module, "__all__", None)
        for short, value in vars(module).items():
            own = short in listed if listed is not None else getattr(value, "__module__", "") == name
            if own and not short.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)):
                found[f"{name}.{short}"] = value
    return found


@cache
def our_names() -> frozenset[str]:
    """Classes, parameters, fields, options, settings, reasons, commands, DAGs and tasks."""
    public = public_names()
    names = {full.rpartition(".")[2] for full in public} | set(MADE.split())
    names |= {parameter for value in public.values() for parameter in _parameters(value)}
    names |= {method for value in public.values() if inspect.isclass(value) for method in vars(value)}
    for data in (Receipt, SnapshotCounts, Rules, Fault, EmulatorSettings, ConnectionSettings):
        names |= {field.name for field in fields(data)}
    for words in (IdentifierKind, Reason, SegmentState):
        names |= {str(word) for word in words}
    names |= {command.__name__ for command in control.COMMANDS.values()} | set(dir(Emulator))
    names |= set(get_provider_info()["config"]["tiktok"]["options"])
    [group] = get_cli_commands()
    names |= {command.name for command in group.subcommands}
    names |= {part for module in public_modules() for part in module.split(".")}
    return frozenset(names | _of_examples())


def airflow_names() -> set[str]:
    """Airflow's names that our pages use."""
    return {*OTHERS.split(), *inspect.signature(BaseOperator.__init__).parameters}


def _parameters(value: object) -> set[str]:
    try:
        return set(inspect.signature(value).parameters)  # type: ignore[arg-type]  # classes and functions
    except ValueError:
        return set()


def _of_examples() -> set[str]:
    """Texts and names in the example DAGs: ids of DAGs, tasks, connections."""
    found: set[str] = set()
    for path in (REPOSITORY / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            if isinstance(node, ast.Name):
                found.add(node.id)
            if isinstance(node, ast.FunctionDef):
                found.add(node.name)
    return found | {"tiktok_default", "tiktok_emulator", "tiktok_tutorial"}
