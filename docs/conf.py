"""Sphinx: `make docs` builds the pages and takes warnings for errors."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from airflow_provider_tiktok import __version__  # noqa: E402

project = "airflow-provider-tiktok"
copyright = "The airflow-provider-tiktok developers, Apache License 2.0"  # noqa: A001  # Sphinx's name for it
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "from_code"]
exclude_patterns = ["_build", "_ext"]
nitpicky = False

html_theme = "furo"
html_title = f"airflow-provider-tiktok {__version__}"
html_static_path: list[str] = []
html_theme_options = {"source_directory": "docs/"}

myst_enable_extensions = ["colon_fence", "deflist", "tasklist"]
myst_heading_anchors = 3
copybutton_prompt_text = "$ "

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the parameters are described by the docstrings
suppress_warnings = ["config.cache"]
