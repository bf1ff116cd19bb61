# Every target but `card` does its own set-up: a virtual environment with the pinned packages, made once and
# again whenever the pins change. Needs only Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
REQUIREMENTS ?= requirements.txt
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
READY := $(VENV)/.installed
# Threads of idle OpenMP workers sleep instead of spinning: trainings side by side stay fast.
HERE := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" OMP_WAIT_POLICY=passive

# Tests side by side; those of one file share what they made.
TESTS := python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

# `make save RUN=minilm`: config/minilm.yaml, results/minilm, results/reference/minilm.
KEPT = results/reference/$(RUN)
NAMED = $(if $(RUN),,$(error set RUN to the name of a config, as in `make $@ RUN=minilm`))

# `make card DEVICE=cpu SIZE=tiny PARTS=times MINUTES=3 OUT=folder`, each as tests/speed/card.py has it.
MEASURED = $(strip $(if $(DEVICE),--device $(DEVICE)) $(if $(SIZE),--size $(SIZE)) \
	$(if $(PARTS),--parts $(PARTS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(OUT),--out $(OUT)))

.PHONY: quick check test reproduce base minilm replay save continue card lint clean
quick: $(READY)  ## embedded run, minutes: real MiniLM weights, synthetic tasks
	$(HERE) snakemake --cores $(CORES) --configfile config/quick.yaml --rerun-incomplete --quiet rules
	$(HERE) snakemake --configfile config/quick.yaml --quiet all --report results/quick/report.html
	@echo "Report:  results/quick/report.html"

check: lint  ## format, lint, types, and the tests that train nothing: minutes
	$(HERE) $(TESTS) -m "not slow"

test: $(READY)  ## the test suite
	$(HERE) $(TESTS)

reproduce: $(READY)  ## full reproduction: BERT-base on GLUE from the hub
	$(HERE) snakemake --cores 8
	$(HERE) snakemake --quiet all --report results/full/report.html

base: $(READY)  ## BERT-base on real GLUE from local folders; says first how long it will take
	-$(HERE) python -m workflow.scripts.estimate --configfile config/base.yaml --jobs $(CORES)
	$(HERE) snakemake --cores $(CORES) --configfile config/base.yaml --quiet rules
	$(HERE) snakemake --configfile config/base.yaml --quiet all --report results/base/report.html

minilm: $(READY)  ## real GLUE from a local folder, MiniLM
	$(HERE) snakemake --cores $(CORES) --configfile config/minilm.yaml --quiet rules
	$(HERE) snakemake --configfile config/minilm.yaml --quiet all --report results/minilm/report.html

replay: $(READY)  ## everything but the training again, from the kept traces, and compare
	$(HERE) snakemake --cores $(CORES) --configfile config/minilm.yaml config/replay.yaml --quiet rules
	$(HERE) python -m workflow.scripts.reference compare results/replay results/reference/minilm

save: $(READY)  ## keep what has finished of a run: make save RUN=minilm
	$(NAMED)$(HERE) python -m workflow.scripts.reference save results/$(RUN) $(KEPT)

continue: $(READY)  ## go on with a run from what is kept of it, or begin it: make continue RUN=minilm
	$(NAMED)$(HERE) snakemake --cores $(CORES) --configfile config/$(RUN).yaml --rerun-incomplete --quiet rules $(if $(wildcard $(KEPT)),--config traces_from=$(KEPT))

card:  ## what a card does, in five minutes, by the interpreter as it is: installs nothing
	PYTHONPATH=".:tests:$$PYTHONPATH" $(PYTHON) -m speed.card $(MEASURED)

lint: $(READY)  ## format, lint and type checks
	$(HERE) ruff check . && $(HERE) ruff format --check .
	$(HERE) mypy
	$(HERE) snakefmt --check Snakefile workflow/rules
	$(HERE) snakemake --lint

$(READY): $(REQUIREMENTS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, this is %d.%d; set PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@

clean:  ## remove the environment; results stay
	rm -rf $(VENV)
