"""Every example DAG imports without a warning, on the Airflow that is installed."""

import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PROGRAM = """
import json, sys, warnings
from pathlib import Path

import airflow.models  # has warnings of its own

found = {}
for path in map(Path, sys.argv[1:]):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exec(compile(path.read_text(), path, "exec"), {"__name__": path.stem, "__file__": str(path)})
    found[path.name] = [f"{one.filename}:{one.lineno}: {one.category.__name__}: {one.message}" for one in caught]
print(json.dumps(found))
"""


def warnings_of(*files: Path) -> dict[str, list[str]]:
    """What Python warns of while it imports the files, in a process of its own: a module warns once."""
    env = {
        **os.environ,
        "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": "True",  # Airflow 2.11 warns of its own default
        "PYTHONPATH": str(REPOSITORY),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, files)],
        env=env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_examples_import_without_warnings() -> None:
    """All of them, as a scheduler meets them."""
    files = sorted((REPOSITORY / "dags").glob("*.py"))
    assert files
    assert warnings_of(*files) == {path.name: [] for path in files}


def test_a_warning_is_found(tmp_path: Path) -> None:
    """The test above can fail."""
    path = tmp_path / "old.py"
    path.write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    [warning] = warnings_of(path)["old.py"]
    assert warning.endswith("old.py:2: DeprecationWarning: old")
