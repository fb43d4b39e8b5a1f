# make check       the quick tier of all models, and the kept counterexamples
# make check-all   all tiers
# make test        lint, types, models, and the test suite with a small slice of every campaign
# make soak        the test suite with the full numbers of every campaign (hours)
# make bench       measurements, against SPIN, rumur and TLC where they are installed (an hour); bench/results
# make lint        ruff and mypy
# make clean       removes what these made
#
# All of them set up a virtual environment in .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
CHECKED := models $(if $(wildcard counterexamples/*.json),counterexamples)
WORKERS ?= 2

.PHONY: check check-all test soak bench lint clean

check: $(READY)
	$(BIN)/kspec check $(CHECKED)

check-all: $(READY)
	$(BIN)/kspec check --tier all $(CHECKED)

test: lint
	$(BIN)/kspec check $(CHECKED)
	$(BIN)/pytest -n $(WORKERS)

soak: $(READY_DEV)
	KSPEC_SOAK=1 $(BIN)/pytest -n $(WORKERS)

bench: $(READY_DEV)
	for b in bench/*/run.py; do $(BIN)/python $$b || exit 1; done
	$(BIN)/python bench/explicit/run.py --sizes large

lint: $(READY_DEV)
	$(BIN)/ruff check checker tests
	$(BIN)/mypy

# Installs the requirement $(1) in the environment.  What is there already is not fetched again, so this
# works without a network once everything has been installed.
define install
	@$(BIN)/python -m pip install --quiet --no-index --no-build-isolation -e '$(1)' >/dev/null 2>&1 || \
	$(BIN)/python -m pip install -qq --disable-pip-version-check hatchling -e '$(1)' || \
	{ echo "kspec: the packages in pyproject.toml could not be installed (is there a network?)" >&2; exit 2; }
endef

$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	{ echo "kspec: $(PYTHON) is missing; install Python 3.11 or later, or name one: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "kspec: needs Python 3.11 or later, $(PYTHON) is `$(PYTHON) -V 2>&1`" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	{ echo "kspec: Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(call install,.)
	@touch $@

$(READY_DEV): $(READY)
	$(call install,.[dev])
	@touch $@

clean:
	rm -rf $(VENV) .kspec build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find checker tests -name __pycache__ -type d -prune -exec rm -rf {} +
