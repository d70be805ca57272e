# `make` alone tells what there is. Every target installs what it needs first.

.DEFAULT_GOAL := help
.PHONY: help install run test check format docs screenshots strict lock bench bench-scan bench-openapi libraries soak interop fuzz clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements-dev.lock
# Names no index and no path, so that the lock is the same wherever it was made.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--extra postgres --extra redis --extra otel --group dev \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv with the locked dependencies and Tokenward in it

$(STAMP): $(LOCK) pyproject.toml
	@scripts/make-venv.sh $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

run: $(STAMP) ## Start the demonstration: issuer, gateway, admin and two sample APIs
	$(BIN)/tokenward demo

test: $(STAMP) ## Run all tests, in parallel
	@scripts/test-tools.sh
	$(BIN)/pytest --numprocesses auto

check: $(STAMP) ## Check format, lint, types, floors, the lock file, and that no credential leaks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tokenward scan .
	@cp $(LOCK) $(VENV)/lock
	@$(COMPILE) --output-file $(VENV)/lock
	@diff -u $(LOCK) $(VENV)/lock || { echo "$(LOCK) does not fit pyproject.toml: run make lock" >&2; exit 1; }

format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## Write the generated reference pages anew
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/generate_attacks.py
	$(BIN)/python scripts/generate_server_checks.py
	$(BIN)/python scripts/generate_openapi_checks.py
	$(BIN)/python scripts/generate_probe_checks.py
	$(BIN)/python scripts/generate_inspection_checks.py

screenshots: $(STAMP) ## Take the pictures of the pages in docs/images anew
	@scripts/test-tools.sh
	$(BIN)/python scripts/take_screenshots.py

strict: ## Build the filter before Envoy's HTTP/1 anew from its source
	@scripts/build-strict.sh

lock: $(STAMP) ## Renew requirements-dev.lock to the newest versions that fit
	$(COMPILE) --upgrade --output-file $(LOCK)

PEERS := benchmarks/.cache/libraries

$(PEERS)/.installed: benchmarks/libraries/requirements.txt
	@scripts/make-venv.sh $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

bench: $(STAMP) $(PEERS)/.installed ## Measure side by side with peers; ARGS="--only validation|middleware|client|throughput|gateway|doors|memory|sign-in --quick --write"
	@scripts/bench-tools.sh
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-scan: $(STAMP) ## Measure the leak scanner beside others; ARGS="--only quality|artifacts|... --quick --write"
	@scripts/bench-scan-tools.sh
	PYTHONPATH=benchmarks:tests $(BIN)/python benchmarks/leaks/run.py $(ARGS)

bench-openapi: $(STAMP) ## Audit public OpenAPI documents beside Spectral; ARGS="--quick --write"
	@scripts/bench-openapi-tools.sh
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/openapi/run.py $(ARGS)

libraries: $(PEERS)/.installed ## Hold the table of attacks against other JWT libraries; writes docs/libraries.md
	PYTHONPATH=src $(PEERS)/bin/python benchmarks/libraries/run.py

soak: $(STAMP) ## Mixed traffic for an hour: are memory and tables flat? ARGS="--minutes 60 --write"
	PYTHONPATH=benchmarks $(BIN)/python benchmarks/soak/run.py $(ARGS)

interop: $(STAMP) ## Let clients of others visit issuer and gateway; ARGS=--write for docs/interop.md
	@scripts/interop-tools.sh
	PYTHONPATH=tests $(BIN)/python -m interop.run $(ARGS)

fuzz: $(STAMP) ## Fuzz the token parsers; ARGS="--minutes 10 --target validator --keep"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement tests/fuzz/requirements.txt
	PYTHONPATH=tests $(BIN)/python -m fuzz.run $(ARGS)

clean: ## Remove everything that was made here, the virtual environment included
	rm -rf $(VENV) .cache benchmarks/.cache dist .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
