# Two commands do all the set-up from a bare clone: `make demo` and `make test`.
# Without make (Windows): python -m venv .venv && .venv\Scripts\pip install -e . && .venv\Scripts\xscan --help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench clean

demo: $(VENV)/base
	@rm -rf demo && mkdir demo
	$(BIN)/xscan phantom demo/films --count 24
	$(BIN)/xscan batch demo/films --out demo/triage.csv
	@echo "Open demo/triage.csv to see the list."

test: $(VENV)/dev lint
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

bench: $(VENV)/dev
	$(BIN)/python benchmarks/everything.py --short

clean:
	rm -rf $(VENV) demo build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "xscan needs Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps make a second call start at once; a changed pyproject.toml or a new file installs again.
# editable_mode=strict: editors and basedpyright resolve `xscan.*`, at the price of a new install for a new file.
$(VENV)/base: pyproject.toml setup.py engine/preprocess/_area.c engine/triage/_look.c $(VENV)/files
	$(PIP) -e . --config-settings editable_mode=strict
	@touch $@

$(VENV)/dev: pyproject.toml setup.py engine/preprocess/_area.c engine/triage/_look.c $(VENV)/files
	$(PIP) -e '.[dev]' --config-settings editable_mode=strict
	@touch $@ $(VENV)/base

LIST := find cli engine training calibration -type f ! -name '*.pyc' ! -name '*.so' ! -name '*.pyd' | LC_ALL=C sort
$(VENV)/files: FORCE | $(VENV)/bin/python
	@$(LIST) | cmp -s - $@ || $(LIST) > $@

FORCE:
