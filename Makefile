# Two commands do all the set-up from a bare clone: `make demo` and `make test`.
# Without make (Windows): python -m venv .venv && .venv\Scripts\pip install -e . && .venv\Scripts\xscan --help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# The versions of constraints.txt, by their hashes, then xscan over them. $(1): extras. Where a package index lacks one
# of those versions, the newest that pyproject.toml allows; a file with another hash than it should have ends it.
define install
	$(BIN)/python scripts/constraints.py build $(1) > $(VENV)/wanted.txt
	@if $(PIP) --require-hashes -r $(VENV)/wanted.txt 2> $(VENV)/pip.txt; then $(PIP) --no-deps --no-build-isolation -e .; \
	else grep ERROR $(VENV)/pip.txt | tail -3 >&2; if grep -q "DO NOT MATCH" $(VENV)/pip.txt; then exit 1; fi; \
	  echo "constraints.txt does not serve this machine: the versions that pyproject.toml allows are taken instead"; \
	  $(PIP) -e '$(if $(1),.[$(1)],.)'; fi
	$(BIN)/python scripts/rooms.py $(VENV)
endef

.PHONY: demo test coverage journeys lint bench changelog constraints docs release clean

demo: $(VENV)/base
	@rm -rf demo && mkdir demo
	$(BIN)/xscan phantom demo/films --count 24
	$(BIN)/xscan batch demo/films --out demo/triage.csv --report
	@echo "The films are drawings; the network learned from real ones, so the bands here say nothing of it."
	@echo "Open demo/triage.html to see the page."
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
	  $(BIN)/python -m webbrowser -t "file://$(CURDIR)/demo/triage.html" >/dev/null 2>&1 || true; fi

test: $(VENV)/dev lint
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

journeys: $(VENV)/dev
	$(BIN)/python -m pytest -m journey tests/journeys

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	PYTHONPATH=$(VENV)/rooms $(BIN)/lint-imports --no-logo
	$(BIN)/interrogate engine calibration

# Which branches the tests take; fails under the floor in pyproject.toml. Takes longer than `make test`.
coverage: $(VENV)/dev
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -n auto --dist loadfile --no-loadscope-reorder; ended=$$?; \
	$(BIN)/python -m coverage combine --quiet; $(BIN)/python -m coverage report && exit $$ended

bench: $(VENV)/dev
	$(BIN)/python benchmarks/everything.py --short

# What changes/ holds, into CHANGELOG.md. Look at it, then commit both.
changelog: $(VENV)/dev
	$(BIN)/towncrier build --yes --version unreleased

# The newest versions of all packages; `make constraints KEEP=--keep`: only what pyproject.toml made necessary.
constraints: $(VENV)/bin/python
	$(PIP) uv
	$(BIN)/python scripts/constraints.py --renew $(KEEP)

docs: $(VENV)/docs
	$(BIN)/python scripts/site.py

release: $(VENV)/release
	$(BIN)/python scripts/release.py

clean:
	rm -rf $(VENV) demo build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "xscan needs Python 3.11 to 3.13: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps make a second call start at once; what is named here installs again when it changes.
INSTALLED := pyproject.toml setup.py constraints.txt scripts/rooms.py \
  engine/preprocess/_area.c engine/read/_cmyk.c engine/read/_jpeg.c engine/read/_line.c engine/triage/_look.c
$(VENV)/base: $(INSTALLED) | $(VENV)/bin/python
	$(call install,)
	@touch $@

$(VENV)/dev: $(INSTALLED) | $(VENV)/bin/python
	$(call install,dev)
	@touch $@ $(VENV)/base

$(VENV)/docs: $(INSTALLED) | $(VENV)/bin/python
	$(call install,docs)
	@touch $@

$(VENV)/release: $(INSTALLED) | $(VENV)/bin/python
	$(call install,release)
	@touch $@
