"""What is published: the wheel and the source distribution, file by file."""

import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path, PurePosixPath

import pytest
from packaging.metadata import Metadata

import airflow_provider_tiktok
from tests.wheel import REPOSITORY, build

NAME = f"airflow_provider_tiktok-{airflow_provider_tiktok.__version__}"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def package_files() -> set[str]:
    """The files of the package, as the checkout has them."""
    files = (path for path in (REPOSITORY / "airflow_provider_tiktok").rglob("*") if path.is_file())
    return {str(path.relative_to(REPOSITORY)) for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    file = build("wheel", tmp_path_factory.mktemp("wheel"))
    assert file.name == f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(file) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Metadata:
    """The metadata, checked as the package index checks it."""
    return Metadata.from_email(wheel.read(f"{NAME}.dist-info/METADATA"), validate=True)


def test_the_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """Every file of the package, the templates of its page and its mark of types too; no test, no example."""
    described = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    assert set(wheel.namelist()) == package_files() | described | {f"{NAME}.dist-info/licenses/LICENSE"}
    assert "airflow_provider_tiktok/py.typed" in package_files()


def test_the_source_distribution_can_be_built_again(tmp_path: Path) -> None:
    """It holds the package with what describes it, and nothing that running it left behind."""
    with tarfile.open(build("sdist", tmp_path / "sdist")) as archive:
        names = {str(PurePosixPath(name).relative_to(NAME)) for name in archive.getnames()}
    assert package_files() | {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"} <= names
    assert [name for name in names if "__pycache__" in name or name.startswith((".venv", "dist/", "docs/_build"))] == []


def test_the_entry_points_are_those_of_the_project(wheel: zipfile.ZipFile) -> None:
    """Airflow finds the provider and its page, and pytest the fixture."""
    found = ConfigParser(delimiters="=")
    found.read_string(wheel.read(f"{NAME}.dist-info/entry_points.txt").decode())
    assert set(found.sections()) == {"apache_airflow_provider", "airflow.plugins", "pytest11"}
    assert {section: dict(found[section]) for section in found.sections()} == PROJECT["entry-points"]


def test_the_metadata_is_that_of_this_version(metadata: Metadata) -> None:
    """Version and description come from the places where they are written."""
    assert str(metadata.version) == airflow_provider_tiktok.__version__
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.description_content_type == "text/markdown"
    assert (metadata.description or "").strip() == (REPOSITORY / "README.md").read_text().strip()


def test_installing_brings_only_what_the_package_imports(metadata: Metadata) -> None:
    """Without an extra nothing of the tools is required, and each extra is one of the project's."""
    plain = {one.name for one in metadata.requires_dist or [] if one.marker is None}
    assert plain == {
        *("apache-airflow", "apache-airflow-providers-common-compat", "apache-airflow-providers-common-sql"),
        *("numpy", "phonenumbers", "pyarrow", "requests"),
    }
    assert set(metadata.provides_extra or []) == set(PROJECT["optional-dependencies"])
