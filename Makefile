# `make` prints the targets. Everything is installed in .venv and written below build/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
EXAMPLES := $(subst _,-,$(patsubst examples/%.yaml,%,$(wildcard examples/*.yaml)))
export PYTHON

.PHONY: help setup demo digits-train digits-rtl digits-sim digits-synth digits-twin-train digits-twin-rtl digits-twin-sim digits-twin-synth digits-search tables functions test fuzz mutate mutate-whole lint lint-sv goldens docs site notebooks bench bench-pe bench-train clean $(EXAMPLES)

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@for name in $(EXAMPLES); do printf '  make %-18s run examples/%s.yaml into build/%s\n' \
	  $$name $${name//-/_} $${name//-/_}; done

setup: .venv/complete ## install everything into .venv

.venv/complete: pyproject.toml constraints.txt scripts/setup
	@scripts/setup

demo: .venv/complete ## the whole flow on digits, from pixels to logits: train, dump, rtl, sim, synth, energy, report; its dense twin beside
	@# side by side, a thread each, as what takes longest of each works on one core
	OMP_NUM_THREADS=1 $(MAKE) --no-print-directory -j3 digits-sim digits-synth digits-twin-sim digits-twin-synth
	$(BIN)/quweit energy build/digits_twin
	$(BIN)/quweit run examples/digits.yaml --out build/digits --set twin=false --set energy.dense=$(CURDIR)/build/digits_twin

digits-train: .venv/complete
	$(BIN)/quweit train examples/digits.yaml --out build/digits --set twin=false

digits-twin-train: .venv/complete
	$(BIN)/quweit train examples/digits.yaml --out build/digits_twin --set twin=false --set model.mlp=dense

digits-rtl: digits-train
	$(BIN)/quweit dump build/digits/train/ckpt.pt --out build/digits
	$(BIN)/quweit rtl build/digits --out build/digits --set side=8

digits-twin-rtl: digits-twin-train
	$(BIN)/quweit dump build/digits_twin/train/ckpt.pt --out build/digits_twin --golden-samples 16
	$(BIN)/quweit rtl build/digits_twin --out build/digits_twin --set side=8

digits-sim: digits-rtl
	$(BIN)/quweit sim build/digits --simulator all

digits-twin-sim: digits-twin-rtl
	$(BIN)/quweit sim build/digits_twin --simulator verilator

digits-synth digits-twin-synth: %-synth: %-rtl
	$(BIN)/quweit synth build/$(subst -,_,$*)

SEARCH := search examples/digits.yaml --out build/digits_search --set training.threads=1 --budget 24 --budget 4m
digits-search: .venv/complete ## search settings of the blocks of digits, two processes on one study for minutes; measure the best two
	$(BIN)/quweit --quiet $(SEARCH) > /dev/null & $(BIN)/quweit $(SEARCH) --measure 2 && wait
	$(BIN)/quweit report build/digits_search

$(EXAMPLES): .venv/complete
	$(BIN)/quweit run examples/$(subst -,_,$@).yaml --out build/$(subst -,_,$@)

cifar10-32: build/cifar10_32_teacher/train/ckpt.pt
cifar10-224: build/cifar10_224_teacher/train/ckpt.pt
cifar10-224-neighbours: build/cifar10_224_neighbours_teacher/train/ckpt.pt
cifar10-224-neighbours-wide: build/cifar10_224_neighbours_long_teacher/train/ckpt.pt
cifar10-32-neighbours: build/cifar10_neighbours_long_teacher/train/ckpt.pt
build/cifar10_neighbours_teacher/train/ckpt.pt: build/cifar10_teacher/train/ckpt.pt
build/cifar10_neighbours_long_teacher/train/ckpt.pt: build/cifar10_neighbours_teacher/train/ckpt.pt
build/cifar10_32_teacher/train/ckpt.pt: build/cifar10_neighbours_long_teacher/train/ckpt.pt
build/cifar10_224_teacher/train/ckpt.pt: build/cifar10_long_teacher/train/ckpt.pt
build/cifar10_224_neighbours_teacher/train/ckpt.pt: build/cifar10_neighbours_long_teacher/train/ckpt.pt
build/cifar10_224_neighbours_long_teacher/train/ckpt.pt: build/cifar10_224_neighbours_teacher/train/ckpt.pt
shakespeare-char-wide shakespeare-char-grouped shakespeare-char-no-multiplications: build/shakespeare_char_teacher/train/ckpt.pt

build/%_teacher/train/ckpt.pt: .venv/complete
	$(BIN)/quweit train examples/teachers/$*.yaml --out build/$*_teacher

tables: .venv/complete ## the paper's tables by measurement into build/tables; LIBERTY=FILE adds library cells
	$(BIN)/quweit baseline --model i_vit_t --out build/tables $(if $(LIBERTY),--liberty $(LIBERTY))
	$(BIN)/quweit baseline --model nanogpt_baby --array 32 --out build/tables $(if $(LIBERTY),--liberty $(LIBERTY))
	$(BIN)/quweit energy build/tables --tables

functions: .venv/complete ## non-linear functions in pieces, beside published ones, into build/functions; LIBERTY=FILE adds library cells
	$(BIN)/quweit approximate --all --hardware --out build/functions $(if $(LIBERTY),--liberty $(LIBERTY))

test: .venv/complete ## run the tests; QUWEIT_REQUIRE=icarus,... makes a missing tool a failure
	@scripts/install-tools
	@# one torch thread a worker: with more, workers on busy cores wait for one another
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal $(TESTS)

fuzz: .venv/complete ## damaged files to every command for MINUTES (10); findings with their seeds in build/fuzz
	$(BIN)/python scripts/fuzz $(or $(MINUTES),10)

lint: .venv/complete ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-sv: .venv/complete ## render the worked example and lint it with Verilator
	$(BIN)/quweit rtl docs/example/dump --out build/lint-sv
	cd build/lint-sv/rtl && $$($(CURDIR)/$(BIN)/python -c \
	  'from quweit_cli import toolbox; print(*toolbox.find(toolbox.VERILATOR).command)') --lint-only -Wall \
	  --top-module worked_example_block0 -f filelists/worked_example_block0.f

goldens: .venv/complete ## write the golden files of the tests again; then read the diff
	$(BIN)/pytest -q tests/hdl/test_rendering.py --write-goldens

mutate-whole: .venv/complete ## the same of a tiny whole model and what its memories hold, in MUTANTS=100 places
	PYTHONPATH=tests $(BIN)/python -m mutation --whole --mutants $(or $(MUTANTS),100) --seed $(or $(SEED),0)

mutate: build/digits/dump/dump.json ## change the RTL in MUTANTS=500 places, one at a time; sim must find every change
	PYTHONPATH=tests $(BIN)/python -m mutation --mutants $(or $(MUTANTS),500) --seed $(or $(SEED),0) --digits build/digits

build/digits/dump/dump.json: .venv/complete
	$(BIN)/quweit run examples/digits.yaml --out build/digits

docs: .venv/complete ## write the generated documentation again
	$(BIN)/python docs/generate.py

site: .venv/complete ## build the documentation as a site, notebooks run, into build/site
	scripts/site

notebooks: .venv/complete ## run the notebooks of examples/notebooks; make site also shows what they give
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/jupyter execute examples/notebooks/*.ipynb

bench: .venv/complete ## measure the ratios of benchmarks/, and how long commands take to start
	@for bench in lut_layer input start; do echo "$$bench"; $(BIN)/python benchmarks/bench_$$bench.py || exit 1; done

bench-pe: .venv/complete ## area, cycles, tool times and netlist equality of a block of the paper's size
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_pe.py

bench-train: .venv/complete ## measure training steps on a GPU; write build/bench/train.json
	$(BIN)/python benchmarks/bench_train.py --out build/bench/train.json

clean: ## remove everything that was built, but not .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
