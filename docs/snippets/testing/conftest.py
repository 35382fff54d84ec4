"""An Airflow for the tests: a database of its own, and the DAGs of this project."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = tempfile.TemporaryDirectory(prefix="airflow-tests-")
os.environ["AIRFLOW_HOME"] = HOME.name  # before anything imports Airflow
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(Path(__file__).parent / "dags")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)
