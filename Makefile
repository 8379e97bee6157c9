# Every target is a thin call of `python -m rsft_utils`, so that the same works without make (Windows).
# Options go through ARGS:  make figures ARGS="--size XS --seeds 3"

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
UNSLOTH_VENV := .venv-unsloth
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help figures redraw site claims reference designs bases bench test test-slow test-unsloth lint clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

figures: $(READY) ## run every notebook (profile micro) and draw its figures into figures/local
	$(PY) -m rsft_utils figures $(ARGS)

redraw: $(READY) ## redraw the committed figures from the committed tables
	$(PY) -m rsft_utils redraw $(ARGS)

site: $(READY) ## build a web site of the executed notebooks and the documents in site/
	$(PY) -m rsft_utils site $(ARGS)

claims: $(READY) ## judge the claims from the committed tables of the reference runs
	$(PY) -m rsft_utils claims $(ARGS)

reference: $(READY) ## make the reference runs (hours; goes on where it stopped), e.g. ARGS="S XS-calm"
	$(PY) -m rsft_utils reference $(ARGS)

designs: $(READY) ## make the pilots of the map of designs (hours; goes on where it stopped)
	$(PY) -m rsft_utils designs $(ARGS)

bases: $(READY) ## pre-train the micro base models again
	$(PY) -m rsft_utils bases $(ARGS)

bench: $(READY) ## measure this machine's training and generation speed
	$(PY) -m rsft_utils bench $(ARGS)

# One thread per process: at these sizes a second thread costs more than it brings. Two processes: each takes 1 GB.
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n 2

test: $(READY) ## run the quick tests
	$(PYTEST) --dist loadfile $(ARGS)

test-slow: $(READY) ## run all tests
	$(PYTEST) --dist worksteal -m 'slow or not slow' $(ARGS)

# Unsloth has a back end for CPUs, which it takes when told to, so that a machine with a card tests the same.
test-unsloth: $(UNSLOTH_VENV)/.ready-unsloth ## train with Unsloth on the CPU, in an environment of its own
	OMP_NUM_THREADS=1 UNSLOTH_FORCE_CPU=1 $(UNSLOTH_VENV)/bin/python -m pytest tests/unsloth $(ARGS)

lint: $(READY) ## check style, and that notebooks carry no outputs
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	@set -- notebooks/*.ipynb; \
	if [ -e "$$1" ]; then echo "$(PY) -m nbstripout --verify $$*"; $(PY) -m nbstripout --verify "$$@"; fi

clean: ## remove the environment and caches; runs/ and figures/ stay
	rm -rf $(VENV) $(UNSLOTH_VENV) .pytest_cache .ruff_cache .hypothesis build dist *.egg-info unsloth_compiled_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# The accepted Python and torch versions are read from pyproject.toml, their only home. tomllib itself is missing
# before Python 3.11, so on an older interpreter the check fails too, as it should.
PYTHON_FITS = import re, sys, tomllib; \
  wanted = tomllib.load(open("pyproject.toml", "rb"))["project"]["requires-python"]; \
  low, high = map(int, re.findall(r"3\.(\d+)", wanted)); \
  sys.exit(not low <= sys.version_info[1] < high)
TORCH_WANTED = import tomllib; \
  wanted = tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]; \
  print(next(line for line in wanted if line.split(">")[0].strip() == "torch"))

# Without an NVIDIA driver, PyPI's torch for Linux would bring gigabytes of CUDA libraries that are of no use.
# (--no-deps: one look at that index is enough; the rest comes with the next command.)
# An environment whose set-up was cut short is picked up where it stopped.
$(READY): pyproject.toml
	@if ! $(PY) -m pip --version >/dev/null 2>&1; then \
	  if ! $(PYTHON) -c '$(PYTHON_FITS)' 2>/dev/null; then \
	    wanted=$$(sed -n 's/^requires-python *= *"\(.*\)"/\1/p' pyproject.toml); \
	    echo "This project needs Python $$wanted, but $(PYTHON) is: $$($(PYTHON) --version 2>&1 | head -n 1)" >&2; \
	    echo "Name another interpreter, for example: make figures PYTHON=python3.12" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $(PYTHON)"; \
	  $(PYTHON) -m venv $(VENV) || exit 1; \
	fi
	@if [ "$$(uname -s)" = Linux ] && ! nvidia-smi -L >/dev/null 2>&1; then \
	  torch=$$($(PY) -c '$(TORCH_WANTED)') || exit 1; \
	  echo "No NVIDIA driver answers: installing the CPU build of $$torch"; \
	  $(PY) -m pip install --no-deps --timeout 15 --retries 1 --index-url $(TORCH_CPU_INDEX) "$$torch" || \
	    echo "PyTorch's CPU index cannot be reached: going on with the default index (a larger download)"; \
	fi
	$(PY) -m pip install -e '.[dev]'
	@touch $(READY)

# --no-deps: what Unsloth declares brings the CUDA builds of half a dozen libraries, and on a CPU it needs none of them.
$(UNSLOTH_VENV)/.ready-unsloth: pyproject.toml tests/unsloth/requirements.txt
	$(MAKE) VENV=$(UNSLOTH_VENV) $(UNSLOTH_VENV)/.ready
	$(UNSLOTH_VENV)/bin/python -m pip install --no-deps -r tests/unsloth/requirements.txt
	@touch $@
