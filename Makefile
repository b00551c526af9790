# Two commands do all the set-up from a bare clone: `make demo` and `make test`.
# Without make (Windows): python -m venv .venv && .venv\Scripts\pip install -e . && .venv\Scripts\xscan --help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test journeys lint bench clean

demo: $(VENV)/base
	@rm -rf demo && mkdir demo
	$(BIN)/xscan phantom demo/films --count 24
	$(BIN)/xscan batch demo/films --out demo/triage.csv --report
	@echo "The films are drawings; the network learned from real ones, so the bands here say nothing of it."
	@echo "Open demo/triage.html to see the page."
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  $(BIN)/python -m webbrowser -t "file://$(CURDIR)/demo/triage.html" >/dev/null 2>&1 || true; fi

test: $(VENV)/dev lint
	$(BIN)/python -m pytest -n auto --dist loadfile

journeys: $(VENV)/dev
	$(BIN)/python -m pytest -m journey tests/journeys

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	PYTHONPATH=$(VENV)/rooms $(BIN)/lint-imports --no-logo

bench: $(VENV)/dev
	$(BIN)/python benchmarks/everything.py --short

clean:
	rm -rf $(VENV) demo build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "xscan needs Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps make a second call start at once; a changed pyproject.toml or C file installs again.
INSTALLED := pyproject.toml setup.py scripts/rooms.py engine/preprocess/_area.c engine/read/_cmyk.c engine/read/_jpeg.c engine/triage/_look.c
$(VENV)/base: $(INSTALLED) | $(VENV)/bin/python
	$(PIP) -e .
	$(BIN)/python scripts/rooms.py $(VENV)
	@touch $@

$(VENV)/dev: $(INSTALLED) | $(VENV)/bin/python
	$(PIP) -e '.[dev]'
	$(BIN)/python scripts/rooms.py $(VENV)
	@touch $@ $(VENV)/base
