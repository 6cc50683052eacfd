"""Long recordings: closed and continued at a key frame, without a packet lost or doubled."""

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive import recordings
from app.archive.continuing import continue_records
from app.extensions import db, writing
from app.models import Record, Tag, Wanted
from app.models.types import now_us
from tests.archive_reading import assert_contiguous
from tests.archived import add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.media import make_video, packets
from tests.rtsp_server import RtspServer
from tests.service import Service, wait_for
from tests.test_playback_mp4 import hashes
from tests.test_record_files import video

S = 1_000_000
Media = Callable[..., Path]


def begin_record(app: Flask, source_id: int, begin_us: int, name: str = "t") -> str:
    """Make an open record with its wanted interval."""
    with app.app_context(), writing() as session:
        tag = recordings.make_tag(session, name, begin_us)
        recordings.start(session, [source_id], tag, begin_us)
        return session.scalars(select(Record.id).where(Record.tag_id == tag.id, Record.end_us.is_(None))).one()


def roll(app: Flask, max_s: float) -> int:
    with app.app_context():
        return continue_records(round(max_s * S))


def spans(app: Flask) -> list[tuple[int, int | None]]:
    with app.app_context():
        rows = db.session.execute(select(Record.begin_us, Record.end_us).order_by(Record.begin_us, Record.id))
        return [tuple(row) for row in rows]


def past(seconds: float) -> int:
    """Return a whole second so long ago."""
    return (now_us() // S - round(seconds)) * S


@pytest.mark.parametrize("kind", ["h264", "b-frames-audio", "h265"])
def test_a_long_record_goes_on_in_another_at_a_key_frame(
    app: Flask, client: FlaskClient, source_id: int, media: Media, kind: str
) -> None:
    recorded = record(app, source_id, media(kind), begin_us=past(60), leave_open=True)
    first = begin_record(app, source_id, recorded.begin_us)
    assert roll(app, 10) == 0  # there is no key frame after 10 s yet
    assert roll(app, 3.5) == 1
    keys = [taken.instant_us for taken in recorded.packets["video"] if taken.is_key]
    at_us = next(key for key in keys if key >= recorded.begin_us + 3_500_000)
    (begin, middle), (again, end) = spans(app)
    assert (begin, middle, again, end) == (recorded.begin_us, at_us, at_us, None)
    assert roll(app, 7.5) == 0
    assert client.get("/api/v1/record/runing?tag_name=t").json is True
    with app.app_context():
        assert db.session.scalars(select(Wanted.end_us)).all() == [None]
        second = db.session.scalar(select(Record.id).where(Record.end_us.is_(None)))
    assert second != first
    one, two = (hashes(client.get(video(record_id)).data) for record_id in (first, second))
    assert [*one["video"], *two["video"]] == [taken.sha256 for taken in recorded.packets["video"]]
    if "audio" in one:
        assert_joined(one["audio"], two["audio"], [taken.sha256 for taken in recorded.packets["audio"]])


def assert_joined(before: list[str], after: list[str], whole: list[str]) -> None:
    """Assert that two stretches of packets make up a whole; a decoder may need the last ones before the seam again."""
    assert whole in [[*before, *after[shared:]] for shared in range(3)]


def test_a_record_that_nobody_looked_at_for_long_becomes_several(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=past(60))
    begin_record(app, source_id, recorded.begin_us)
    assert roll(app, 2) == 3
    offsets = [(begin - recorded.begin_us, end and end - recorded.begin_us) for begin, end in spans(app)]
    assert offsets == [(0, 2 * S), (2 * S, 4 * S), (4 * S, 6 * S), (6 * S, None)]
    assert roll(app, 2) == 0


def test_what_a_schedule_began_is_still_the_schedules(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=past(60))
    begin_record(app, source_id, recorded.begin_us)
    with app.app_context(), writing() as session:
        session.execute(update(Record).values(scheduled_by="a group"))
    assert roll(app, 3) >= 1
    with app.app_context():
        assert set(db.session.scalars(select(Record.scheduled_by))) == {"a group"}


def test_where_the_camera_gives_nothing_it_goes_on_until_it_does(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=past(300))
    begin_record(app, source_id, recorded.begin_us)
    assert roll(app, 60) == 0
    later = record(app, source_id, media("h264", seed=2), begin_us=recorded.begin_us + 100 * S)
    assert roll(app, 60) == 1
    assert spans(app) == [(recorded.begin_us, later.begin_us), (later.begin_us, None)]


def test_footage_that_was_lost_does_not_hinder(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=past(60))
    begin_record(app, source_id, recorded.begin_us)
    for path in app.config["PLAYBACK"].storage_path.rglob("rec/**/*.mp4"):
        path.unlink()
    assert roll(app, 3) == 1
    assert spans(app)[1][0] == recorded.begin_us + 4 * S


def test_each_tag_has_its_own_age(app: Flask, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"), begin_us=past(60))
    begin_record(app, source_id, recorded.begin_us, "old")
    begin_record(app, source_id, recorded.begin_us + 5 * S, "young")
    assert roll(app, 4) == 1
    with app.app_context():
        names = db.session.execute(
            select(Tag.name, Record.begin_us).join(Record, Record.tag_id == Tag.id).where(Record.end_us.is_(None))
        )
        assert dict(tuple(row) for row in names) == {
            "old": recorded.begin_us + 4 * S,
            "young": recorded.begin_us + 5 * S,
        }


def test_stopping_starting_and_continuing_at_once_leave_one_chain(database_app: Flask, media: Media) -> None:
    app, source_id = database_app, add_source(database_app)
    recorded = record(app, source_id, media("h264"), begin_us=past(60))
    begin_record(app, source_id, recorded.begin_us)

    def stop_and_start() -> None:
        for _ in range(5):
            with app.app_context(), writing() as session:
                tag = recordings.find_tag(session, "t")
                recordings.stop(session, tag, None, now_us())
            begin_record(app, source_id, now_us())

    threads = [threading.Thread(target=stop_and_start), *(threading.Thread(target=roll, args=(app, 2)) for _ in "12")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = spans(app)
    assert sum(end is None for _, end in found) == 1
    for (_, end), (begin, _) in itertools.pairwise(found):
        assert end is not None
        assert end <= begin
    with app.app_context():
        assert sum(end is None for end in db.session.scalars(select(Wanted.end_us))) == 1


# --- the whole service -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 40 s of H.264 with a key frame a second, and AAC; no two packets are alike."""
    path = tmp_path_factory.mktemp("footage") / "cam.mp4"
    return make_video(path, seconds=40, fps=12, gop=12, width=160, height=120, audio="aac")


def test_a_service_continues_records_without_losing_or_doubling_a_packet(tmp_path: Path, footage: Path) -> None:
    with (
        RtspServer({"cam": footage}) as camera,
        Service(tmp_path, SEGMENT_S=2, RECORD_MAX_S=3, PROBE_INTERVAL_S=3600) as service,
    ):
        source_id = service.add_source(camera.url("cam"))
        service.add_group("g", [source_id])
        wait_for(lambda: service.status(source_id) != "unknown", "the camera's measurement")
        service.record("t", "g")

        def records() -> list[dict[str, Any]]:
            return service.call("GET", "/api/v1/record?tag_name=t")

        wait_for(lambda: len(records()) >= 3, "two continued records", 40)
        assert service.call("GET", "/api/v1/record/runing?tag_name=t") is True
        assert [item["status"] for item in records()][-1] == "recording"
        service.stop_recording("t")
        answered_s = time.time()
        wait_for(lambda: all(item["hash_md5"] for item in records()), "the hashes", 30)
        found = records()
        assert {item["status"] for item in found} == {"done"}
        for before, after in itertools.pairwise(found):
            assert before["end_utc"] == after["begin_utc"]
        films = []
        for item in found:
            path = tmp_path / f"{item['id']}.mp4"
            answer = service.session.get(f"{service.base}/api/v1/record/{item['id']}/video/", timeout=30)
            path.write_bytes(answer.content)
            films.append(packets(path))
            location = service.storage / item["location"]
            wait_for(lambda path=location: "#EXT-X-ENDLIST" in path.read_text(), "the playlist's end", 20)
        joined = [packet for film in films for packet in film["video"]]
        assert_contiguous(joined, camera.sessions("cam")[-1].sent("video"), answered_s - 1, begin=0)
