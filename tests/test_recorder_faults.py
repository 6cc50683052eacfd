"""Faults that meet in the recorder: no database, a full disk of the instance, a storage that fails at a start."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_one
from app.capture import leases, watchdog
from app.capture.attempt import Attempt as RunningAttempt
from app.capture.camera import Camera
from app.capture.clockwatch import ClockWatch
from app.capture.disks import FAILING, FULL, OK, Disk, Disks
from app.capture.ffmpeg import Verdict
from app.capture.keeper import Keeper
from app.capture.lane import Lane
from app.capture.leftovers import Leftovers
from app.capture.processes import LiveFfmpeg, find_ffmpegs
from app.capture.recovery import end_surplus
from app.extensions import db, writing
from app.locks import lock_holder
from app.models import Attempt, Lease, Source, Wanted
from app.models.types import new_uuid
from app.tasks import make_celery
from app.tasks.placement import place
from instance.config import TestingConfig
from tests.archive_reading import query
from tests.archived import add_source
from tests.media import make_video
from tests.picture_server import PictureServer
from tests.rtsp_server import RtspServer
from tests.service import ROOT, Service, wait_for
from tests.services import Postgres
from tests.small_disk import fill, small_disk


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """Yield a camera with a key frame a second."""
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    make_video(path, seconds=6, fps=12, gop=12, width=192, height=128)
    with RtspServer({"cam": path}) as server:
        yield server


@pytest.fixture
def silent_uri() -> Iterator[str]:
    """Yield the address of a camera that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/cam"


@pytest.fixture
def disk(app: Flask) -> Disk:
    """Return the storage of the app, known and well."""
    found = next(iter(Disks(app.config["PLAYBACK"])))
    with app.app_context():
        found.storage_id = open_one(found.settings, 0)
        db.session.rollback()
    found.set_state(OK, "")
    return found


@pytest.fixture
def lane(app: Flask, disk: Disk) -> Iterator[Lane]:
    """Yield the lane of the storage, at work."""
    lane = Lane(app, disk, lambda: None)
    lane.start()
    yield lane
    lane.end()
    lane.join(10.0)


@pytest.fixture
def make_keeper(app: Flask) -> Iterator[Callable[[str], Keeper]]:
    """Yield what makes the keeper of a source with an address; ends what it started."""
    made: list[Keeper] = []

    def make(uri: str) -> Keeper:
        source_id = add_source(app)
        with app.app_context():
            row = db.session.get(Source, source_id)
            assert row is not None
            if uri.startswith("rtsp:"):
                row.uri_rtsp = uri
            else:
                row.model, row.picture_uri = "PictureSource", uri
            db.session.commit()
            made.append(Keeper(app.config["PLAYBACK"], Camera.of(row), "none"))
        return made[-1]

    yield make
    for keeper in made:
        if keeper.attempt is not None and keeper.attempt.child is not None:
            keeper.attempt.child.kill()
            keeper.attempt.child.wait()


def test_a_database_that_is_gone_leaves_the_sign_of_life_and_so_all_recordings(
    tmp_path: Path, camera: RtspServer, postgres: Postgres
) -> None:
    url = postgres.database("playback_gone")
    admin = make_url(url).set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with Service(tmp_path, DATABASE_URL=url) as service, psycopg.connect(admin, autocommit=True) as server:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        service.record("tag", "all")
        before = wait_for(service.ffmpeg_pids, "an ffmpeg", 30)
        server.execute("ALTER DATABASE playback_gone WITH ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'playback_gone'")
        beat = tmp_path / "run" / watchdog.HEARTBEAT
        try:
            wait_for(lambda: service.read_log().count("recording goes on") >= 7, "seven refusals", 30)
            seen_ns = beat.stat().st_mtime_ns
            wait_for(lambda: beat.stat().st_mtime_ns != seen_ns, "a sign of life", 5)
            os.kill(service.pid("recorder"), signal.SIGKILL)
            wait_for(lambda: "what records goes on" in service.read_log(), "the next recorder", 30)
            seen_ns = beat.stat().st_mtime_ns
            wait_for(lambda: beat.stat().st_mtime_ns != seen_ns, "its sign of life", 5)
        finally:
            server.execute("ALTER DATABASE playback_gone WITH ALLOW_CONNECTIONS true")
        wait_for(lambda: "adopted ffmpeg" in service.read_log(), "the adoption", 30)
        assert service.ffmpeg_pids() == before


def test_a_source_is_started_again_elsewhere_while_its_last_run_cannot_be_closed(
    tmp_path: Path, camera: RtspServer
) -> None:
    with Service(tmp_path, STORAGES=tmp_path / "second") as service:
        source_id = service.add_source(camera.url("cam"))
        service.add_group("all", [source_id])
        service.record("tag", "all")
        wait_for(lambda: query(service, "SELECT 1 FROM run"), "footage", 30)
        with read_only(service.storage):
            service.stop_recording("tag")
            wait_for(lambda: "Read-only file system: what source" in service.read_log(), "the refusal", 30)
            service.record("more", "all")
            wait_for(lambda: find_ffmpegs(tmp_path / "second" / places.LIVE), "an ffmpeg elsewhere", 30)
            assert query(service, "SELECT count(*) FROM run WHERE end_us IS NULL")
        wait_for(lambda: query(service, "SELECT 1 FROM run WHERE end_us IS NOT NULL"), "the end of the first run", 30)


def test_a_full_disk_of_the_instance_does_not_hold_up_the_recorder(app: Flask, tmp_path: Path) -> None:
    with small_disk(tmp_path / "full", "1m") as folder, app.app_context():
        config = TestingConfig(INSTANCE=str(folder))
        config.run_path.mkdir(parents=True)
        fill(folder / "other")
        watch = ClockWatch(config)
        watch.write()
        watch.write()


def step(app: Flask, keeper: Keeper) -> None:
    with app.app_context():
        keeper.step()


def test_a_source_goes_on_elsewhere_when_its_storage_fails_while_its_camera_is_away(
    app: Flask, disk: Disk, lane: Lane, make_keeper: Callable[[str], Keeper], silent_uri: str
) -> None:
    keeper = make_keeper(silent_uri)
    keeper.begin_at(disk)
    lane.add(keeper)
    attempt = wait_for(lambda: keeper.attempt, "the attempt")
    assert attempt.child is not None
    with read_only(disk.root):
        attempt.child.kill()  # its camera never said a word: there is no footage that has to be closed
        wait_for(lambda: keeper.needs_successor, "the wish to go on elsewhere")
        assert disk.suspected
        keeper.leave(Verdict("storage_unusable", "read-only", None))
        assert not keeper.is_done
    wait_for(lambda: keeper.is_done, "the end of the one that was left")
    with app.app_context():
        (row,) = db.session.scalars(select(Attempt)).all()
        assert row.end_us is not None


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder be read-only for who opens anything there from now on, as after an error of its file system."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    for command in (["mount", "--bind", folder, folder], ["mount", "-o", "remount,bind,ro", folder]):
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("a folder cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def without_database(app: Flask) -> Iterator[None]:
    """Let nobody connect to the database meanwhile."""
    path = app.config["PLAYBACK"].instance_path / "app.db"
    with app.app_context():
        db.engine.dispose()
    hidden = path.with_name("hidden")
    path.rename(hidden)
    path.mkdir()
    try:
        yield
    finally:
        path.rmdir()
        hidden.rename(path)


def test_an_attempt_begins_without_the_database_and_is_written_down_later(
    app: Flask, disk: Disk, make_keeper: Callable[[str], Keeper], silent_uri: str
) -> None:
    keeper = make_keeper(silent_uri)
    keeper.begin_at(disk)
    with without_database(app):
        with pytest.raises(OperationalError):
            step(app, keeper)
        assert keeper.attempt is not None  # else an ffmpeg would record that nobody watches
        assert [process.pid for process in find_ffmpegs(disk.root / places.LIVE)] == [keeper.attempt.process.pid]
    step(app, keeper)
    with app.app_context():
        (row,) = db.session.scalars(select(Attempt)).all()
        assert (row.run_id, row.end_us) == (keeper.attempt.place.run_id, None)


def test_a_source_leaves_a_storage_that_hangs_also_while_the_database_is_gone(
    app: Flask, disk: Disk, make_keeper: Callable[[str], Keeper], silent_uri: str
) -> None:
    keeper = make_keeper(silent_uri)
    keeper.begin_at(disk)
    step(app, keeper)
    disk.looking_s = time.monotonic() - 60
    with without_database(app), app.app_context():
        successor = keeper.leave(Verdict("throttled", "slow", None))
    assert successor.camera == keeper.camera
    attempt = keeper.attempt
    assert attempt is not None
    wait_for(lambda: attempt.child is None or attempt.child.poll() is not None, "the end of its ffmpeg")
    attempt.has_exited = True
    step(app, keeper)
    with app.app_context():
        (row,) = db.session.scalars(select(Attempt)).all()
        assert row.reason == "throttled"


def test_a_storage_that_fails_before_the_first_picture_does_not_keep_its_source(
    app: Flask, disk: Disk, make_keeper: Callable[[str], Keeper]
) -> None:
    with PictureServer() as pictures:
        keeper = make_keeper(pictures.url)
        keeper.begin_at(disk)
        step(app, keeper)
        feed = keeper._feed
        assert feed is not None
        wait_for(lambda: feed.first, "the first picture")
        with read_only(disk.root):
            step(app, keeper)
            assert keeper.is_idle
        feed.join(10.0)
        assert not feed.is_alive()
    with app.app_context():
        assert db.session.scalars(select(Attempt.reason)).all() == ["storage_unusable"]


def test_what_is_adopted_just_now_goes_on_when_the_recorder_is_stopped(
    app: Flask, disk: Disk, make_keeper: Callable[[str], Keeper], silent_uri: str
) -> None:
    keeper = make_keeper(silent_uri)
    assert not keeper.is_lasting
    keeper.begin_at(disk)
    step(app, keeper)
    assert keeper.is_lasting
    later = make_keeper(silent_uri)
    (process,) = find_ffmpegs(disk.root / places.LIVE)
    later.adopt_at(disk, process)
    assert later.is_lasting
    process.close()


def test_what_was_left_of_a_source_keeps_no_lease_where_no_storage_is_there(app: Flask) -> None:
    leftovers = Leftovers("none", {}, lambda: None)
    leftovers.recover([], 1, [], set())
    assert not leftovers.is_busy(1)


def test_an_ffmpeg_that_nobody_wants_is_killed_where_it_does_not_end() -> None:
    with subprocess.Popen(["bash", "-c", "trap '' INT; echo; sleep 60"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # it refuses to end from here on
        end_surplus(LiveFfmpeg(child.pid, os.pidfd_open(child.pid), 1, "run"), limit_s=0.5)
        assert child.wait(10) == -signal.SIGKILL


def test_leases_of_wanted_sources_are_left_to_the_recorders(app: Flask) -> None:
    wanted, unwanted = add_source(app), add_source(app)
    with app.app_context():
        recorder_id = leases.register(os.getpid())
        with writing() as session:
            session.add(Wanted(source_id=wanted, begin_us=1))
            session.add_all(
                Lease(source_id=number, recorder_id=recorder_id, expires_us=1) for number in (wanted, unwanted)
            )
    make_celery(app.config["PLAYBACK"]).flask_app = app
    place()
    with app.app_context():
        assert db.session.scalars(select(Lease.source_id)).all() == [wanted]
        other = leases.register(os.getppid())
        assert leases.claim(other, {wanted}, is_patient=True) == set()
        assert leases.claim(other, {wanted}) == {wanted}


def test_ffmpegs_of_a_storage_that_is_recorded_to_no_more_are_ended(tmp_path: Path) -> None:
    run_folder = tmp_path / "run"
    kept, removed = tmp_path / "kept" / "live", tmp_path / "removed" / "live"
    children = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", f"{root}/1/{new_uuid()}-%06d.mp4"])
        for root in (kept, removed)
    ]
    run_folder.mkdir()
    (run_folder / watchdog.HEARTBEAT).touch()
    program = "import sys; from pathlib import Path; from app.capture import watchdog; "
    program += "watchdog.start(Path(sys.argv[1]), 60.0, [Path(text) for text in sys.argv[2:]])"
    begin = [sys.executable, "-c", program, str(run_folder)]
    try:
        subprocess.run([*begin, str(kept), str(removed)], cwd=ROOT, check=True)
        wait_for(lambda: lock_holder(run_folder / watchdog.LOCK), "the watchdog")
        subprocess.run([*begin, str(kept)], cwd=ROOT, check=True)
        assert wait_for(lambda: children[1].poll() is not None, "the end of what nobody adopts", 40)
        assert children[0].poll() is None
    finally:
        watchdog.stop(run_folder)
        for child in children:
            child.kill()
            child.wait()


def test_the_log_of_a_bad_stream_does_not_grow_for_weeks(tmp_path: Path) -> None:
    place = Place(tmp_path, "none", 1, new_uuid())
    folder = tmp_path / "live" / "1"
    folder.mkdir(parents=True)
    process = LiveFfmpeg(0, -1, 1, place.run_id)
    attempt = RunningAttempt(place, process, RunWriter(place, is_new=True), 9.0)
    with (folder / f"{place.run_id}.log").open("ab") as log:
        log.write(b"Stream #0:0: Video: h264\n" + b"a bad frame\n" * 1_000_000)
        log.flush()
        attempt.trim_log()
        log.write(b"muxing overhead\n")
    text = attempt.read_log()
    assert text.startswith("Stream #0:0: Video")
    assert text.endswith("muxing overhead\n")
    assert (folder / f"{place.run_id}.log").stat().st_size < 200_000


def test_a_source_leaves_a_storage_that_failed_and_hangs_since(tmp_path: Path) -> None:
    disks = Disks(TestingConfig(INSTANCE=str(tmp_path), STORAGES=str(tmp_path / "second")))
    first, second = disks
    for found in disks:
        found.storage_id = found.name
        found.set_state(OK, "")
    first.set_state(FAILING, "Input/output error")
    assert not disks.better(first)  # its ffmpeg ends by itself
    first.looking_s = time.monotonic() - 60
    assert disks.better(first)
    second.set_state(FULL, "full")
    assert not disks.better(first)


def test_an_adopted_ffmpeg_of_another_address_gives_way_to_one_of_the_new(
    app: Flask, disk: Disk, make_keeper: Callable[[str], Keeper], silent_uri: str
) -> None:
    before = make_keeper(silent_uri)
    before.begin_at(disk)
    step(app, before)
    attempt = before.attempt
    assert attempt is not None
    source_id = before.camera.source_id
    same, other = (
        Keeper(before._config, before.camera, "next"),
        Keeper(before._config, Camera(source_id, "Source", "rtsp://127.0.0.1:1/new", None, None), "next"),
    )
    for keeper, is_stopped in ((same, False), (other, True)):
        (process,) = find_ffmpegs(disk.root / places.LIVE)
        keeper.adopt_at(disk, process)
        for _ in range(2):
            step(app, keeper)
        assert keeper.attempt is not None
        assert (keeper.attempt.stopped_s is not None) == is_stopped
        process.close()
