# make repro | make test | make test-slow | make test-all | make lint | make clean
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# dvc runs the stages with the python that it finds first
RUN := PATH="$(abspath $(BIN)):$$PATH"

.PHONY: repro test test-slow test-all lint setup clean

repro: setup
	$(RUN) dvc repro render_reports

test: setup
	$(RUN) python -m pytest -m "not slow"

test-slow: setup
	$(RUN) python -m pytest -m slow

test-all: setup
	$(RUN) python -m pytest

lint: setup
	$(RUN) ruff check .

setup: $(VENV)/.installed
	@$(RUN) python -m facepipe.workspace

# the stamp is newer than what it was made from, so a second call installs nothing
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "facepipe needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) .facepipe
