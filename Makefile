# Every target does its own set-up: a virtual environment in .venv with the CPU build of torch. A second run skips it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready

.PHONY: demo test check quick ratchet clean

demo: $(STAMP)
	$(BIN)/structgen demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests/kernels tests/automata tests/constraint tests/laws

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What a change should pass before it is committed: seconds, not minutes.
quick: $(STAMP)
	$(BIN)/python -m pytest -n 2 -x -m "not slow" tests/ir tests/vocab tests/automata tests/constraint

# Write the verdicts on the official JSON Schema Test Suite anew, after cases got better.
ratchet: $(STAMP)
	$(BIN)/python tests/frontends/jsonschema/ratchet.py

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[hf,dev]"
	touch $(STAMP)

clean:
	rm -rf .venv .pytest_cache .hypothesis .mypy_cache .ruff_cache
