# `make run`, `demo`, `test`, `lint`, `bench`, `torture`: nothing needed beforehand but Python 3.11 and make.
PYTHON ?= python3
PIP = .venv/bin/python -m pip
STAMP = .venv/installed
# Test files run side by side, more than there are cores: many wait for cameras. `TEST_PROCESSES=0` runs one after the
# other. In the order of tests/conftest.py, which begins with those that wait the longest.
TEST_PROCESSES ?= 3
export PYTHONPATH = .
export FLASK_APP = run.py

.PHONY: run demo test lint format bench torture

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

format: $(STAMP)
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

bench: $(STAMP)
	.venv/bin/python -m bench $(ARGS)

torture: $(STAMP)
	.venv/bin/python -m torture $(ARGS)

# Installed again only when the list of requirements has changed.
$(STAMP): requirement.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "flask-playback needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) install --quiet --disable-pip-version-check --requirement requirement.txt
	@touch $(STAMP)
