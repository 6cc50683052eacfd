"""The file at a record's `location`: an HLS playlist that plays the recording from the mounted storage."""

import fcntl
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from flask import Flask
from sqlalchemy import func, select

from app.archive import places
from app.archive.recordlist import BATCH, Lister
from app.archive.storages import open_storage
from app.extensions import db, writing
from app.models import Attempt, Record, Tag
from tests.archived import T0_US, close, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.recording import FFMPEGS
from tests.test_playback_requestdata import add_record

S = 1_000_000
NOBODY = "11111111-2222-3333-4444-555555555555"
Media = Callable[..., Path]


@pytest.fixture(autouse=True)
def storage(app: Flask) -> None:
    """Make the storage, as the recorder does at its start."""
    with app.app_context():
        open_storage(app.config["PLAYBACK"])


def run_lister(app: Flask, lister: Lister | None = None) -> int:
    with app.app_context():
        return (lister or Lister(app.config["PLAYBACK"])).run()


def path_of(app: Flask, record_id: str) -> Path:
    return app.config["PLAYBACK"].storage_path / places.record_location(record_id)


def is_listed(app: Flask, record_id: str) -> bool:
    with app.app_context():
        return db.session.get(Record, record_id).is_listed


def read_with_pyav(path: Path) -> dict[str, list[int]]:
    """Return the sizes of all packets that PyAV reads of a playlist, by kind."""
    found: dict[str, list[int]] = {"video": [], "audio": []}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size:
                found[packet.stream.type].append(packet.size)
    return found


def sizes_with(ffmpeg: str, path: Path) -> list[int]:
    """Return the sizes of the packets of pictures that an ffmpeg reads of a playlist.

    Not decoded: ffmpeg does not show the first fragment behind a discontinuity (docs/design/playback.md).
    """
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framecrc", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return [int(line.split(",")[4]) for line in done.stdout.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("kind", ["h264", "b-frames-audio", "h265"])
def test_a_playlist_plays_every_segment_of_the_recording(app: Flask, source_id: int, media: Media, kind: str) -> None:
    first = record(app, source_id, media(kind))
    second = record(app, source_id, media(kind, seed=3), begin_us=first.end_us + 20 * S)
    record_id = add_record(app, source_id, "t", first.begin_us, second.end_us)
    assert run_lister(app) == 1
    assert is_listed(app, record_id)
    path = path_of(app, record_id)
    text = path.read_text()
    assert text.count("#EXT-X-DISCONTINUITY") == 1
    assert text.endswith("#EXT-X-ENDLIST\n")
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T08:00:00.000Z" in text
    lengths = [float(length) for length in re.findall(r"#EXTINF:([\d.]+),", text)]
    target = int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", text)[1])
    assert max(lengths) <= target
    assert abs(sum(lengths) - 16) < 0.05
    for uri in re.findall(r"^\.\./.*$", text, re.MULTILINE):
        assert (path.parent / uri).resolve().is_file()
    read = read_with_pyav(path)
    assert len(read["video"]) == len(first.packets["video"]) + len(second.packets["video"])
    assert len(read["audio"]) == len(first.packets["audio"]) + len(second.packets["audio"])
    for ffmpeg in FFMPEGS:
        assert sizes_with(ffmpeg, path) == read["video"]


def test_a_playlist_grows_as_segments_close_and_is_complete_at_the_end(
    app: Flask, source_id: int, media: Media
) -> None:
    record_id = add_record(app, source_id, "t", T0_US + S // 2, None)
    lister = Lister(app.config["PLAYBACK"])
    assert run_lister(app, lister) == 1
    path = path_of(app, record_id)
    empty = path.read_text()
    assert "#EXTINF" not in empty
    assert "#EXT-X-ENDLIST" not in empty
    assert run_lister(app, lister) == 0  # nothing is new
    recorded = record(app, source_id, media("audio"), leave_open=True)
    assert run_lister(app, lister) == 1
    growing = path.read_text()
    assert growing.count("#EXTINF") == 3
    assert "#EXT-X-START:TIME-OFFSET=0.50000,PRECISE=YES" in growing
    with app.app_context(), writing() as session:
        session.get(Record, record_id).end_us = recorded.end_us
    run_lister(app, lister)
    assert not is_listed(app, record_id)  # its last segment is still open
    close(app, source_id, recorded.run_id)
    assert run_lister(app, lister) == 1
    assert path.read_text().startswith(growing)  # RFC 8216 §6.2.1: of an EVENT nothing is taken back
    assert path.read_text().endswith("#EXT-X-ENDLIST\n")
    assert path.read_text().count("#EXTINF") == 4
    assert is_listed(app, record_id)
    assert run_lister(app, lister) == 0
    assert sorted(found.name for found in path.parent.iterdir() if found.suffix != ".m3u8") == [".lock"]


def test_a_recording_whose_first_fragments_are_not_published_yet_is_not_complete(app: Flask, source_id: int) -> None:
    record_id = add_record(app, source_id, "t", T0_US, T0_US + S)
    with app.app_context(), writing() as session:
        attempt = Attempt(source_id=source_id, recorder_id=NOBODY, run_id=NOBODY, begin_us=T0_US - S)
        session.add(attempt)
        session.flush()
        number = attempt.id
    run_lister(app)
    assert not is_listed(app, record_id)
    with app.app_context(), writing() as session:
        session.get(Attempt, number).end_us = T0_US + 2 * S
    run_lister(app)
    assert is_listed(app, record_id)


def test_thousands_of_old_recordings_are_done_in_turn(app: Flask, source_id: int) -> None:
    count = BATCH + 30
    with app.app_context(), writing() as session:
        tag = Tag(name="old")
        session.add(tag)
        session.flush()
        for number in range(count):
            begin_us = T0_US + number * S
            session.add(Record(source_id=source_id, tag_id=tag.id, begin_us=begin_us, end_us=begin_us + S))
    lister = Lister(app.config["PLAYBACK"])
    assert 0 < run_lister(app, lister) <= BATCH
    for _ in range(20):
        run_lister(app, lister)
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Record.is_listed)) == count


def test_links_out_of_the_storage_are_neither_followed_nor_written(app: Flask, source_id: int, tmp_path: Path) -> None:
    record_id = add_record(app, source_id, "t", T0_US, T0_US + S)
    path = path_of(app, record_id)
    outside = tmp_path / "outside"
    outside.mkdir()
    path.parent.symlink_to(outside)
    assert run_lister(app) == 0
    assert list(outside.iterdir()) == []
    path.parent.unlink()
    path.parent.mkdir()
    (outside / "precious").write_text("untouched")
    path.symlink_to(outside / "precious")
    assert run_lister(app) == 1
    assert (outside / "precious").read_text() == "untouched"
    assert not path.is_symlink()


def test_only_one_process_writes_playlists_at_a_time(app: Flask, source_id: int) -> None:
    add_record(app, source_id, "t", T0_US, T0_US + S)
    folder = app.config["PLAYBACK"].storage_path / places.RECORDS
    folder.mkdir()
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert run_lister(app) == 0
    os.close(handle)
    assert run_lister(app) == 1
