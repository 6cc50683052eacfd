"""Who looked at what: a row for each viewing, written by no request."""

import json
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from app.archive import viewwriter
from app.archive.downloads import MOST_A_MINUTE, Downloads
from app.archive.viewings import LONGEST_US, MOST_SPANS, PAUSE_US, Look, Viewings, joined
from app.archive.viewwriter import LEFT_US, ViewWriter, end_left, write, writer_of
from app.extensions import db
from app.models import Audit, Viewing
from app.models.types import now_us
from tests.archived import T0_US, add_source, address, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.handed import store_and_rotate
from tests.picture_server import PictureServer
from tests.served import serving
from tests.service import wait_for

S = 1_000_000


def get(client: FlaskClient, path: str, **headers: str) -> TestResponse:
    """Ask and read all of the answer, as a client does."""
    answer = client.get(path, headers=headers)
    assert answer.data is not None
    return answer


# GET routes whose answers show no footage and no file.
SHOWS_NOTHING = {
    "audit", "availability", "checks", "cinema", "comments", "csrf", "deletion", "docs", "fileevents", "filereport",
    "group", "health", "metrics", "notices", "pages", "pins", "recommend", "restplusexampleapi", "restx_doc",
    "retention", "schedule", "signin", "source", "sourcegaps", "static", "storage", "sync", "tag", "violations",
    "administration", "filerefer", "account", "accountpage", "me", "tokens", "shares", "losses",
    "systemhealth", "activity",
}  # fmt: skip
LISTS = {
    "copies.copy_copies", "copies.copy_one_copy", "exports.export_export_key", "files.file_files",
    "files.file_one_file", "record.record_one_record", "record.record_open_records", "record.record_records",
    "record.record_running", "results.file_result", "results.result_file_result", "playbackapi.source_data",
    "playbackapi.record_data",
    "playbackapi.playback_sync_of_sources", "playbackapi.playback_timeline_of_sources",
    "playbackapi.playback_activity_of_sources", "playbackapi.playback_marks_of_sources",
}  # fmt: skip
INDEXES = {"playbackapi.playback_init_media", "playbackapi.playback_source_thumbnail_index",
           "playbackapi.playback_record_thumbnail_index"}  # fmt: skip  # of what is fetched by itself
# What it leads to is watched as anywhere; opening it is `share.open`.
LEADS_ON = {"sharepage.page", "sharepage.shared_share_playlist", "sharepage.shared_share_video"}
WRITTEN_AT_ONCE = {"exports.export_source_export": "export", "download.by_key": "download"}
WATCHED = {
    "copies.copy_copy_video", "live.live_live_picture", "live.live_live_video", "recordfile.record_video",
    "results.result_file_result_file", "filecontent.file content_file_content", "playbackapi.playback_cell_media",
    "playbackapi.playback_record_picture",
    "playbackapi.playback_record_playlist", "playbackapi.playback_record_thumbnails",
    "playbackapi.playback_record_video", "playbackapi.playback_segment_media",
    "playbackapi.playback_source_picture", "playbackapi.playback_source_playlist",
    "playbackapi.playback_source_thumbnails", "playbackapi.playback_source_video",
}  # fmt: skip


def look(actor: str = "Zoë", source_id: int = 1, what: str = "video", action: str = "watch") -> Look:
    return Look(actor, (("address", "10.0.0.1"), ("how", "cookie")), action, str(source_id), source_id, what)


def written(app: Flask) -> list[tuple[str, str, dict[str, Any]]]:
    """Return actor, action and detail of what was written down."""
    with app.app_context():
        rows = db.session.execute(select(Audit.actor, Audit.action, Audit.detail).order_by(Audit.id))
        return [(actor, action, json.loads(detail)) for actor, action, detail in rows]


def ended(app: Flask) -> list[tuple[str, str, dict[str, Any]]]:
    """End what is being looked at; return what was written down."""
    assert writer_of(app).flush(is_end=True)
    return written(app)


def test_every_route_that_shows_footage_is_watched_or_named_here(app: Flask) -> None:
    """A new route that shows footage has to be in WATCHED, and a test of this module to ask it."""
    routes = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    rest = {one for one in routes if one.partition(".")[0] not in SHOWS_NOTHING}
    known = LISTS | INDEXES | LEADS_ON | WRITTEN_AT_ONCE.keys() | WATCHED
    assert not rest - known, "is footage in these? then let them tell app/views/watching.py; else name them here"
    assert not WATCHED - routes


def test_requests_of_one_viewing_are_one_row_with_what_was_asked_for(database_app: Flask, media: Any) -> None:
    app, client = database_app, database_app.test_client()
    source_id = add_source(app)
    recorded = record(app, source_id, media("h264"))
    url = address(source_id, recorded.begin_us, recorded.end_us)
    assert client.head(url).status_code == 200
    assert get(client, url, Range="bytes=99999999-").status_code == 416
    assert ended(app) == []
    whole = get(client, url)
    for first in range(0, len(whole.data), len(whole.data) // 7):
        assert get(client, url, Range=f"bytes={first}-{first + 99}").status_code == 206
    etag = whole.headers["ETag"]
    assert get(client, url, **{"If-None-Match": etag}).status_code == 304
    [(actor, action, detail)] = ended(app)
    assert (actor, action, detail["by"]) == ("anyone (testing)", "watch", {"how": "open", "address": "127.0.0.1"})
    assert (detail["begin_utc"], detail["end_utc"]) == (utc(recorded.begin_us), utc(recorded.end_us))
    assert "spans" not in detail


def test_of_a_film_only_the_files_count_that_were_sent(app: Flask, media: Any) -> None:
    """Files of 2 s; a range of its last bytes is of the last file."""
    client, source_id = app.test_client(), add_source(app)
    recorded = record(app, source_id, media("h264"))
    url = address(source_id, recorded.begin_us, recorded.end_us)
    size = len(get(client, url).data)
    assert ended(app)[0][2]["end_utc"] == utc(recorded.end_us)
    get(client, url, Range=f"bytes={size - 50}-")
    assert ended(app)[1][2]["begin_utc"] == utc(recorded.begin_us + 6 * S)
    get(client, url, Range=f"bytes={size // 20}-{size // 20 + 9}")
    detail = ended(app)[2][2]
    assert detail["begin_utc"] == utc(recorded.begin_us)
    assert detail["end_utc"] == utc(recorded.begin_us + 2 * S)
    get(client, address(source_id, recorded.begin_us + S, recorded.begin_us + 3 * S))  # only what was asked for of both
    detail = ended(app)[3][2]
    assert (detail["begin_utc"], detail["end_utc"]) == (utc(recorded.begin_us + S), utc(recorded.begin_us + 3 * S))


def test_playlists_segments_pictures_and_thumbnails_are_of_the_viewing(app: Flask, media: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    recorded = record(app, source_id, media("h264"))
    playlist = get(client, address(source_id, recorded.begin_us, recorded.end_us, name="index.m3u8")).text
    [(_, _, detail)] = ended(app)
    assert detail["requests"] == {"playlist": 1}
    assert "begin_utc" not in detail  # a playlist shows nothing yet
    found = re.findall("^(/[^?]+/segment/[^?]+)", playlist, re.MULTILINE)  # entries are parts of files
    segments = sorted(set(found))
    assert get(client, segments[1]).status_code == 200
    picture = f"/playbackapi/source/{source_id}/picture.jpg?at={utc(recorded.begin_us + 7 * S)}"
    assert get(client, picture).status_code == 200
    [_, (_, _, detail)] = ended(app)
    assert detail["requests"] == {"picture": 1, "segment": 1}
    [segment, shot] = detail["spans"]
    assert segment == [utc(recorded.begin_us + 2 * S), utc(recorded.begin_us + 4 * S)]
    assert shot[0] == utc(recorded.begin_us + 7 * S)
    sheet = address(source_id, recorded.begin_us, recorded.end_us, "&count=4", "thumbnails")
    assert get(client, sheet).status_code == 200
    assert ended(app)[2][2]["end_utc"] == utc(recorded.end_us)


def test_a_record_and_its_film_are_watched_as_their_source(app: Flask, media: Any) -> None:
    client, source_id = app.test_client(), add_source(app)
    recorded = record(app, source_id, media("h264"))
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("INSERT INTO tag (id, name, created_us) VALUES ('t', 't', 0)"))
        connection.execute(
            text(
                "INSERT INTO record (id, created_us, source_id, tag_id, begin_us, end_us) "
                "VALUES ('00000000-0000-4000-8000-000000000001', 0, :source, 't', :begin, :end)"
            ),
            {"source": source_id, "begin": recorded.begin_us + S, "end": recorded.begin_us + 3 * S},
        )
    key = "00000000-0000-4000-8000-000000000001"
    for path in (f"/api/v1/record/{key}/video/", f"/playbackapi/record/{key}/video.mp4"):
        assert get(client, path).status_code == 200, path
    [(_, action, detail)] = ended(app)
    assert (action, detail["requests"]["video"] > 1) == ("watch", True)
    assert (detail["begin_utc"], detail["end_utc"]) == (utc(recorded.begin_us + S), utc(recorded.begin_us + 3 * S))


def test_a_download_by_key_is_one_row_however_often_it_is_gone_on_with(app: Flask) -> None:
    client = app.test_client()
    file_id, key = store_and_rotate(app, b"x" * 1000)
    assert get(client, f"/download/{key}/").status_code == 200
    for first in (100, 500):
        assert get(client, f"/download/{key}/", Range=f"bytes={first}-").status_code == 206
    downloads = [row for row in written(app) if row[1] == "download"]
    assert len(downloads) == 1
    assert key not in str(written(app))
    with app.app_context():
        assert db.session.scalar(select(Audit.subject).where(Audit.action == "download")) == str(file_id)


def test_a_film_that_is_downloaded_is_an_export_and_one_that_is_only_watched_is_none(
    database_app: Flask, media: Any
) -> None:
    client, source_id = database_app.test_client(), add_source(database_app)
    recorded = record(database_app, source_id, media("h264"))
    url = address(source_id, recorded.begin_us + S, recorded.end_us)
    assert client.head(f"{url}&download=1").status_code == 200
    assert get(client, f"{url}&download=1", Range="bytes=99999999-").status_code == 416
    assert get(client, url).status_code == 200
    begun_us = now_us()
    size = len(get(client, f"{url}&download=1").data)
    for first in (0, 0, 100, 500):  # a browser that goes on with it, or asks twice
        assert get(client, f"{url}&download=1", Range=f"bytes={first}-").status_code == 206
    assert writer_of(database_app).flush()
    [(actor, action, detail)] = written(database_app)  # at once: what is watched is told when it ends
    assert (actor, action, detail.pop("by")) == ("anyone (testing)", "export", {"how": "open", "address": "127.0.0.1"})
    assert utc(begun_us) <= detail.pop("asked_utc") <= utc(now_us())
    span = {"start_utc": utc(recorded.begin_us + S), "end_utc": utc(recorded.end_us)}
    assert detail == {**span, "content": "mp4", "size_bytes": size}
    assert [action for _, action, _ in ended(database_app)] == ["export", "watch"]


def test_downloads_are_bounded_and_the_same_one_is_told_again_after_a_minute() -> None:
    downloads, at_us = Downloads(), T0_US
    for number in range(3 * MOST_A_MINUTE):
        downloads.note(look(action="export"), (number, number + S), 7, at_us)
    downloads.note(look("Änne", action="export"), (0, S), 7, at_us)
    assert [one.look.actor for one in downloads.take(at_us)] == ["Zoë"] * MOST_A_MINUTE + ["Änne"]
    assert not downloads.is_idle  # who asks again is known
    downloads.note(look(action="export"), (0, S), 7, at_us + PAUSE_US)
    assert downloads.take(at_us + PAUSE_US) == []
    assert downloads.take(at_us + 3 * PAUSE_US) == []
    assert downloads.is_idle
    downloads.note(look(action="export"), (0, S), 7, at_us + 3 * PAUSE_US)
    assert len(downloads.take(at_us + 3 * PAUSE_US)) == 1
    few = Downloads(most=2)
    for number in range(9):
        few.note(look(f"caller {number}", action="export"), (0, S), 7, at_us)
    assert len(few.take(at_us)) == 2


def test_a_download_that_could_not_be_written_is_written_later(app: Flask) -> None:
    writer, at_us = ViewWriter(app), T0_US
    writer.downloads.note(look(action="export"), (at_us, at_us + S), 7, at_us)  # there is no such source
    assert not writer.flush(at_us)
    assert add_source(app) == 1
    assert writer.flush(at_us)
    assert writer.flush(at_us)
    assert [(action, detail["size_bytes"]) for _, action, detail in written(app)] == [("export", 7)]


def test_what_a_download_fails_with_doubles_no_row_of_others(app: Flask) -> None:
    writer = ViewWriter(app)
    writer.viewings = Viewings(most=0)
    for _ in range(3):
        writer.viewings.note(look(), (0, 1), T0_US)
    writer.downloads.note(look(action="export"), (T0_US, T0_US + S), 7, T0_US)  # there is no such source
    for _ in range(4):
        assert not writer.flush(T0_US)
    assert written(app) == [("several", "watch.further", {"further": 3})]


def test_a_request_waits_for_nobody_who_writes(app: Flask, media: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer; who looks at footage while it is at work is answered, and written down afterwards."""
    monkeypatch.setattr(viewwriter, "FLUSH_S", 600.0)  # all at the end: a flush before writes down downloads alone
    client, source_id = app.test_client(), add_source(app)
    recorded = record(app, source_id, media("h264"))
    url = address(source_id, recorded.begin_us, recorded.end_us)
    get(client, url)
    with app.app_context(), db.engine.connect().execution_options(write=True) as held:
        held.execute(text("SELECT 1"))
        begun_s = time.monotonic()
        assert get(client, url).status_code == 200
        assert get(client, f"{url}&download=1").status_code == 200
        assert time.monotonic() - begun_s < 14, "it waited for the lock as long as SQLite lets it"
        held.rollback()
    assert [action for _, action, _ in ended(app)] == ["watch", "export"]


def test_viewings_end_with_a_pause_and_begin_anew_after_a_while() -> None:
    viewings = Viewings()
    at_us = T0_US
    for _ in range(40):
        viewings.note(look(), (at_us, at_us + S), at_us)
        viewings.note(look("Änne"), None, T0_US)
        at_us += 30 * S
    due = viewings.take(at_us)
    assert [one.look.actor for one in due.ended].count("Zoë") == 1
    assert due.ended[0].seen_us - due.ended[0].begun_us <= LONGEST_US
    assert len(due.changed) == 1
    due = viewings.take(at_us + PAUSE_US)
    assert len(due.ended) == 1
    assert viewings.is_idle


def test_who_how_camera_and_kind_tell_viewings_apart() -> None:
    viewings = Viewings()
    other = look()._replace(by=(("how", "token"),))
    for one in (look(), look(what="picture"), look("b"), look(source_id=2), look(action="watch.live"), other):
        viewings.note(one, (0, 1), T0_US)
    assert len(viewings.take(T0_US, is_end=True).ended) == 5


def test_a_flood_is_counted_and_takes_no_room(app: Flask) -> None:
    writer, _ = ViewWriter(app), add_source(app)
    writer.viewings = Viewings(most=100)
    for number in range(1000):
        writer.viewings.note(look(f"caller {number}"), (0, 1), T0_US)
    writer.viewings.note(look("caller 5"), (0, 1), T0_US)  # who is in goes on
    with app.app_context():
        write(writer.viewings.take(T0_US))
    assert written(app) == [("several", "watch.further", {"further": 900})]


def test_spans_are_bounded_and_leave_out_nothing() -> None:
    spans: list[tuple[int, int]] = []
    asked = [(number * 100 * S, number * 100 * S + S) for number in range(2 * MOST_SPANS)]
    for span in (*asked[::2], *asked[1::2]):
        spans = joined(spans, span)
    assert len(spans) == MOST_SPANS
    assert all(any(begin <= one[0] and one[1] <= end for begin, end in spans) for one in asked)
    assert joined([(0, 5), (10 * S, 20 * S)], (4, 11 * S)) == [(0, 20 * S)]


def test_what_is_looked_at_is_stored_within_seconds_and_ended_by_the_worker(database_app: Flask) -> None:
    """A process that is killed leaves it behind."""
    app = database_app
    source_id = add_source(app)
    writer = ViewWriter(app)
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + S), now_us())
    assert writer.flush()
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + 9 * S), now_us())
    assert writer.flush()
    with app.app_context():
        [row] = db.session.scalars(select(Viewing))
        assert json.loads(row.detail)["end_utc"] == utc(T0_US + 9 * S)
        db.session.rollback()
        assert end_left(now_us()) == 0
        assert end_left(now_us() + LEFT_US + S) == 1
        assert db.session.scalar(select(func.count()).select_from(Viewing)) == 0
    [(actor, action, detail)] = written(app)
    assert (actor, action, detail["end_utc"]) == ("Zoë", "watch", utc(T0_US + 9 * S))


def test_what_could_not_be_written_is_written_later(app: Flask) -> None:
    writer = ViewWriter(app)
    writer.viewings.note(look(), (T0_US, T0_US + S), T0_US)  # there is no such source: the database refuses it
    assert not writer.flush(T0_US + PAUSE_US + 2)
    assert add_source(app) == 1
    assert writer.flush(T0_US + PAUSE_US + 2)
    assert [action for _, action, _ in written(app)] == ["watch"]


def test_a_viewing_that_was_taken_from_its_process_is_told_all_the_same(database_app: Flask) -> None:
    """The clock was set forward, or the process stood still: the worker has ended it, and it goes on."""
    source_id, writer, at_us = add_source(database_app), ViewWriter(database_app), now_us()
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + S), at_us)
    assert writer.flush(at_us)
    with database_app.app_context():
        assert end_left(now_us() + LEFT_US + S) == 1
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + 9 * S), at_us)
    writer.viewings.note(look("Änne", source_id), (T0_US, T0_US + S), at_us)
    assert writer.flush(at_us)
    assert writer.flush(at_us, is_end=True)
    assert sorted(actor for actor, _, _ in written(database_app)) == ["Zoë", "Zoë", "Änne"]


def test_a_viewing_whose_storing_was_not_confirmed_is_stored_again(database_app: Flask) -> None:
    """The connection broke as it was committed: nobody knows whether the row is there."""
    source_id, writer = add_source(database_app), ViewWriter(database_app)
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + S), T0_US)
    due = writer.viewings.take(T0_US)
    with database_app.app_context():
        write(due)
        write(due)
        assert db.session.scalar(select(func.count()).select_from(Viewing)) == 1


def test_whatever_fails_nothing_that_was_seen_is_lost(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the database alone can fail: memory may be short, a disk away."""
    source_id, writer = add_source(app), ViewWriter(app)
    writer.viewings.note(look(source_id=source_id), (T0_US, T0_US + S), T0_US)
    with monkeypatch.context() as patched:
        patched.setattr(app, "app_context", lambda: 1 / 0)
        assert not writer.flush(T0_US + PAUSE_US + 2)
    assert writer.flush(T0_US + PAUSE_US + 2)
    assert [action for _, action, _ in written(app)] == ["watch"]


def test_a_fault_that_lasts_is_told_once(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried each two seconds: an hour without the database filled the log with 1,800 lines."""
    writer = ViewWriter(app)
    writer.viewings.note(look(), (T0_US, T0_US + S), T0_US)  # there is no such source
    for _ in range(3):
        assert not writer.flush(T0_US)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    add_source(app)
    assert writer.flush(T0_US)
    writer.viewings.note(look(source_id=9), (T0_US, T0_US + S), T0_US)
    assert not writer.flush(T0_US)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


@pytest.fixture
def folder(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Path]:
    """Return an instance folder with a database."""
    folder = tmp_path / "instance"
    folder.mkdir()
    shutil.copy(migrated_sqlite, folder / "app.db")
    return folder


def test_a_server_that_is_stopped_leaves_nothing_unwritten_and_live_pictures_count(folder: Path) -> None:
    with PictureServer() as camera, serving(folder) as served:
        source_id = served.service.add_source(camera.url)
        answer = served.service.session.get(served.url(f"/api/v1/source/{source_id}/picture"), timeout=20)
        assert answer.status_code == 200
        video = served.url(f"/api/v1/source/{source_id}/video")
        with served.service.session.get(video, stream=True, timeout=20) as stream:
            assert next(stream.iter_content(1000))
            wait_for(lambda: _stored(served.app), "a row of what is looked at")
            served.service.stop(signal.SIGTERM)
        acts = [row for row in written(served.app) if row[1] == "watch.live"]
        assert len(acts) == 1
        assert acts[0][2]["requests"]["picture"] == 1
        assert acts[0][2]["requests"]["video"] >= 1
        assert _stored(served.app) == 0


def _stored(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Viewing)) or 0
