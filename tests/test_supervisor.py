"""The supervisor as an operator meets it: a line for each mistake, the dead restarted, nothing left behind."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from app.locks import lock_holder
from app.prepared import LIST_NAME, head_revision, is_prepared, list_hash
from instance.config import ConfigurationError, TestingConfig, load_config, read_env_file
from tests.service import ROOT, Service, wait_for


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    """Yield a running service without cameras."""
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


def test_a_second_start_on_the_same_instance_ends_with_one_line(service: Service) -> None:
    second = service.run("run.py")
    assert second.returncode != 0
    assert len(second.stderr.strip().splitlines()) == 1
    assert "runs already" in second.stderr
    assert "PLAYBACK_INSTANCE" in second.stderr
    assert service.is_ready()


def test_a_port_in_use_ends_the_start_with_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        service = Service(tmp_path / "service", BIND=f"127.0.0.1:{other.getsockname()[1]}")
        ended = service.run("run.py")
    assert ended.returncode != 0
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "in use" in ended.stderr
    assert "PLAYBACK_BIND" in ended.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"BIND": "0.0.0.0:8000"}, ["PLAYBACK_BIND", "production"]),
        ({"FLASK_CONFIG": "production"}, ["PLAYBACK_SECRET_KEY", "secrets.token_urlsafe"]),
        ({"FLASK_CONFIG": "nonsense"}, ["FLASK_CONFIG", "development, testing, production"]),
        ({"BIND": "here"}, ["PLAYBACK_BIND", "ADDRESS:PORT"]),
        ({"SEGMENT_S": "long"}, ["PLAYBACK_SEGMENT_S", "number"]),
        ({"FFMPEG": "/bin/true"}, ["PLAYBACK_FFMPEG", "5.1"]),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_line(tmp_path: Path, settings: dict, words: list[str]) -> None:
    ended = Service(tmp_path / "service", **settings).run("run.py")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert all(word in ended.stderr for word in words), ended.stderr


@pytest.mark.parametrize("role", ["recorder", "web"])
def test_a_killed_process_is_started_again_at_once(service: Service, role: str) -> None:
    killed = service.pid(role)
    os.kill(killed, signal.SIGKILL)
    lock = service.instance / "run" / f"{role}.lock"
    wait_for(lambda: lock_holder(lock) not in (None, killed), "the next process")
    wait_for(service.is_ready, "readiness")


def living(service: Service) -> list[int]:
    """Return the pids of the instance's processes, nothing while one is missing."""
    pids = [lock_holder(service.instance / "run" / f"{role}.lock") for role in ("recorder", "web", "worker")]
    return [] if None in pids else pids


def test_a_new_supervisor_adopts_living_processes(tmp_path: Path) -> None:
    with Service(tmp_path / "service") as service:
        pids = wait_for(lambda: living(service), "all processes")
        service.processes["supervisor"].kill()
        service.processes["supervisor"].wait()
        assert service.is_ready()
        service.start()
        wait_for(lambda: "process" in service.read_log() and "is kept" in service.read_log(), "adoption")
        service.wait_ready()
        wait_for(lambda: living(service) == pids, "the adoption of all")


@pytest.mark.parametrize("place", ["a file", "/proc/nowhere"])
def test_an_instance_that_cannot_be_written_ends_the_start_with_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("no folder")
    service = Service(tmp_path / "service", INSTANCE=tmp_path / place)
    ended = service.run("run.py")
    assert ended.returncode == 2
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "PLAYBACK_INSTANCE" in ended.stderr


def test_a_clone_may_have_any_name(tmp_path: Path) -> None:
    clone = tmp_path / "app"
    for name in ("app", "migrations"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    (clone / "instance").mkdir()
    for name in ("__init__.py", "run.py", "instance/__init__.py", "instance/config.py"):
        shutil.copy(ROOT / name, clone / name)
    environment = {**Service(tmp_path / "service").environment, "PYTHONPATH": ""}
    done = subprocess.run(
        [sys.executable, "run.py", "prepare"], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_terminating_ends_every_process_of_an_instance_without_recordings(tmp_path: Path) -> None:
    with Service(tmp_path / "service") as service:
        supervisor = service.processes["supervisor"]
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(30) == 0
        for role in ("web", "recorder", "supervisor"):
            assert lock_holder(service.instance / "run" / f"{role}.lock") is None
        with pytest.raises(OSError, match=r"refused|Connection"):
            socket.create_connection(("127.0.0.1", service.port), timeout=1)


def test_production_prints_the_first_admin_once(tmp_path: Path) -> None:
    settings = {"FLASK_CONFIG": "production", "SECRET_KEY": "k" * 48, "PLAIN_HTTP": "1"}
    with Service(tmp_path / "service", **settings) as service:
        printed = service.read_log()
        assert printed.count("first admin: ") == 1
        password = printed.split("password: ")[1].split()[0]
        assert service.session.get(f"{service.base}/api/v1/source", timeout=5).status_code == 401
        given = {"name": "admin", "password": password, "new_password": "ein neues langes Wort"}
        assert service.session.post(f"{service.base}/login", json=given, timeout=5).status_code == 200
        assert service.session.get(f"{service.base}/api/v1/source", timeout=5).json() == []
        service.processes["supervisor"].send_signal(signal.SIGINT)
        service.processes["supervisor"].wait(30)
        service.start()
        service.wait_ready()
        assert service.read_log().count("first admin: ") == 1
        assert service.session.get(f"{service.base}/api/v1/source", timeout=5).json() == []
        database = (service.instance / "app.db").read_bytes()
        assert password.encode() not in database


def test_the_quick_look_knows_an_old_database(tmp_path: Path, migrated_sqlite: Path) -> None:
    config = TestingConfig(INSTANCE=str(tmp_path))
    assert head_revision() is not None
    assert not is_prepared(config)
    (tmp_path / "app.db").write_bytes(migrated_sqlite.read_bytes())
    assert not is_prepared(config), "the list of violations is not loaded yet"
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection, connection:
        connection.execute("INSERT INTO loaded_list VALUES (?, ?, 0)", (LIST_NAME, list_hash()))
    assert is_prepared(config)
    assert not is_prepared(TestingConfig(INSTANCE=str(tmp_path), ENVIRONMENT="production"))


def test_settings_come_from_the_environment_then_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "env"
    file.write_text('# comment\nFLASK_CONFIG=production\nPLAYBACK_BIND="127.0.0.1:1"\nPLAYBACK_SECRET_KEY=\n')
    assert read_env_file(file) == {"FLASK_CONFIG": "production", "PLAYBACK_BIND": "127.0.0.1:1"}
    monkeypatch.setenv("PLAYBACK_BIND", "127.0.0.1:4711")
    assert load_config("testing").host_port == ("127.0.0.1", 4711)
    monkeypatch.setenv("PLAYBACK_BIND", "127.0.0.1:99999")
    with pytest.raises(ConfigurationError, match="PLAYBACK_BIND"):
        load_config("testing")
    assert "secret" not in repr(load_config("testing", SECRET_KEY="secret" * 8, BIND="127.0.0.1:1"))


def test_the_service_stays_up_while_the_worker_is_killed(service: Service) -> None:
    children = Path(f"/proc/{service.processes['supervisor'].pid}/task")
    pids = {int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()}
    (worker,) = [pid for pid in pids if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: "worker: process" in service.read_log(), "the supervisor's line")
    time.sleep(0.5)
    assert service.is_ready()
