# Everything here needs only make and Python >= 3.11. The first run fills .venv; the second starts at once.
.DEFAULT_GOAL := help
.PHONY: help demo up check test coverage lint format connector step workflow bench chaos interop lock clean

PYTHONS := python3.13 python3.12 python3.11 python3
BIN := .venv/bin
STAMP := .venv/.installed
UNIT := $(addprefix tests/,domain schemas formats connectors telemetry test_structure.py test_subjects.py test_whose_days.py)
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Some images forbid what it forbids: each process would compile all modules again, a sixth of its start and half of a collection.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo '  Options go into ARGS: make demo ARGS="--orders 50 --exit"'

demo: $(STAMP) ## Carry real-looking orders from release to delivery, and show them
	$(BIN)/syncline demo $(ARGS)

up: $(STAMP) ## Start the whole stack on this machine
	$(BIN)/syncline up $(ARGS)

test: lint ## Check style and types, then run the tests
	$(BIN)/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint ## Check style and types, then run the tests that need no server
	$(BIN)/pytest --numprocesses 2 -m "not thorough" $(UNIT) $(ARGS)

coverage: $(STAMP) ## Run the tests of domain, schemas, store and gateway; say which of their lines and branches none runs
	$(BIN)/pytest --numprocesses 2 --dist loadfile tests/domain tests/schemas tests/store tests/gateway --cov $(ARGS)

lint: $(STAMP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

format: $(STAMP) ## Put the code into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

connector: $(STAMP) ## Begin a connector: make connector NAME=north SYSTEM=wms (or erp, tms)
	$(BIN)/python -m scaffold connector $(NAME) $(if $(SYSTEM),--system $(SYSTEM))

step: $(STAMP) ## Begin a step that asks a system: make step NAME=count_items SYSTEM=wms (or erp, tms)
	$(BIN)/python -m scaffold step $(NAME) $(if $(SYSTEM),--system $(SYSTEM))

workflow: $(STAMP) ## Begin a workflow: make workflow NAME=cycle_count SUBJECT=inventory
	$(BIN)/python -m scaffold workflow $(NAME) $(if $(SUBJECT),--subject $(SUBJECT))

bench: $(STAMP) ## Measure speed and write bench.json
	$(BIN)/python -m tests.bench $(ARGS)

chaos: $(STAMP) ## Kill processes and lose workflow tasks, with the full counts
	SYNCLINE_CHAOS=full $(BIN)/pytest -m chaos $(ARGS)
	SYNCLINE_TASK_LOSS=0.15 $(BIN)/pytest tests/workflows tests/promising tests/notify tests/integration --tb=native $(ARGS)
	SYNCLINE_NO_CACHE=1 $(BIN)/pytest tests/workflows --tb=native $(ARGS)

interop: $(STAMP) ## Run against real systems, which it installs and starts; write docs/interop.md
	SYNCLINE_INTEROP_RECORD=$(if $(findstring --record,$(ARGS)),1) \
		$(BIN)/pytest -m interop tests/interop $(filter-out --record,$(ARGS))
	$(BIN)/python -m tests.interop.figures

lock: $(STAMP) ## Write requirements.lock from pyproject.toml (newer versions: ARGS=--upgrade)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --all-extras \
		--python-version 3.11 --output-file requirements.lock pyproject.toml $(ARGS)

clean: ## Remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis

# uv installs in a quarter of pip's time. It comes from the lock too, by pip, so that its hash is checked as well.
$(STAMP): requirements.lock pyproject.toml
	@python=; bare=; \
	for name in $(PYTHONS); do \
		"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if "$$name" -c 'import ensurepip, venv' 2>/dev/null; then python=$$name; break; fi; \
		bare=$${bare:-$$name}; \
	done; \
	if [ -z "$$python" ] && [ -n "$$bare" ]; then \
		echo "$$bare cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	elif [ -z "$$python" ]; then \
		echo "Syncline needs Python 3.11 or newer: none of $(PYTHONS) is. See https://www.python.org/downloads/" >&2; exit 1; \
	fi; \
	echo "Installing into .venv with $$python"; "$$python" -m venv --clear .venv
	@sed -n '/^uv==/,/^ *# via/p' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r .venv/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes --no-deps -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
