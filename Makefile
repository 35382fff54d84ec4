# Needs python3 (3.11 or newer) and make; everything else goes into virtual environments, pinned by constraints/.
PYTHON ?= python3
AIRFLOW := 3.3.2
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv
BIN := $(VENV)/bin
CONSTRAINTS := constraints/airflow-$(AIRFLOW)-python$(PYTHON_VERSION).txt
READY := $(VENV)/.ready-$(PYTHON_VERSION)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c $(CONSTRAINTS)
CODE := airflow_provider_tiktok benchmarks dags demo docs tests

# What the tests marked airflow are on the other lines; everywhere all quick tests run too.
REAL := tests
REAL_ON_2.11.2-python3.12 := tests/airflow/test_on_airflow_2.py
REAL_ON_3.3.2-python3.12 := tests/airflow/test_scheduler.py
REAL_ON_3.3.2-python3.13 := tests/airflow/test_scheduler.py
# What an Airflow needs beside what it asks for: XCom of 2.11 takes a DataFrame of pandas 2 only.
BESIDE_2.11.2 := 'pandas<3'
LINES := $(patsubst constraints/airflow-%.txt,%,$(wildcard constraints/airflow-*.txt))
UV ?= uv

# A Python of a version: the one on the path or, where that is missing, pyenv's.
find_python = for python in python$(1) "$$(pyenv root 2>/dev/null)"/versions/$(1).*/bin/python$(1); do \
	"$$python" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done

export AIRFLOW__CORE__LOAD_EXAMPLES := False

.PHONY: help demo test test-full test-matrix check lint types arrows docs screens wheel unit slow bench constraints format clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## deliver 25,000 invented customers with a real Airflow to a local TikTok
	@$(BIN)/python -m demo.run

test: check unit  ## set everything up and run all checks and tests but the slow ones

test-full: slow line-2.11.2-python3.11  ## the slow tests, and the tests on Airflow 2.11; with `make test` before, what CI runs

test-matrix: test test-full line-2.11.2-python3.12 line-3.3.2-python3.12 line-3.3.2-python3.13  ## on all lines whose Python is here

check: lint types arrows docs  ## style, types, the arrows between modules, and the documentation

lint: $(READY)  ## ruff: rules and format
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE)

types: $(READY)  ## mypy --strict on the package
	@$(BIN)/mypy --strict

arrows: $(READY)  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-cache > $(VENV)/arrows.log || { cat $(VENV)/arrows.log; exit 1; }
	@tail -2 $(VENV)/arrows.log

docs: $(READY)  ## the documentation, in docs/_build; a warning is an error
	@AIRFLOW_HOME=$(abspath $(VENV))/docs-home $(BIN)/python -m sphinx -q -W -b html docs docs/_build
	@echo "Documentation: docs/_build/index.html"

screens: $(READY)  ## the pictures of the documentation, taken from the running thing (needs chromium)
	@TIKTOK_SCREENS=docs/images $(BIN)/python -m pytest tests/airflow/test_browser.py tests/airflow/test_pages.py \
		tests/airflow/test_deliveries_page.py

wheel: $(READY)  ## build dist/, and try the wheel: its content, the tests on it, the tutorial in an empty environment
	@rm -rf dist && $(BIN)/python -m hatchling build --directory dist
	@$(BIN)/python -m pytest tests/test_wheel.py tests/test_installed_wheel.py tests/airflow/test_tutorial.py

unit: $(READY)  ## pytest: all that is quick side by side, then the runs of a real Airflow by themselves
	@$(BIN)/python -m pytest -m "not airflow and not slow" --numprocesses=auto --dist=loadfile
	@$(BIN)/python -m pytest -m "airflow and not slow" $(REAL)

slow: $(READY)  ## pytest: what takes minutes
	@$(BIN)/python -m pytest -m slow

line-%:  # `unit` on a line such as 2.11.2-python3.11, in an environment of its own
	@echo "Airflow $*:"
	@python=$$($(call find_python,$(lastword $(subst -python, ,$*)))); \
	if [ -z "$$python" ]; then echo "passed over: this Python is not installed"; else \
		$(MAKE) --no-print-directory unit AIRFLOW=$(firstword $(subst -python, ,$*)) PYTHON="$$python" VENV=.venv-$* \
			REAL=$(or $(REAL_ON_$*),$(REAL)); \
	fi

bench: $(READY)  ## this package beside the script that it replaces, 1 M and 10 M rows; about an hour
	@$(BIN)/python -m benchmarks.run --output benchmarks/RESULTS.md

constraints: $(addprefix constrain-,$(LINES))  ## resolve the constraint files anew (needs uv); what still fits stays

constrain-%:
	@printf '%s\n' 'apache-airflow==$(firstword $(subst -python, ,$*))' $(BESIDE_$(firstword $(subst -python, ,$*))) | \
		$(UV) pip compile --quiet --no-header --no-annotate --no-emit-package airflow-provider-tiktok \
		--python-version $(lastword $(subst -python, ,$*)) --extra dev \
		--constraints - pyproject.toml --output-file constraints/airflow-$*.txt

format: $(READY)  ## mend the format
	@$(BIN)/ruff check --fix --quiet $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

clean:  ## remove the environments and all caches
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml $(CONSTRAINTS)
	@echo "Setting up $(VENV) with Python $(PYTHON_VERSION), once; this takes a minute or two ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) hatchling editables setuptools
	@$(PIP) --no-build-isolation -e '.[dev]'
	@touch $@

constraints/%:
	@echo "There is no $@: this project is tested on $(LINES). Set PYTHON=python3.11" >&2; exit 1
