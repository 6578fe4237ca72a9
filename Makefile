# make repro | make test | make test-slow | make test-all | make lint | make clean
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# modules are compiled when they are first imported, and most of TensorFlow's never are
INSTALL := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt
# where this is set each stage would compile TensorFlow's modules anew, for 8 s
export PYTHONDONTWRITEBYTECODE :=
# dvc runs the stages with the python that it finds first
RUN := PATH="$(abspath $(BIN)):$$PATH"
# of the tests: two processes, each of which trains with two threads; make test WORKERS= is one
WORKERS ?= -n 2 --dist loadgroup

.PHONY: repro test test-slow test-all lint setup setup-test clean

repro: setup
	$(RUN) dvc repro render_reports

test: setup-test
	$(RUN) python -m pytest -m "not slow" $(WORKERS)

test-slow: setup-test
	$(RUN) python -m pytest -m "slow and not long" $(WORKERS)

test-all: setup-test
	$(RUN) python -m pytest $(WORKERS)

lint: setup-test
	$(RUN) ruff check .

setup: $(VENV)/.installed
	@$(RUN) python -m facepipe.workspace

setup-test: setup $(VENV)/.installed-test

# the stamps are newer than what they were made from, so a second call installs nothing
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "facepipe needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) --editable ".[test]"
	touch $@

clean:
	rm -rf $(VENV) .facepipe
