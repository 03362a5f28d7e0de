# make demo | make test: each does all of its own set-up on a machine with Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
AFFETTI_TEST_DATA ?= $(wildcard ../shared/data)
export AFFETTI_TEST_DATA := $(abspath $(AFFETTI_TEST_DATA))

.PHONY: setup demo test lint check bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $(STAMP)

demo: setup
	$(BIN)/affetti demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# What CI runs, in the environment at hand; .ci/run does the same from scratch.
check: lint test
	$(BIN)/affetti demo --size small --out $(VENV)/demo-check
	rm -rf $(VENV)/demo-check

bench: setup
	for script in bench/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) affetti-demo .pytest_cache .ruff_cache .hypothesis
