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

.PHONY: demo test clients acceptance lint packages docs benchmark clean

.venv/core: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	@touch $@

.venv/%: .venv/core
	$(PIP) -e '.[$*]'
	@touch $@

demo: .venv/core
	$(BIN)/python -m common.demo $(BUNDLE)

test: .venv/test
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The real MONAI Label serves all bundles on this machine; it gets an environment of its own, some gigabytes.
clients: .venv/test
	$(BIN)/python tests/clients/monai_label.py

acceptance: .venv/test
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "acceptance or hostile" --acceptance=docs/acceptance.md

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/bundles/test_configs.py

packages: .venv/core
	$(BIN)/python -m common.package all --output dist

docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo site/index.html

benchmark: .venv/benchmark
	$(BIN)/snakemake --snakefile benchmarks/Snakefile --cores $(CORES) --config scale=$(SCALE) --rerun-triggers mtime -- $(TABLE)

clean:
	rm -rf .venv dist site demo .snakemake
