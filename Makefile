# Needs python3 (3.11 or newer) and make; everything else goes into .venv, pinned by constraints/.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
CONSTRAINTS := constraints/airflow-3.3.2-python$(PYTHON_VERSION).txt
READY := $(VENV)/.ready-$(PYTHON_VERSION)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c $(CONSTRAINTS)
CODE := airflow_provider_tiktok benchmarks dags demo tests

export AIRFLOW__CORE__LOAD_EXAMPLES := False

.PHONY: help demo test check lint types arrows unit bench format clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## deliver 25,000 invented customers with a real Airflow to a local TikTok
	@$(BIN)/python -m demo.run

test: check unit  ## set everything up and run all checks and tests

check: lint types arrows  ## style, types and the arrows between modules

lint: $(READY)  ## ruff: rules and format
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE)

types: $(READY)  ## mypy --strict on the package
	@$(BIN)/mypy --strict

arrows: $(READY)  ## import-linter: who may import whom
	@$(BIN)/lint-imports --no-cache > $(VENV)/arrows.log || { cat $(VENV)/arrows.log; exit 1; }
	@tail -2 $(VENV)/arrows.log

unit: $(READY)  ## pytest: all that is quick side by side, then the runs of a real Airflow by themselves
	@$(BIN)/python -m pytest -m "not airflow" --numprocesses=auto --dist=loadfile
	@$(BIN)/python -m pytest -m airflow

bench: $(READY)  ## this package beside the script that it replaces, 1 M and 10 M rows; about an hour
	@$(BIN)/python -m benchmarks.run --output benchmarks/RESULTS.md

format: $(READY)  ## mend the format
	@$(BIN)/ruff check --fix --quiet $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

clean:  ## remove the environment and all caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): pyproject.toml $(CONSTRAINTS)
	@echo "Setting up $(VENV) with Python $(PYTHON_VERSION), once; this takes a minute or two ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation -e '.[dev]'
	@touch $@

constraints/%:
	@echo "There is no $@: this project is tested with Python 3.11, 3.12 and 3.13. Set PYTHON=python3.11" >&2; exit 1
