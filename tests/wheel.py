"""What is published, built from this checkout without any download."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

REPOSITORY = Path(__file__).parents[1]


def build(kind: Literal["wheel", "sdist"], folder: Path) -> Path:
    """Build one of the two files into a new folder and return it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = folder.iterdir()
    return file
