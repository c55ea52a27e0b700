# The commands of a developer's and an operator's day. `make run` on a fresh machine
# needs python3 (3.11 or newer), python3-venv, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOST ?= 127.0.0.1
PORT ?= 8000

.PHONY: help setup run test check fix bench faults screenshots lab-demo

help:
	@echo "make run [PORT=8000] [HOST=127.0.0.1]   the product with its demo network"
	@echo "make test                               the whole test suite"
	@echo "make check                              format, lint, types, contracts, docs"
	@echo "make fix                                format and repair what can be repaired"
	@echo "make lab-demo [PORT=8000]               (root) two providers, real routes, faults by keys"
	@echo "make setup                              the virtual environment for development"
	@echo "make bench                              the benchmarks"
	@echo "make faults                             kill -9 everywhere, and what is left of it"
	@echo "make screenshots                        pictures of all pages"

# One stamp per set of dependencies: a second start installs nothing.
$(VENV)/.run: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.run

setup: $(VENV)/.dev

run: $(VENV)/.run
	@exec $(BIN)/python manage.py up --demo --host $(HOST) --port $(PORT)

lab-demo: $(VENV)/.run
	@exec $(BIN)/python -m tests.lab.demo --port $(PORT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist loadgroup $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint --quiet templates
	$(BIN)/python manage.py makemigrations --check --dry-run
	PATHWARDEN_HTTPS=on $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/python -m pytest -q tests/unit/house

fix: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --reformat --quiet templates

bench: $(VENV)/.dev
	$(BIN)/python -m bench

faults: $(VENV)/.dev
	$(BIN)/python -m bench.faults

screenshots: $(VENV)/.dev
	$(BIN)/python -m bench.screenshots
