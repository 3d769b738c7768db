# Everything runs in .venv, which the targets make themselves. Needs Python 3.11+ and make.
export PYTHON ?= python3
BIN := .venv/bin
PROVER := .venv/.prover
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help prove opinions certificate test quick check docs rewrite bench mutants campaign clean

help:  ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(PROVER): pyproject.toml  # what proving needs and nothing else: z3, numpy and the command line
	@.ci/install prove,cli
	@touch $@

$(READY): $(PROVER)  # the rest, for every other target
	@.ci/install all,opinions,exports,test,bench,docs,dev
	@touch $@

prove: $(PROVER)  ## prove every promise of the machines, under every policy, and proofs/
	$(BIN)/prgcore prove --progress --every-policy
	$(BIN)/prgcore prove --progress --model D
	$(BIN)/prgcore prove --progress proofs
	@.ci/templates

opinions: $(READY)  ## ask other people's checkers the same, under every policy; all must agree
	@.ci/programs abc spin
	$(BIN)/prgcore prove --progress --every-policy --ask all

certificate: $(READY)  ## prove under every policy, and check the certificates without a solver
	@.ci/certificate

test: $(READY)  ## run all tests; installs the programs that they need where they are missing
	@.ci/programs dot chromium etcd abc spin java postgres redis haproxy promtool \
	  plantuml readers
	PRGCORE_EVERYTHING=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

quick: $(READY)  ## run the quick tests: for every change
	$(BIN)/python -m pytest -q -n 2 -m quick

check: $(READY)  ## lint, types, floors, generated files unchanged
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tests/typed/check.py
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

docs: $(READY)  ## build the documentation in docs/_build; installs Graphviz where it is missing
	@.ci/programs dot
	$(BIN)/python -m sphinx -q -W --keep-going -j auto -b html docs docs/_build/html
	@echo "the documentation is in docs/_build/html/index.html"

rewrite: $(READY)  ## regenerate golden and reference files; read the diff before you commit it
	@.ci/programs dot
	$(BIN)/python docs/generate.py
	PRGCORE_REWRITE=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

bench: $(READY)  ## measure speed, as ratios against the peers in one run
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/stores.py
	@.ci/programs spin
	$(BIN)/python benchmarks/networks.py
	$(BIN)/python benchmarks/fleet.py

mutants: $(PROVER)  ## M1: kill every mutant of the table, and of each policy's rules (minutes)
	$(BIN)/prgcore prove --progress --only M1 --mutants all
	for choice in idle_on_peer_loss=take_over reconnection=keep_serving reconnection=able_serves; do \
	  $(BIN)/prgcore prove --progress --only M1 --mutants all --kind rules --policy $$choice || exit; done

campaign: $(READY)  ## 200 random schedules of faults against two real nodes (minutes)
	@.ci/programs etcd
	$(BIN)/python examples/two_nodes/campaign.py --schedules 200 --store-faults

clean:  ## remove what was made
	rm -rf .venv docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
