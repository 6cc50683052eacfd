"""The real worker process: killed in the middle of a copy, told to end, and what the next one makes of it."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.extensions import db
from instance.config import TestingConfig
from tests.archived import T0_US, add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.copying import add_record, ask, shown, video
from tests.service import Service, wait_for

SECRET = "hidden-from-everybody"


@pytest.fixture
def here(config: TestingConfig, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app of this process on the instance of the worker."""
    config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    app = create_app(TestingConfig(INSTANCE=config.INSTANCE, SYNC_TARGETS=targets(config)))
    yield app
    with app.app_context():
        db.engine.dispose()


def targets(config: TestingConfig) -> str:
    return f"{config.instance_path / 'sync'}, sftp://copier:{SECRET}@127.0.0.1:1/x"


@contextmanager
def working(service: Service) -> Iterator[None]:
    """Run a worker alone; the database is there already."""
    service.spawn("worker")
    try:
        yield
    finally:
        service.stop()


def item(client: FlaskClient, job: str) -> dict[str, object]:
    return dict(shown(client, job)["records"][0])


def test_a_worker_killed_or_ended_in_the_middle_is_gone_on_from(
    here: Flask, config: TestingConfig, media: Callable[..., Path]
) -> None:
    client, folder = here.test_client(), config.instance_path
    source_id = add_source(here)
    run = record(here, source_id, media("h264", width=960, height=540))
    record_id = add_record(here, source_id, "gate", T0_US, run.end_us)
    data = video(client, record_id)
    assert len(data) > 200_000, "long enough to be cut"
    rate = len(data) // 8  # slow: what is looked for in the middle of a copy is to come before its end
    service = Service(folder, "worker", SYNC_TARGETS=targets(config), SYNC_BYTES_S=rate, SYNC_TRIES=1, SYNC_PAUSE_S=1)
    with working(service):
        job = ask(client, tag_name="gate", location="a")
        part = Path(str(item(client, job)["target"])).parent
        wait_for(lambda: list(part.glob(".*.part")) and size(part) > len(data) // 4, "a part", 30)
        service.processes["worker"].kill()
        service.processes["worker"].wait()
        assert [path.suffix for path in part.iterdir()] == [".part"]
        kept = size(part)
        assert item(client, job)["state"] == "running"
        service.spawn("worker")
        wait_for(lambda: shown(client, job)["ended_utc"], "the copy", 40)
        assert (item(client, job)["state"], item(client, job)["tries"]) == ("done", 2)
        (target,) = part.glob("*.mp4")
        assert target.read_bytes() == data
        assert 0 < kept < len(data)

        unreachable = ask(client, tag_name="gate", location="sftp://127.0.0.1:1/x")
        wait_for(lambda: item(client, unreachable)["state"] == "failed", "the end of the only try", 30)
        job = ask(client, tag_name="gate", location="b")
        part = Path(str(item(client, job)["target"])).parent
        wait_for(lambda: part.exists() and size(part) > 0, "a part", 30)
        service.processes["worker"].send_signal(signal.SIGTERM)
        assert service.processes["worker"].wait(6) == 0
        assert (item(client, job)["state"], item(client, job)["tries"]) == ("waiting", 0)
        assert item(client, unreachable)["state"] == "failed"
        assert "given up" in str(item(client, unreachable)["error"])
    shown_texts = [str(shown(client, number)) for number in (job, unreachable)]
    assert SECRET not in "".join([service.read_log(), *shown_texts])
    for path in folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob(".*.part"))
