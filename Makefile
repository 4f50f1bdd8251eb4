# Everything a developer runs; `make` alone lists it. Nothing outside this folder is changed.

PYTHON = python3
ARGS =
COVERAGE_FLOOR = 90
TEST_PROCESSES = 4

VENV = .venv
BIN = $(VENV)/bin/python
RUN_READY = $(VENV)/.ready-to-run
DEV_READY = $(VENV)/.ready-to-develop
DRAW_ENV = $(VENV)/draw
DRAW_READY = $(DRAW_ENV)/.ready
LOCK_ENV = $(VENV)/lock
LOCK_READY = $(LOCK_ENV)/.ready
BENCH_ENV = $(VENV)/bench
BENCH_READY = $(BENCH_ENV)/.ready
BENCH_CLUSTER_READY = $(BENCH_ENV)/.ready-for-cluster
RAY_READY = $(VENV)/.ready-for-ray
AXE_VERSION = 4.14.1
AXE_SHA256 = e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
AXE = build/axe-core/axe.min.js
# Only files whose hashes are known are installed. The project itself, which has none, brings nothing:
# neither what it needs nor what builds it.
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check --require-hashes
# Strict: a dead link or anchor fails it.
BUILD_SITE = $(BIN) -m zensical build --clean --strict
# By a path instead of a finder, which each start of Python would import: 15 ms.
INSTALL_COMMAND = $(BIN) -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
# Each after those that it names as constraints.
LOCKED = requirements requirements-build requirements-ray requirements-dev \
    benchmarks/requirements tools/requirements tools/requirements-lock

.DEFAULT_GOAL = help
.PHONY: help run test test-chaos test-browser test-ray lint docs bench bench-cluster soak test-image pictures lock clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@echo 'Targets (settings are environment variables, or given as in: make run PORT=9000):'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1 \2/p' $(firstword $(MAKEFILE_LIST)) \
	    | awk '{ name = $$1; sub(/^ *[^ ]+ /, ""); printf "  %-13s %s\n", name, $$0 }'

# exec: a signal to the recipe's process is then the service's own.
run: $(RUN_READY)  ## start the service on PORT (8000), with the sandbox if there is no account
	@exec $(BIN) -m service

# Many tests wait more than they compute, so some run side by side; none minds how busy the machine is.
# In the order of their names: the files that take long come before the many small ones.
# What ARGS selects is part of the suite only, so its coverage says nothing.
# Compiled tests are kept, also where the environment says otherwise: to compile them takes each process as long as all else
# of collecting them.
test: $(DEV_READY) $(if $(strip $(ARGS)),,$(AXE))  ## all tests, with coverage; a part: make test ARGS="-k mailbox"
ifeq ($(strip $(ARGS)),)
	@$(BIN) -m coverage erase
	PYTHONDONTWRITEBYTECODE= $(BIN) -m coverage run -m pytest -n $(TEST_PROCESSES) \
	    --dist loadscope --no-loadscope-reorder \
	    --ignore=tests/ray
	@$(BIN) -m coverage combine --quiet
	$(BIN) -m coverage report --fail-under=$(COVERAGE_FLOOR)
else
	$(BIN) -m pytest $(ARGS)
endif

test-chaos: $(DEV_READY)  ## the chaos suite in its long form: 10,000 URLs, a kill every 100 ms
	CHAOS_FORM=long $(BIN) -m pytest tests/chaos $(ARGS)

test-browser: $(DEV_READY) $(AXE)  ## the page in a real Chromium alone; PAGE_TRACE=1 and ARGS=-s: its figures
	$(BIN) -m pytest tests/browser $(ARGS)

# The integration and chaos suites again, over a Ray that each service starts; then faults on a cluster of three nodes.
RAY_SUITES = $(RAY_INTEGRATION:%=tests/integration/%.py) tests/chaos
RAY_INTEGRATION = test_blocked_uploads test_job_options test_tasks test_journal test_life_cycle test_scaling \
    $(patsubst %,one_service/test_%,main_job job_control events_service)
test-ray: $(RAY_READY)  ## BACKEND=ray: the integration and chaos suites again, and node kills; installs ray
	TEST_BACKEND=ray $(BIN) -m pytest --timeout 300 $(RAY_SUITES) $(ARGS)
	$(BIN) -m pytest --timeout 300 tests/ray --log-cli-level=INFO $(ARGS)

lint: $(DEV_READY)  ## style, formatting, types, imports between folders, and what documents name
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m mypy
	$(VENV)/bin/lint-imports --no-logo --no-cache
	$(BIN) -m tests.check_documents
	$(BUILD_SITE)

docs: $(DEV_READY)  ## the documentation site in build/site, from docs/ and zensical.toml
	$(BUILD_SITE)

bench: $(BENCH_READY)  ## side by side with celery, dramatiq, huey, rq, …; a short form: ARGS=--quick
	$(BENCH_ENV)/bin/python -m benchmarks $(ARGS)

bench-cluster: $(BENCH_CLUSTER_READY)  ## BACKEND=ray beside the processes backend, about 5 minutes
	$(BENCH_ENV)/bin/python -m benchmarks.cluster $(ARGS)

soak: $(DEV_READY) $(DRAW_READY)  ## an attack with kills for SOAK_SECONDS (600), drawn to docs/soak.png
	@status=0; $(BIN) -m tests.soak.soak build/soak || status=$$?; \
	    $(DRAW_ENV)/bin/python tests/soak/plot.py build/soak docs/soak.png && exit $$status

test-image:  ## build the image with buildah, run it with crun, check it from outside (as root)
	tests/image/build_and_run.sh $(ARGS)

pictures: $(DRAW_READY)  ## draw the sandbox's sample images afresh (they are committed)
	$(DRAW_ENV)/bin/python tools/make_pictures.py

# What is locked stays as it is where it fits. One file for Linux on either processor and each Python from 3.11 on.
lock: $(LOCK_READY)  ## resolve each requirements*.in to versions and hashes; to newer ones: ARGS=--upgrade
	@for name in $(LOCKED); do \
	    $(LOCK_ENV)/bin/uv --no-config pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	        --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-package imgup \
	        --custom-compile-command 'make lock' $(ARGS) "$$name.in" --output-file "$$name.txt" || exit 1; \
	done

clean:  ## remove what the other targets made, the virtual environment included
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* build *.egg-info
	find . -type d -name __pycache__ -prune -exec rm -rf {} +

$(BIN):
	@command -v $(PYTHON) >/dev/null || { \
	    echo 'make: $(PYTHON) is not installed; Python 3.11 or newer is needed.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "make: Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V)." \
	        'Name another one: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "make: $(PYTHON) has no venv module. On Debian: apt-get install python3-venv" >&2; \
	    exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

# Order-only: python's own time stamp says nothing about what is installed; a new environment
# has no stamps.
$(RUN_READY): requirements.txt requirements-build.txt | $(BIN)
	$(BIN) $(PIP_INSTALL) $(^:%=--requirement %)
	@$(INSTALL_COMMAND) || echo 'make: without $(VENV)/bin/imgup; use $(BIN) -m imgup' >&2
	@touch $@

# After the other, never beside it: two pips at once in one environment spoil it.
$(DEV_READY): requirements-dev.txt $(RUN_READY)
	$(BIN) $(PIP_INSTALL) --requirement $<
	@touch $@

# Another licence (MPL-2.0) and 600 KB, so it is not committed. Tests that want it say so where it is missing.
$(AXE):
	@mkdir -p $(@D)
	@cd $(@D) && timeout 60 npm pack --silent --fetch-retries=1 axe-core@$(AXE_VERSION) >/dev/null \
	    && echo '$(AXE_SHA256)  axe-core-$(AXE_VERSION).tgz' | sha256sum --check --quiet \
	    && tar -xzf axe-core-$(AXE_VERSION).tgz --strip-components=1 package/axe.min.js package/LICENSE \
	    || echo 'make: axe-core $(AXE_VERSION) cannot be fetched by npm' >&2

# Into the same environment, as it is an extra of what runs there.
$(RAY_READY): requirements-ray.txt $(DEV_READY)
	$(BIN) $(PIP_INSTALL) --requirement $<
	@touch $@

# An environment of its own: nothing that draws is needed to develop. The same versions make the same files.
$(DRAW_READY): tools/requirements.txt | $(BIN)
	$(BIN) -m venv --clear $(DRAW_ENV)
	$(DRAW_ENV)/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

# As above.
$(LOCK_READY): tools/requirements-lock.txt | $(BIN)
	$(BIN) -m venv --clear $(LOCK_ENV)
	$(LOCK_ENV)/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

# As above; and what is compared with has no place beside the product.
$(BENCH_READY): benchmarks/requirements.txt requirements.txt | $(BIN)
	$(BIN) -m venv --clear $(BENCH_ENV)
	$(BENCH_ENV)/bin/python $(PIP_INSTALL) $(^:%=--requirement %)
	@touch $@

# Beside them: nothing of it is imported by the others.
$(BENCH_CLUSTER_READY): requirements-ray.txt $(BENCH_READY)
	$(BENCH_ENV)/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@
