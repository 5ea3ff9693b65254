# ragline: `make` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
export UV_LINK_MODE ?= copy

.DEFAULT_GOAL := help
.PHONY: help install run test check format bench chaos fuzz test-log docs lock verify-providers terraform-check chart-check autoscale-test image image-test clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

install: $(VENV)/.installed ## install everything into .venv (brings its own uv)

$(VENV)/.installed: requirements/dev.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ragline needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Set PYTHON=..." >&2; exit 1; }
	@test -x .tools/bin/uv || { $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet --require-hashes -r requirements/uv.txt; }
	.tools/bin/uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	.tools/bin/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	.tools/bin/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: install ## start everything on this machine, ingest examples/, ask a question, stay up
	@$(BIN)/ragline up --demo $(ARGS)

test: install ## run the tests, on a real Kafka and a real PostgreSQL
	$(BIN)/pytest $(ARGS)

check: install ## format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/shellcheck --external-sources --source-path=. deployment/*.sh terraform/*.sh

terraform-check: ## check terraform/: format, validity, tests; needs terraform, and a mirror (TF_CLI_CONFIG_FILE) where there is no network
	@terraform/check.sh

format: install ## apply the formatter and the safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve the dependencies again, with hashes
	for extras in "cloud:" "local:--extra local" "dev:--extra local --extra dev"; do \
	  .tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --custom-compile-command "make lock" \
	    $${extras#*:} pyproject.toml -o requirements/$${extras%%:*}.txt; done
	$(BIN)/python -m runtime.embedded.fetch --lock $$(mktemp -d) > runtime/embedded/kafka.lock.new
	mv runtime/embedded/kafka.lock.new runtime/embedded/kafka.lock

docs: install ## write the generated reference pages and contracts
	$(BIN)/python docs/generate.py

verify-providers: install ## run the provider suites against the real services; spends cents and says how many
	$(BIN)/pytest tests/providers --live -k live $(ARGS)

bench: install ## run every benchmark; ratios in one run
	$(BIN)/python -m benchmarks

test-log: install ## compact the log within seconds, and rebuild from what is left of it
	$(BIN)/pytest tests/retention/compaction.py $(ARGS)

chaos: install ## kill every process at random while work flows; tables of what was lost or repeated
	$(BIN)/python -m tests.chaos $(ARGS)

fuzz: install ## send 2,000 odd requests to every endpoint of a whole stack; none may break it
	$(BIN)/python -m tests.fuzz $(ARGS)

chart-check: install ## lint, render, validate and test the chart and its alerts; needs helm, kubeconform, promtool
	charts/check.sh

autoscale-test: install ## install the chart in the cluster of KUBECONFIG and show that workers scale on lag
	$(BIN)/python -m tests.autoscaling $(ARGS)

image: ## build the container image with podman, docker or buildah; ARGS="--base ... --ca ..."
	@deployment/build-image.sh $(ARGS)

image-test: install ## send a document through containers of the image, locked up as in a cluster
	$(BIN)/python -m tests.image $(ARGS)

clean: ## remove what was installed and built (keeps .ragline, the data)
	rm -rf $(VENV) .tools .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
