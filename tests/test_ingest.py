"""Taking files into the archive when something goes wrong on the way: nothing that can be played is left or lost."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.capture.attempt import put_aside
from app.extensions import db
from app.models import Segment, Source
from app.models.types import new_uuid
from tests.media import make_video
from tests.recording import segment


@pytest.fixture
def place(app: Flask, tmp_path: Path) -> Place:
    """Return the place of a run of which ffmpeg has left at least four files in the live folder."""
    clip = make_video(tmp_path / "clip.mp4", seconds=9, fps=12, gop=12)
    files = segment(clip, tmp_path / "segments")
    assert len(files) >= 4
    with app.app_context():
        storage_id = open_storage(app.config["PLAYBACK"]).id
        source = Source(model="Source")
        db.session.add(source)
        db.session.commit()
        found = Place(app.config["PLAYBACK"].storage_path, storage_id, source.id, new_uuid())
    places.live_folder(found.root, found.source_id).mkdir(parents=True)
    for number, file in enumerate(files):
        file.rename(live(found, number))
    return found


def live(place: Place, number: int) -> Path:
    return places.live_path(place.root, place.source_id, place.run_id, number)


def sequences() -> list[int]:
    return list(db.session.scalars(select(Segment.sequence).where(Segment.state == 1).order_by(Segment.sequence)))


def test_files_that_came_while_the_database_was_locked_are_all_taken_in(app: Flask, place: Place) -> None:
    count = len(list(live(place, 0).parent.iterdir()))
    with app.app_context():
        writer = RunWriter(place)
        refusals = [2, 5]

        def refuse(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("INSERT INTO segment"):
                refusals[:] = [number - 1 for number in refusals]
                if 0 in refusals:
                    raise OperationalError(statement, None, Exception("database is locked"))

        event.listen(db.engine, "before_cursor_execute", refuse)
        raised = 0
        while not writer.is_finished:
            try:
                writer.finish()
            except OperationalError:
                raised += 1
        event.remove(db.engine, "before_cursor_execute", refuse)
        assert raised == 2
        assert sequences() == list(range(count))
        assert not list(live(place, 0).parent.glob("*.mp4"))


def test_a_damaged_file_in_the_middle_is_passed_over(app: Flask, place: Place) -> None:
    live(place, 2).write_bytes(b"\x00" * 9000)
    with app.app_context():
        assert RunWriter(place).finish()
        assert sequences()[:3] == [0, 1, 3]
        assert live(place, 2).exists()
        put_aside(place.root, place.source_id, place.run_id)
    assert not live(place, 2).exists()
    assert [path.name for path in (place.root / "salvage").rglob("*.mp4")] == ["without-footage.mp4"]


def test_footage_that_was_not_taken_in_is_never_put_aside(app: Flask, place: Place) -> None:
    before = {path.name: path.read_bytes() for path in live(place, 0).parent.iterdir()}
    with app.app_context():
        put_aside(place.root, place.source_id, place.run_id)
    assert {path.name: path.read_bytes() for path in live(place, 0).parent.iterdir()} == before
