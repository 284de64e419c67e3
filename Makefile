# Each target does all of its own set-up. Needs Python 3.11 or newer, and make.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv || echo $(BIN)/uv)
INSTALLED := .venv/installed

.PHONY: install demo test test-aws soak check format package clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than 3.11; hint: make install PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x "$(UV)" || $(BIN)/python -m pip install --quiet uv
	$(UV) sync --locked --inexact --all-extras --quiet
	touch $@

demo: install
	$(BIN)/totes demo

# Tests in parallel, with coverage; fails under 90 % of lines. What shares a deployment is run by one
# worker.
test: install
	$(BIN)/pytest --numprocesses auto --dist loadgroup --cov --cov-report term

# Those of AWS alone: the zip, the functions, Terraform applied to a stand-in.
test-aws: install
	$(BIN)/pytest --numprocesses auto --dist loadgroup tests/aws

# Random histories and crashes, for as long as MINUTES says.
MINUTES ?= 20
soak: install
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

# Lint, format, types, security: everything that needs no run.
check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --severity-level medium --configfile pyproject.toml src

# The zips that AWS Lambda runs, in build/: the same bytes each time. The bytecode in them is made by
# a Python of LAMBDA_PYTHON's version, which uv downloads if there is none on this machine.
LAMBDA_PYTHON ?= 3.13
package: install
	$(BIN)/python -m scripts.lambda_zip --python $(LAMBDA_PYTHON) build/totes-lambda-x86_64.zip
	$(BIN)/python -m scripts.lambda_zip --python $(LAMBDA_PYTHON) --architecture arm64 \
		build/totes-lambda-arm64.zip

format: install
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean:
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
