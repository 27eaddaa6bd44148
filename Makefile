# Two commands do all the set-up: `make demo` and `make test`. Everything lands in .venv, .tools and .seaway here.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
UV_VERSION := 0.13.9
RUN := .venv/bin/python -m
SOURCES := pyproject.toml sdk/pyproject.toml

.PHONY: demo demo-docker test check unit bench long rootless docs lock clean help

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/.run ## walk the whole road on the embedded default, with a real app and a real model
	@.venv/bin/python examples/demo.py

demo-docker: .venv/.run ## the same road on a Docker Engine: DOCKER_HOST, or the one the docker command uses
	@.venv/bin/python examples/demo.py --on docker

test: check unit ## install what the tests need, then run every check and test of the short lane

check: .venv/.dev ## format, lint, types, room directions, docs
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	.venv/bin/lint-imports --no-cache
	$(RUN) pytest tests/docs

unit: .venv/.dev .tools/.system
	$(RUN) pytest tests --ignore tests/docs

rootless: .venv/.dev ## the tests that need no root, as an ordinary user runs them
	$(RUN) pytest $(or $(TESTS),tests) -m rootless

long: .venv/.dev .tools/.system ## fuzz, ten thousand runs, mutation: hours, results kept as data
	SEAWAY_LONG=1 $(RUN) pytest tests -m long
	$(RUN) tests.mutation.run seaway.release.judge tests/release/test_judge.py tests/release/test_sequential.py
	$(RUN) tests.mutation.run seaway.release.sequential tests/release/test_judge.py tests/release/test_sequential.py
	$(RUN) tests.app.guided 3600
	$(RUN) tests.mutation.run seaway.app.merge tests/app/test_oracle.py tests/app/test_origins.py
	$(RUN) tests.mutation.run seaway.evidence.merkle tests/evidence/test_merkle.py
	$(RUN) tests.mutation.run seaway.evidence.files tests/evidence/test_files.py tests/evidence/test_notary.py
	$(RUN) tests.mutation.run seaway.policy.gate tests/policy/test_gate.py tests/policy/test_rules.py
	$(RUN) tests.mutation.run seaway.app.unicity tests/app/test_oracle.py
	$(RUN) tests.mutation.run seaway.app.interpolate tests/app/test_oracle.py
	$(RUN) tests.mutation.defences

bench: .venv/.dev ## measure against peers, side by side
	@for file in bench/*.py; do .venv/bin/python $$file || exit 1; done

docs: .venv/.dev ## write the generated pages anew
	$(RUN) tests.docs.generate

lock: ## resolve the dependencies anew, with hashes and without addresses
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-package seaway-sdk --extra all pyproject.toml --group hatch -o requirements/run.txt
	$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-package seaway-sdk --extra all pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt

.tools/bin/uv:
	@$(PYTHON) -m venv .tools 2>/dev/null || { echo "python3 has no venv module here"; echo; \
	  echo "hint: apt install python3-venv, or install uv"; exit 1; }
	@.tools/bin/pip -q --disable-pip-version-check install uv==$(UV_VERSION)

.venv/bin/python: | $(if $(findstring .tools,$(UV)),.tools/bin/uv)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python 3.11 or newer is needed"; exit 1; }
	@$(UV) venv -q --no-python-downloads --python $(PYTHON) --allow-existing .venv

.venv/.run: requirements/run.txt $(SOURCES) | .venv/bin/python
	@$(UV) pip install -q -p .venv/bin/python --require-hashes -r requirements/run.txt
	@$(UV) pip install -q -p .venv/bin/python --no-deps --no-build-isolation -e sdk -e .
	@touch $@

.venv/.dev: requirements/dev.txt $(SOURCES) | .venv/bin/python
	@$(UV) pip install -q -p .venv/bin/python --require-hashes -r requirements/dev.txt
	@$(UV) pip install -q -p .venv/bin/python --no-deps --no-build-isolation -e sdk -e .
	@touch $@ .venv/.run

.tools/.system: ## programs the fault tests use; only root can install them, others run what needs none
	@sh tests/system-packages
	@mkdir -p .tools && touch $@

clean: ## remove what was installed here; the user's data directory stays
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis
