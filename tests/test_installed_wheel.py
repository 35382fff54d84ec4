"""The tests of what a user meets, run once more on the built wheel, in an environment that knows no checkout."""

import os
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from importlib.metadata import files
from pathlib import Path

import pytest

from tests.wheel import REPOSITORY, build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BESIDE = ("dags", "demo", "docs", "tests", "pyproject.toml")
"""What the tests need of a checkout, besides the package."""

PARTS = ("api", "emulator", "hooks", "operators", "plugins", "sensors", "test_delivery.py", "test_package.py")
"""Where a file that the wheel lacks would be missed; what is only computed is the same text in both."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout without the package."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in BESIDE:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """All that is installed here but this package, by links, and the wheel; the Python of it."""
    place, wheel = tmp_path / "environment", build("wheel", tmp_path / "wheel")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True).stdout.strip())
    ours = {file.parts[0] for file in files("airflow-provider-tiktok") or []}
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.name not in ours:
            (packages / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    return python


def test_the_wheel_passes_the_tests(environment: Path, checkout: Path) -> None:
    """Its package is the one that is imported, and all tests of these parts pass."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_", "PYTHON"))}

    def python(*arguments: str) -> str:
        command = [str(environment), *arguments]
        done = subprocess.run(command, cwd=checkout, env=kept, capture_output=True, text=True, timeout=800, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    where = python("-c", "import airflow_provider_tiktok as package; print(package.__file__)")
    assert Path(where.strip()).is_relative_to(environment.parents[1])
    chosen = ["-m", "not airflow and not slow", "--numprocesses=auto", "--dist=loadfile", "-p", "no:cacheprovider"]
    print(python("-m", "pytest", *chosen, *(f"tests/{part}" for part in PARTS)).splitlines()[-1])
