"""The project of docs/how-to/test-your-dags.md, run by pytest as its users run theirs."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_provider_tiktok

REPOSITORY = Path(__file__).parents[1]
PROJECT = REPOSITORY / "docs" / "snippets" / "testing"
PAGE = REPOSITORY / "docs" / "how-to" / "test-your-dags.md"


@pytest.mark.timeout(200)
def test_all_tests_of_the_page_pass(tmp_path: Path) -> None:
    """With an Airflow, a database and a TikTok of their own, and no set-up but the page's."""
    project = shutil.copytree(PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env={**kept, "PYTHONPATH": str(Path(airflow_provider_tiktok.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    tests = len(re.findall(r"(?m)^def test_", (PROJECT / "test_consenting.py").read_text()))
    assert f"{tests} passed" in done.stdout, done.stdout[-4000:] + done.stderr[-4000:]


def test_the_page_shows_every_test() -> None:
    """Each test of the file is on the page, in the same order."""
    tests = re.findall(r"(?m)^def (test_\w+)", (PROJECT / "test_consenting.py").read_text())
    assert re.findall(r"(?m)^:pyobject: (\w+)$", PAGE.read_text()) == tests
