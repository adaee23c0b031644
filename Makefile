# Limelight. Nothing but Python ≥ 3.11 and make is needed: everything else is installed, locked, into .venv/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
	$(name) -c 'import sys; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
# The environment is as the lock says when its stamp carries the lock's checksum.
STAMP := $(VENV)/.installed-$(shell cat requirements-dev.lock pyproject.toml | cksum | cut -d ' ' -f 1)
PROTOS := build/limelight.binpb
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

.PHONY: environment
environment: $(STAMP) ## install what the lock names into .venv/

$(STAMP):
	@if [ -z "$(PYTHON)" ]; then \
		echo "Limelight needs Python 3.11 or newer, found: $$(python3 --version 2>&1 || true). Point to one: make PYTHON=/path/to/python3.12" >&2; \
		exit 1; \
	fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/.installed-*
	@touch $@

.PHONY: protos
protos: $(PROTOS) ## compile protos/ into build/limelight.binpb

$(PROTOS): $(STAMP) $(shell find protos -name '*.proto')
	$(BIN)/python -m libs.chassis.build_protos

.PHONY: run
run: $(PROTOS) ## start everything on this machine and print where it is; Ctrl-C stops it
	@exec $(BIN)/limelight up

.PHONY: test
test: $(PROTOS) ## all tests but the long chaos run, on an embedded Kafka and MongoDB; ARGS="-k name" picks, KAFKA=apache runs them on Apache Kafka
	$(BIN)/python -m pytest -m 'not chaos' $(ARGS)

.PHONY: simulate
simulate: $(PROTOS) ## the marketplace on virtual time, broken on purpose: SEEDS=1000 of them, or SEED=7 told in full
	$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED) --about "$(ABOUT)",--seeds $(or $(SEEDS),100))

.PHONY: mutants
mutants: $(PROTOS) ## known mistakes, planted one at a time: each must be caught; ONLY=name picks
	$(BIN)/python -m tests.simulation.mutants --only "$(ONLY)"

.PHONY: scoreboard
scoreboard: $(STAMP) ## tests/README.md from the reports that the suites left
	$(BIN)/python -m tests.scoreboard

CHAOS ?= long

.PHONY: chaos
chaos: $(PROTOS) ## real faults to real processes, for long; CHAOS=short takes some minutes; SEED=7 has a schedule again, KAFKA=apache another Kafka
	CHAOS=$(CHAOS) $(if $(SEED),SEED=$(SEED)) $(BIN)/python -m pytest -m chaos -x --tb=short -s tests/chaos $(ARGS)

.PHONY: lint
lint: $(PROTOS) ## ruff, buf lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/buf lint $(PROTOS) --config protos/buf.yaml

.PHONY: types
types: $(STAMP) ## mypy --strict
	$(BIN)/mypy

.PHONY: schemas
schemas: $(PROTOS) ## export JSON Schemas, golden examples and asyncapi.yaml from the catalog
	$(BIN)/python -m libs.events.export

.PHONY: bench
bench: $(PROTOS) ## our figures beside the limit and a peer; NAME=append runs the rows that begin so
	$(BIN)/python -m bench $(NAME)

.PHONY: lock
lock: ## compile both lock files anew
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/getting-started/installation" >&2; exit 1; }
	$(LOCK) --quiet --extra opensearch --output-file requirements.lock
	$(LOCK) --quiet --extra embedded --extra opensearch --extra dev --output-file requirements-dev.lock

.PHONY: clean
clean: ## remove what was built; .venv/ and .limelight/ stay
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
