"""On what the numbers were measured."""

import os
import platform
import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "airflow-provider-tiktok",
    "apache-airflow",
    "numpy",
    "pandas",
    "psycopg2-binary",
    "pyarrow",
    "requests",
    "stringzilla",
)


def describe() -> str:
    """Cores, processor, memory, load and versions, as Markdown."""
    versions = ", ".join(f"{name} {found}" for name in PACKAGES if (found := _version(name)))
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join(
        [
            f"* {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.system()} {platform.machine()}, load before: {load}",
            f"* {len(os.sched_getaffinity(0))} cores: {_processor()}; {_memory_gb():.0f} GB",
            f"* Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, {_postgres()}",
            f"* {versions}",
        ]
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except FileNotFoundError:
        return platform.processor()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    names = {name.strip(): value.strip() for name, value in fields.items()}
    sha = "with" if "sha_ni" in names.get("flags", "").split() else "without"
    return f"{names.get('model name', platform.machine())}, {sha} SHA instructions"


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _postgres() -> str:
    program = shutil.which("postgres")
    if program is None:
        return "no PostgreSQL"
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
