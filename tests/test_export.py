"""Exports: recorded files as they are with a signed manifest, and their check by us and by a script of 40 lines."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive.signing import Signer, derive_seed, read_public_key, signer
from app.extensions import db, writing
from app.formats.exports import NoExport, check_export
from app.formats.zipstore import Directory, Member, archive_bytes, central_header, end_records, local_header
from app.models import Attempt, Audit, Deletion, Run, Source, Wanted
from instance.config import ConfigurationError, TestingConfig, load_config
from tests.archived import T0_US, Recorded, add_source, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.conftest import open_app
from tests.exported import (
    SCRIPT,
    SCRIPTED,
    command,
    contents,
    file_of,
    is_refused,
    manifest_of,
    pack,
    path_of,
    rows,
    script,
)  # fmt: skip

S = 1_000_000
Media = Callable[..., Path]


@pytest.fixture
def run(app: Flask, source_id: int, media: Media) -> Recorded:
    """Return a run of four files of 2 s, from T0_US on."""
    return record(app, source_id, media("b-frames-audio"))


@pytest.fixture
def archive(client: FlaskClient, run: Recorded, source_id: int, tmp_path: Path) -> Path:
    """Return an export of 3 s to 20 s after the begin: three files of the run, and a gap."""
    answer = client.get(path_of(source_id, T0_US + 3 * S, T0_US + 20 * S))
    assert answer.status_code == 200, answer.json
    path = tmp_path / "export.zip"
    path.write_bytes(answer.data)
    return path


# --- what is in it -----------------------------------------------------------------------------------------


def test_an_export_holds_the_files_that_touch_the_range_byte_for_byte(
    app: Flask, archive: Path, run: Recorded, source_id: int
) -> None:
    whole = rows(app, source_id)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert {info.compress_type for info in opened.infolist()} == {zipfile.ZIP_STORED}
        names = opened.namelist()
        files = [name for name in names if name.startswith("media/")]
        assert files == sorted(files)
        assert [opened.read(name) for name in files] == [file_of(app, row).read_bytes() for row in whole[1:]]
    assert set(names) - set(files) == {"README.txt", "play.m3u8", "public_key.pem", "manifest.json", "manifest.sig"}
    manifest = manifest_of(archive)
    for item, row in zip(manifest["segments"], whole[1:], strict=True):
        assert (item["segment_id"], item["run_id"], item["sequence"]) == (row.id, row.run_id, row.sequence)
        assert (item["media_sha256"], item["chain"], item["size_bytes"]) == (row.sha256, row.chain, row.size_bytes)
        assert item["sha256"] == hashlib.sha256(file_of(app, row).read_bytes()).hexdigest()
        assert item["fault"] is None
    assert [item["previous"] for item in manifest["segments"]] == [row.chain for row in whole[:-1]]


def test_the_manifest_says_what_is_missing_and_why(archive: Path, run: Recorded, source_id: int) -> None:
    manifest = manifest_of(archive)
    assert manifest["spans"] == [{"start_utc": utc(T0_US + 3 * S), "end_utc": utc(T0_US + 8 * S)}]
    (gap,) = manifest["gaps"]
    assert (gap["start_utc"], gap["end_utc"]) == (utc(T0_US + 8 * S), utc(T0_US + 20 * S))
    assert gap["cause"] == "not_recording"
    assert manifest["source"] == {"id": source_id, "model": "Source", "description": None}
    (described,) = manifest["runs"]
    assert (described["run_id"], described["clock"], described["clock_offset_s"]) == (run.run_id, "ok", None)
    assert manifest["complete_until_utc"] == manifest["end_utc"] == utc(T0_US + 20 * S)


def test_deletions_and_clocks_stand_in_the_manifest_but_no_address(
    app: Flask, client: FlaskClient, run: Recorded, source_id: int, tmp_path: Path
) -> None:
    with app.app_context(), writing() as session:
        session.get(Source, source_id).uri_rtsp = "rtsp://viewer:secret@camera.example/stream"
        session.get(Run, run.run_id).clock_offset_us = -1_500_000
        spans = json.dumps([[T0_US + 8 * S, T0_US + 9 * S]])
        values = {"begin_us": T0_US, "end_us": T0_US + 9 * S, "segments": 1, "size_bytes": 10, "spans": spans}
        session.add(Deletion(actor="admin", rule="request", reason="asked", source_id=source_id, **values))
    data = client.get(path_of(source_id, T0_US, T0_US + 9 * S)).data
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    manifest = manifest_of(path)
    assert [gap["cause"] for gap in manifest["gaps"]] == ["deleted"]
    (deletion,) = manifest["deletions"]
    assert (deletion["actor"], deletion["reason"], deletion["rule"]) == ("admin", "asked", "request")
    assert manifest["runs"][0]["clock_offset_s"] == -1.5
    assert b"secret" not in data
    assert b"camera.example" not in data


def test_what_ffmpeg_said_last_of_a_gap_names_no_address(
    app: Flask, client: FlaskClient, run: Recorded, source_id: int, tmp_path: Path
) -> None:
    """Where a camera is known to stand in the network, and under which user, is nobody's business who gets footage."""
    word = "no video came; ffmpeg's last word: rtsp://viewer:s3@camera.example/live?token=t0k3n: Server returned 5XX"
    with app.app_context(), writing() as session:
        session.add(Wanted(source_id=source_id, begin_us=T0_US))
        times = {"begin_us": T0_US + 8 * S, "end_us": T0_US + 20 * S}
        session.add(Attempt(source_id=source_id, recorder_id="r", reason="no_video", detail=word, **times))
    path = tmp_path / "a.zip"
    path.write_bytes(client.get(path_of(source_id, T0_US, T0_US + 20 * S)).data)
    told = [gap["detail"] for gap in manifest_of(path)["gaps"] if gap["cause"] == "no_video"]
    assert told == ["no video came; ffmpeg's last word: (an address): Server returned 5XX"]


def test_only_closed_files_are_exported_and_it_is_said_until_when(
    app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> None:
    record(app, source_id, media("h264"), leave_open=True)
    path = tmp_path / "a.zip"
    path.write_bytes(client.get(path_of(source_id, T0_US, T0_US + 8 * S)).data)
    manifest = manifest_of(path)
    assert len(manifest["segments"]) == 3
    assert manifest["complete_until_utc"] == utc(T0_US + 6 * S)
    assert manifest["gaps"][0]["start_utc"] == utc(T0_US + 6 * S)
    assert not check_export(path).faults
    answer = client.get(path_of(source_id, T0_US + 6 * S, T0_US + 8 * S))
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "no_footage")


def test_the_playlist_plays_every_packet(archive: Path, run: Recorded, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    with av.open(str(folder / "play.m3u8")) as container:
        read = [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(video=0) if packet.size]
    recorded = [packet.sha256 for packet in run.packets["video"] if packet.instant_us >= run.begin_us + 2 * S - S // 2]
    assert read == recorded[-len(read) :]
    assert len(read) == 6 * 20


def test_the_length_is_told_before_and_a_head_is_no_export(
    app: Flask, client: FlaskClient, run: Recorded, source_id: int
) -> None:
    path = path_of(source_id, T0_US, T0_US + 8 * S)
    head = client.head(path)
    assert (head.status_code, head.data) == (200, b"")
    answer = client.get(path)
    assert int(answer.headers["Content-Length"]) == len(answer.data) == int(head.headers["Content-Length"])
    assert "attachment" in answer.headers["Content-Disposition"]
    with app.app_context():
        (written,) = db.session.scalars(select(Audit))
    assert (written.action, written.source_id) == ("export", source_id)
    assert json.loads(written.detail)["segments"] == 4


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("", 422, "missing"),
        ("?start=yesterday", 422, "instant_parsing"),
        ("?start=2026-11-21T08:00:00", 422, "instant_naive"),
        ("?start=10&end=5", 422, "range_empty"),
        ("?start=0&duration=2764800", 422, "range_too_long"),
        ("?start=10&end=20", 404, "no_footage"),
    ],
)
def test_a_range_that_cannot_be_exported_is_refused(
    client: FlaskClient, source_id: int, query: str, status: int, kind: str
) -> None:
    answer = client.get(f"/api/v1/source/{source_id}/export{query}")
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (status, kind)
    assert client.get("/api/v1/source/99/export?start=0&duration=5").status_code == 404


def test_a_file_that_was_altered_before_is_exported_and_named(
    app: Flask, client: FlaskClient, run: Recorded, source_id: int, tmp_path: Path
) -> None:
    row = rows(app, source_id)[1]
    path, status = file_of(app, row), file_of(app, row).stat()
    data = bytearray(path.read_bytes())
    data[row.body_end_bytes - 5] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    to = tmp_path / "a.zip"
    to.write_bytes(client.get(path_of(source_id, T0_US, T0_US + 8 * S)).data)
    manifest = manifest_of(to)
    assert [item["fault"] for item in manifest["segments"]] == [None, "wrong_hash", None, None]
    assert not check_export(to).faults
    assert "was already not what was recorded" in command(app, "verify-export", to).output


def test_an_export_on_both_databases_can_be_verified(database_app: Flask, media: Media, tmp_path: Path) -> None:
    source_id = add_source(database_app)
    record(database_app, source_id, media("h264"))
    to = tmp_path / "a.zip"
    to.write_bytes(database_app.test_client().get(path_of(source_id, T0_US, T0_US + 8 * S)).data)
    assert not check_export(to).faults


def test_files_that_vanish_while_they_are_sent_break_the_answer_off(
    app: Flask, client: FlaskClient, run: Recorded, source_id: int
) -> None:
    answer = client.get(path_of(source_id, T0_US, T0_US + 8 * S), buffered=False)
    blocks = iter(answer.response)
    next(blocks)
    file_of(app, rows(app, source_id)[-1]).unlink()
    with pytest.raises(FileNotFoundError):
        list(blocks)


# --- the check ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, media: Media
) -> tuple[bytes, Signer, dict[str, str]]:
    """Return an export of three files and a gap, made once, what it is signed with, and the key as it is shown."""
    config = TestingConfig(INSTANCE=str(tmp_path_factory.mktemp("exported")))
    shutil.copy(migrated_sqlite, config.instance_path / "app.db")
    for app in open_app(config):
        source_id = add_source(app)
        record(app, source_id, media("h264"))
        client = app.test_client()
        answer = client.get(path_of(source_id, T0_US + 3 * S, T0_US + 20 * S))
        with app.app_context():
            made = answer.data, signer(), client.get("/api/v1/export/key").json
    return made


@pytest.fixture
def sent(exported: tuple[bytes, Signer, dict[str, str]], tmp_path: Path) -> Path:
    """Return the export as somebody got it, a file of the test's own."""
    path = tmp_path / "sent.zip"
    path.write_bytes(exported[0])
    return path


def test_a_good_export_is_found_right_by_both(
    app: Flask, exported: tuple[bytes, Signer, dict[str, str]], sent: Path, tmp_path: Path
) -> None:
    key = exported[2]
    pem = tmp_path / "key.pem"
    pem.write_text(key["pem"])
    done = script(sent, pem)
    assert done.returncode == 0, done.stderr
    for words in ((), ("--key", key["public_key"]), ("--key", pem)):
        result = command(app, "verify-export", sent, *words)
        assert result.exit_code == 0, result.output
        assert key["fingerprint"] in result.output
    with zipfile.ZipFile(sent) as opened:
        assert key["fingerprint"] in opened.read("README.txt").decode()
        opened.extractall(tmp_path / "unpacked")
    assert command(app, "verify-export", tmp_path / "unpacked").exit_code == 0


def test_a_bad_export_is_a_line_a_fault_and_a_status(app: Flask, sent: Path) -> None:
    files = contents(sent)
    files.pop(next(name for name in files if name.startswith("media/")))
    pack(sent, files, ("more", b"added"))
    result = command(app, "verify-export", sent)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "is missing" in result.output
    assert "'more' was added" in result.output
    assert script(sent).returncode == 1


def test_the_script_has_at_most_40_lines_and_none_of_our_code() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) <= 40
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}


PLACES = ("media", "manifest.json", "manifest.sig", "public_key.pem", "README.txt", "play.m3u8")


@pytest.mark.parametrize("is_repacked", [False, True], ids=["as-it-is", "packed-anew"])
@pytest.mark.parametrize("place", PLACES)
def test_one_changed_bit_anywhere_is_found(sent: Path, place: str, is_repacked: bool) -> None:
    with zipfile.ZipFile(sent) as opened:
        info = next(item for item in opened.infolist() if item.filename.startswith(place))
    files = contents(sent)
    data = bytearray(sent.read_bytes())
    begin = info.header_offset + 30 + len(info.filename)
    assert data[begin : begin + info.file_size] == files[info.filename]
    at = info.file_size // 2
    if not is_repacked:
        data[begin + at] ^= 4
        sent.write_bytes(data)
    else:
        changed = bytearray(files[info.filename])
        changed[at] ^= 4
        pack(sent, {**files, info.filename: bytes(changed)})
    is_refused(sent)


def test_exchanged_segments_are_found(sent: Path) -> None:
    files = contents(sent)
    first, second = [name for name in files if name.startswith("media/")][:2]
    files[first], files[second] = files[second], files[first]
    pack(sent, files)
    is_refused(sent)


def test_a_removed_segment_is_found(sent: Path) -> None:
    files = contents(sent)
    files.pop(next(name for name in files if name.startswith("media/")))
    pack(sent, files)
    is_refused(sent)


@pytest.mark.parametrize(
    "name",
    ["media/20200101T000000.000000Z.mp4", "new", "../../escaped.txt", "/etc/escaped", "media/../../escaped", "b\\a"],
    ids=["media", "beside", "above", "absolute", "within", "backslash"],
)
def test_an_added_file_is_found_and_never_unpacked(sent: Path, tmp_path: Path, name: str) -> None:
    pack(sent, contents(sent), (name, b"added"))
    is_refused(sent)
    assert not list(tmp_path.parent.rglob("escaped*"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_found(sent: Path) -> None:
    files = contents(sent)
    name = next(name for name in files if name.startswith("media/"))
    pack(sent, {**files, name: b"another"}, (name, files[name]))
    is_refused(sent)


def test_an_export_signed_anew_by_somebody_else_is_found_with_the_key(
    exported: tuple[bytes, Signer, dict[str, str]], sent: Path, tmp_path: Path
) -> None:
    files, forger = contents(sent), Signer(derive_seed("somebody else"))
    manifest = json.loads(files["manifest.json"])
    (item,) = [item for item in manifest["files"] if item["file"] == "public_key.pem"]
    item |= {"sha256": hashlib.sha256(forger.pem).hexdigest(), "size_bytes": len(forger.pem)}
    text = json.dumps(manifest).encode()
    pack(sent, {**files, "manifest.json": text, "manifest.sig": forger.sign(text), "public_key.pem": forger.pem})
    assert not list(SCRIPTED(sent)), "without the key nobody can tell"
    pem = tmp_path / "key.pem"
    pem.write_text(exported[2]["pem"])
    is_refused(sent, pem)


@pytest.mark.parametrize("what", ["gaps", "chain", "kind"])
def test_a_manifest_that_contradicts_itself_is_found(
    exported: tuple[bytes, Signer, dict[str, str]], sent: Path, what: str
) -> None:
    files = contents(sent)
    manifest = json.loads(files["manifest.json"])
    if what == "gaps":
        manifest["gaps"] = []
    elif what == "chain":
        manifest["segments"][1]["previous"] = "ab" * 32
    else:
        manifest["kind"] = "another"
    text = json.dumps(manifest).encode()
    pack(sent, {**files, "manifest.json": text, "manifest.sig": exported[1].sign(text)})
    if what != "kind":
        is_refused(sent)
    else:
        with pytest.raises(NoExport, match="version"):
            check_export(sent)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("segments",), "text"),
        (("segments", 0), 7),
        (("segments", 0, "sequence"), "x"),
        (("segments", 0, "file"), 5),
        (("segments", 1, "chain"), 5),
        (("files", 0, "sha256"), None),
        (("gaps",), None),
        (("spans",), [[]]),
        (("start_utc",), None),
        (("source",), {}),
    ],
    ids=str,
)
def test_a_signed_manifest_of_another_shape_is_refused_in_words(
    app: Flask, exported: tuple[bytes, Signer, dict[str, str]], sent: Path, where: tuple[Any, ...], value: object
) -> None:
    files = contents(sent)
    manifest = place = json.loads(files["manifest.json"])
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    text = json.dumps(manifest).encode()
    pack(sent, {**files, "manifest.json": text, "manifest.sig": exported[1].sign(text)})
    with pytest.raises(NoExport, match="no recorder made it"):
        check_export(sent)
    result = command(app, "verify-export", sent)
    assert isinstance(result.exception, SystemExit)
    assert where[0] in result.output


@pytest.mark.parametrize("text", [b"[" * 200_000, b"\xff", b"[]", b"7"], ids=["deep", "no-text", "list", "number"])
def test_a_signed_manifest_that_is_none_is_refused(
    exported: tuple[bytes, Signer, dict[str, str]], sent: Path, text: bytes
) -> None:
    pack(sent, {**contents(sent), "manifest.json": text, "manifest.sig": exported[1].sign(text)})
    with pytest.raises(NoExport, match="version"):
        check_export(sent)


@pytest.mark.parametrize("method", [8, 9, 12, 14, 99])
def test_a_file_that_is_said_to_be_packed_is_found(sent: Path, method: int) -> None:
    with zipfile.ZipFile(sent) as archive:
        entry = next(item for item in archive.infolist() if item.filename.startswith("media/"))
    data = bytearray(sent.read_bytes())
    listed = data.rindex(entry.filename.encode()) - 46  # its header in the central directory: APPNOTE.TXT §4.3.12
    data[listed + 10] = data[entry.header_offset + 8] = method
    sent.write_bytes(data)
    is_refused(sent)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no archive at all"], ids=["empty", "begin", "text"])
def test_what_is_no_export_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    is_refused(path)


def test_a_link_in_an_unpacked_export_is_no_file_of_it(sent: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(sent) as opened:
        opened.extractall(folder)
    file = next((folder / "media").iterdir())
    shutil.move(file, tmp_path / "elsewhere.mp4")
    file.symlink_to(tmp_path / "elsewhere.mp4")
    (fault,) = check_export(folder).faults
    assert "cannot be read" in fault


# --- the commands and the key ------------------------------------------------------------------------------


def test_the_command_writes_a_file_or_a_folder_and_never_over_anything(
    app: Flask, run: Recorded, source_id: int, tmp_path: Path
) -> None:
    where = ("export", "--source", source_id, "--start", utc(T0_US), "--end", utc(T0_US + 8 * S), "--to")
    for to in (tmp_path / "out.zip", tmp_path / "out"):
        result = command(app, *where, to)
        assert result.exit_code == 0, result.output
        assert result.output.split("\t")[1] == "4"
        assert command(app, "verify-export", to).exit_code == 0
        again = command(app, *where, to)
        assert again.exit_code == 1
        assert "Error: " in again.output
    assert not list(tmp_path.glob(".out*"))
    wrong = command(app, "export", "--source", 77, "--start", utc(T0_US), "--to", tmp_path / "none.zip")
    assert (wrong.exit_code, "there is no source 77" in wrong.output) == (1, True)
    with app.app_context():
        assert {row.actor for row in db.session.scalars(select(Audit))} == {"terminal"}


def test_the_key_follows_from_the_secret_key_and_is_the_same_everywhere(tmp_path: Path) -> None:
    given = TestingConfig(INSTANCE=str(tmp_path / "a"), SECRET_KEY="a secret of more than 16")
    assert Signer(derive_seed(given.SECRET_KEY)).public_key == Signer(derive_seed(given.SECRET_KEY)).public_key
    assert Signer(derive_seed("another secret")).public_key != Signer(derive_seed(given.SECRET_KEY)).public_key
    key = Signer(derive_seed(given.SECRET_KEY))
    assert {read_public_key(text) for text in (key.pem.decode(), key.public_key_text, key.public_key.hex())} == {
        key.public_key
    }


def test_a_signing_key_of_its_own_is_used_and_never_shown(app: Flask) -> None:
    from dataclasses import replace

    seed = base64.b64encode(bytes(range(32))).decode()
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], SIGNING_KEY=seed)
    answer = app.test_client().get("/api/v1/export/key")
    # RFC 8032's arithmetic, by another implementation: the public key of these 32 bytes.
    assert answer.json["public_key"] == Signer(bytes(range(32))).public_key_text
    assert seed not in answer.text
    output = command(app, "export-key").output
    assert answer.json["fingerprint"] in output
    assert seed not in output


@pytest.mark.parametrize("text", ["short", base64.b64encode(bytes(31)).decode(), "é" * 32])
def test_a_signing_key_of_the_wrong_form_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigurationError, match="PLAYBACK_SIGNING_KEY") as caught:
        load_config("testing", SIGNING_KEY=text)
    assert text not in str(caught.value)


# --- the archive's format ----------------------------------------------------------------------------------


def test_an_archive_beyond_4_gib_has_the_size_that_was_told_and_is_read_by_others(tmp_path: Path) -> None:
    huge, small = (1 << 32) + 5, b"behind it"
    members = [("huge", huge), ("small", len(small))]
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.write(local_header(Member("huge", huge, 0, T0_US)))
        file.seek(huge, io.SEEK_CUR)  # a hole: nothing is written
        offset = file.tell()
        member = Member("small", len(small), zlib.crc32(small), T0_US)
        file.write(local_header(member) + small)
        directory_offset = file.tell()
        directory = central_header(Member("huge", huge, 0, T0_US), 0) + central_header(member, offset)
        file.write(directory + end_records(2, directory_offset, len(directory)))
    assert path.stat().st_size == archive_bytes(members)
    with zipfile.ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == members
        assert archive.read("small") == small
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", str(path)], capture_output=True, check=True)
    assert b"small" in listed.stdout


def test_an_archive_of_more_than_65535_files_is_read_by_others() -> None:
    directory = Directory()
    names = [f"{number:05d}" for number in range(65_540)]
    data = b"".join(directory.add(Member(name, 0, 0, 0)) for name in names) + directory.end()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == names
