# Every target does its own set-up: a virtual environment with the pinned packages, made once and
# again whenever the pins change. Needs only Python >= 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
REQUIREMENTS ?= requirements.txt
CORES ?= $(shell getconf _NPROCESSORS_ONLN)
READY := $(VENV)/.installed
# Threads of idle OpenMP workers sleep instead of spinning: trainings side by side stay fast.
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" OMP_WAIT_POLICY=passive

# Tests side by side; those of one file share what they made.
TESTS := python -m pytest -n $(CORES) --dist loadfile --no-loadscope-reorder

.PHONY: quick check test reproduce minilm replay lint clean
quick: $(READY)  ## embedded run, minutes: real MiniLM weights, synthetic tasks
	$(RUN) snakemake --cores $(CORES) --configfile config/quick.yaml --quiet rules
	$(RUN) snakemake --configfile config/quick.yaml --quiet all --report results/quick/report.html
	@echo "Report:  results/quick/report.html"

check: lint  ## format, lint, types, and the tests that train nothing: minutes
	$(RUN) $(TESTS) -m "not slow"

test: $(READY)  ## the test suite
	$(RUN) $(TESTS)

reproduce: $(READY)  ## full reproduction: BERT-base on GLUE from the hub
	$(RUN) snakemake --cores 8
	$(RUN) snakemake --quiet all --report results/full/report.html

minilm: $(READY)  ## real GLUE from a local folder, MiniLM
	$(RUN) snakemake --cores $(CORES) --configfile config/minilm.yaml --quiet rules
	$(RUN) snakemake --configfile config/minilm.yaml --quiet all --report results/minilm/report.html

replay: $(READY)  ## everything but the training again, from the kept traces, and compare
	$(RUN) snakemake --cores $(CORES) --configfile config/minilm.yaml config/replay.yaml --quiet rules
	$(RUN) python -m workflow.scripts.reference compare results/replay results/reference/minilm

lint: $(READY)  ## format, lint and type checks
	$(RUN) ruff check . && $(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow/rules
	$(RUN) snakemake --lint

$(READY): $(REQUIREMENTS)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, this is %d.%d; set PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $(REQUIREMENTS)
	touch $@

clean:  ## remove the environment; results stay
	rm -rf $(VENV)
