# Clipferry's commands: `make` lists them. They need a Python 3.11 to 3.14, make, and PyPI (or an index that pip is set
# to); everything else they set up themselves, in .tools/ and .venv/.

# The stage of samconfig.toml that `make build` and `make deploy` take.
STAGE ?= dev

# The settings that `make invoke` and `make start-api` give to the functions: of services that you run yourself, or the
# running local stack's, which are written again each time, because a stack has other ports after a restart.
ENV ?= events/env.json
RUNNING_STACK := $(if $(filter .local/env.json,$(ENV)),env-json)

# How many processes `make test` runs; the tests of one file stay together.
JOBS ?= 2

# The system's certificates, so that a company's proxy is trusted; no Python but yours, whatever venv is active.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
export SAM_CLI_TELEMETRY := 0

# With an index of your own for one of them, pip and uv use it both; tools/install.sh does the same with pip's configuration.
INDEX := $(or $(UV_DEFAULT_INDEX),$(UV_INDEX_URL),$(PIP_INDEX_URL))
ifneq ($(INDEX),)
export PIP_INDEX_URL := $(INDEX)
endif

# An environment whose Python has gone, by an upgrade of the system for instance, is made again.
GONE := $(foreach made,.tools/uv .venv,$(shell test -d $(made)/bin && ! test -x $(made)/bin/python && echo $(made)))
ifneq ($(strip $(GONE)),)
$(shell rm -rf $(GONE))
endif

UV := .tools/uv/bin/uv
SAM := .tools/sam/bin/sam
LOCKS := pyproject.toml layers/shared/pyproject.toml uv.lock
EXPORT := $(UV) export --quiet --frozen --package clipferry --no-emit-project --no-default-groups --no-header --no-annotate
EXPORT_THUMBNAIL := $(UV) export --quiet --frozen --only-group thumbnail --no-emit-project --no-header --no-annotate

.DEFAULT_GOAL := help

help: ## Lists these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: .venv/.local ## Creates one video on this machine, from the request to the file, and shows each step
	@.venv/bin/python -m local.demo

dev: .venv/.local ## Runs everything on http://127.0.0.1:8787 (PORT=…) until Ctrl-C; what it makes stays, RESET=1 begins anew
	@.venv/bin/python -m local.dev

env-json: .venv/.local ## Writes the running local stack's settings into .local/env.json, for `sam local`; of two stacks PORT=…'s
	@settings=$$(.venv/bin/python -m cli env local --sam $(if $(PORT),--port $(PORT))) && mkdir -p .local && \
	    rm -f .local/env.json && umask 077 && printf '%s\n' "$$settings" >.local/env.json
	@echo "wrote .local/env.json"

migrate: .venv/.local ## Brings the database at DATABASE_URL up to date with migrations/
	@.venv/bin/python -m cli migrate

verify: .venv/.local ## Recomputes every invariant of the credits at DATABASE_URL; fails when one doesn't hold
	@.venv/bin/python -m cli verify

doctor: .venv/.local ## Checks what is configured by hand, with the settings of the environment, and says what to do
	@.venv/bin/python -m cli doctor $(ARGS)

redrive: .venv/.local ## Sends the mirror queue's dead letters again; ARGS=--dry-run only lists them
	@.venv/bin/python -m cli redrive $(ARGS)

cost: .venv/.local ## Shows what 1,000 videos cost, the largest part first; ARGS="--video-mb 50 --per-month 100000". With DATABASE_URL what providers charged, too
	@.venv/bin/python -m benchmarks.cost $(ARGS)
	@if [ -n "$$DATABASE_URL" ]; then echo && .venv/bin/clipferry videos cost; fi

simulate: .venv/.local ## Shows which limits 1, 10, 100 and 1,000 videos a second reach, and what to raise
	@.venv/bin/python -m benchmarks.simulate $(ARGS)

test: .venv/.dev .tools/sam/.installed ## Runs the tests that need no Docker; a part of them with ARGS=tests/unit
	@.venv/bin/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-sam: .venv/.dev .tools/sam/.installed ## Builds with SAM and runs every function in Docker, under `sam local`
	@.venv/bin/python -m pytest tests/sam $(ARGS)

test-gateways: .venv/.dev .tools/litellm/.installed ## Runs LiteLLM's proxy from PyPI beside its fake, through the same adapter
	@.venv/bin/python -m pytest tests/gateways $(ARGS)

check: .venv/.dev .tools/sam/.installed .tools/checkov/.installed ## Checks style, types, which way imports point, the locks and the template
	@.venv/bin/ruff check --quiet --extend-exclude .tools,.aws-sam
	@.venv/bin/ruff format --quiet --check --extend-exclude .tools,.aws-sam || { echo "not formatted as 'ruff format' does" >&2; exit 1; }
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-logo
	@$(UV) lock --check --quiet || { echo "uv.lock is stale: run 'make lock'" >&2; exit 1; }
	@.venv/bin/python -m cli.openapi --check
	@.venv/bin/python tools/settings_table.py --check
	@.venv/bin/python tools/chinese_pages.py --check
	@$(EXPORT_THUMBNAIL) | diff layers/thumbnail/requirements.txt - || \
	    { echo "layers/thumbnail/requirements.txt is stale: run 'make lock'" >&2; exit 1; }
	@$(EXPORT) | diff layers/shared/requirements.txt - || \
	    { echo "layers/shared/requirements.txt is stale: run 'make lock'" >&2; exit 1; }
	@$(SAM) validate --lint --region us-east-1
	@.tools/sam/bin/python tools/lint_template.py
	@mkdir -p .aws-sam && .tools/sam/bin/python tools/lint_template.py --print >.aws-sam/transformed.json
	@.tools/checkov/bin/checkov --config-file tools/checkov.yaml --file .aws-sam/transformed.json

build: .tools/sam/.installed ## Builds the deployment into .aws-sam/build; STAGE=staging for another stage than dev
	@$(SAM) build --config-env $(STAGE)
	@if test -d .aws-sam/build/SharedLayer/python/clipferry/__pycache__; then \
	    echo "with bytecode of Lambda's Python 3.13"; \
	else \
	    echo "without bytecode, which doubles a cold start: put a python3.13 on the PATH, rm -r .aws-sam, build again"; fi
	@du -sh .aws-sam/build/*/

deploy: build ## Validates, migrates, deploys the stage STAGE of samconfig.toml with your AWS credentials, and runs the smoke test
	@.tools/sam/bin/python tools/deploy.py $(STAGE)

smoke: .tools/uv/.installed ## Tests a deployed API: URL=https://…; with CLIPFERRY_API_KEY an upload, too
	@.tools/uv/bin/python tools/smoke.py $(URL)

models: .venv/.local ## Checks your catalogue FILE=models.toml and packs it as a layer that replaces ours
	@.venv/bin/python tools/pack_models.py $(FILE) .aws-sam/models.zip

catalog-check: .venv/.local ## Compares models.toml (FILE=…) with what the providers' documentation says, and prints every disagreement
	@.venv/bin/python -m local.catalog_check $(FILE)

invoke: .tools/sam/.installed $(RUNNING_STACK) ## Runs one function in Docker: FUNCTION=ReconcileFunction EVENT=events/reconcile.json; ENV=.local/env.json beside `make dev`
	@$(SAM) build $(FUNCTION) && .tools/sam/bin/python tools/sam_on_host_network.py local invoke $(FUNCTION) \
	    --event $(EVENT) --env-vars $(ENV) --region us-east-1 --skip-pull-image $(ARGS)

start-api: .tools/sam/.installed $(RUNNING_STACK) ## Runs the HTTP API in Docker, on http://127.0.0.1:3000 (ARGS="--port 3001"); ENV=.local/env.json beside `make dev`
	@$(SAM) build && .tools/sam/bin/python tools/sam_on_host_network.py local start-api \
	    --env-vars $(ENV) --region us-east-1 --skip-pull-image --warm-containers LAZY $(ARGS)

lock: .tools/uv/.installed ## Renews uv.lock, the layers' requirements and the tools' pins; ARGS=--upgrade takes the newest versions
	@$(UV) lock --quiet $(ARGS)
	@$(EXPORT) --output-file layers/shared/requirements.txt >/dev/null
	@$(EXPORT_THUMBNAIL) --output-file layers/thumbnail/requirements.txt >/dev/null
	@for pins in tools/uv tools/sam tools/checkov tools/peers tools/naive tools/litellm layers/shared/roots; do $(UV) pip compile --quiet $(ARGS) \
	    --universal --python-version 3.11 --generate-hashes --no-header $$pins.in --output-file $$pins.txt || exit 1; done

openapi: .venv/.dev ## Rewrites docs/openapi.json, README's table of settings, and the code on the Chinese pages
	@.venv/bin/python -m cli.openapi
	@.venv/bin/python tools/settings_table.py
	@.venv/bin/python tools/chinese_pages.py

recording: .venv/.local ## Records the demo again, for README: docs/images/demo.svg
	@.venv/bin/python -m local.demo_recording

screenshots: .venv/.dev ## Takes README's screenshots of the console again; needs a Chromium
	@.venv/bin/python -m tests.browser.screenshots

bench-db: .venv/.dev ## Measures the database work on a million videos, and checks the plans; ARGS="--scale 0.1" is quicker
	@.venv/bin/python -m benchmarks.db $(ARGS)

bench: bench-cold bench-http bench-mirror bench-db ## Runs every benchmark, one after the other: half an hour

bench-cold: .venv/.dev .bench-build .tools/naive/.installed ## Measures cold starts of the built functions, beside naive ones; needs a Python 3.13
	@.venv/bin/python -m benchmarks.cold $(ARGS)

bench-http: .venv/.dev .bench-build ## Measures requests through the built handlers, beside bare ones; needs a Python 3.13
	@.venv/bin/python -m benchmarks.http_routes $(ARGS)

.bench-build: .tools/sam/.installed # for this machine's processor, beside the build that `make deploy` takes
	@mkdir -p .aws-sam && $(SAM) build --cached --parallel --build-dir .aws-sam/bench \
	    --parameter-overrides Architecture=$(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64) \
	    >.aws-sam/bench.log 2>&1 || { cat .aws-sam/bench.log >&2; exit 1; }

bench-mirror: .venv/.dev .tools/peers/.installed ## Measures the mirror beside rclone, s5cmd, aws and boto3; needs a C compiler
	@.venv/bin/python -m benchmarks.mirror $(ARGS)

clean: ## Removes everything that these commands made, including the environments; not what `make dev` keeps in .local/
	@rm -rf .venv .tools .aws-sam .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo dev env-json migrate verify doctor redrive cost simulate test test-sam test-gateways check build deploy smoke models invoke start-api lock openapi recording screenshots bench-db clean bench bench-cold bench-http .bench-build

# Each is tried, because pyenv leaves names on the PATH that don't run, and Debian's Python lacks venv until it is installed.
FIND_PYTHON = for name in "$$PYTHON" python3.13 python3.12 python3.11 python3.14 python3; do \
	    "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	        2>/dev/null && { echo "$$name"; break; }; done

.tools/uv/.installed: tools/uv.txt
	@python=$$($(FIND_PYTHON)); test -n "$$python" || { \
	    echo "Clipferry needs Python 3.11, 3.12, 3.13 or 3.14, with its venv module, on the PATH or named by PYTHON=…" >&2; \
	    exit 1; }; echo "setting up .tools/uv with $$python" && "$$python" -m venv --clear .tools/uv
	@tools/install.sh .tools/uv tools/uv.txt
	@touch $@

# The layer of the naive functions that bench-cold compares with, for Lambda's Python on this machine's processor.
.tools/naive/.installed: tools/naive.txt .tools/uv/.installed
	@$(UV) pip install --quiet --target .tools/naive/python --python-version 3.13 --only-binary :all: --no-deps \
	    --require-hashes -r tools/naive.txt
	@find .tools/naive/python -name __pycache__ -prune -exec rm -rf {} +
	@tools/compile_for_lambda.sh "$(CURDIR)/.tools/naive/python" /opt/python
	@touch $@

# Each tool has an environment of its own, because SAM pins another boto3 than the layer.
.tools/%/.installed: tools/%.txt .tools/uv/.installed
	@echo "setting up .tools/$*"
	@$(UV) venv --quiet --clear --python .tools/uv/bin/python .tools/$*
	@tools/install.sh .tools/$* tools/$*.txt --require-hashes
	@touch $@

# What the lock file has, with its hashes. An environment of another version of Python is made anew.
FREEZE = { test "$$(.venv/bin/python -V 2>/dev/null)" = "$$(.tools/uv/bin/python -V)" || \
	    $(UV) venv --quiet --clear --python .tools/uv/bin/python .venv; } && \
	    $(UV) export --quiet --frozen --no-header --no-annotate --output-file .venv/requirements.txt

.venv/.local: $(LOCKS) .tools/uv/.installed # keeps what `make test` has installed
	@echo "setting up .venv"
	@$(FREEZE) >/dev/null && tools/install.sh .venv .venv/requirements.txt
	@touch $@

.venv/.dev: $(LOCKS) .tools/uv/.installed
	@echo "setting up .venv, with what tests and checks need"
	@$(FREEZE) --group dev >/dev/null && tools/install.sh .venv .venv/requirements.txt --exact
	@touch .venv/.local $@
