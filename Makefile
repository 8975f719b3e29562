# Clipferry's commands: `make` lists them. They need a Python 3.11 to 3.14, make, and PyPI (or a mirror that pip is set
# to); the rest they set up themselves, in .tools/ and .venv/.

# The profile of samconfig.toml that `make build` and `make deploy` take.
PROFILE ?= dev

# The system's certificates, so that a company's proxy is trusted; no Python but yours, whatever venv is active.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
unexport VIRTUAL_ENV
export SAM_CLI_TELEMETRY := 0

UV := .tools/uv/bin/uv
SAM := .tools/sam/bin/sam
LOCKS := pyproject.toml layers/shared/pyproject.toml uv.lock
EXPORT := $(UV) export --quiet --frozen --package clipferry --no-emit-project --no-default-groups --no-header --no-annotate
EXPORT_THUMBNAIL := $(UV) export --quiet --frozen --only-group thumbnail --no-emit-project --no-header --no-annotate

.DEFAULT_GOAL := help

help: ## Lists these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: .venv/.local ## Makes one video on this machine, from the request to the file, and shows each step
	@.venv/bin/python -m local.demo

dev: .venv/.local ## Runs everything on http://127.0.0.1:8787 (PORT=…) until Ctrl-C, with a user to try it as
	@.venv/bin/python -m local.dev

migrate: .venv/.local ## Brings the database at DATABASE_URL up to date with migrations/
	@.venv/bin/python -m cli migrate

verify: .venv/.local ## Recomputes every invariant of the books at DATABASE_URL; fails when one doesn't hold
	@.venv/bin/python -m cli verify

test: .venv/.dev ## Runs the tests that need no Docker; a part of them with ARGS=tests/unit
	@.venv/bin/python -m pytest $(ARGS)

test-sam: .venv/.dev .tools/sam/.installed ## Builds with SAM and runs every function in Docker, under `sam local`
	@.venv/bin/python -m pytest tests/sam $(ARGS)

check: .venv/.dev .tools/sam/.installed ## Checks style, types, the layers' arrows, the locks and the template
	@.venv/bin/ruff check --quiet --extend-exclude .tools,.aws-sam
	@.venv/bin/ruff format --quiet --check --extend-exclude .tools,.aws-sam || { echo "not formatted as 'ruff format' does" >&2; exit 1; }
	@.venv/bin/basedpyright
	@.venv/bin/lint-imports --no-logo
	@$(UV) lock --check --quiet || { echo "uv.lock is stale: run 'make lock'" >&2; exit 1; }
	@.venv/bin/python -m cli.openapi --check
	@.venv/bin/python tools/settings_table.py --check
	@$(EXPORT_THUMBNAIL) | diff layers/thumbnail/requirements.txt - || \
	    { echo "layers/thumbnail/requirements.txt is stale: run 'make lock'" >&2; exit 1; }
	@$(EXPORT) | diff layers/shared/requirements.txt - || \
	    { echo "layers/shared/requirements.txt is stale: run 'make lock'" >&2; exit 1; }
	@$(SAM) validate --lint --region us-east-1
	@.tools/sam/bin/python tools/lint_template.py

build: .tools/sam/.installed ## Builds the deployment into .aws-sam/build; PROFILE=staging for another profile than dev
	@$(SAM) build --config-env $(PROFILE)

deploy: build ## Builds and deploys the profile PROFILE of samconfig.toml with your AWS credentials
	@$(SAM) deploy --config-env $(PROFILE)

invoke: .tools/sam/.installed ## Runs one function in Docker: FUNCTION=ReconcileFunction EVENT=events/reconcile.json
	@$(SAM) build $(FUNCTION) && .tools/sam/bin/python tools/sam_on_host_network.py local invoke $(FUNCTION) \
	    --event $(EVENT) --env-vars events/env.json --region us-east-1 --skip-pull-image

lock: .tools/uv/.installed ## Renews uv.lock, the layer's requirements and the tools' pins after a change to what they pin
	@$(UV) lock --quiet
	@$(EXPORT) --output-file layers/shared/requirements.txt >/dev/null
	@$(EXPORT_THUMBNAIL) --output-file layers/thumbnail/requirements.txt >/dev/null
	@for tool in uv sam; do $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    tools/$$tool.in --output-file tools/$$tool.txt || exit 1; done

openapi: .venv/.dev ## Writes docs/openapi.json and README's table of settings anew
	@.venv/bin/python -m cli.openapi
	@.venv/bin/python tools/settings_table.py

bench-db: .venv/.dev ## Measures the database work on a million videos, and checks the plans; ARGS="--scale 0.1" is quicker
	@.venv/bin/python -m benchmarks.db $(ARGS)

clean: ## Removes everything that these commands made, the environments too
	@rm -rf .venv .tools .aws-sam .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help demo dev migrate verify test test-sam check build deploy invoke lock openapi bench-db clean

# A Python is what runs as one: pyenv leaves names on the PATH that don't, and Debian's lacks venv until it is installed.
FIND_PYTHON = for name in "$$PYTHON" python3.13 python3.12 python3.11 python3.14 python3; do \
	    "$$name" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
	        2>/dev/null && { echo "$$name"; break; }; done

.tools/uv/.installed: tools/uv.txt
	@python=$$($(FIND_PYTHON)); test -n "$$python" || { \
	    echo "Clipferry needs Python 3.11, 3.12, 3.13 or 3.14, with its venv module, on the PATH or named by PYTHON=…" >&2; \
	    exit 1; }; echo "setting up .tools/uv with $$python" && "$$python" -m venv --clear .tools/uv
	@.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tools/uv.txt
	@touch $@

# Each tool has an environment of its own: SAM pins another boto3 than the layer does.
.tools/%/.installed: tools/%.txt .tools/uv/.installed
	@echo "setting up .tools/$*"
	@$(UV) venv --quiet --clear --python .tools/uv/bin/python .tools/$*
	@$(UV) pip sync --quiet --require-hashes --python .tools/$*/bin/python tools/$*.txt
	@touch $@

# --inexact: what `make test` has installed may stay.
.venv/.local: $(LOCKS) .tools/uv/.installed
	@echo "setting up .venv"
	@$(UV) sync --quiet --frozen --inexact --python .tools/uv/bin/python
	@touch $@

.venv/.dev: $(LOCKS) .tools/uv/.installed
	@echo "setting up .venv, with what tests and checks need"
	@$(UV) sync --quiet --frozen --group dev --python .tools/uv/bin/python
	@touch .venv/.local $@
