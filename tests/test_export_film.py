"""Exports of a film: the very MP4 that playback cuts, with a signed manifest of what it is and what it was cut from."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.archive.signing import read_public_key, signer
from app.extensions import db, writing
from app.formats.exports import NoExport, check_export
from app.formats.zipstore import Directory, Member, archive_bytes, central_header, descriptor, end_records, local_header
from app.models import Account, Audit
from instance.config import TestingConfig
from tests.accounts import add_account, add_bounded, add_token
from tests.archived import FPS, T0_US, Recorded, add_source, close, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.conftest import open_app
from tests.exported import command, contents, file_of, is_refused, manifest_of, pack, path_of, rows, script
from tests.media import read_number

S = 1_000_000
BEGIN_US, END_US = T0_US + 2_250_000, T0_US + 6_500_000
FILM = "film.mp4"
Media = Callable[..., Path]


def exported(client: FlaskClient, to: Path, *span: int) -> Path:
    """Export the film of a span of the first source."""
    answer = client.get(path_of(1, *span, "film"))
    assert answer.status_code == 200, answer.json
    assert len(answer.data) == int(answer.headers["Content-Length"])
    to.write_bytes(answer.data)
    return to


def played(client: FlaskClient, begin: str, end: str) -> bytes:
    """Return what playback gives of a span."""
    answer = client.get(f"/playbackapi/source/1/video.mp4?start={begin}&end={end}")
    assert answer.status_code == 200, answer.json
    return answer.data


def expected(run: Recorded, begin_us: int, end_us: int) -> list[int]:
    """Return when the frames of a run were recorded that lie in a span."""
    return sorted(taken.instant_us for taken in run.packets["video"] if begin_us <= taken.instant_us < end_us)


def probed(film: Path) -> dict[str, str]:
    line = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries"]
    done = subprocess.run(
        [*line, "stream=nb_read_frames", "-of", "json", str(film)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return json.loads(done.stdout)["streams"][0]


# --- what is in it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["h264", "b-frames-audio"])
def test_the_film_is_the_one_that_playback_gives_and_the_manifest_says_what_it_is(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path, kind: str
) -> None:
    run = record(app, source_id, media(kind))
    path = exported(client, tmp_path / "a.zip", BEGIN_US, END_US)
    files, manifest = contents(path), manifest_of(path)
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
    assert list(files) == ["README.txt", "public_key.pem", FILM, "manifest.json", "manifest.sig"]
    assert files[FILM] == played(client, utc(BEGIN_US), utc(END_US))
    told, frames = manifest["film"], expected(run, BEGIN_US, END_US)
    assert (told["size_bytes"], told["sha256"]) == (len(files[FILM]), hashlib.sha256(files[FILM]).hexdigest())
    assert (told["start_utc"], told["end_utc"]) == (utc(BEGIN_US), utc(END_US)) == (
        manifest["start_utc"], manifest["complete_until_utc"],
    )  # fmt: skip
    assert (told["first_frame_utc"], told["last_frame_utc"]) == (utc(frames[0]), utc(frames[-1]))
    assert manifest["spans"] == [{"start_utc": utc(BEGIN_US), "end_utc": utc(END_US)}]
    assert manifest["gaps"] == []
    film = tmp_path / FILM
    film.write_bytes(files[FILM])
    assert int(probed(film)["nb_read_frames"]) == told["frames"] == len(frames)
    with av.open(str(film)) as container:
        numbers = [read_number(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
    assert numbers == list(range(round(2.25 * FPS), round(6.5 * FPS)))
    assert command(app, "verify-export", path).exit_code == 0
    assert script(path).returncode == 0


def test_the_manifest_names_the_recorded_files_with_their_hashes_and_chain(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    run = record(app, source_id, media("h264"))
    whole = rows(app, source_id)
    manifest = manifest_of(exported(client, tmp_path / "a.zip", BEGIN_US, END_US))
    told = manifest["segments"]
    for item, row in zip(told, whole[1:], strict=True):
        assert (item["segment_id"], item["run_id"], item["sequence"]) == (row.id, row.run_id, row.sequence)
        assert (item["media_sha256"], item["chain"], item["size_bytes"]) == (row.sha256, row.chain, row.size_bytes)
        assert item["sha256"] == hashlib.sha256(file_of(app, row).read_bytes()).hexdigest()
        assert (item["fault"], "file" in item) == (None, False)
    assert [item["previous"] for item in told] == [row.chain for row in whole[:-1]]
    assert [item["run_id"] for item in manifest["runs"]] == [run.run_id]
    key = client.get("/api/v1/export/key").json["fingerprint"]
    assert (manifest["kind"], manifest["key_fingerprint"]) == ("flask-playback film", key)


def test_a_gap_is_left_out_of_the_film_and_told_with_its_cause(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    runs = [record(app, source_id, media("h264"), begin_us=begin_us) for begin_us in (T0_US, T0_US + 12 * S)]
    until_us = T0_US + 14_500_000
    path = exported(client, tmp_path / "a.zip", T0_US + 7 * S, until_us)
    manifest = manifest_of(path)
    told = manifest["film"]
    assert contents(path)[FILM] == played(client, utc(T0_US + 7 * S), utc(until_us))
    assert told["frames"] == sum(len(expected(run, T0_US + 7 * S, until_us)) for run in runs) == 3.5 * FPS
    (gap,) = manifest["gaps"]
    assert (gap["start_utc"], gap["end_utc"]) == (utc(T0_US + 8 * S), utc(T0_US + 12 * S))
    assert gap["cause"] == "not_recording"
    assert [(piece["media_s"], piece["start_utc"]) for piece in told["map"]] == [
        (0, utc(T0_US + 7 * S)), (1, utc(T0_US + 12 * S)),
    ]  # fmt: skip
    assert not check_export(path).faults


def test_a_file_that_is_played_again_after_another_run_is_named_once(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    record(app, source_id, media("h264"), segment_s=8)
    record(app, source_id, media("h264", seconds=2), begin_us=T0_US + 3 * S)  # a step of the clock
    path = exported(client, tmp_path / "a.zip", T0_US, T0_US + 8 * S)
    manifest = manifest_of(path)
    film = tmp_path / FILM
    film.write_bytes(contents(path)[FILM])
    assert film.read_bytes() == played(client, utc(T0_US), utc(T0_US + 8 * S))
    assert len(manifest["film"]["map"]) == 3
    assert [item["segment_id"] for item in manifest["segments"]] == [row.id for row in rows(app, source_id)]
    assert manifest["film"]["frames"] == int(probed(film)["nb_read_frames"]) == 8 * FPS
    assert not check_export(path).faults


@pytest.mark.parametrize("kind", ["h264", "b-frames-audio"])
def test_what_is_being_recorded_is_not_in_the_film_and_it_is_said(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path, kind: str
) -> None:
    run = record(app, source_id, media(kind), leave_open=True)
    path = exported(client, tmp_path / "a.zip", T0_US + S, T0_US + 8 * S)
    manifest = manifest_of(path)
    until = manifest["complete_until_utc"]
    assert utc(T0_US + 5_900_000) < until <= utc(T0_US + 6 * S)
    assert until == manifest["film"]["end_utc"] < manifest["end_utc"]
    assert len(manifest["segments"]) == 3
    assert manifest["gaps"][-1]["end_utc"] == utc(T0_US + 8 * S)
    before = played(client, utc(T0_US + S), until)
    close(app, source_id, run.run_id)
    assert contents(path)[FILM] == before == played(client, utc(T0_US + S), until)
    assert not check_export(path).faults


def test_a_span_of_what_is_being_recorded_alone_has_no_film(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    record(app, source_id, media("h264"), leave_open=True)
    answer = client.get(path_of(source_id, T0_US + 6 * S, T0_US + 8 * S, "film"))
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "no_footage")


def test_a_recorded_file_that_was_altered_before_is_named_and_is_no_fault_of_the_export(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    record(app, source_id, media("h264"))
    row = rows(app, source_id)[2]
    path, status = file_of(app, row), file_of(app, row).stat()
    data = bytearray(path.read_bytes())
    data[row.body_end_bytes - 5] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    to = exported(client, tmp_path / "a.zip", BEGIN_US, END_US)
    assert [item["fault"] for item in manifest_of(to)["segments"]] == [None, "wrong_hash", None]
    result = command(app, "verify-export", to)
    assert result.exit_code == 0
    assert f"the recorded file of {utc(row.start_us)} was already not what was recorded" in result.output


def test_a_file_that_vanishes_while_the_film_is_sent_breaks_the_answer_off(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    record(app, source_id, media("h264"))
    answer = client.get(path_of(source_id, BEGIN_US, END_US, "film"), buffered=False)
    blocks = iter(answer.response)
    next(blocks)
    file_of(app, rows(app, source_id)[3]).unlink()
    with pytest.raises(FileNotFoundError):
        list(blocks)


# --- who may, and what is asked for ------------------------------------------------------------------------


def test_operators_of_the_camera_alone_export_and_each_export_is_written_down(
    database_app: Flask, media: Media
) -> None:
    app = database_app
    source_id = add_source(app)
    record(app, source_id, media("h264"))
    hidden = add_source(app)
    with app.app_context(), writing() as session:
        tokens = {name: add_account(session, name, name) for name in ("viewer", "operator")}
        tokens["elsewhere"] = add_bounded(session, "elsewhere", "operator", hidden)
        account = session.query(Account).filter_by(name="operator").one()
        bounds = {"begin_us": T0_US, "end_us": T0_US + 8 * S}
        tokens["window"] = add_token(session, account, "window", "operator", "a test", **bounds)
    path = path_of(source_id, BEGIN_US, END_US, "film")
    asked = {
        name: app.test_client().get(path, headers={"Authorization": f"Bearer {token}"})
        for name, token in tokens.items()
    }
    assert {name: answer.status_code for name, answer in asked.items()} == {
        "viewer": 403, "operator": 200, "elsewhere": 404, "window": 403,
    }  # fmt: skip
    assert "source-1-20261121T080002Z-film.zip" in asked["operator"].headers["Content-Disposition"]
    head = app.test_client().head(path, headers={"Authorization": f"Bearer {tokens['operator']}"})
    assert int(head.headers["Content-Length"]) == len(asked["operator"].data)
    with app.app_context():
        (written,) = db.session.scalars(select(Audit).where(Audit.action == "export"))
    told = json.loads(written.detail)
    with zipfile.ZipFile(io.BytesIO(asked["operator"].data)) as opened:
        size_bytes = opened.getinfo(FILM).file_size
        manifest = json.loads(opened.read("manifest.json"))
    assert (written.actor, told["content"], told["segments"], told["size_bytes"]) == ("operator", "film", 3, size_bytes)
    assert manifest["exported_by"] == "operator"
    assert "audit_head" in manifest


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("content=movie&start=10&end=20", 422, "literal_error"),
        ("content=&start=10&end=20", 422, "literal_error"),
        ("content=film&content=files&start=10&end=20", 422, "duplicate"),
        ("content=film", 422, "missing"),
        ("content=film&start=0&duration=2764800", 422, "range_too_long"),
        ("content=film&start=10&end=20", 404, "no_footage"),
    ],
)
def test_a_film_that_cannot_be_exported_is_refused(
    client: FlaskClient, source_id: int, query: str, status: int, kind: str
) -> None:
    answer = client.get(f"/api/v1/source/{source_id}/export?{query}")
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (status, kind)


def test_the_command_writes_the_film_to_a_file_or_a_folder(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    record(app, source_id, media("h264"))
    where = ("export", "--source", source_id, "--start", utc(BEGIN_US), "--end", utc(END_US), "--content", "film")
    film = played(client, utc(BEGIN_US), utc(END_US))
    for to in (tmp_path / "out.zip", tmp_path / "out"):
        result = command(app, *where, "--to", to)
        assert result.exit_code == 0, result.output
        assert result.output.split("\t")[1:] == ["3", f"{len(film)}\n"]
        checked = command(app, "verify-export", to)
        assert checked.exit_code == 0, checked.output
        assert f"film.mp4 of 85 frames from {utc(BEGIN_US)} to " in checked.output
    assert (tmp_path / "out" / FILM).read_bytes() == film == contents(tmp_path / "out.zip")[FILM]
    assert not list((tmp_path / "out").glob("media"))


# --- the check ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given_out(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, media: Media) -> tuple[Path, Any]:
    """Return an export of a film, made once, and what it is signed with."""
    folder = tmp_path_factory.mktemp("film")
    config = TestingConfig(INSTANCE=str(folder))
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    for app in open_app(config):
        record(app, add_source(app), media("h264"))
        path = exported(app.test_client(), folder / "film.zip", BEGIN_US, END_US)
        with app.app_context():
            made = path, signer()
    return made


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield where an export is put that somebody has altered."""
    return tmp_path_factory.mktemp("spoilt") / "sent.zip"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([FILM, "manifest.json", "manifest.sig", "public_key.pem", "README.txt"]),
    place=st.floats(0, 1, exclude_max=True),
    other=st.integers(1, 255),
    is_repacked=st.booleans(),
)
def test_any_changed_byte_is_found(
    given_out: tuple[Path, Any], spoilt: Path, name: str, place: float, other: int, is_repacked: bool
) -> None:
    files = contents(given_out[0])
    with zipfile.ZipFile(given_out[0]) as opened:
        info = opened.getinfo(name)
    at = int(place * info.file_size)
    if is_repacked:
        changed = bytearray(files[name])
        changed[at] ^= other
        pack(spoilt, {**files, name: bytes(changed)})
    else:
        data = bytearray(given_out[0].read_bytes())
        begin = info.header_offset + 30 + len(name)
        assert data[begin : begin + info.file_size] == files[name]
        data[begin + at] ^= other
        spoilt.write_bytes(data)
    is_refused(spoilt)


@pytest.mark.parametrize("at", range(12))  # what says that 32 bytes of an Ed25519 key follow
def test_a_key_of_another_kind_is_refused(given_out: tuple[Path, Any], spoilt: Path, at: int) -> None:
    files = contents(given_out[0])
    head, *body, foot = files["public_key.pem"].decode().splitlines()
    der = bytearray(base64.b64decode("".join(body)))
    der[at] ^= 1
    pem = "\n".join((head, base64.b64encode(der).decode(), foot, ""))
    with pytest.raises(ValueError, match="this is no public key"):
        read_public_key(pem)
    pack(spoilt, {**files, "public_key.pem": pem.encode()})
    is_refused(spoilt)


@pytest.mark.parametrize("what", ["missing", "second", "renamed", "emptied", "longer"])
def test_another_film_none_or_a_second_one_is_found(given_out: tuple[Path, Any], spoilt: Path, what: str) -> None:
    files = contents(given_out[0])
    film = files.pop(FILM)
    more = {
        "missing": {},
        "second": {FILM: film, "film2.mp4": film},
        "renamed": {"media/film.mp4": film},
        "emptied": {FILM: b""},
        "longer": {FILM: film + b"\0"},
    }[what]
    pack(spoilt, files | more)
    is_refused(spoilt)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_film_that_stands_twice_is_found(given_out: tuple[Path, Any], spoilt: Path) -> None:
    files = contents(given_out[0])
    pack(spoilt, {**files, FILM: b"another"}, (FILM, files[FILM]))
    is_refused(spoilt)


@pytest.mark.parametrize("what", ["chain", "gaps", "film"])
def test_a_manifest_of_a_film_that_contradicts_itself_is_found(
    given_out: tuple[Path, Any], spoilt: Path, what: str
) -> None:
    files = contents(given_out[0])
    manifest = json.loads(files["manifest.json"])
    if what == "chain":
        manifest["segments"][1]["previous"] = "ab" * 32
    elif what == "gaps":
        manifest["spans"] = []
    else:
        del manifest["film"]
    text = json.dumps(manifest).encode()
    pack(spoilt, {**files, "manifest.json": text, "manifest.sig": given_out[1].sign(text)})
    is_refused(spoilt)


@pytest.mark.parametrize(
    ("key", "value"), [("frames", "many"), ("sha256", 5), ("first_frame_utc", None), ("file", []), ("size_bytes", None)]
)
def test_a_signed_film_of_another_shape_is_refused_in_words(
    given_out: tuple[Path, Any], spoilt: Path, key: str, value: object
) -> None:
    files = contents(given_out[0])
    manifest = json.loads(files["manifest.json"])
    manifest["film"][key] = value
    text = json.dumps(manifest).encode()
    pack(spoilt, {**files, "manifest.json": text, "manifest.sig": given_out[1].sign(text)})
    with pytest.raises(NoExport, match=r"film of its manifest .* no recorder made it"):
        check_export(spoilt)


# --- the archive's format ----------------------------------------------------------------------------------


def test_a_crc_that_is_known_afterwards_stands_behind_the_bytes(tmp_path: Path) -> None:
    data, behind = b"film" * 1000, b"manifest"
    directory = Directory()
    text = directory.add(Member("film", len(data), 0, T0_US, True)) + data + directory.describe(zlib.crc32(data))
    text += directory.add(Member("behind", len(behind), zlib.crc32(behind), T0_US)) + behind + directory.end()
    assert len(text) == archive_bytes([("film", len(data)), ("behind", len(behind))], {"film"})
    with zipfile.ZipFile(io.BytesIO(text)) as archive:
        assert archive.testzip() is None
        assert (archive.read("film"), archive.read("behind")) == (data, behind)


def test_a_film_beyond_4_gib_has_the_size_that_was_told_and_is_read_by_others(tmp_path: Path) -> None:
    huge, small = (1 << 32) + 5, b"behind it"
    path = tmp_path / "large.zip"
    film = Member("film", huge, 7, T0_US, True)
    with path.open("wb") as file:
        file.write(local_header(film))
        file.seek(huge, io.SEEK_CUR)  # a hole: nothing is written
        file.write(descriptor(film))
        offset = file.tell()
        member = Member("small", len(small), zlib.crc32(small), T0_US)
        file.write(local_header(member) + small)
        directory_offset = file.tell()
        directory = central_header(film, 0) + central_header(member, offset)
        file.write(directory + end_records(2, directory_offset, len(directory)))
    assert path.stat().st_size == archive_bytes([("film", huge), ("small", len(small))], {"film"})
    with zipfile.ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [("film", huge), ("small", 9)]
        assert archive.read("small") == small
        with archive.open("film") as opened:
            assert opened.read(4) == bytes(4)
