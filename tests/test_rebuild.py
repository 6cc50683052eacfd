"""`flask rebuild`: the rows of all footage come back from the media files alone."""

import os
import random
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.archive import places
from app.archive.coverage import recount
from app.archive.filewalk import Odd
from app.archive.rebuilding import Rebuilt, Reporter, rebuild
from app.archive.reindexing import reindex
from app.archive.reopening import reopen_runs
from app.archive.storages import open_storage
from app.capture import recovery
from app.extensions import db, writing
from app.formats.closing import CLOSING_BYTES, Closing
from app.models import Deletion, Doomed
from tests.archived import T0_US, add_source, address, no_plans
from tests.clips import CLIPS, SWITCHES, Clip, clips
from tests.synthetic import FileSpec, Growing, RunSpec, make_run, take_in

__all__ = ["clips", "no_plans"]
SECOND_US = 1_000_000


def footage(app: Flask) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of footage in the order of their keys; codec configurations by their hash, not their number."""
    with app.app_context():
        hashes = dict(db.session.execute(text("SELECT id, sha256 FROM sample_entry")).all())
        found = {}
        for table, order in (
            ("segment", "source_id, start_us"), ("run", "id"), ("coverage", "source_id, level, cell"),
            ("sample_entry", "sha256"),
        ):  # fmt: skip
            rows = [dict(row) for row in db.session.execute(text(f"SELECT * FROM {table} ORDER BY {order}")).mappings()]
            for row in rows:
                for name in ("video_entry_id", "audio_entry_id"):
                    row[name] = hashes.get(row.get(name))
                if table == "coverage":
                    row["spans"] = bytes(row["spans"])
                    del row["revision"]  # never the same again, so that nobody trusts what he remembers
                if table == "sample_entry":
                    row["entry"] = bytes(row["entry"])
                    del row["id"]
            found[table] = rows
        db.session.rollback()
    return found


def lose(app: Flask) -> None:
    """Lose every row, as with a new database, but for the storage's and those that nobody can remove."""
    with app.app_context(), writing() as session:
        for table in reversed(db.metadata.sorted_tables):
            if table.name not in ("storage", "audit", "audit_seal", "deletion"):
                session.execute(table.delete())


def again(app: Flask, **how: Any) -> tuple[Rebuilt, list[Odd]]:
    """Rebuild from the app's storage."""
    odd: list[Odd] = []
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        roots = {storage.id: Path(storage.path)}
        done = rebuild(roots, Reporter(odd.append, lambda _: None), **{"processes": 1, **how})
        db.session.remove()
    return done, odd


def root_of(app: Flask) -> Path:
    return Path(app.config["PLAYBACK"].storage_path)


def closed_files(app: Flask) -> list[Path]:
    return sorted((root_of(app) / places.CLOSED).rglob("*.mp4"))


def body(app: Flask, source_id: int, begin_us: int, end_us: int) -> tuple[str, bytes]:
    answer = app.test_client().get(address(source_id, begin_us, end_us), follow_redirects=True)
    assert answer.status_code == 200, answer.get_json()
    return answer.headers["ETag"], answer.data


def spec_of(rng: random.Random) -> RunSpec:
    kind = rng.choice(sorted(CLIPS))
    other = SWITCHES.get(kind, kind)
    return RunSpec(
        tuple(FileSpec(rng.choice((kind, other)), rng.randint(1, 3)) for _ in range(rng.randint(1, 4))),
        seed=rng.randrange(1 << 30),
        first_ticks=rng.choice((0, 180_000, 90_000 * 3600)),
        jitter_ticks=rng.choice((0, 300)),
        has_ragged_sound=rng.random() < 0.4,
        has_tail=rng.random() < 0.4,
        slews_us=rng.choice((None, (0, 80_000, 400_000), (0, -90_000))),
    )


Clips = dict[str, Clip]
PLAIN = RunSpec((FileSpec("plain", 1), FileSpec("plain", 1), FileSpec("plain", 2)), seed=5)


@pytest.mark.parametrize("seed", range(6))
def test_every_row_of_footage_comes_back_and_plays_the_same_bytes(app: Flask, clips: Clips, seed: int) -> None:
    rng = random.Random(seed)
    runs = []
    for _ in range(2):
        source_id, begin_us = add_source(app), T0_US + rng.choice((0, 15 * 3600)) * SECOND_US
        for _ in range(2):
            run = take_in(app, source_id, make_run(clips, spec_of(rng)), begin_us)
            runs.append((source_id, run))
            begin_us = run.end_us + rng.choice((-SECOND_US, 300_000, 40 * SECOND_US))
    before = footage(app)
    played = [body(app, source_id, run.begin_us, run.end_us) for source_id, run in runs]
    lose(app)
    done, odd = again(app)
    assert not odd
    assert (done.segments, done.runs, done.sources) == (len(before["segment"]), 4, 2)
    assert footage(app) == before
    assert [body(app, source_id, run.begin_us, run.end_us) for source_id, run in runs] == played
    done, odd = again(app)
    assert (done.files, done.segments, odd) == (len(before["segment"]), 0, [])
    assert footage(app) == before


def test_several_processes_and_both_databases_give_the_same(database_app: Flask, clips: Clips) -> None:
    source_id = add_source(database_app)
    take_in(database_app, source_id, make_run(clips, PLAIN), T0_US)
    before = footage(database_app)
    lose(database_app)
    done, odd = again(database_app, processes=2)
    assert (done.segments, odd) == (3, [])
    assert footage(database_app) == before
    assert add_source(database_app) > source_id  # the number of a recovered source is never given out again


def test_a_dry_run_says_what_would_be_done_and_changes_nothing(app: Flask, clips: Clips) -> None:
    source_id = add_source(app)
    for day in range(2):
        take_in(app, source_id, make_run(clips, PLAIN), T0_US + day * places.DAY_US)
    lose(app)
    done, _ = again(app, is_dry=True)
    assert (done.segments, done.runs, done.sources) == (6, 2, 1)
    assert not any(footage(app).values())


def test_rows_that_exist_are_left_and_missing_ones_are_made(app: Flask, clips: Clips) -> None:
    source_id = add_source(app)
    run = take_in(app, source_id, make_run(clips, PLAIN), T0_US)
    before = footage(app)
    with app.app_context(), writing() as session:
        session.execute(text("DELETE FROM segment WHERE sequence = 1"))
        session.execute(text("UPDATE source SET description = 'door'"))
        recount(session, source_id, run.begin_us)
    done, _ = again(app)
    assert (done.segments, done.runs, done.sources) == (1, 0, 0)
    assert footage(app) == before
    with app.app_context():
        assert db.session.scalar(text("SELECT description FROM source")) == "door"


def test_a_recovered_source_is_listed_without_an_address_and_nothing_records_it(app: Flask, clips: Clips) -> None:
    source_id = add_source(app)
    take_in(app, source_id, make_run(clips, PLAIN), T0_US)  # of pictures, as its times are given
    pictured = take_in(app, add_source(app), make_run(clips, replace(PLAIN, slews_us=(0,))), T0_US)
    lose(app)
    again(app)
    listed = app.test_client().get("/api/v1/source").get_json()
    assert [(source["id"], source["description"], source["uri_rtsp"]) for source in listed] == [
        (source_id, "recovered", None),
        (source_id + 1, "recovered", None),
    ]
    asked = {"start": pictured.begin_us / 1e6, "end": pictured.end_us / 1e6}
    answer = app.test_client().get(f"/playbackapi/source/{source_id + 1}", query_string=asked)
    assert answer.status_code == 200
    assert not answer.get_json()["gaps"]
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM wanted")) == 0


def _empty(path: Path, _: Path) -> None:
    os.truncate(path, 0)


def _cut(path: Path, _: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def _damage_the_box(path: Path, _: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)


def _replace_by_foreign_bytes(path: Path, _: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(5000))


def _replace_by_a_bare_box(path: Path, _: Path) -> None:
    path.write_bytes(path.read_bytes()[-CLOSING_BYTES:])


def _lose_a_fragment(path: Path, _: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moof") - 4] + data[-CLOSING_BYTES:])


def _take_the_box_of_another_source(path: Path, _: Path) -> None:
    _with_box(path, lambda closing: replace(closing, source_id=77))


def _say_another_hour(path: Path, _: Path) -> None:
    def later(closing: Closing) -> Closing:
        assert closing.facts is not None
        facts = replace(closing.facts, end_us=closing.facts.end_us + 3600 * SECOND_US)
        return replace(closing, start_us=closing.start_us + 3600 * SECOND_US, facts=facts)

    _with_box(path, later)


def _say_impossible_numbers(path: Path, _: Path) -> None:
    def huge(closing: Closing) -> Closing:
        assert closing.facts is not None
        return replace(closing, facts=replace(closing.facts, counters={**closing.facts.counters, "v_n": 2**40}))

    _with_box(path, huge)


def _end_before_it_begins(path: Path, _: Path) -> None:
    def backwards(closing: Closing) -> Closing:
        assert closing.facts is not None
        return replace(closing, facts=replace(closing.facts, end_us=closing.start_us - 1))

    _with_box(path, backwards)


def _with_box(path: Path, change: Callable[[Closing], Closing]) -> None:
    data = path.read_bytes()
    closing = Closing.decode(data[-CLOSING_BYTES:])
    path.write_bytes(data[:-CLOSING_BYTES] + change(closing).encode())


def _link(path: Path, outside: Path) -> None:
    path.rename(outside / path.name)
    path.symlink_to(outside / path.name)


def _become_a_folder(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def _become_a_pipe(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _take_a_name_that_is_none(path: Path, _: Path) -> None:
    path.rename(path.with_name("holiday.mp4"))


def _lie_in_the_folder_of_another_hour(path: Path, _: Path) -> None:
    folder = path.parent.with_name("03")
    folder.mkdir()
    path.rename(folder / path.name)


DAMAGES = (
    _empty, _cut, _damage_the_box, _replace_by_foreign_bytes, _replace_by_a_bare_box, _lose_a_fragment,
    _take_the_box_of_another_source, _say_another_hour, _say_impossible_numbers, _end_before_it_begins, _link,
    _become_a_folder, _become_a_pipe, _take_a_name_that_is_none, _lie_in_the_folder_of_another_hour,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_cannot_be_trusted_is_named_and_left_and_all_others_come_back(
    app: Flask, clips: Clips, tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    source_id = add_source(app)
    run = take_in(app, source_id, make_run(clips, PLAIN), T0_US)
    damage(run.stored[1].path, tmp_path)
    before = _on_disk(app)
    lose(app)
    done, odd = again(app)
    assert done.segments == 2
    assert len(odd) == 1, odd
    assert _on_disk(app) == before
    assert [row["sequence"] for row in footage(app)["segment"]] == [0, 2]


def _on_disk(app: Flask) -> dict[str, int]:
    return {str(path): path.lstat().st_size for path in (root_of(app) / places.CLOSED).rglob("*")}


def test_of_two_files_for_one_place_the_first_is_taken_and_the_other_named(app: Flask, clips: Clips) -> None:
    run = take_in(app, add_source(app), make_run(clips, PLAIN), T0_US)
    path = run.stored[1].path
    shutil.copy2(path, path.with_name(f"{uuid.uuid4()}.mp4"))
    lose(app)
    done, odd = again(app)
    assert done.segments == 3
    assert "begins at the same instant" in odd[0].why


def test_what_is_doomed_or_was_deleted_does_not_come_back(app: Flask, clips: Clips) -> None:
    source_id = add_source(app)
    run = take_in(app, source_id, make_run(clips, PLAIN), T0_US)
    first, second, _ = run.stored
    with app.app_context(), writing() as session:
        storage_id = session.scalar(text("SELECT id FROM storage"))
        session.execute(text("DELETE FROM segment WHERE sequence < 2"))
        session.add(
            Doomed(segment_id=first.segment_id, source_id=source_id, start_us=first.start_us, storage_id=storage_id)
        )
        session.add(
            Deletion(
                actor="ann", rule="request", source_id=source_id, begin_us=second.start_us, end_us=second.end_us,
                segments=1, size_bytes=1, spans=f"[[{second.start_us},{second.end_us}]]",
            )
        )  # fmt: skip
        recount(session, source_id, run.begin_us)
    done, odd = again(app)
    assert done.segments == 0
    assert sorted(one.why.partition(" ")[2][:11] for one in odd) == ["deleted and", "footage tha"]


def test_a_run_that_goes_on_in_the_live_folder_is_gone_on_with(app: Flask, clips: Clips) -> None:
    """What follows closed segments of a run would otherwise be taken for a run that has ended."""
    source_id = add_source(app)
    growing = Growing(app, source_id, make_run(clips, replace(PLAIN, slews_us=(0,))), T0_US)
    for number, data in enumerate(growing.run.files):
        growing.write(number, data)
    end_us = growing.look().stored[1].end_us
    lose(app)
    assert again(app)[0].segments == 2
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        assert reopen_runs(Path(storage.path), storage.id, source_id) == 1
        assert reopen_runs(Path(storage.path), storage.id, source_id) == 0
        recovery.take_in(Path(storage.path), storage.id, source_id, set())
    rows = footage(app)["segment"]
    assert [(row["sequence"], row["state"]) for row in rows] == [(0, 1), (1, 1), (2, 1)]
    assert rows[2]["start_us"] == end_us
    assert len(footage(app)["run"]) == 1


def test_files_of_version_1_are_read_as_a_whole_and_end_where_the_next_begins(app: Flask, clips: Clips) -> None:
    run = take_in(app, add_source(app), make_run(clips, replace(PLAIN, slews_us=(0, 90_000))), T0_US)
    before = footage(app)
    for stored in run.stored:
        data = stored.path.read_bytes()
        old = replace(Closing.decode(data[-CLOSING_BYTES:]), facts=None)
        status = stored.path.stat()
        stored.path.write_bytes(data[:-CLOSING_BYTES] + old.encode())
        os.utime(stored.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    lose(app)
    done, odd = again(app)
    assert (done.segments, odd) == (3, [])
    for old, new in zip(before["segment"], footage(app)["segment"], strict=True):
        differing = {name for name in old if old[name] != new[name]}
        assert differing <= {"chain", "size_bytes", "end_us"}
        assert old["sequence"] == 2 or old["end_us"] == new["end_us"]


@pytest.mark.parametrize("damage", ["lost", "garbage between", "cut"])
def test_segments_without_an_index_play_and_get_one_on_request(app: Flask, clips: Clips, damage: str) -> None:
    source_id = add_source(app)
    run = take_in(app, source_id, make_run(clips, PLAIN), T0_US)
    played = body(app, source_id, run.begin_us, run.end_us)
    (path,) = (root_of(app) / places.INDEX).rglob("*.sidx")
    data = path.read_bytes()
    second = data.index(b"FPSI", 4)
    whole = {"lost": b"", "garbage between": data[: second - 9] + b"FPSI" + data[second:], "cut": data[:-1]}[damage]
    path.write_bytes(whole)
    lose(app)
    assert again(app)[0].segments == 3
    expected = {"lost": 3, "garbage between": 1, "cut": 1}[damage]
    assert sum(row["index_size_bytes"] == 0 for row in footage(app)["segment"]) == expected
    assert body(app, source_id, run.begin_us, run.end_us) == played
    with app.app_context():
        storage = open_storage(app.config["PLAYBACK"])
        assert reindex({storage.id: Path(storage.path)}, processes=1) == expected
    assert all(row["index_size_bytes"] for row in footage(app)["segment"])
    assert body(app, source_id, run.begin_us, run.end_us) == played


def test_the_command_tells_what_it_did_and_writes_it_down(app: Flask, clips: Clips) -> None:
    run = take_in(app, add_source(app), make_run(clips, PLAIN), T0_US)
    os.truncate(run.stored[0].path, 10)
    lose(app)
    result = app.test_cli_runner().invoke(args=["rebuild", "--processes", "1"])
    assert result.exit_code == 0, result.output
    told = result.output.splitlines()
    assert told[0] == f"left: {run.stored[0].path}: no closing box"
    assert told[1:] == ["files\t3", "segments\t2", "runs\t1", "sources\t1", "indexes\t0", "left\t1"]
    with app.app_context():
        assert db.session.scalar(text("SELECT action FROM audit")) == "rebuild"


def test_a_storage_that_is_another_or_a_copy_is_refused(app: Flask, clips: Clips) -> None:
    take_in(app, add_source(app), make_run(clips, PLAIN), T0_US)
    (root_of(app) / places.MARKER).write_text(f"{uuid.uuid4()}\n")
    result = app.test_cli_runner().invoke(args=["rebuild"])
    assert result.exit_code == 1
    assert "another storage" in result.output
