# Each target does all of its own set-up. Needs Python 3.11 or newer, and make.

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell command -v uv || echo $(BIN)/uv)
INSTALLED := .venv/installed

# Where a machine sets this, each Python that starts compiles again all that it imports: a second of
# the two that a short run takes, and the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo dashboard screenshots notebook test test-quick test-aws coverage soak
.PHONY: bench bench-full check format clean browser
.PHONY: package bootstrap init plan apply deploy smoke destroy check-terraform audit compliance

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

# In a browser, until Ctrl-C: the warehouse of TOTES_WAREHOUSE, or the demo's, made first if need be.
dashboard: install
	test -n "$$TOTES_WAREHOUSE" || test -e totes-demo/made-by-totes-demo || $(BIN)/totes demo
	$(BIN)/totes dashboard

# The pictures in docs/images of the dashboard, of the demo's warehouse; needs a Chromium.
screenshots: install
	test -e totes-demo/made-by-totes-demo || $(BIN)/totes demo
	$(BIN)/python -m scripts.screenshots

# Three questions for the lake that the demo leaves, in a browser, on this machine only; the menu
# at the top shows the SQL.
notebook: install
	$(BIN)/marimo run --include-code docs/notebooks/questions.py

# What the dashboard's tests look with: the machine's Chromium or Chrome, or else Playwright's own.
browser: install
	-@$(BIN)/python -m scripts.browser || $(BIN)/playwright install chromium

# Tests in parallel, with coverage; fails under 90 % of lines. tests/README.md says what is where.
test: browser
	$(BIN)/pytest --numprocesses auto --cov --cov-report term --ignore tests/aws

# Of these, what a change of one module needs most: no slow test, and one case of each.
test-quick: install
	$(BIN)/pytest --numprocesses auto --quick --ignore tests/aws

# Those of AWS: the zip, the functions, Terraform applied to a stand-in, for which most of them wait.
# Coverage is added to what there is of it.
test-aws: install
	$(BIN)/pytest --numprocesses 3 --cov --cov-append --cov-report= --cov-fail-under 0 tests/aws

# Of all that was run since the last `make test`; fails under 90 % of lines.
coverage: install
	$(BIN)/coverage report

# Random histories and crashes, for as long as MINUTES says.
MINUTES ?= 20
soak: install
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

# What Totes costs beside bare COPY and dlt; writes docs/reference/performance.md. What it makes is
# kept in BENCH for the next time.
BENCH ?= build/bench
bench: install
	$(BIN)/python -m benchmarks.compare --folder $(BENCH) --target $@ --scale 1 --scale 20

# Also a hundred times the real size, and a table of 50 million rows: an hour, 40 GB of disk.
bench-full: install
	$(BIN)/python -m benchmarks.compare --folder $(BENCH) --target $@ \
		--scale 1 --scale 20 --scale 100 --large 50000000

# Lint, format, types, security: everything that needs no run.
check: install compliance
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

# AWS, from here down: docs/guides/deploy.md. Credentials are the AWS CLI's, or a role's.
TERRAFORM := terraform -chdir=terraform

# Once an account: where the state lies, and the role that GitHub deploys by.
bootstrap:
	$(TERRAFORM)/bootstrap init -input=false
	$(TERRAFORM)/bootstrap apply
	$(TERRAFORM)/bootstrap output -raw backend > terraform/backend.hcl
	@echo "Next: docs/guides/deploy.md#by-hand"

init: terraform/backend.hcl
	$(TERRAFORM) init -input=false -reconfigure -backend-config=backend.hcl

terraform/backend.hcl:
	@echo "error: there is no $@; hint: make bootstrap writes it"; exit 1

plan: package init
	$(TERRAFORM) plan -input=false -out=deployment.tfplan

apply: # what was planned, and nothing else
	$(TERRAFORM) apply -input=false deployment.tfplan

deploy: package init # plans, asks, applies
	$(TERRAFORM) apply

smoke: install # one run of the deployed state machine, and is its result right?
	machine=$$($(TERRAFORM) output -raw state_machine_arn) && $(BIN)/python -m scripts.smoke "$$machine"

# All but the lakes; with LAKES=destroy these too, and all history with them.
destroy: init
	terraform/destroy.sh $(if $(filter destroy,$(LAKES)),--lakes)

check-terraform:
	$(TERRAFORM) fmt -check -recursive
	set -e; for root in terraform terraform/bootstrap; do \
		terraform -chdir=$$root init -backend=false -input=false; \
		terraform -chdir=$$root validate; \
		terraform -chdir=$$root test; \
	done

# Known vulnerabilities of what is installed; asks a service on the internet.
audit: install
	mkdir -p build
	$(UV) export --locked --all-extras --no-emit-project --quiet --output-file build/requirements.txt
	$(UV) tool run --from 'pip-audit==2.10.1' pip-audit --strict --require-hashes --disable-pip \
		--requirement build/requirements.txt

# Our Terraform and our workflows against the rules of those who know; offline. The tools are not
# in the lock file: checkov wants many packages, and some of them old.
compliance: install
	$(UV) tool run --from 'checkov==3.3.30' checkov --quiet --compact --framework terraform \
		--skip-download --directory terraform
	$(UV) tool run --from 'zizmor==1.32.0' zizmor --offline .
	$(UV) tool run --from 'check-jsonschema==0.39.0' check-jsonschema \
		--builtin-schema vendor.github-workflows .github/workflows/*.yml

format: install
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean:
	rm -rf build .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
