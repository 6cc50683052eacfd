# `make run`, `demo`, `test`, `lint`, `bench`, `torture`, `fuzz`: nothing needed beforehand but Python 3.11 and make.
PYTHON ?= python3
PIP = .venv/bin/python -m pip
# Nothing is installed whose hash does not stand in a list of ours; wheels, but for the two that come as source alone.
INSTALL = $(PIP) install --quiet --disable-pip-version-check --require-hashes --no-deps --only-binary :all:
SOURCES = --no-build-isolation --no-binary flask-principal,wsgidav
LOCK = .lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --fork-strategy fewest \
	--custom-compile-command "make lock" --annotation-style line --unsafe-package none $(ARGS)
STAMP = .venv/installed
# Test files run side by side, more than there are cores: many wait for cameras. `TEST_PROCESSES=0` runs one after the
# other. In the order of tests/conftest.py, which begins with those that wait the longest.
TEST_PROCESSES ?= 3
export PYTHONPATH = .
export FLASK_APP = run.py

# The operator's pages (web/), built by Node: the machine's own where it is new enough, else one from a wheel in .node.
# With PLAYBACK_PAGES=pages.tar.gz, which `make release-pages` writes, they are taken ready-built and no Node is needed.
PAGES = app/static/built/manifest.json
NODE_IS_NEW = node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
WITH_NODE = cd web && if ! { $(NODE_IS_NEW) && npm --version; } >/dev/null 2>&1; then PATH="$(CURDIR)/.node/bin:$$PATH"; fi &&
PAGES_FROM = $(shell find web/src -type f 2>/dev/null) app/static/tokens.css web/package-lock.json web/vite.config.ts web/tsconfig.json

.PHONY: run demo test lint format bench torture fuzz lock pages release-pages

# Recording and the API do not wait for the pages, which may need a network: a registry that does not answer holds npm for
# a quarter of an hour.
TRY_PAGES = timeout --foreground --kill-after=10 300 $(MAKE) --silent --no-print-directory pages || \
	echo "the operator's pages could not be built (see above); all else goes on without them"

run: $(STAMP)
	@$(TRY_PAGES)
	@.venv/bin/python run.py

demo: $(STAMP)
	@$(TRY_PAGES)
	@.venv/bin/python run.py --demo

test: $(STAMP) $(PAGES)
	@mkdir -p reports
	@if [ -d web/node_modules ]; then $(WITH_NODE) npm --silent test; else echo "pages taken ready-built: vitest is skipped"; fi
	FLASK_CONFIG=development .venv/bin/python -m pytest tests --cov=app.views --cov=app --cov-report term \
		--cov-report xml:reports/coverage.xml --junitxml=reports/junit.xml -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP) web/node_modules/.installed
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m bandit --quiet --configfile pyproject.toml --recursive app run.py \
		gunicorn instance dependencies examples
	.venv/bin/python -m dependencies
	$(WITH_NODE) npm --silent run check

format: $(STAMP) web/node_modules/.installed
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .
	$(WITH_NODE) npm --silent run format

bench: $(STAMP) $(PAGES)
	.venv/bin/python -m bench $(ARGS)

torture: $(STAMP)
	.venv/bin/python -m torture $(ARGS)

# Guided by coverage where the engine can be installed; else it varies inputs blindly.
fuzz: $(STAMP)
	@.venv/bin/python -c 'import atheris' 2>/dev/null || $(INSTALL) --requirement dependencies/fuzz.txt || \
		echo "without atheris, which has no wheel for this machine: Hypothesis varies the inputs"
	.venv/bin/python -m fuzz $(ARGS)

# Makes the lists with hashes anew from the short ones; ARGS=--upgrade takes the newest of what nobody asked for by name.
lock:
	@test -x .lock/bin/uv || { $(PYTHON) -m venv .lock && \
		.lock/bin/python -m pip install --quiet --require-hashes --requirement dependencies/lock.txt; }
	$(LOCK) dependencies/direct.in --output-file requirement.txt
	for name in build fuzz lock node; do $(LOCK) dependencies/$$name.in --output-file dependencies/$$name.txt; done

# Installed again only when the list of requirements has changed.
$(STAMP): requirement.txt dependencies/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "flask-playback needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --requirement dependencies/build.txt
	@$(INSTALL) $(SOURCES) --requirement requirement.txt
	@touch $(STAMP)

pages: $(PAGES)

release-pages: $(PAGES)
	tar --create --gzip --file pages.tar.gz --directory app/static built

ifdef PLAYBACK_PAGES
$(PAGES): $(PLAYBACK_PAGES)
	@mkdir -p app/static/built
	@tar --extract --gzip --file $(PLAYBACK_PAGES) --directory app/static --touch built
else
$(PAGES): web/node_modules/.installed $(PAGES_FROM)
	@$(WITH_NODE) npm --silent run build -- --logLevel warn
endif

# Exactly what the lock file names; no script of a package is run.
web/node_modules/.installed: web/package-lock.json $(STAMP)
	@if ! { $(NODE_IS_NEW) && npm --version; } >/dev/null 2>&1 && [ ! -x .node/bin/npm ]; then \
		$(PYTHON) -m venv .node && .node/bin/python -m pip install --quiet --disable-pip-version-check \
			--require-hashes --no-deps --only-binary :all: --requirement dependencies/node.txt; fi
	@$(WITH_NODE) npm ci --silent --ignore-scripts --fetch-timeout=60000 --fetch-retries=1
	@touch web/node_modules/.installed
