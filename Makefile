PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCK := requirements-dev.txt

.PHONY: demo test check docs bench faults fuzz agree kafka engines sql lock clean

demo: $(VENV)/.example example_app/node_modules
	@$(BIN)/python -m example_app

test: $(VENV)/.dev tests/conformance/node_modules
	@$(BIN)/python -m pytest

check: $(VENV)/.dev
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

# After a change to a public signature or docstring, or to what is decided about a visitor.
docs: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m docs.making

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks.imports
	@$(BIN)/python -m benchmarks.requests
	@$(BIN)/python -m benchmarks.capture
	@$(BIN)/python -m benchmarks.ingest
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.delivery
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.hanging
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.bridge
	@PYTHONPATH=tests $(BIN)/python -m benchmarks.warehouse

# The long form of tests/faults, half an hour beside segment-analytics-python; what it finds goes
# to benchmarks/results/faults.md. A part of it: make faults ONLY='-k sigkill'
faults: $(VENV)/.dev
	@SEGMENT_IDENTITY_FAULTS=long $(BIN)/python -m pytest tests/faults tests/warehouse/test_crash.py $(ONLY)

# The long form of tests/agreement, about an hour. Seeds again: make agree SEEDS=17:1
SEEDS ?= $(shell date +%s):1500
agree: $(VENV)/.dev tests/conformance/node_modules
	@SEGMENT_IDENTITY_AGREE=$(SEEDS) $(BIN)/python -m pytest tests/agreement

# Ten minutes of atheris at the ingest; what it breaks is kept in the current folder.
SECONDS_OF_FUZZ ?= 600
fuzz: $(VENV)/.dev
	@$(PIP) install atheris
	@PYTHONPATH=tests $(BIN)/python -m ingest.fuzz $(SECONDS_OF_FUZZ)

kafka: tests/streaming/jars

# The profiles' SELECTs on ClickHouse and Spark too, which are large to install.
engines: $(VENV)/.engines
	@$(BIN)/python -m pytest tests/engines

# After a change to a SELECT in segment_identity/warehouse/sql.
sql: $(VENV)/.dev
	@PYTHONPATH=tests $(BIN)/python -m engines.dialects

# After a change to the dependencies in pyproject.toml. All of them anew: make lock UPGRADE=--upgrade
lock: | $(BIN)/python
	@$(PIP) install 'uv>=0.5'
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command 'make lock' --extra dev $(UPGRADE) \
	  --output-file $(LOCK) pyproject.toml

clean:
	rm -rf $(VENV) example_app/node_modules tests/conformance/node_modules tests/streaming/jars

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "segment_identity needs Python 3.11 or newer; say which: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.example: pyproject.toml | $(BIN)/python
	@echo "installing what the example needs ..."
	@$(PIP) install -e '.[example]'
	@touch $@

# The newest of everything; with LOCKED=1 what the lock names, and nothing that is not what it was.
$(VENV)/.dev: pyproject.toml $(if $(LOCKED),$(LOCK)) | $(BIN)/python
	@echo "installing what the tests need ..."
ifdef LOCKED
	@$(PIP) install --require-hashes -r $(LOCK)
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(PIP) check
else
	@$(PIP) install -e '.[dev]'
endif
	@touch $@ $(VENV)/.example

$(VENV)/.engines: pyproject.toml | $(VENV)/.dev
	@echo "installing what the engines need ..."
	@$(PIP) install -e '.[engines]'
	@touch $@

# Analytics.js for the shop's pages. Without npm the shop runs on the server alone, and says so.
example_app/node_modules: example_app/package-lock.json
	@if command -v npm >/dev/null; then \
	  echo "installing Analytics.js ..."; \
	  cd example_app && npm ci --silent --no-audit --no-fund && touch node_modules || true; \
	fi

# The real Analytics.js, as oracle. Without npm its committed vectors still run.
tests/conformance/node_modules: tests/conformance/package-lock.json
	@if command -v npm >/dev/null; then \
	  cd tests/conformance && npm ci --silent --no-audit --no-fund || true; \
	fi

# A real Kafka broker. Without it, or without Java to run it, its tests are skipped and say so.
tests/streaming/jars: tests/streaming/pom.xml
	@echo "fetching a Kafka broker ..."
	@rm -rf $@
	@mvn -q -B -f $< dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars
	@touch $@
