# make demo   train a small GAN on pictures of clothes, about two minutes on two CPU cores
# make test   run every test, on all cores   (ARGS="-k hinge" to choose, ARGS="-n 0" for one process)
# make lint   style and types           make format   mend the style
# make bench  measure steps beside a bare loop, and write docs/performance.md anew: an hour of a quiet machine;
#             its section on other libraries is there where they are installed (the run says how); that on an accelerator
#             is of `python -m tests.benchmarks.accelerator --json tests/benchmarks/accelerator.json`, where there is one
# make docs   write the generated pages anew and build the site into site/, strictly

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLUGINS := $(wildcard plugins/*)
PROOFS := tests/contracts/ganreg-proofs
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format bench docs clean

demo: $(VENV)/.run
	$(BIN)/ganreg run docs/examples/demo.yaml --out runs/demo --overwrite

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.dev
	rm -f $(VENV)/peers.json
	$(BIN)/python -m tests.benchmarks.peers --threads 1 --json $(VENV)/peers.json || [ $$? -eq 2 ]
	$(BIN)/python -m tests.benchmarks --threads 1 --json $(VENV)/speed.json
	$(BIN)/python -m tests.benchmarks --threads 1 --alone --set compile=true --json $(VENV)/compiled.json
	$(BIN)/python -m tests.benchmarks --threads 1 --alone --set precision='"bf16"' --json $(VENV)/bf16.json
	$(BIN)/python -m tests.benchmarks.curves > $(VENV)/curves.json
	$(BIN)/python -m tests.benchmarks.start --json $(VENV)/start.json
	$(BIN)/python -m tests.benchmarks.loader --threads 1 --json $(VENV)/loader.json
	$(BIN)/python -m tests.benchmarks.page $(VENV)/speed.json $(VENV)/curves.json --compiled $(VENV)/compiled.json \
		--bf16 $(VENV)/bf16.json \
		--start $(VENV)/start.json --loader $(VENV)/loader.json \
		$$(test ! -f $(VENV)/peers.json || echo --peers $(VENV)/peers.json)

docs: $(VENV)/.dev
	$(BIN)/python docs/reference.py
	$(BIN)/zensical build --strict

clean:
	rm -rf $(VENV) runs site

$(VENV)/.run: pyproject.toml constraints.txt $(PLUGINS:=/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ganreg needs Python 3.11 or newer")'
	@echo "Installing ganreg and its first plugins into $(VENV): torch is large, this takes a while …"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable . $(PLUGINS:%=--editable ./%)
	@touch $@

$(VENV)/.dev: $(VENV)/.run $(PROOFS)/pyproject.toml
	@echo "Installing what the tests need …"
	$(INSTALL) --editable '.[dev,docs]' --editable $(PROOFS)
	@touch $@
