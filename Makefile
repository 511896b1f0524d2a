# The chain from a data set to a compressed model. `make` alone lists the targets.
#
# Order and parallelism come from the rules below; whether a stage is up to date is
# the fingerprints' decision (`python -m pipeline stale`), asked once, before any rule
# runs. Written for GNU make 3.81 and later, a POSIX shell, and nothing else.

EXP ?= digits
SET ?=
PYTHON ?= python3
PYTEST_ARGS ?=
# A file's tests run in one process, which shares what they build; files run in parallel.
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder --durations=10

# Make puts variables of its command line into the environment of every command, and
# expands them for that: EXP='$(shell ...)' would run. They reach commands quoted.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),\
    $(eval unexport $(name))))
# Messages then name make targets, as the user does.
export PIPELINE_MAKE := 1

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# One shell word, whatever it holds. $(value …) keeps make from reading `$` in it.
quote = '$(subst ','\'',$(1))'
exp := --exp=$(call quote,$(value EXP))
sets := $(if $(strip $(value SET)),--sets=$(call quote,$(value SET)))

# The first Python has .venv; another one, named by PYTHON, has .venv-3.12 beside it.
venv := .venv
ifneq (file,$(origin PYTHON))
  venv := $(or $(filter .venv-3.%,$(shell $(call quote,$(PYTHON)) -I tools/venv.py \
      folder 2>/dev/null)),.venv)
endif
venv_python := $(venv)/bin/python
pipeline := $(venv_python) -m pipeline

# ---------------------------------------------------------------- the chain

stages := data augment tune train distill compress evaluate report

# A name that is not a plain word cannot be part of a rule; the CLI will refuse it.
plain := $(shell printf %s $(call quote,$(value EXP)) | tr -c 'A-Za-z0-9_-' _)
here := experiments/$(or $(plain),_)
records := $(stages:%=$(here)/%/stage.json)

.PHONY: all $(stages)
all: report  ## the whole chain, then the verdict
	@$(pipeline) show $(exp)

data: $(here)/data/stage.json  ## load, split, describe
augment: $(here)/augment/stage.json  ## the augmentation policy, seen and timed
tune: $(here)/tune/stage.json  ## search hyperparameters
train: $(here)/train/stage.json  ## the float baseline, also the teacher
distill: $(here)/distill/stage.json  ## a smaller student
compress: $(here)/compress/stage.json  ## every recipe to .tflite, the frontier, the winner
evaluate: $(here)/evaluate/stage.json  ## every .tflite on the test split
report: $(here)/report/stage.json  ## HTML page, model card, picture

# Order-only: which stages an edited experiment file concerns, the fingerprints know.
$(here)/data/stage.json: | $(here)/experiment.yaml
$(here)/augment/stage.json: $(here)/data/stage.json
$(here)/tune/stage.json: $(patsubst %,$(here)/%/stage.json,data augment)
$(here)/train/stage.json: $(patsubst %,$(here)/%/stage.json,data augment tune)
$(here)/distill/stage.json: $(patsubst %,$(here)/%/stage.json,data augment tune train)
$(here)/compress/stage.json: $(patsubst %,$(here)/%/stage.json,data augment train distill)
$(here)/evaluate/stage.json: $(patsubst %,$(here)/%/stage.json,data train compress)
$(here)/report/stage.json: $(filter-out %/report/stage.json,$(records))

$(records): $(here)/%/stage.json: | $(venv)/.ready
	@$(pipeline) run $* --only $(exp) $(sets)

# No experiment of that name: no rule is needed to let the CLI say so.
$(here)/experiment.yaml: ;

# A stage is published whole by a rename: an interrupt leaves nothing to delete.
.PRECIOUS: $(records)

# ---------------------------------------------------------------- looking

for_users := help all status show lock verify reproduce tensorboard clean-exp
benchmarks := augment compress debug device embedding false-alarms few-labels forecast gpu \
    hosts memory portable ranking restoration scale segmentation text-generation text-pairs \
    train tune
for_developers := test test-all test-slow lint docs coverage ci reference figures screenshot \
    $(benchmarks:%=bench-%) constraints clean-venv
# Prints the `##` comment of each target, in the given order.
targets = awk -F ':.*\#\#  *' -v names='$(strip $(1))' ' \
    /^[a-z-]+:.*\#\# / { text[$$1] = $$2 } \
    END { count = split(names, order, " "); for (n = 1; n <= count; n++) \
        printf "  make %-14s %s\n", order[n], text[order[n]] }' Makefile

.PHONY: help status show figures screenshot tensorboard reference
help:  ## this list
	@echo 'An experiment (EXP=digits) goes from a data set to a compressed model:'
	@$(call targets,$(for_users))
	@echo
	@echo 'One stage of it, with those it depends on:'
	@$(call targets,$(stages))
	@echo
	@echo 'Development of this package:'
	@$(call targets,$(for_developers))
	@echo
	@echo 'Variables:  EXP=digits              the experiment, a folder of experiments/'
	@echo '            SET="seed=1 a.b=v"      overrides of its experiment.yaml'
	@echo '            PYTHON=python3          the Python to use (3.11 to 3.13)'
	@echo '            PYTEST_ARGS="-k word"   options for the tests'
	@echo
	@echo 'Examples:   make all'
	@echo '            make train SET="train.epochs=3 seed=1"'
	@echo "            make augment SET='augment.policy=\"shift(1) | noise(0.1)\"'"
	@echo '            make -j2 all EXP=digits'

status: $(venv)/.ready  ## what is up to date, what is not, and why
	@$(pipeline) status $(exp) $(sets)

show: $(venv)/.ready  ## the verdict of the last run
	@$(pipeline) show $(exp)

figures: report  ## docs/frontier.png, from the report of EXP
	mkdir -p docs
	cp $(here)/report/frontier.png docs/frontier.png

screenshot: report  ## docs/report.png, the page of EXP; needs Chromium
	$(venv_python) tools/screenshot.py $(here)/report/index.html docs/report.png

tensorboard: $(venv)/.ready  ## TensorBoard on the published stages of EXP
	@$(pipeline) tensorboard $(exp)
	@$(venv_python) -m tensorboard.main --logdir $(here)/tensorboard

reference: $(venv)/.ready  ## the pages of docs/ that are generated from code
	@$(venv_python) -m tools.docs_pages

# ---------------------------------------------------------------- the proof

.PHONY: lock verify reproduce ci
lock: $(venv)/.ready  ## record the results of EXP in its experiment.lock
	@$(pipeline) lock $(exp) $(sets)

verify: $(venv)/.ready  ## the results of EXP against its lock, without a run
	@$(pipeline) verify $(exp) $(sets)

reproduce: $(venv)/.ready  ## EXP from scratch elsewhere, compared with its lock
	@$(pipeline) reproduce $(exp) $(sets)

bench-portable: $(venv)/.ready  ## what `portability: portable` costs, and what it fixes
	@$(venv_python) -m benchmarks.portable

bench-false-alarms: $(venv)/.ready  ## verdicts of reproduce, 4 seeds on 5 imitated processors
	@$(venv_python) -m benchmarks.false_alarms

ci:  ## what a change must pass: lint, docs, test, and reproduce smoke
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory docs
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory reproduce EXP=smoke

# ---------------------------------------------------------------- checking, cleaning

.PHONY: test test-all test-slow lint coverage docs clean-exp clean-venv constraints
.PHONY: $(benchmarks:%=bench-%)
# Tests start hundreds of processes: modules are compiled once, also where the variable
# of containers forbids it.
test test-all test-slow: export PYTHONDONTWRITEBYTECODE =
test: $(venv)/.ready  ## the tests
	@$(venv_python) -m pytest -q $(PARALLEL) $(PYTEST_ARGS)

test-all: $(venv)/.ready  ## the tests with every case
	@$(venv_python) -m pytest -q $(PARALLEL) -m "not processors" $(PYTEST_ARGS)

test-slow: $(venv)/.ready  ## what test-all runs and test leaves out
	@$(venv_python) -m pytest -q $(PARALLEL) -m "slow and not processors" \
	    $(PYTEST_ARGS) $$(grep -rlE --include='test_*.py' 'slow|chosen\(' tests)

lint: $(venv)/.ready  ## formatting, ruff, codespell and mypy, as pyproject.toml says
	@$(venv_python) -m ruff format --check .
	@$(venv_python) -m ruff check .
	@$(venv_python) -m codespell_lib
	@$(venv_python) -m mypy

coverage: $(venv)/.ready  ## the tests, and which lines they run: build/coverage/html
	@mkdir -p build/coverage
	@$(venv_python) -m coverage run -m pytest -q $(PYTEST_ARGS)
	@$(venv_python) -m coverage combine -q
	@$(venv_python) -m coverage html -q
	@$(venv_python) -m coverage report

docs: $(venv)/.ready  ## the documentation as a website: build/site/index.html
	@$(venv_python) -m zensical build --clean --strict

bench-augment: $(venv)/.ready  ## images a second through the policy, and through Keras layers
	@$(venv_python) -m benchmarks.augment

bench-compress: $(venv)/.ready  ## a recipe against tfmot's tutorial; trainer native against tfmot
	@$(venv_python) -m benchmarks.compress
	@$(venv_python) -m benchmarks.trainers

bench-debug: $(venv)/.ready  ## what adjustments recover on damaged networks; FILE is optional
	@$(venv_python) -m benchmarks.debug $(if $(value FILE),$(call quote,$(value FILE)))

bench-device: $(venv)/.ready  ## flash, arena and parity of EXP's files per target
	@$(venv_python) -m benchmarks.device $(call quote,$(value EXP))

bench-few-labels: $(venv)/.ready  ## EXP with 1, 5, 10 and 100 % of its labels, pretrained or not
	@$(venv_python) -m benchmarks.few_labels $(call quote,$(value EXP))

bench-gpu: $(venv)/.ready  ## speed on a GPU against plain fit; a line where none is
	@$(venv_python) -m benchmarks.gpu

bench-scale: $(venv)/.ready  ## growth with 10 times the data; SCALE=full is a million images
	@$(venv_python) -m benchmarks.scale $(if $(value SCALE),$(call quote,$(value SCALE)))

bench-memory: $(venv)/.ready  ## peak memory of data and augment, 20,000 and 200,000 images
	@$(venv_python) -m benchmarks.memory

bench-tune: $(venv)/.ready  ## the search against plain Keras Tuner: time, memory, proposals
	@$(venv_python) -m benchmarks.tune

bench-embedding: $(venv)/.ready  ## recall of a plain Keras script on EXP's network and data
	@$(venv_python) -m benchmarks.embedding --exp $(call quote,$(value EXP))

bench-forecast: $(venv)/.ready  ## MASE of a plain Keras script on EXP's network and data
	@$(venv_python) -m benchmarks.forecast --exp $(call quote,$(value EXP))

bench-hosts: $(venv)/.ready  ## 1 to 64 hosts, simulated from a measured step (extra jax)
	@$(venv_python) -m benchmarks.hosts

bench-segmentation: $(venv)/.ready  ## mIoU of a plain Keras script on EXP's network and data
	@$(venv_python) -m benchmarks.plain_keras --exp $(call quote,$(value EXP))

bench-restoration: $(venv)/.ready  ## PSNR of a plain Keras script on EXP's network and data
	@$(venv_python) -m benchmarks.plain_keras --exp $(call quote,$(value EXP))

bench-text-generation: $(venv)/.ready  ## bits per character of a plain Keras script on EXP
	@$(venv_python) -m benchmarks.text_generation --exp $(call quote,$(value EXP))

bench-text-pairs: $(venv)/.ready  ## exact match of a plain Keras script on EXP
	@$(venv_python) -m benchmarks.plain_keras --exp $(call quote,$(value EXP))

bench-ranking: $(venv)/.ready  ## NDCG@10 of a plain Keras script on EXP's network and data
	@$(venv_python) -m benchmarks.ranking --exp $(call quote,$(value EXP))

bench-train: $(venv)/.ready  ## examples a second of the training loop, plain fit and the limit
	@$(venv_python) -m benchmarks.train

clean-exp: $(venv)/.ready  ## remove the results of EXP, keep its experiment.yaml
	@$(pipeline) clean $(exp)

clean-venv:  ## remove .venv
	rm -rf $(venv)

constraints: $(venv)/.ready  ## newest versions that setup.cfg allows, into constraints.txt
	@$(venv_python) -I tools/venv.py lock $(venv)

# ---------------------------------------------------------------- the set-up

# A Python that was asked for by name is used or refused, never replaced.
pythons := $(call quote,$(PYTHON))
ifeq (file,$(origin PYTHON))
  pythons := python3 python3.13 python3.12 python3.11
endif
supported := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

$(venv)/.ready: setup.cfg constraints.txt pyproject.toml
	@for python in $(pythons); do \
	    if "$$python" -c '$(supported)' 2>/dev/null; then \
	        exec "$$python" -I tools/venv.py build $(venv); \
	    fi; \
	done; \
	echo "set-up    needs Python 3.11, 3.12 or 3.13, which none of these is:" $(pythons) >&2; \
	echo "          install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	exit 1

# ---------------------------------------------------------------- before any rule

.PHONY: FORCE
asked := $(or $(MAKECMDGOALS),$(.DEFAULT_GOAL))
wanted := $(filter $(stages),$(asked) $(if $(filter all figures screenshot,$(asked)),report))
wanted += $(patsubst $(here)/%/stage.json,%,$(filter $(records),$(asked)))

# An environment that is not whole is built again, and then the CLI decides on each stage.
# Otherwise one call names the stages that are not up to date; `!` is a mistake in
# the experiment, which it has already explained.
stale :=
ifneq (,$(filter-out help clean-venv,$(asked)))
  ifneq (ok,$(shell $(venv_python) -I tools/venv.py check $(venv) >/dev/null 2>&1 && echo ok))
    $(venv)/.ready: FORCE
    stale := $(stages)
  else ifneq (,$(strip $(wanted)))
    stale := $(shell $(pipeline) stale $(wanted) $(exp) $(sets) || echo '!')
    ifneq (,$(filter-out $(stages),$(stale)))
      $(error nothing was run, for the reason above)
    endif
  endif
endif

$(patsubst %,$(here)/%/stage.json,$(stale)): FORCE
