"""The provider's metadata and the package itself say the same: nothing is announced that is not there, or left out."""

import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowPlugin,
    BaseHook,
    BaseOperator,
    BaseOperatorLink,
    BaseSensorOperator,
)
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS
from airflow.triggers.base import BaseTrigger

import airflow_provider_tiktok
from airflow_provider_tiktok.provider_info import get_provider_info

PACKAGE = Path(airflow_provider_tiktok.__file__).parent
NEWER = (
    set()
    if AIRFLOW_V_3_1_PLUS
    else {
        "airflow_provider_tiktok.operators.approval",
        "airflow_provider_tiktok.plugins.access",
        "airflow_provider_tiktok.plugins.app",
    }
)
"""Modules that need another Airflow than this one, and say so."""


def modules() -> Iterator[ModuleType]:
    """Every module of the package that this Airflow can import."""
    for found in pkgutil.walk_packages([str(PACKAGE)], f"{PACKAGE.name}."):
        if not found.name.endswith("__main__") and found.name not in NEWER:
            yield import_module(found.name)


def defined(base: type, but: type | None = None) -> set[type]:
    """Classes of a kind that the package defines."""
    return {
        one
        for module in modules()
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, base)
        and one.__module__.startswith(PACKAGE.name)
        and not (but and issubclass(one, but))
    }


def announced(part: str) -> list[str]:
    """Modules that the metadata name for a kind."""
    named = [name for entry in get_provider_info()[part] for name in entry["python-modules"]]
    return [name for name in named if name not in NEWER]


def classes_in(names: list[str], base: type) -> set[type]:
    return {
        one
        for name in names
        for one in vars(import_module(name)).values()
        if isinstance(one, type) and issubclass(one, base) and one.__module__.startswith(PACKAGE.name)
    }


@pytest.mark.parametrize(
    ("part", "base", "but"),
    [
        ("operators", BaseOperator, BaseSensorOperator),
        ("sensors", BaseSensorOperator, None),
        ("triggers", BaseTrigger, None),
        ("hooks", BaseHook, None),
    ],
    ids=["operators", "sensors", "triggers", "hooks"],
)
def test_every_class_of_a_kind_is_in_an_announced_module(part: str, base: type, but: type | None) -> None:
    """Operators (transfers among them), sensors, triggers and hooks: announced are all, and only what exists."""
    names = announced(part)
    if part == "operators":
        names += [entry["python-module"] for entry in get_provider_info()["transfers"]]
    found = defined(base, but)
    assert found
    assert classes_in(names, base) == found
    assert all(classes_in([name], base) for name in names), "a module without any such class is announced"


def test_every_link_is_announced() -> None:
    """By its class, which Airflow imports to show it."""
    assert set(get_provider_info()["extra-links"]) == {
        f"{one.__module__}.{one.__qualname__}" for one in defined(BaseOperatorLink)
    }


def test_every_plugin_has_an_entry_point() -> None:
    """Airflow finds plugins by their entry points; those of the metadata it ignores by default."""
    ours = [one for one in entry_points(group="airflow.plugins") if one.module.startswith(PACKAGE.name)]
    found = {f"{one.module}.{one.attr}" for one in ours}
    assert found == {f"{one.__module__}.{one.__qualname__}" for one in defined(AirflowPlugin)}
    assert {entry["plugin-class"] for entry in get_provider_info().get("plugins", [])} in (set(), found)


def test_every_option_that_is_read_is_announced() -> None:
    """The section of airflow.cfg has what the code asks for, and nothing else."""
    asked = re.compile(r"conf\.get\w*\(\s*\"tiktok\",\s*\"(\w+)\"")
    read = {name for path in PACKAGE.rglob("*.py") for name in asked.findall(path.read_text())}
    assert read == set(get_provider_info()["config"]["tiktok"]["options"])


def test_the_scheme_of_assets_is_announced_on_both_lines() -> None:
    """Asset URIs on Airflow 3, dataset URIs on 2: one scheme, whose functions can be imported."""
    info = get_provider_info()
    assert info["asset-uris"] == info["dataset-uris"]
    [uris] = info["asset-uris"]
    assert uris["schemes"] == ["tiktok"]
    for name in ("handler", "factory", "to_openlineage_converter"):
        module, _, function = uris[name].rpartition(".")
        found: Any = getattr(import_module(module), function)
        assert callable(found)
