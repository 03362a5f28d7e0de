# make demo | make test: each does all of its own set-up on a machine with Python 3.11, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Versions that pip may install; CI takes all of them from .ci/constraints.txt.
CONSTRAINTS ?= constraints.txt
STAMP := $(VENV)/.installed
AFFETTI_TEST_DATA ?= $(wildcard ../shared/data)
export AFFETTI_TEST_DATA := $(abspath $(AFFETTI_TEST_DATA))

.PHONY: setup demo test test-ci lint check bench docs docs-check clean $(BENCHES)

setup: $(STAMP)

$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev,docs]'
	touch $(STAMP)

demo: setup
	$(BIN)/affetti demo

test: setup
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/pyright --pythonpath $(BIN)/python -p pyrightconfig.tests.json
	$(BIN)/lint-imports

# The site, in docs/_build/html: a warning is an error. docs executes the gallery, docs-check does not.
SPHINX := OMP_NUM_THREADS=1 $(BIN)/sphinx-build -q -W --keep-going -b html
docs: setup
	$(SPHINX) docs docs/_build/html

docs-check: setup
	$(SPHINX) -D plot_gallery=0 docs docs/_build/check

# The tests as CI runs them: in two processes, a file in one of them, for its fixtures are made once; with coverage.
test-ci: PYTEST_FLAGS := -n 2 --dist loadfile --cov --cov-report=term:skip-covered
test-ci: test

# What CI runs, in the environment at hand; .ci/run does the same from scratch.
check: lint docs-check test-ci
	$(BIN)/affetti demo --size small --out $(VENV)/demo-check
	rm -rf $(VENV)/demo-check

# Every script of bench/, some for an hour. Seven of them measure on a corpus, which is composed here.
BENCH_CORPUS := $(VENV)/bench/corpus
BENCH_ARGUMENTS_generators := $(BENCH_CORPUS) $(VENV)/bench/runs --kinds flow gan vocoded
BENCH_ARGUMENTS_generator_costs := $(VENV)/bench/runs
BENCH_ARGUMENTS_vocoder := $(BENCH_CORPUS) $(VENV)/bench/runs/vocoded-default-0
BENCH_ARGUMENTS_alignment := $(BENCH_CORPUS) $(VENV)/bench/runs/flow-default-0 $(VENV)/bench/alignment
BENCH_ARGUMENTS_harmony := $(BENCH_CORPUS)
BENCH_ARGUMENTS_copies := $(BENCH_CORPUS)
BENCH_ARGUMENTS_score_sanity := $(BENCH_CORPUS)
BENCH_ARGUMENTS_front_ends := speed
BENCH_ARGUMENTS_campaign := kills --folder $(VENV)/bench/campaign
BENCH_ARGUMENTS_field_penalties := --folder $(VENV)/bench/field-penalties
BENCH_ARGUMENTS_full_size := --folder $(VENV)/bench/full-size
BENCH_ARGUMENTS_training_curves := --folder $(VENV)/bench/training-curves
# The weights in the package stay as they are: these go beside the windows.
BENCH_ARGUMENTS_shipped_regressor := $(VENV)/bench/shipped --out $(VENV)/bench/shipped/weights
BENCH_ARGUMENTS_pretrain_generators := $(VENV)/bench/shipped --out $(VENV)/bench/shipped/generators
BENCHES := $(patsubst bench/%.py,bench-%,$(wildcard bench/*.py))

bench: $(BENCHES)

bench-alignment bench-generator_costs bench-vocoder: bench-generators

$(BENCHES): bench-%: setup $(BENCH_CORPUS) $(VENV)/.bench-installed
	$(BIN)/python bench/$*.py $(BENCH_ARGUMENTS_$*)

$(VENV)/.bench-installed: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e '.[bench]'
	touch $@

$(BENCH_CORPUS): | setup
	$(BIN)/affetti prepare composed --keep-audio --out $@

clean:
	rm -rf $(VENV) docs/_build docs/gallery affetti-demo .pytest_cache .ruff_cache .hypothesis
