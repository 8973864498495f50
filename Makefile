# Every target makes .venv first, from requirements.txt and the extras it needs. PYTHON names the interpreter to start from.
PYTHON ?= python3
BUNDLE ?= t_loss
TABLE ?= t_loss_shenzhen
SCALE ?= desk
CORES ?= $(shell $(PYTHON) -c 'import os; print(os.cpu_count())')

# Real images, where they are at hand; tests and tables that need them are skipped visibly otherwise.
export REAL_DATA_DIR ?= $(shell test -d ../shared/data && cd ../shared/data && pwd)
export MPLBACKEND = Agg

BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test test-quick clients acceptance lint format packages docs benchmark clean

help: ## this list
	@echo 'make TARGET [PYTHON=python3.12]; BUNDLE, TABLE, SCALE and CORES are set in the same way'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

.venv/core: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	@touch $@

.venv/%: .venv/core
	$(PIP) -e '.[$*]'
	@touch $@

demo: .venv/core ## train a method (BUNDLE) and its baseline on a generated phantom, and write a report: 3 minutes
	$(BIN)/python -m common.demo $(BUNDLE)

test: .venv/test ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-quick: .venv/test ## the tests of the library, without those that train a bundle
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/common common

clients: .venv/test ## the real MONAI Label serves all bundles here, in an environment of some gigabytes of its own
	$(BIN)/python tests/clients/monai_label.py

acceptance: .venv/test ## the tests of docs/acceptance.md, and its table
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "acceptance or hostile" --acceptance=docs/acceptance.md

lint: .venv/test ## ruff, mypy, and the lint of the configurations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/bundles/test_configs.py

format: .venv/test ## ruff's formatting and the corrections that it can make
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

packages: .venv/core ## a zip of each bundle, into dist/
	$(BIN)/python -m common.package all --output dist

docs: .venv/docs ## the site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo site/index.html

benchmark: .venv/benchmark ## a table of a paper (TABLE, SCALE)
	$(BIN)/snakemake --snakefile benchmarks/Snakefile --cores $(CORES) --config scale=$(SCALE) --rerun-triggers mtime -- $(TABLE)

clean: ## remove what the other targets made
	rm -rf .venv dist site demo .snakemake
