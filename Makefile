# Every target makes .venv first, from requirements.txt and the extras it needs. PYTHON names the interpreter to start from.
PYTHON ?= python3
BUNDLE ?= t_loss
TABLE ?= t_loss_shenzhen
SCALE ?= desk
DEVICE ?= cuda
CORES ?= $(shell $(BIN)/python -c 'from common.command import available_cores; print(available_cores())')

# Real images, where they are at hand; tests and tables that need them are skipped visibly otherwise.
export REAL_DATA_DIR ?= $(shell test -d ../shared/data && cd ../shared/data && pwd)
export MPLBACKEND = Agg

BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo install test test-quick test-anywhere coverage clients acceptance trains-on formats lint format packages docs benchmark gpu clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/core: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed; name one with make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	@touch $@

.venv/%: .venv/core
	$(PIP) -e '.[$*]'
	@touch $@

install: .venv/core ## .venv alone, for your own data

demo: .venv/core ## trains BUNDLE and its baseline on a phantom, writes a report into demo/
	$(BIN)/python -m common.demo $(BUNDLE)

test: .venv/test ## every test, on two cores
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-quick: .venv/test ## tests that start no process and train nothing: two minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

# What a test finds must not depend on the processor: instructions that PyTorch and oneDNN may use, and threads. Threads of
# two workers on two cores wait passively, or they would hinder each other
SETTINGS ?= unset-1 unset-2 avx2-1 avx2-2 default-1 default-2
test-anywhere: .venv/test ## every test under six settings of the processor, logs in runs/anywhere/ (SETTINGS=…, TESTS=…)
	@mkdir -p runs/anywhere; failed=0; \
	for setting in $(SETTINGS); do \
	  capability=$${setting%-*}; log=runs/anywhere/$$setting.log; \
	  environment="OMP_NUM_THREADS=$${setting#*-} OMP_WAIT_POLICY=passive"; \
	  test $$capability = unset || environment="$$environment ATEN_CPU_CAPABILITY=$$capability"; \
	  test $$capability != default || environment="$$environment ONEDNN_MAX_CPU_ISA=SSE41"; \
	  env -u ATEN_CPU_CAPABILITY -u ONEDNN_MAX_CPU_ISA $$environment \
	    $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS) > $$log 2>&1 || failed=1; \
	  echo "$$setting: $$(tail -n 1 $$log)" | tee -a $$log; \
	  grep -E '^(FAILED|ERROR) ' $$log; true; \
	done; exit $$failed

coverage: .venv/test ## every test, and the lines of common/ that none reaches in its own process
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov=common --cov-report=term-missing:skip-covered

clients: .venv/test ## the real MONAI Label and MONAI Deploy run all bundles, in environments of some gigabytes
	$(BIN)/python tests/clients/monai_label.py
	$(BIN)/python tests/clients/monai_deploy.py

acceptance: .venv/test ## the tests behind docs/acceptance.md, and the table that they write
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "acceptance or hostile" --acceptance=docs/acceptance.md

trains-on: .venv/test ## the tests behind docs/what_trains_on_what.md, and the table that they write
	$(BIN)/python -m pytest -n 2 tests/bundles/test_what_trains_on_what.py --trains-on=docs/what_trains_on_what.md

formats: .venv/test ## the tests behind docs/formats.md, and the table that they write
	$(BIN)/python -m pytest -n 2 -m file_format tests/common/formats --formats=docs/formats.md

lint: .venv/test ## style, types, and every configuration read as code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/bundles/test_configs.py

format: .venv/test ## code as `make lint` wants it, where a program can do it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

packages: .venv/core ## a zip of each bundle, with weights, in dist/
	$(BIN)/python -m common.package all --output dist

docs: .venv/docs ## the site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo site/index.html

benchmark: .venv/benchmark ## one TABLE of the papers at a SCALE (desk or paper) from a folder DATA, into docs/results/
	$(BIN)/snakemake --snakefile benchmarks/Snakefile --cores $(CORES) --config scale=$(SCALE) $(if $(DATA),data=$(DATA)) --rerun-triggers mtime -- $(TABLE)

# With WHEELS, a folder of the packages that PYTHON lacks, its own PyTorch is used and nothing is fetched.
gpu: $(if $(WHEELS),runs/gpu/site,.venv/core) ## all that needs CUDA, in nine minutes (DEVICE=cpu: in miniature; WHEELS=…: without network)
	PYTHONPATH=$(if $(WHEELS),$(CURDIR)/runs/gpu/site) $(if $(WHEELS),$(PYTHON),$(BIN)/python) benchmarks/gpu.py \
	  --device $(DEVICE) $(if $(DATA),--data $(DATA)) $(GPU_OPTIONS)

runs/gpu/site: $(wildcard $(WHEELS)/*.whl)
	$(PYTHON) -m pip install --quiet --no-index --no-deps --no-compile --upgrade --target $@ $(WHEELS)/*.whl
	@touch $@

clean: ## removes what was made
	rm -rf .venv dist site demo runs .snakemake
