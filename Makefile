# The vocabulary of development; CI speaks it too. Works with any GNU make from 3.81 on.

PYTHON ?= python3
# Passed on to pytest, as in: make test ARGS="tests/unit -x"
ARGS ?=
# Tests wait for processes and pages at times: one more at once than there are cores, and no crowd.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() + 1))')
# How many seconds to soak, and with which chance; any, unless a number is given.
DURATION ?= 600
SEED ?=
# Random histories to simulate: how many from 0, or from one to another, as in: SEEDS=1000..20000
SEEDS ?= 20000
# Inputs for each parser to be fuzzed with: there are more than a dozen.
INPUTS ?= 8000

# uv where it is installed, else this version of it in an environment of its own.
UV_VERSION := 0.13.9
UV := $(shell command -v uv || echo .uv/$(UV_VERSION)/bin/uv)
# infra/bundle.py uses it too.
export UV
export UV_PYTHON = $(PYTHON)
export UV_PYTHON_DOWNLOADS = never
export UV_PROJECT_ENVIRONMENT = .venv
unexport VIRTUAL_ENV

BIN := .venv/bin
LOCK := pyproject.toml uv.lock
SDKS := .venv-sdk-0/synced .venv-sdk-1/synced .venv-sdk-2/synced .venv-sam/synced .venv-clients/synced .venv-generators/synced
NODE := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json, \
	$(wildcard tests/contract/*/package-lock.json dashboard/package-lock.json clients/*/package-lock.json))

# The CDK's command line.
CDK := infra/node_modules/.bin/cdk
CDK_READY := .venv/dev infra/node_modules/.package-lock.json

.PHONY: help dev test chromium dashboard screenshots bench simulate fuzz soak check format openapi clients synth invoke start-api smoke bundle-size bootstrap deploy destroy sbom vulnerabilities release monthly-costs
.DEFAULT_GOAL := help

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile

dev: .venv/local ## Run the service on http://127.0.0.1:8000 (PORT changes it)
	@exec $(BIN)/aureon dev

test: check $(SDKS) $(NODE) chromium ## Check, then run every test (ARGS goes to pytest)
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

dashboard: dashboard/node_modules/.package-lock.json ## Build the dashboard's files, which are committed, from dashboard/
	npm --prefix dashboard run --silent check
	npm --prefix dashboard run --silent build

screenshots: .venv/dev chromium ## Take README's pictures of the dashboard
	$(BIN)/python -m tools.screenshots

bench: .venv/dev ## Measure costs, speed and growth (ARGS names parts, as in: make bench ARGS=units)
	@$(BIN)/python -m bench $(ARGS)

simulate: .venv/dev ## Play random histories (SEEDS says how many, or which)
	@$(BIN)/python -m tests.simulation $(SEEDS)

fuzz: .venv/dev ## Give every parser odd inputs (INPUTS says how many to each)
	AUREON_FUZZ_INPUTS=$(INPUTS) $(BIN)/pytest -q tests/fuzz $(ARGS)

soak: .venv/dev ## Do everything at once, with crashes, then audit (DURATION seconds, SEED)
	@$(BIN)/python -m tests.soak $(DURATION) $(SEED)

check: .venv/dev ## Lint, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: .venv/dev ## Format, and fix what can be fixed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

openapi: .venv/dev .venv-clients/synced clients/typescript/node_modules/.package-lock.json ## Write the OpenAPI document, its page and the clients' types anew, from the code
	@$(BIN)/python -m tools.reference
	.venv-clients/bin/python clients/python/generate.py
	npm --prefix clients/typescript run --silent generate

clients: .venv-clients/synced clients/typescript/node_modules/.package-lock.json ## Build the clients' packages
	@mkdir -p build/clients
	cd clients/python && ../../.venv-clients/bin/python -m hatchling build --directory ../../build/clients
	cd clients/typescript && npm pack --silent --pack-destination ../../build/clients

synth: .venv/dev ## Write the stack's template to build/cdk.out: no AWS account, no Docker
	$(BIN)/python -m infra

invoke: .venv/dev .venv-sam/synced ## Invoke a FUNCTION with an EVENT, as in events/, under Lambda's own client
	@$(BIN)/python -m infra.invoke $(FUNCTION) $(EVENT)

start-api: synth .venv-sam/synced ## Run SAM's own API in Docker, on the data of make dev (ARGS goes to SAM)
	@$(BIN)/python -m infra.sam $(ARGS)

smoke: .venv/dev ## Try on a deployed stack what no local engine can show: URL=… TOKEN=…
	@$(if $(TOKEN),AUREON_ACCESS_TOKEN=$(TOKEN)) $(BIN)/python -m tools.smoke $(URL)

monthly-costs: synth ## Say what a stack costs a month, at rest and for events by the million
	@$(BIN)/python -m bench.monthly

bundle-size: .venv/dev ## Build what the functions are made of, and state its size
	@$(BIN)/python -m infra.bundle

bootstrap: $(CDK_READY) ## Prepare an AWS account and region for make deploy, once
	$(CDK) bootstrap $(ARGS)

deploy: $(CDK_READY) ## Deploy to the AWS account of your credentials (ARGS goes to cdk)
	$(CDK) deploy $(ARGS)

destroy: $(CDK_READY) ## Delete what was deployed, but for the data
	$(CDK) destroy $(ARGS)

sbom: .venv/dev ## List what is bundled with the functions, as CycloneDX, in build/sbom.json
	@mkdir -p build
	$(UV) export --locked --quiet --no-default-groups --format cyclonedx1.5 \
		--preview-features sbom-export --output-file build/sbom.json > /dev/null

vulnerabilities: .venv/dev ## Look all locked packages up among the known vulnerabilities
	$(UV) audit --locked --preview-features audit
	@for lock in $$(git ls-files '*package-lock.json'); do \
		echo "npm audit $$lock"; (cd $$(dirname $$lock) && npm audit --package-lock-only) || exit 1; done

release: sbom clients ## Make what a release consists of, in build/release
	@$(BIN)/python -m tools.release

# Each stamp says that an environment is as the lock wants it.

# What runs the service, and no more; what else is there stays.
.venv/local: $(LOCK) | $(UV)
	@$(python-is-new-enough)
	$(UV) sync --locked --inexact --no-default-groups --group local
	@touch $@

.venv/dev: $(LOCK) | $(UV)
	@$(python-is-new-enough)
	$(UV) sync --locked
	@touch $@ .venv/local

# What runs functions on this machine pins much that others use.
.venv-sam/synced: infra/sam/pyproject.toml infra/sam/uv.lock | $(UV)
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-sam $(UV) sync --locked --project infra/sam
	@touch $@

# What the Python client is made with and used with pins much, too.
.venv-clients/synced: tests/clients/environment/pyproject.toml tests/clients/environment/uv.lock | $(UV)
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-clients $(UV) sync --locked --project tests/clients/environment
	@touch $@

# What makes clients of the OpenAPI document pins much as well.
.venv-generators/synced: tests/contract/generators/pyproject.toml tests/contract/generators/uv.lock | $(UV)
	UV_PROJECT_ENVIRONMENT=$(CURDIR)/.venv-generators $(UV) sync --locked --project tests/contract/generators
	@touch $@

# The published clients, each alone: they exclude each other.
.venv-sdk-%/synced: $(LOCK) | $(UV)
	UV_PROJECT_ENVIRONMENT=.venv-sdk-$* $(UV) sync --locked --only-group sdk-$*
	@touch $@

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	@command -v npm > /dev/null || { \
		echo "This needs npm: install Node.js 20 or newer." >&2; exit 1; }
	cd $* && npm ci --no-audit --no-fund
	@touch $@

# A browser for the dashboard's tests: one that is there, else Debian's where it can be installed.
# Without any, they are skipped; AUREON_CHROMIUM names another.
chromium:
	@for name in "$$AUREON_CHROMIUM" chromium chromium-browser google-chrome google-chrome-stable; do \
		test -n "$$name" && command -v "$$name" > /dev/null && exit 0; \
	done; \
	command -v apt-get > /dev/null || { echo "No Chromium: the dashboard's tests are skipped." >&2; exit 0; }; \
	if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	{ $$sudo apt-get update -qq && $$sudo apt-get install -qq -y --no-install-recommends chromium; } > /dev/null || \
		echo "No Chromium could be installed: the dashboard's tests are skipped." >&2

.uv/$(UV_VERSION)/bin/uv:
	@$(python-is-new-enough)
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
		echo "Python's venv is missing: install it (on Debian and Ubuntu: apt install python3-venv), or install uv." >&2; exit 1; }
	$(PYTHON) -m venv --clear .uv/$(UV_VERSION)
	.uv/$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

define python-is-new-enough
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Python 3.11 or newer is needed as $(PYTHON); name another as in: make PYTHON=python3.13 dev" >&2; exit 1; }
endef
