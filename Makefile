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

.PHONY: run demo test lint format bench torture fuzz lock

run: $(STAMP)
	@.venv/bin/python run.py

demo: $(STAMP)
	@.venv/bin/python run.py --demo

test: $(STAMP)
	@mkdir -p reports
	FLASK_CONFIG=development .venv/bin/python -m pytest tests --cov=app.views --cov=app --cov-report term \
		--cov-report xml:reports/coverage.xml --junitxml=reports/junit.xml -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP)
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	.venv/bin/python -m bandit --quiet --configfile pyproject.toml --recursive app run.py \
		gunicorn instance dependencies examples
	.venv/bin/python -m dependencies

format: $(STAMP)
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

bench: $(STAMP)
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
	for name in build fuzz lock; do $(LOCK) dependencies/$$name.in --output-file dependencies/$$name.txt; done

# Installed again only when the list of requirements has changed.
$(STAMP): requirement.txt dependencies/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "flask-playback needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(INSTALL) --requirement dependencies/build.txt
	@$(INSTALL) $(SOURCES) --requirement requirement.txt
	@touch $(STAMP)
