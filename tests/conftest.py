"""An app of its own for every test: its own instance folder and migrated database, never `instance/app.db`."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy.engine import make_url

from app import create_app
from app.access import lastuse
from app.archive import viewwriter
from app.extensions import db, prepare_migrations
from app.models.types import now_us
from instance.config import ProductionConfig, TestingConfig
from tests.services import Postgres, why_no_postgres

if TYPE_CHECKING:
    from tests.looking import Chromium

TestingConfig.__test__ = False  # settings, no test, though its name begins like one
# Each test leaves an app behind. By Python's own threshold, 700, looking for such took a quarter of the CPU time.
gc.set_threshold(50_000, 5, 5)
DATABASES = ("sqlite", "postgresql")


# Files that wait for cameras in real time come first: else one process waits for the last of them at the end.
WAITING = (
    "test_torture",
    "test_recording",
    "test_live_video",
    "test_bad_cameras",
    "test_main_job",
    "test_availability",
    "test_pages_live",
    "test_pages_player",
    "test_pages_everywhere",
    "test_pages_files",
    "test_pages_upload",
    "test_pages_wall",
    "test_pages_clips",
    "test_storage_faults",
    "test_supervisor",
    "test_tags",
    "test_watching",
    "test_record_rollover",
    "test_schemathesis",
    "test_schemathesis_second",
    "test_schemathesis_third",
    "test_playback_properties",
    "test_sync_worker",
    "test_recorder_ffmpeg",
    "test_live_picture",
)


def pytest_configure() -> None:
    """Let Ctrl-C be heard: shells ignore it in what they start in the background, and every process inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take the longest."""
    items.sort(key=lambda item: item.path.stem not in WAITING)


def pytest_collection_finish() -> None:
    """Leave out of what the collector looks over all that stays to the end: the modules of the tests and of the app."""
    gc.collect()
    gc.freeze()


def missing(reason: str) -> None:
    """Skip the test where a service is missing; in CI, where it must be there, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"needed in CI: {reason}")
    pytest.skip(reason)


def migrated(config: TestingConfig) -> None:
    """Migrate the database of these settings to the newest version."""
    app = create_app(config, with_views=False)
    prepare_migrations(app)
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")
    migrated(TestingConfig(INSTANCE=str(folder)))
    return folder / "app.db"


@pytest.fixture
def config(tmp_path: Path) -> TestingConfig:
    """Return settings with an instance folder of the test's own and no database yet."""
    return TestingConfig(INSTANCE=str(tmp_path / "instance"))


def open_app(config: TestingConfig) -> Iterator[Flask]:
    """Yield the app without a context, so that each request has its own; close its connections after."""
    app = create_app(config)
    yield app
    lastuse.stop(app)
    if viewwriter.EXTENSION in app.extensions:
        viewwriter.writer_of(app).end()
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(config: TestingConfig, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield a fresh app on a migrated SQLite database."""
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from open_app(config)


@contextmanager
def in_production(folder: Path, migrated_sqlite: Path, **settings: Any) -> Iterator[Flask]:
    """Yield an app in production, without an account."""
    given = {"CAMERA_NETWORKS": "127.0.0.1/32", **settings}  # cameras of tests are here
    config = ProductionConfig(INSTANCE=str(folder / "instance"), SECRET_KEY="k" * 48, **given)
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    yield from open_app(config)


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production, without an account; it may be asked as often as a test likes."""
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        yield app


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Yield a running PostgreSQL; skip where there is none (in CI: fail)."""
    if reason := why_no_postgres():
        missing(reason)
    with Postgres() as server:
        yield server


@pytest.fixture(params=DATABASES)
def database_config(request: pytest.FixtureRequest, config: TestingConfig) -> TestingConfig:
    """Return settings with an empty database, not migrated: of SQLite, then of PostgreSQL."""
    if request.param == "sqlite":
        return config
    url = request.getfixturevalue("postgres").database("playback_test")
    return TestingConfig(INSTANCE=config.INSTANCE, DATABASE_URL=url)


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a migrated database of PostgreSQL to copy."""
    name = "playback_migrated"
    migrated(TestingConfig(INSTANCE=str(tmp_path_factory.mktemp("migrated")), DATABASE_URL=postgres.database(name)))
    return name


@pytest.fixture
def database_app(request: pytest.FixtureRequest, database_config: TestingConfig) -> Iterator[Flask]:
    """Yield a fresh app on a migrated database: of SQLite, then of PostgreSQL."""
    if database_config.DATABASE_URL:
        name = make_url(database_config.DATABASE_URL).database or ""
        request.getfixturevalue("postgres").database(name, request.getfixturevalue("migrated_postgres"))
    else:
        database_config.instance_path.mkdir(parents=True)
        shutil.copy(request.getfixturevalue("migrated_sqlite"), database_config.instance_path / "app.db")
    yield from open_app(database_config)


@pytest.fixture
def database_client(database_app: Flask) -> FlaskClient:
    """Return a client of the app on SQLite, then on PostgreSQL."""
    return database_app.test_client()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client of the fresh app."""
    return app.test_client()


@pytest.fixture
def held_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all attempts to sign in, and at one's own password, come at one instant, however slow the machine is.

    A wait after five of them is of 2 s: on a busy machine it was over, or in part, before the test had asked again.
    """
    at_us = now_us()
    for view in ("signin", "me"):
        monkeypatch.setattr(f"app.views.{view}.now_us", lambda: at_us)


@pytest.fixture(scope="module")
def chromium() -> Iterator["Chromium"]:
    """Yield a Chromium that Playwright leads. Loaded by who looks alone: Playwright takes its time."""
    from tests.looking import starting_chromium

    with starting_chromium() as started:
        yield started
