# `make rehearse` runs the main job; `make test` passes the tests. Both set up what they need in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CLUSTER := $(VENV)/.cluster
# A rehearsal waits for timers far more than it computes: two of them fit on each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * len(os.sched_getaffinity(0)))')
PURE := $(addprefix tests/,connection session replay wire policy rib tables diagnosis report test_architecture.py test_gate.py test_words.py test_glossary.py)

FAST := $(addprefix tests/,wire policy rib peer speakers replay tables test_gate.py test_compiled.py)

.PHONY: rehearse test check lint format docs benchmark fast test-fast clean help

rehearse: $(STAMP) ## play the shipped Exchange topology through (no root, no daemons)
	@$(BIN)/turnup rehearse topologies/exchange.yaml

test: $(CLUSTER) ## run the tests; those whose router or privilege is missing are skipped, with the reason
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

lint: $(STAMP) ## ruff and mypy, warnings are errors
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: lint ## lint, and the tests of the rooms without I/O, with a fifth of the examples of each property: before each commit
	@TURNUP_EXAMPLES=0.2 $(BIN)/python -m pytest -q -n auto -m "not router and not privileged" $(PURE)

format: $(STAMP) ## let ruff format the code
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

docs: $(STAMP) ## write the generated parts of docs/ again
	@$(BIN)/python docs/generate.py

benchmark: $(STAMP) ## measure beside real daemons on this machine
	@$(BIN)/turnup bench run

fast: $(STAMP) ## compile the route path (about a minute; needs gcc and python3-dev); after an edit it is pure again
	@$(BIN)/python -W ignore setup.py --quiet compile

test-fast: fast ## the tests of the compiled rooms, with the compiled code
	@TURNUP_CODE=compiled TURNUP_EXAMPLES=0.1 $(BIN)/python -m pytest -q -n auto --dist loadgroup $(FAST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "turnup: needs Python 3.11 or newer as $(PYTHON): apt-get install python3, or make PYTHON=/path/to/python3.11 rehearse" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "turnup: Python's venv module is missing: apt-get install python3-venv" >&2; exit 2; }
	@echo "turnup: installing into $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' || \
	  { echo "turnup: the installation failed: see pip's message above (is the package index reachable?)" >&2; exit 3; }
	@touch $@

# Ray has no wheel for every Python and machine: without it the tests of clusters are skipped.
$(CLUSTER): $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cluster]' && touch $@ || \
	  echo "turnup: Ray cannot be installed here: the tests of clusters are skipped" >&2

clean: ## remove the virtual environment, compiled code and caches
	@rm -rf $(VENV) simulator/_compiled build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

help:
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12
