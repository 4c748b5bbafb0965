# `make demo` and `make test` set up everything they need in .venv by themselves.
# PYTHON=/path/to/python3      the interpreter for .venv; the best one found otherwise
# WORKERS=2                    processes for the tests; 0 runs them in one
# PYTEST_ARGS="-k export"      more arguments for pytest

VENV := .venv
DOCS_VENV := .venv-docs
WORKERS ?= 2
# By worksteal a worker gets tests that follow each other, which share what they have set up; whole
# runs of the pipeline take minutes, so that their files stay whole, by loadfile.
PYTEST := $(VENV)/bin/python -m pytest -n $(WORKERS) --dist worksteal --durations=15

# Meant for another Python or another program, they would break these: TensorFlow starts neither
# without docstrings nor where every warning is an error, nor in a folder whose name the locale cannot
# spell.
unexport PYTHONHOME PYTHONPATH PYTHONOPTIMIZE PYTHONWARNINGS
export PYTHONUTF8 := 1
export KERAS_BACKEND := tensorflow

.DEFAULT_GOAL := help
.PHONY: help demo test test-integration test-slow test-other-set docs bench clean

help:  ## Show this list
	@sed -n 's/^\([a-z-]*\):.*  ## /\1	/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

demo: $(VENV)/installed  ## From a small event log to recommendations of a served model
	$(VENV)/bin/python -m pipeline.demo

test: $(VENV)/installed  ## Check style, types and imports, run the fast tests
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PYTEST) -m "not integration and not slow and not benchmark" $(PYTEST_ARGS)

test-integration: $(VENV)/installed  ## Run the tests of whole processes: servers, pipelines, make
	$(PYTEST) --dist loadfile -m "integration and not slow and not benchmark" $(PYTEST_ARGS)

test-slow: $(VENV)/installed  ## Run the slow tests
	$(PYTEST) -m "slow and not benchmark" $(PYTEST_ARGS)

test-other-set:  ## Run the fast tests and the demo with the other set of packages
	sh scripts/test_other_set.sh

docs: $(DOCS_VENV)/installed  ## Build the pages of docs/ as site/ and check their links
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --strict
	$(DOCS_VENV)/bin/python scripts/check_site.py site

bench: $(VENV)/installed  ## Time training against the authors' schedule, on DATA=log or synthetic users
	$(VENV)/bin/python -m benchmarks.training_speed $(if $(DATA),--data "$(DATA)") --profile

clean:  ## Remove .venv, .venv-docs, site and all caches; the models in runs/ stay
	rm -rf $(VENV) $(DOCS_VENV) site .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose interpreter is gone is not current, whatever its stamp says; nor is one that was
# moved, or made with another interpreter than the one that is asked for.
ifneq ($(shell sh scripts/environment_here.sh $(VENV)),here)
.PHONY: $(VENV)/installed
else ifdef PYTHON
ifneq ($(shell "$(PYTHON)" -E -s scripts/base_python.py),$(shell $(VENV)/bin/python -E -s scripts/base_python.py))
.PHONY: $(VENV)/installed
endif
endif
ifneq ($(shell sh scripts/environment_here.sh $(DOCS_VENV)),here)
.PHONY: $(DOCS_VENV)/installed
endif

# The stamp is written last, so an installation that was cut short is taken up again.
$(VENV)/installed: $(filter-out requirements-docs.txt,$(wildcard requirements*.txt)) $(addprefix scripts/,alone.sh base_python.py environment_here.sh farmhash.py find_python.sh install.sh install_packages.py new_environment.sh own_environment.sh package_set.py)
	@sh scripts/alone.sh $(VENV) sh -c 'rm -f $@ && sh scripts/install.sh $(VENV) && touch $@'

$(DOCS_VENV)/installed: requirements-docs.txt $(addprefix scripts/,alone.sh environment_here.sh find_python.sh install_docs.sh new_environment.sh own_environment.sh package_set.py)
	@sh scripts/alone.sh $(DOCS_VENV) sh -c 'rm -f $@ && sh scripts/install_docs.sh $(DOCS_VENV) && touch $@'
