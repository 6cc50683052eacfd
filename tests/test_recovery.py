"""What a power loss can leave of a run, each made by hand, and what the next start makes of it."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.storages import open_storage
from app.capture.recovery import leftover_sources, open_sources, take_in
from app.extensions import db, writing
from app.formats.closing import CLOSING_BYTES
from app.formats.fragments import read_init, scan
from app.models import Attempt, Recorder, Run, Segment
from app.models.segment import CLOSED, MISSING, OPEN
from app.models.types import new_uuid
from tests.archived import add_source, utc
from tests.media import make_video, packets
from tests.recording import segment

FILES = 4


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return four files of a run as ffmpeg cuts them: 2 s each, a fragment a second."""
    folder = tmp_path_factory.mktemp("cut")
    clip = make_video(folder / "clip.mp4", seconds=2 * FILES, fps=10, gop=10, width=320, height=240)
    files = segment(clip, folder / "segments", segment_s=2)
    assert len(files) == FILES
    return files


@pytest.fixture
def place(app: Flask, cut: list[Path]) -> Place:
    """Return the place of a run all of whose files lie in the live folder, none of them known to the database."""
    source_id = add_source(app)
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        found = Place(Path(storage.path), storage.id, source_id, new_uuid())
        db.session.rollback()
    places.live_folder(found.root, source_id).mkdir(parents=True)
    for number, file in enumerate(cut):
        shutil.copy(file, live(found, number))
        os.utime(live(found, number), (written_s := time.time() + 2 * (number - FILES), written_s))  # as they arrive
    return found


def live(place: Place, number: int) -> Path:
    return places.live_path(place.root, place.source_id, place.run_id, number)


def write_upto(place: Place, number: int) -> None:
    """Take in files as a recorder does that dies while it records file `number`."""
    hidden = [live(place, later) for later in range(number + 1, FILES)]
    for path in hidden:
        path.rename(path.with_suffix(".later"))
    writer = RunWriter(place)
    while writer.poll():
        pass
    for path in hidden:
        path.with_suffix(".later").rename(path)


def start(place: Place) -> None:
    """Do what a recorder does at its start, twice; the second time nothing changes."""
    for source_id in leftover_sources(place.root) | open_sources(place.storage_id):
        take_in(place.root, place.storage_id, source_id, set())
    before = rows(place), tree(place.root)
    for source_id in leftover_sources(place.root) | open_sources(place.storage_id):
        take_in(place.root, place.storage_id, source_id, set())
    assert (rows(place), tree(place.root)) == before


def rows(place: Place) -> list[tuple[int, int, int, int, str]]:
    """Return sequence, state, start, end and id of the run's segments."""
    columns = (Segment.sequence, Segment.state, Segment.start_us, Segment.end_us, Segment.id)
    found = db.session.execute(select(*columns).where(Segment.run_id == place.run_id).order_by(Segment.sequence))
    result = [tuple(row) for row in found]
    db.session.rollback()
    return result  # type: ignore[return-value]


def tree(root: Path) -> dict[str, tuple[int, int]]:
    found = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def states(place: Place) -> dict[int, int]:
    return {row[0]: row[1] for row in rows(place)}


def played(place: Place) -> list[str]:
    """Return the hashes of the pictures of all closed files, in order."""
    found = [places.closed_path(place.root, place.source_id, row[2], row[4]) for row in rows(place) if row[1] == CLOSED]
    return [packet.sha256 for path in found for packet in packets(path)["video"]]


def pictures(files: list[Path]) -> list[str]:
    return [packet.sha256 for file in files for packet in packets(file)["video"]]


def ends(path: Path) -> list[int]:
    """Return where each fragment ends."""
    handle = os.open(path, os.O_RDONLY)
    try:
        init = read_init(handle)
        return [fragment.end_bytes for fragment in scan(handle, init.size_bytes, init)[0]]
    finally:
        os.close(handle)


def salvaged(place: Place) -> list[Path]:
    return sorted((place.root / places.SALVAGE).rglob("*.*"))


def zero_tail(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(10_000))


def tear_moof(path: Path) -> None:
    data, end = bytearray(path.read_bytes()), ends(path)[0]
    data[end + 60 : end + 200] = bytes(140)
    path.write_bytes(data)


def lose_page(path: Path) -> None:
    """Leave zeros where a page of the second fragment's pictures was."""
    data, end = bytearray(path.read_bytes()), ends(path)[0]
    page = (end + 1000) // 4096 * 4096 + 4096
    assert page + 4096 <= len(data)
    data[page : page + 4096] = bytes(4096)
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    os.truncate(path, ends(path)[1] - 100)


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    ("damage", "left"),
    [(zero_tail, 2), (tear_moof, 1), (lose_page, 1), (cut_short, 1)],
    ids=["zeros behind the last fragment", "torn tables", "a page that was never written", "cut short"],
)
def test_a_damaged_last_file_keeps_every_fragment_before_the_damage(
    app: Flask, place: Place, cut: list[Path], damage: Callable[[Path], None], left: int, published: bool
) -> None:
    last = live(place, FILES - 1)
    whole = pictures([*cut[:-1], _upto(cut[-1], left, last.parent.parent)])
    with app.app_context():
        if published:
            write_upto(place, FILES - 1)
        damage(last)
        start(place)
        assert states(place) == dict.fromkeys(range(FILES), CLOSED)
        assert played(place) == whole
    assert not last.exists()
    assert len(salvaged(place)) == 1


def _upto(file: Path, count: int, folder: Path) -> Path:
    """Return a copy of a file that ends after so many fragments."""
    copy = folder / "upto.mp4"
    copy.write_bytes(file.read_bytes()[: ends(file)[count - 1]])
    return copy


@pytest.mark.parametrize("kind", ["gone", "empty", "zeros"])
def test_an_open_row_whose_file_is_lost_is_missing_and_all_before_it_plays(
    app: Flask, place: Place, cut: list[Path], kind: str
) -> None:
    with app.app_context():
        write_upto(place, FILES - 1)
        last = live(place, FILES - 1)
        last.unlink() if kind == "gone" else last.write_bytes(b"" if kind == "empty" else bytes(9000))
        start(place)
        assert states(place) == {0: CLOSED, 1: CLOSED, 2: CLOSED, 3: MISSING}
        assert played(place) == pictures(cut[:-1])
        assert db.session.get(Run, place.run_id).end_us is not None


def test_a_run_of_which_all_open_files_and_the_folder_are_lost_is_ended(app: Flask, place: Place) -> None:
    with app.app_context():
        write_upto(place, 0)
        shutil.rmtree(live(place, 0).parent)
        start(place)
        assert states(place) == {0: MISSING}


@pytest.mark.parametrize("known", [2, 1, 0], ids=["its row is there", "no row", "not published"])
def test_a_file_that_is_lost_between_others_is_a_gap_and_what_follows_keeps_its_time(
    app: Flask, place: Place, cut: list[Path], known: int
) -> None:
    with app.app_context():
        if known:
            write_upto(place, known)
            assert states(place)[known] == OPEN
        live(place, 2).unlink()
        start(place)
        found = {row[0]: row for row in rows(place)}
        assert {number: row[1] for number, row in found.items() if number != 2} == {0: CLOSED, 1: CLOSED, 3: CLOSED}
        assert played(place) == pictures([cut[0], cut[1], cut[3]])
        assert abs(found[1][3] - found[1][2] - 2_000_000) < 150_000  # it does not last over what is lost
        assert abs(found[3][2] - found[0][2] - 6_000_000) < 150_000
        if known == 2:
            assert found[2][1] == MISSING


def test_a_closed_file_without_its_closing_box_gets_one(app: Flask, place: Place, cut: list[Path]) -> None:
    with app.app_context():
        write_upto(place, FILES - 1)
        row = rows(place)[-1]
        target = places.closed_path(place.root, place.source_id, row[2], row[4])
        target.parent.mkdir(parents=True, exist_ok=True)
        live(place, FILES - 1).rename(target)
        with target.open("ab") as file:
            file.write(CLOSING_BYTES.to_bytes(4, "big") + b"uuid" + bytes(50))  # torn
        start(place)
        assert states(place) == dict.fromkeys(range(FILES), CLOSED)
        assert played(place) == pictures(cut)


def test_a_crash_within_closing_does_not_replace_what_was_salvaged(app: Flask, place: Place) -> None:
    with app.app_context():
        write_upto(place, FILES - 1)
        last = live(place, FILES - 1)
        tail = last.read_bytes()[ends(last)[0] :][:3000]
        os.truncate(last, ends(last)[0])
        with last.open("ab") as file:
            file.write(tail)
        start(place)
        (kept,) = salvaged(place)
        assert kept.read_bytes() == tail
        row = rows(place)[-1]
        target = places.closed_path(place.root, place.source_id, row[2], row[4])
        with writing() as session:  # the box was torn, and the row not committed
            session.execute(update(Segment).where(Segment.id == row[4]).values(state=OPEN))
        os.truncate(target, target.stat().st_size - 30)
        start(place)
        assert states(place)[FILES - 1] == CLOSED
    assert kept.read_bytes() == tail


def test_a_run_whose_rows_are_lost_is_taken_in_from_what_is_left_of_it(
    app: Flask, place: Place, cut: list[Path]
) -> None:
    with app.app_context():
        write_upto(place, 2)  # two files are closed
        first_us = rows(place)[0][2]
        with writing() as session:
            session.execute(delete(Segment))
            session.execute(delete(Run))
        start(place)
        found = rows(place)
        assert [(row[0], row[1]) for row in found] == [(2, CLOSED), (3, CLOSED)]
        assert played(place) == pictures(cut[2:])
        assert abs(found[0][2] - first_us - 4_000_000) < 5_000_000


def test_files_behind_the_last_closed_one_are_taken_in(app: Flask, place: Place, cut: list[Path]) -> None:
    hidden = live(place, 3).with_suffix(".later")
    with app.app_context():
        live(place, 3).rename(hidden)
        start(place)
        assert states(place) == dict.fromkeys(range(3), CLOSED)
        hidden.rename(live(place, 3))
        start(place)
        assert states(place) == dict.fromkeys(range(FILES), CLOSED)
        assert played(place) == pictures(cut)


def test_a_run_that_cannot_be_taken_in_keeps_no_other_from_it(
    app: Flask, place: Place, cut: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Place(place.root, place.storage_id, place.source_id, "00000000-0000-4000-8000-000000000000")
    shutil.copy(cut[0], live(other, 0))
    real = os.open

    def refuse(path: object, *arguments: int, **options: int) -> int:
        if other.run_id in str(path):
            raise OSError(5, "Input/output error", str(path))
        return real(path, *arguments, **options)  # type: ignore[call-overload]

    with app.app_context():
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            with pytest.raises(OSError, match="Input/output"):
                take_in(place.root, place.storage_id, place.source_id, set())
        assert states(place) == dict.fromkeys(range(FILES), CLOSED)
        start(place)
        assert played(other) == pictures(cut[:1])


def test_a_torn_sample_index_is_read_from_the_file(app: Flask, place: Place) -> None:
    with app.app_context():
        start(place)
        (index,) = (place.root / places.INDEX).rglob("*.sidx")
        data = index.read_bytes()
        index.write_bytes(data[: len(data) // 2] + bytes(len(data) // 2))
        with app.test_client() as client:
            found = rows(place)
            span = f"start={utc(found[0][2])}&end={utc(found[-1][3])}"
            answer = client.get(f"/playbackapi/source/{place.source_id}/video.mp4?{span}")
            assert answer.status_code == 200
            assert answer.data[4:8] == b"ftyp"


def test_a_file_that_cannot_be_closed_now_is_closed_at_the_next_start(
    app: Flask, place: Place, cut: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        write_upto(place, FILES - 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _refuse)
            with pytest.raises(OSError, match="Input/output"):
                RunWriter(place).finish()
        start(place)
        assert played(place) == pictures(cut)


def _refuse(_handle: int) -> None:
    raise OSError(5, "Input/output error")


def test_a_run_to_which_another_machine_still_writes_is_left_alone(app: Flask, place: Place) -> None:
    with app.app_context():
        with writing() as session:
            session.add(Recorder(id="there", host_id="other", boot_id="", pid=1, started_ticks=1, seen_us=1))
            session.add(Attempt(source_id=place.source_id, run_id=place.run_id, recorder_id="there", begin_us=1))
        with pytest.raises(BlockingIOError, match="another machine"):
            take_in(place.root, place.storage_id, place.source_id, set())
        assert rows(place) == []
        for number in range(FILES):
            os.utime(live(place, number), (1_600_000_000 + number, 1_600_000_000 + number))
        take_in(place.root, place.storage_id, place.source_id, set())
        assert len(rows(place)) == FILES
