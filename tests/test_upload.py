"""Uploading at POST /files/: by form and by tus, on SQLite and PostgreSQL; what is listed, told and deleted after."""

import contextlib
import errno
import hashlib
import os
import resource
import shutil
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, update

from app import create_app
from app.errors import TooLarge
from app.extensions import db, writing
from app.models import File, FileEvent, ReferKey, RetentionMark, Rotation
from app.models.types import now_us
from app.transfer.claiming import claim
from app.transfer.completing import expire
from app.transfer.filelength import find_length
from app.transfer.filetypes import type_of
from app.transfer.intake import Intake
from app.transfer.uploadroom import measure_room
from app.transfer.uploadsweep import sweep
from app.transfer.writers import LEAST_BYTES, STALLED_S
from instance.config import TestingConfig
from tests.service import wait_for
from tests.uploading import (
    BYTES,
    TUS,
    acts,
    checksum,
    create,
    events,
    folder_of,
    in_base64,
    names,
    offset_of,
    patch,
    refusal,
    row_of,
    set_row,
    upload,
)

DATA = bytes(range(256)) * 700
WEEK_US = 7 * 86_400 * 1_000_000


def with_settings(app: Flask, **settings: Any) -> FlaskClient:
    """Return a client of the app with other settings."""
    config = app.config["PLAYBACK"]
    app.config["PLAYBACK"] = TestingConfig(INSTANCE=config.INSTANCE, DATABASE_URL=config.DATABASE_URL, **settings)
    return app.test_client()


def test_a_file_in_a_form_is_stored_and_told_of(database_app: Flask) -> None:
    client = database_app.test_client()
    answer = upload(client, DATA, "сцена.bin")
    assert answer.status_code == 201
    assert set(answer.json) == {"id", "id_file", "refer", "status"}
    assert (answer.json["id"], answer.json["id_file"], answer.json["status"]) == (1, 1, "ready")
    assert (folder_of(database_app) / "1").read_bytes() == DATA
    assert names(database_app) == ["1"]
    shown = client.get("/files/1/").json
    assert (shown["name"], shown["kind"], shown["size_bytes"]) == ("сцена.bin", "upload", len(DATA))
    assert (shown["sha256"], shown["refer"]) == (hashlib.sha256(DATA).hexdigest(), answer.json["refer"])
    assert (shown["expires_utc"], shown["error"]) == (None, None)
    assert shown["completed_utc"] is not None
    assert events(database_app) == ["status --------", "status processing", "status ready", "download ready"]


def test_a_file_comes_by_tus_in_pieces(database_app: Flask) -> None:
    client = database_app.test_client()
    metadata = f"filename {in_base64('фильм.mp4')},private"
    made = create(client, len(DATA), **{"Upload-Metadata": metadata})
    assert (made.status_code, made.headers["Location"], made.json["status"]) == (201, "/files/1/", "--------")
    assert "Upload-Expires" in made.headers
    assert (row_of(database_app).name, row_of(database_app).how) == ("фильм.mp4", "tus")
    assert names(database_app) == ["1.part"]
    for begin in range(0, len(DATA), 70_000):
        answer = patch(client, 1, begin, DATA[begin : begin + 70_000])
        assert (answer.status_code, answer.data) == (204, b"")
        end = min(begin + 70_000, len(DATA))
        assert answer.headers["Upload-Offset"] == str(end)
        assert ("Upload-Expires" in answer.headers) == (end < len(DATA))
        assert client.get("/files/1/").json["received_bytes"] == end
        assert offset_of(client, 1) == end
    head = client.head("/files/1/", headers=TUS).headers
    assert (head["Upload-Length"], head["Upload-Metadata"]) == (str(len(DATA)), metadata)
    assert (head["Cache-Control"], head["Tus-Resumable"]) == ("no-store", "1.0.0")
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert (folder_of(database_app) / "1").read_bytes() == DATA
    assert events(database_app)[:2] == ["status --------", "status processing"]
    assert events(database_app)[-2:] == ["status ready", "download ready"]


def test_a_piece_may_come_with_the_announcement(client: FlaskClient) -> None:
    headers = {**BYTES, "Upload-Length": "10"}
    answer = client.post("/files/", headers=headers, data=b"01234")
    assert (answer.status_code, answer.headers["Upload-Offset"], answer.json["status"]) == (201, "5", "processing")
    assert patch(client, 1, 5, b"56789").headers["Upload-Offset"] == "10"
    whole = client.post("/files/", headers=headers, data=b"0123456789")
    assert (whole.status_code, whole.headers["Upload-Offset"], whole.json["status"]) == (201, "10", "ready")
    assert client.get("/files/1/").json["sha256"] == client.get("/files/2/").json["sha256"]


def test_an_empty_file_is_complete_at_once(client: FlaskClient, app: Flask) -> None:
    assert create(client, 0).json["status"] == "ready"
    assert upload(client, b"", "empty").json["status"] == "ready"
    assert [client.get(f"/files/{index}/").json["size_bytes"] for index in (1, 2)] == [0, 0]
    assert names(app) == ["1", "2"]


def test_a_length_may_be_said_later(client: FlaskClient) -> None:
    assert create(client, None).status_code == 201
    assert patch(client, 1, 0, b"abc").status_code == 204
    head = client.head("/files/1/", headers=TUS).headers
    assert (head["Upload-Defer-Length"], "Upload-Length" in head) == ("1", False)
    assert refusal(patch(client, 1, 3, b"", **{"Upload-Length": "2"}))[::2] == (422, "length_differs")
    assert patch(client, 1, 3, b"de", **{"Upload-Length": "6"}).headers["Upload-Offset"] == "5"
    assert refusal(patch(client, 1, 5, b"f", **{"Upload-Length": "7"}))[::2] == (409, "length_differs")
    assert client.head("/files/1/", headers=TUS).headers["Upload-Length"] == "6"
    assert patch(client, 1, 5, b"f").status_code == 204
    assert client.get("/files/1/").json["status"] == "ready"


@pytest.mark.parametrize("path", ["/files/", "/files", "/files/1/"])
def test_options_tell_what_of_tus_is_understood(client: FlaskClient, path: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.data) == (204, b"")
    told = answer.headers
    assert (told["Tus-Version"], told["Tus-Resumable"]) == ("1.0.0", "1.0.0")
    assert set(told["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "checksum",
        "termination",
    }
    assert told["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"
    assert told["Tus-Max-Size"] == str(TestingConfig().UPLOAD_MAX_BYTES)


def test_another_version_of_tus_is_refused_by_all_methods(client: FlaskClient) -> None:
    create(client, 3)
    for method, path in (("POST", "/files/"), ("PATCH", "/files/1/"), ("DELETE", "/files/1/"), ("HEAD", "/files/1/")):
        answer = client.open(path, method=method, headers={**BYTES, "Tus-Resumable": "0.2.2", "Upload-Offset": "0"})
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")
    assert client.patch("/files/1/", data=b"abc").status_code == 412
    assert offset_of(client, 1) == 0


def test_the_method_may_stand_in_a_header(client: FlaskClient) -> None:
    create(client, 3)
    override = {**BYTES, "X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0"}
    answer = client.post("/files/1/", headers=override, data=b"ab")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "2")
    answer = client.post("/files/1/", headers={**TUS, "X-HTTP-Method-Override": "DELETE"})
    assert (answer.status_code, client.get("/files/1/").status_code) == (204, 410)
    assert client.post("/files/2/", headers={"X-HTTP-Method-Override": "PUT"}).status_code == 405
    assert client.post("/files/2/").status_code == 405


def test_wrong_pieces_are_refused_and_lose_nothing(client: FlaskClient) -> None:
    create(client, 6)
    patch(client, 1, 0, b"abc")
    conflict = patch(client, 1, 2, b"x")
    assert refusal(conflict) == (409, ["header", "Upload-Offset"], "offset_conflict")
    assert (conflict.json["received_bytes"], conflict.headers["Tus-Resumable"]) == (3, "1.0.0")
    assert patch(client, 1, 4, b"x").status_code == 409
    for text in ("", "-1", "1.0", "x", "9" * 20, "３"):
        assert refusal(patch(client, 1, 3, b"x", **{"Upload-Offset": text}))[::2] == (400, "bad_request")
    wrong = client.patch("/files/1/", headers={**TUS, "Upload-Offset": "3"}, json={})
    assert refusal(wrong) == (415, ["header", "Content-Type"], "unsupported_media_type")
    long = patch(client, 1, 3, b"defg")
    assert (refusal(long), "Tus-Max-Size" in long.headers) == ((413, ["body"], "size_exceeded"), True)
    assert patch(client, 2, 0, b"x").status_code == 404
    assert offset_of(client, 1) == 3
    assert patch(client, 1, 3, b"def").status_code == 204
    assert patch(client, 1, 6, b"").status_code == 204
    assert refusal(patch(client, 1, 6, b"g"))[::2] == (413, "size_exceeded")
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(b"abcdef").hexdigest()


def test_wrong_announcements_are_refused_and_leave_nothing(client: FlaskClient, app: Flask) -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"Upload-Length": "x"},
        {"Upload-Length": "-1"},
        {"Upload-Defer-Length": "2"},
        {"Upload-Length": "1", "Upload-Defer-Length": "1"},
        {"Upload-Length": "1", "Upload-Metadata": "name !!!"},
        {"Upload-Length": "1", "Upload-Metadata": f"a {in_base64('x')},a {in_base64('y')}"},
        {"Upload-Length": "1", "Upload-Checksum": "crc32 AAAA"},
        {"Upload-Length": "1", "Upload-Checksum": "sha1 AAAA"},
    ]
    for headers in wrong:
        assert refusal(client.post("/files/", headers={**TUS, **headers}))[::2] == (400, "bad_request"), headers
    assert client.post("/files/", headers={**TUS, "Upload-Length": "1"}, json={}).status_code == 415
    assert client.post("/files/", headers={**BYTES, "Upload-Length": "1"}, data=b"xy").status_code == 413
    assert client.get("/files/").json == []
    assert not folder_of(app).exists() or names(app) == []


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_piece_with_a_wrong_checksum_is_not_taken(client: FlaskClient, algorithm: str) -> None:
    create(client, 6)
    patch(client, 1, 0, b"abc", **{"Upload-Checksum": checksum(algorithm, b"abc")})
    answer = patch(client, 1, 3, b"dxf", **{"Upload-Checksum": checksum(algorithm, b"def")})
    assert refusal(answer) == (460, ["header", "Upload-Checksum"], "checksum_mismatch")
    assert offset_of(client, 1) == 3
    assert patch(client, 1, 3, b"d").status_code == 204
    assert patch(client, 1, 4, b"ef", **{"Upload-Checksum": checksum(algorithm, b"ef")}).status_code == 204
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(b"abcdef").hexdigest()


def test_a_checksum_may_come_with_the_announcement(client: FlaskClient) -> None:
    headers = {**BYTES, "Upload-Length": "3", "Upload-Checksum": checksum("sha1", b"abc")}
    wrong = client.post("/files/", headers=headers, data=b"abd")
    assert (wrong.status_code, wrong.headers["Location"]) == (460, "/files/1/")
    assert offset_of(client, 1) == 0
    assert client.post("/files/", headers=headers, data=b"abc").json["status"] == "ready"


def form(*parts: tuple[str, bytes]) -> dict[str, Any]:
    """Return a request with a form of these heads and bodies."""
    body = b"".join(b"--b\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return {"data": body + b"--b--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}


FILE = 'Content-Disposition: form-data; name="upload"; filename="a.bin"'
NAME = 'Content-Disposition: form-data; name="name"'


@pytest.mark.parametrize("is_first", [True, False])
def test_a_form_may_name_its_file_before_or_after_it(client: FlaskClient, is_first: bool) -> None:
    parts = [(NAME, "другое имя".encode()), (FILE, b"abc")]
    answer = client.post("/files/", **form(*parts[:: 1 if is_first else -1]))
    assert answer.status_code == 201
    assert client.get("/files/1/").json["name"] == "другое имя"


def test_forms_that_are_none_are_refused(client: FlaskClient, app: Flask) -> None:
    plain = {"Content-Type": "multipart/form-data"}
    assert refusal(client.post("/files/", data=b"x", headers=plain))[::2] == (422, "form_invalid")
    assert refusal(client.post("/files/", **form((NAME, b"x")))) == (422, ["body", "upload"], "missing")
    assert refusal(client.post("/files/", **form((FILE.replace("a.bin", ""), b""))))[::2] == (422, "missing")
    assert refusal(client.post("/files/", **form((FILE.replace("upload", "file"), b"x")))) == (
        422,
        ["body", "file"],
        "missing",
    )
    assert refusal(client.post("/files/", **form(("X: y", b"x"))))[::2] == (422, "form_invalid")
    assert refusal(client.post("/files/", **form((NAME, b"x"), (NAME, b"y")))) == (422, ["body", "name"], "duplicate")
    assert refusal(client.post("/files/", **form((NAME, b"x" * 70_000))))[::2] == (422, "form_invalid")
    many = [(f'Content-Disposition: form-data; name="{index}"', b"") for index in range(70)]
    assert refusal(client.post("/files/", **form(*many)))[::2] == (422, "form_invalid")
    assert client.get("/files/").json == []
    assert not folder_of(app).exists()


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (form((FILE + "\r\nContent-Length: 4", b"abc")), "size_differs"),
        (form((FILE + "\r\nContent-Length: 2", b"abc")), "size_differs"),
        (form((FILE, b"abc"), (FILE, b"abc")), "duplicate"),
        ({**form((FILE, b"abc")), "data": form((FILE, b"abc"))["data"][:-5]}, "body_incomplete"),
    ],
    ids=["shorter than said", "longer than said", "two files", "no end"],
)
def test_a_form_that_lies_about_its_file_completes_nothing(
    client: FlaskClient, app: Flask, request_: dict[str, Any], kind: str
) -> None:
    answer = client.post("/files/", **request_)
    assert refusal(answer)[::2] == (422, kind)
    assert answer.json["id_file"] == 1
    shown = client.get("/files/1/").json
    assert (shown["status"], shown["completed_utc"], shown["received_bytes"]) == ("error", None, 3)
    assert shown["error"]
    assert names(app) == ["1.part"]
    # What came is good: it is gone on with by tus.
    assert patch(client, 1, 3, b"def", **{"Upload-Length": "6"}).status_code == 204
    shown = client.get("/files/1/").json
    assert (shown["status"], shown["error"]) == ("ready", None)
    assert (folder_of(app) / "1").read_bytes() == b"abcdef"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\Users\\\\x\\\\кино.avi"', "кино.avi"),
        ("filename*=UTF-8''%D0%BA%D0%B8%D0%BD%D0%BE.avi", "кино.avi"),
        ('filename="=?UTF-8?B?0LrQuNC90L4uYXZp?="', "кино.avi"),
        ('filename="=?windows-1251?Q?=EA=E8=ED=EE.avi?="', "кино.avi"),
        ('filename="a\0b\x07.txt"', "ab.txt"),
        (f'filename="{"я" * 4096}.docx"', "я" * 250 + ".docx"),
        ('filename="gpj.\u202eexe"', "gpj.exe"),
        ('filename=".."', "upload"),
        ('filename="/"', "upload"),
    ],
    ids=["folders", "windows", "rfc5987", "rfc2047", "rfc2047 cp1251", "controls", "long", "turned", "dots", "slash"],
)
def test_names_are_text_only(client: FlaskClient, app: Flask, disposition: str, name: str) -> None:
    answer = client.post("/files/", **form((f'Content-Disposition: form-data; name="upload"; {disposition}', b"x")))
    assert answer.status_code == 201
    assert client.get("/files/1/").json["name"] == name
    assert names(app) == ["1"]


def test_a_name_in_the_letters_of_old_windows_is_read(client: FlaskClient) -> None:
    request_ = form((FILE.replace("a.bin", "NAME"), b"x"))
    request_["data"] = request_["data"].replace(b"NAME", "кино.avi".encode("cp1251"))
    assert client.post("/files/", **request_).status_code == 201
    assert client.get("/files/1/").json["name"] == "кино.avi"


def test_files_are_listed_in_pages_with_filters(client: FlaskClient) -> None:
    for index in range(5):
        upload(client, b"x", f"Фильм {index}.mp4")
    create(client, 3, **{"Upload-Metadata": f"filename {in_base64('100%_сценарий.docx')}"})
    first = client.get("/files/?limit=2&sort=-id")
    assert [row["id"] for row in first.json] == [6, 5]
    address = first.headers["Link"].partition(">")[0].lstrip("<")
    assert [row["id"] for row in client.get(address).json] == [4, 3]
    assert [row["id"] for row in client.get("/files/?status=--------").json] == [6]
    assert [row["id"] for row in client.get("/files/?kind=footage").json] == []
    assert [row["id"] for row in client.get("/files/?name=100%25_").json] == [6]
    assert len(client.get("/files/?status=ready&kind=upload&name=mp4").json) == 5
    assert client.get("/files/?status=none").status_code == 422


def test_a_deleted_file_is_gone_but_its_id_stays_taken(database_app: Flask) -> None:
    client = database_app.test_client()
    upload(client, DATA)
    create(client, 6)
    patch(client, 2, 0, b"abc")
    with (folder_of(database_app) / "1").open("rb") as reading:
        shown = client.delete("/files/1/")
        assert (shown.status_code, shown.json["id"]) == (200, 1)
        assert reading.read() == DATA  # a download that goes on reads what it has opened
    assert client.delete("/files/2/", headers=TUS).status_code == 204
    assert names(database_app) == []
    for index in (1, 2):
        assert refusal(client.get(f"/files/{index}/"))[::2] == (410, "deleted")
        assert client.head(f"/files/{index}/", headers=TUS).status_code == 410
        assert client.delete(f"/files/{index}/").status_code == 410
        assert patch(client, index, 3, b"def").status_code == 410
    assert client.get("/files/").json == []
    assert [act for act in acts(database_app) if act[1] == "file.delete"] == [
        ("anyone (testing)", "file.delete", "1"),
        ("anyone (testing)", "file.delete", "2"),
    ]
    assert upload(client, b"x").json["id"] == 3
    assert (row_of(database_app).deleted_by, row_of(database_app).next_us) == ("anyone (testing)", None)


def test_an_unfinished_upload_expires_and_a_complete_one_does_not(database_app: Flask) -> None:
    client = database_app.test_client()
    upload(client, DATA)
    create(client, 6)
    patch(client, 2, 0, b"abc")
    with database_app.app_context():
        sweep(now_us() + WEEK_US - 60_000_000)
    assert names(database_app) == ["1", "2.part"]
    with database_app.app_context():
        sweep(now_us() + WEEK_US)
    assert names(database_app) == ["1"]
    assert client.get("/files/2/").status_code == 410
    assert patch(client, 2, 3, b"def").status_code == 410
    assert acts(database_app)[-1] == ("expiry", "file.expire", "2")
    assert [act[1] for act in acts(database_app)] == ["file.announce", "file.complete", "file.announce", "file.expire"]
    assert (folder_of(database_app) / "1").read_bytes() == DATA


def test_an_upload_that_cannot_be_given_up_is_tried_ever_later(client: FlaskClient, app: Flask) -> None:
    create(client, 6)
    folder_of(app).rename(folder_of(app).parent / "stowed")
    folder_of(app).write_bytes(b"a file where the folder was")
    set_row(app, expires_us=1)
    at_us = now_us()
    with app.app_context():
        for later_s, tries in ((0, 1), (10, 1), (61, 2), (120, 2)):
            assert sweep(at_us + later_s * 1_000_000) == 0
            assert row_of(app).tries == tries


def test_a_clock_that_leaps_ahead_gives_up_no_upload(database_app: Flask) -> None:
    client, at_us = database_app.test_client(), now_us()
    create(client, 6)
    with database_app.app_context():
        with writing() as session:
            session.add(RetentionMark(host_id="this", boot_id="b", booted_us=1, believed_us=at_us))
        assert sweep(at_us + 52 * WEEK_US) == 0
        with writing() as session:
            session.execute(update(RetentionMark).values(believed_us=at_us + WEEK_US + 1_000_000))
        assert sweep(at_us + 52 * WEEK_US) == 1
    assert client.get("/files/1/").status_code == 410


def test_an_upload_is_kept_as_long_as_something_is_added(client: FlaskClient, app: Flask) -> None:
    create(client, 6)
    set_row(app, expires_us=now_us() + 1_000_000)
    patch(client, 1, 0, b"abc")
    left_us = (row_of(app).expires_us or 0) - now_us()
    assert WEEK_US - 60_000_000 < left_us <= WEEK_US
    with app.app_context():
        assert not expire(1, now_us()), "it was found to be due before the piece came"
    assert offset_of(client, 1) == 3


def test_no_file_is_written_over_after_the_database_was_lost(database_app: Flask) -> None:
    client = database_app.test_client()
    folder = folder_of(database_app)
    upload(client, b"first")
    shutil.copy(folder / "1", folder / "7")
    (folder / "9.part").write_bytes(b"unfinished")
    (folder / "10.result").write_bytes(b"result")
    with database_app.app_context(), writing() as session:  # as a new database is: its ids begin with 1
        for model in (FileEvent, ReferKey, Rotation, File):
            session.execute(delete(model))
        if session.get_bind().dialect.name == "sqlite":
            session.connection().exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'file'")
        else:
            session.connection().exec_driver_sql("ALTER SEQUENCE file_id_seq RESTART")
    assert [upload(client, b"new").json["id"] for _ in range(2)] == [11, 12]
    assert create(client, 3).json["id"] == 13
    assert (folder / "1").read_bytes() == b"first"
    assert (folder / "9.part").read_bytes() == b"unfinished"
    assert names(database_app) == ["1", "10.result", "11", "12", "13.part", "7", "9.part"]


def test_no_link_in_the_place_of_a_new_file_is_followed(client: FlaskClient, app: Flask) -> None:
    upload(client, b"x")
    target = folder_of(app).parent / "target"
    target.write_bytes(b"precious")
    (folder_of(app) / "2.part").symlink_to(target)
    assert upload(client, b"new").json["id"] == 3
    assert target.read_bytes() == b"precious"


def test_files_that_are_too_large_are_refused(app: Flask) -> None:
    client = with_settings(app, UPLOAD_MAX_BYTES=1000)
    assert refusal(create(client, 1001)) == (413, ["body"], "too_large")
    assert create(client, 1001).headers["Tus-Max-Size"] == "1000"
    assert refusal(upload(client, b"x" * 100_000))[::2] == (413, "too_large")  # by its Content-Length
    assert client.get("/files/").json == []
    answer = upload(client, b"x" * 1001)
    assert refusal(answer)[::2] == (413, "too_large")
    create(client, None)
    assert patch(client, 2, 0, b"x" * 1001).status_code == 413
    assert offset_of(client, 2) == 0
    assert patch(client, 2, 0, b"x" * 1000).status_code == 204
    assert refusal(patch(client, 2, 1000, b"", **{"Upload-Length": "1001"}))[::2] == (413, "too_large")


def test_the_uploads_of_one_account_have_a_limit(database_app: Flask) -> None:
    client = with_settings(database_app, UPLOAD_USER_BYTES=1000)
    create(client, 600)
    assert refusal(create(client, 401)) == (413, ["body"], "user_limit")
    assert upload(client, b"x" * 400).status_code == 201
    assert refusal(upload(client, b"x"))[::2] == (413, "user_limit")
    client.delete("/files/1/")
    client.delete("/files/3/")
    assert create(client, 600).status_code == 201


def test_uploads_of_unknown_length_share_the_limit_of_their_account(database_app: Flask) -> None:
    """Each of them may take all that is left when it begins: what comes beside it meanwhile counts too."""
    client = with_settings(database_app, UPLOAD_USER_BYTES=1000)
    for _ in range(2):
        create(client, None)
    config = database_app.config["PLAYBACK"]
    with database_app.app_context(), contextlib.ExitStack() as stack:
        intakes = []
        for file_id in (1, 2):
            claimed = stack.enter_context(claim(file_id))
            assert claimed is not None
            intakes.append(Intake(config, claimed, measure_room(db.session, config, now_us()), 1000))
        for intake in intakes:
            intake.take(b"x" * 600)
            intake.commit()
        with pytest.raises(TooLarge):
            intakes[1].take(b"x")
        for intake in intakes:
            intake.end()
    assert [row_of(database_app, file_id).received_bytes for file_id in (1, 2)] == [600, 0]


def test_the_reserve_and_other_uploads_leave_no_room(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    client = app.test_client()
    upload(client, b"x")
    disk = os.statvfs(folder_of(app))
    monkeypatch.setattr(os, "statvfs", lambda _: disk)  # this machine has other things to do, which write, too
    free = disk.f_bavail * disk.f_frsize
    spare = 10**9
    client = with_settings(app, UPLOAD_MAX_BYTES=10**15, RESERVE_BYTES=(free - 5 * spare) * 2 // 3)
    assert refusal(create(client, 7 * spare)) == (507, ["body"], "storage_full")
    assert create(client, 3 * spare).status_code == 201
    assert create(client, 3 * spare).status_code == 507  # what the other is yet to write counts too
    client.delete("/files/2/")
    assert create(client, 3 * spare).status_code == 201


def test_a_disk_that_fills_in_the_middle_keeps_what_came(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own call is made to fail, as a full disk does, after 100 KB; nothing of ours is replaced."""
    create(client, len(DATA))
    real = os.pwrite

    def full(handle: int, data: Any, offset: int) -> int:
        if offset + len(data) > 100_000:
            if offset < 100_000:
                return real(handle, data[: 100_000 - offset], offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    assert refusal(patch(client, 1, 0, DATA))[::2] == (507, "storage_full")
    monkeypatch.undo()
    assert offset_of(client, 1) == 100_000
    assert patch(client, 1, 100_000, DATA[100_000:]).status_code == 204
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_what_a_killed_process_left_behind_its_offset_is_cut_off(client: FlaskClient, app: Flask) -> None:
    create(client, 6)
    patch(client, 1, 0, b"abc")
    with (folder_of(app) / "1.part").open("ab") as file:
        file.write(b"torn bytes")
    assert patch(client, 1, 3, b"def").status_code == 204
    assert (folder_of(app) / "1").read_bytes() == b"abcdef"


def test_bytes_that_the_disk_has_lost_are_asked_for_again(client: FlaskClient, app: Flask) -> None:
    create(client, 6)
    patch(client, 1, 0, b"abcd")
    os.truncate(folder_of(app) / "1.part", 2)
    assert offset_of(client, 1) == 2
    assert patch(client, 1, 2, b"cdef").status_code == 204
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(b"abcdef").hexdigest()


@pytest.mark.parametrize("step", ["nothing", "linked", "named"])
def test_a_file_that_is_whole_is_completed_after_a_kill_at_any_step(app: Flask, step: str) -> None:
    client = app.test_client()
    create(client, 6)
    patch(client, 1, 0, b"abcdef")
    part, whole = folder_of(app) / "1.part", folder_of(app) / "1"
    {"nothing": lambda: whole.rename(part), "linked": lambda: os.link(whole, part), "named": lambda: None}[step]()
    set_row(app, status="processing", completed_us=None, sha256=None, next_us=now_us())
    assert offset_of(client, 1) == 6
    with app.app_context():
        sweep(now_us())
    shown = client.get("/files/1/").json
    assert (shown["status"], shown["sha256"]) == ("ready", hashlib.sha256(b"abcdef").hexdigest())
    assert names(app) == ["1"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt("killed"), OSError(errno.EIO, "no disk")], ids=["kill", "disk"])
def test_a_form_that_came_whole_is_completed_whatever_happens_then(
    app: Flask, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    """The kernel's call fails, or the process ends in it; nothing of ours is replaced."""
    client = app.test_client()
    upload(client, b"before")

    def fail(*_: object) -> None:
        raise fault

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", fail)
        with contextlib.suppress(KeyboardInterrupt):
            assert upload(client, b"abcdef", "film.mp4").status_code == 503
    assert (names(app), row_of(app, 2).completed_us) == (["1", "2.part"], None)
    with app.app_context():
        sweep(now_us() + 61_000_000)
    shown = client.get("/files/2/").json
    assert (shown["status"], shown["sha256"]) == ("ready", hashlib.sha256(b"abcdef").hexdigest())
    assert names(app) == ["1", "2"]


def test_a_file_that_has_taken_the_place_of_an_upload_is_not_written_over(app: Flask) -> None:
    client = app.test_client()
    create(client, 6)
    (folder_of(app) / "1").write_bytes(b"precious")
    assert refusal(patch(client, 1, 0, b"abcdef"))[::2] == (503, "storage_unusable")
    assert (folder_of(app) / "1").read_bytes() == b"precious"
    assert (folder_of(app) / "1.part").read_bytes() == b"abcdef"
    assert client.get("/files/1/").json["status"] == "processing"


def test_the_hash_is_right_when_processes_take_turns(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process wrote is read from the disk, no more than twice what comes, and the rest at the end."""
    from app.transfer.digesting import Digests

    client, piece = app.test_client(), 40_000
    create(client, len(DATA))
    processes = [Digests(), Digests()]
    for index, begin in enumerate(range(0, len(DATA), piece)):
        monkeypatch.setattr("app.transfer.intake.digests", processes[index % 2])
        assert patch(client, 1, begin, DATA[begin : begin + piece]).status_code == 204
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_no_request_reads_back_what_came_with_checksums_before(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's own call is counted: at the end of a large upload its sender would wait for minutes."""
    create(client, len(DATA))
    piece, read = 20_000, [0]
    real = os.pread

    def counted(handle: int, count: int, offset: int) -> bytes:
        block = real(handle, count, offset)
        read[0] += len(block)
        return block

    monkeypatch.setattr(os, "pread", counted)
    for begin in range(0, len(DATA), piece):
        data, read[0] = DATA[begin : begin + piece], 0
        assert patch(client, 1, begin, data, **{"Upload-Checksum": checksum("sha1", data)}).status_code == 204
        assert read[0] <= 2 * piece
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(DATA).hexdigest()


def test_a_peer_that_sends_next_to_nothing_is_let_go(app: Flask) -> None:
    create(app.test_client(), 10**6)
    with app.app_context(), claim(1) as claimed:
        assert claimed is not None
        config, writer = app.config["PLAYBACK"], claimed.writer
        intake = Intake(config, claimed, measure_room(db.session, config, now_us()), 10**6)
        intake.take(b"x" * LEAST_BYTES)
        assert writer.why is None
        writer.progress_s -= STALLED_S
        intake.take(b"x")  # now and then a byte, so that no read ever waits for long
        wait_for(lambda: writer.why is not None, "the look at what uploads bring")
        assert writer.why == "next to nothing came for 60 s"
        intake.end()


def test_a_piece_that_is_refused_says_no_length(client: FlaskClient) -> None:
    """It could be less than another request is just writing."""
    create(client, None)
    patch(client, 1, 0, b"abc")
    assert refusal(patch(client, 1, 2, b"c", **{"Upload-Length": "3"}))[2] == "offset_conflict"
    answer = client.head("/files/1/", headers=TUS)
    assert (answer.headers["Upload-Defer-Length"], answer.headers.get("Upload-Length")) == ("1", None)


def test_two_writers_of_one_upload_are_kept_apart(app: Flask) -> None:
    import fcntl

    client = app.test_client()
    create(client, 6)
    with (folder_of(app) / "1.part").open("rb") as other:  # one that does not let go
        fcntl.flock(other, fcntl.LOCK_EX)
        answer = patch(client, 1, 0, b"abc")
        assert (refusal(answer)[::2], answer.headers["Retry-After"]) == ((423, "locked"), "2")
        assert row_of(app).writer is not None
        with app.app_context():
            set_row(app, expires_us=1)
            sweep(now_us())  # one that is written to does not expire
    assert patch(client, 1, 0, b"abc").status_code == 204


def test_a_form_without_a_file_and_json_go_to_footage(client: FlaskClient) -> None:
    for how in ({"json": {}}, {"data": {}}, {}):
        assert client.post("/files/", **how).status_code == 422
    assert client.post("/files/", data=b"x", headers={"Content-Type": "video/mp4"}).status_code == 415


def test_what_is_left_to_do_is_found_and_done(app: Flask) -> None:
    client = app.test_client()
    upload(client, "Сцена первая.\nДождь.".encode("cp1251"), "script.txt")
    upload(client, b"\x00\x00\x00\x18ftypisom" + b"broken" * 50, "film.mp4")
    with app.app_context():
        assert sweep(now_us()) == 1
    first, second = client.get("/files/").json
    assert (first["media_type"], first["error"]) == ("text/plain; charset=windows-1251", None)
    assert (second["media_type"], second["status"], second["duration_s"]) == ("video/mp4", "ready", None)
    assert second["error"].startswith("it cannot be read as a film")
    row = row_of(app, 2)
    assert (row.tries, row.next_us is not None) == (1, True)
    set_row(app, 2, tries=7, next_us=1)
    with app.app_context():
        assert sweep(now_us()) == 0
    assert row_of(app, 2).next_us is None  # it is tried no more, and needs no upload again


def test_the_length_of_a_film_is_found(app: Flask, tmp_path: Any) -> None:
    from tests.media import make_video

    client = app.test_client()
    make_video(tmp_path / "film.mp4", seconds=2)
    upload(client, (tmp_path / "film.mp4").read_bytes(), "anything")
    with app.app_context():
        assert sweep(now_us()) == 1
    shown = client.get("/files/1/").json
    assert (shown["media_type"], round(shown["duration_s"]), shown["error"]) == ("video/mp4", 2, None)


def test_a_text_that_is_nearly_a_page_is_told_at_once() -> None:
    """Looked for by trying each way to end its comments, 300 bytes of it took longer than a worker lives."""
    assert type_of(b"<!-- -->\n" * 5000 + b"<p>") == "text/plain; charset=utf-8"
    assert type_of(b"\n<!-- a > -- b --> <!----><HTML>") == "text/html"


@pytest.mark.parametrize("content", [b"text", b"\x00\x00\x00\x18ftypisom" + b"broken" * 50], ids=["fine", "broken"])
def test_what_an_analyser_said_stays_when_the_file_is_described(app: Flask, content: bytes) -> None:
    """Regression: a file that was described after its analysis had failed lost the reason."""
    client = app.test_client()
    refer = upload(client, content, "film.mp4").json["refer"]
    said = client.post(f"/download/{refer}/", json={"findings": [], "error": "no picture in it"})
    assert said.json["status"] == "error"
    with app.app_context():
        sweep(now_us())
    shown = client.get("/files/1/").json
    assert (shown["status"], shown["error"]) == ("error", "no picture in it")
    assert shown["media_type"] is not None


def test_a_film_of_enormous_pictures_takes_no_memory(tmp_path: Path) -> None:
    """A picture of a megabyte can have a gigabyte, which the kernel would take from who records."""
    enormous_film(tmp_path / "film.mov")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert find_length(tmp_path / "film.mov") == 1.0
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 400_000)  # KiB


def enormous_film(path: Path, side: int = 16_000) -> None:
    """Make a film of one PNG of this many points, all black."""
    import av

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows, packer = 100, zlib.compressobj(9)
    begin = packer.compress(b"\0" * (1 + 4 * side) * rows) + packer.flush(zlib.Z_FULL_FLUSH)
    more = packer.compress(b"\0" * (1 + 4 * side) * rows) + packer.flush(zlib.Z_FULL_FLUSH)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    body = chunk(b"IDAT", begin + more * (side // rows - 1) + packer.flush())
    with av.open(str(path), "w", format="mov") as film:
        stream = film.add_stream("png", rate=1)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "rgba"
        packet = av.Packet(b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IEND", b""))
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 1)
        film.mux(packet)


def test_the_worker_gives_up_what_is_old_though_it_serves_no_requests(app: Flask) -> None:
    """Regression: the worker's app failed after it had locked the upload, which it never let go."""
    client = app.test_client()
    create(client, 9)
    set_row(app, expires_us=1)
    worker = create_app(app.config["PLAYBACK"], with_views=False)
    with worker.app_context():
        assert sweep(now_us()) == 1
        db.engine.dispose()
    assert names(app) == []
    assert client.get("/files/1/").status_code == 410


def test_what_is_refused_takes_no_room(app: Flask) -> None:
    """Regression: of a form that was too large up to a second's bytes stayed on the disk, and counted for nobody."""
    client = with_settings(app, UPLOAD_USER_BYTES=100_000)
    assert upload(client, b"x" * 60_000).status_code == 201
    answer = upload(client, b"x" * 90_000)
    assert refusal(answer)[::2] == (413, "user_limit")
    assert "PLAYBACK_UPLOAD_USER_BYTES" in answer.json["detail"][0]["msg"]
    assert sum(path.stat().st_size for path in folder_of(app).iterdir()) == 60_000


@pytest.mark.parametrize("received", [0, 5])
def test_a_form_that_nobody_sends_any_more_is_told(app: Flask, received: int) -> None:
    """Regression: when the web process was killed, listeners waited for the rest of the form without end."""
    client = app.test_client()
    upload(client, b"123456789")
    folder_of(app).joinpath("1").rename(folder_of(app) / "1.part")
    made = {"status": "processing", "completed_us": None, "sha256": None, "size_bytes": None}
    set_row(app, **made, received_bytes=received, next_us=1, expires_us=now_us() + WEEK_US)
    with app.app_context():
        sweep(now_us())
    shown = client.get("/files/1/").json
    assert (shown["status"], shown["received_bytes"]) == ("error", received)
    assert "broke off" in shown["error"]
    assert patch(client, 1, received, b"123456789"[received:], **{"Upload-Length": "9"}).status_code == 204
    assert client.get("/files/1/").json["sha256"] == hashlib.sha256(b"123456789").hexdigest()


def test_uploads_are_not_joined(client: FlaskClient) -> None:
    answer = create(client, 9, **{"Upload-Concat": "partial"})
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (400, ["header", "Upload-Concat"])
    assert client.get("/files/").json == []


def test_bytes_of_a_deleted_file_are_removed_later_where_they_could_not_be(app: Flask) -> None:
    client = app.test_client()
    upload(client, b"abc")
    stowed = folder_of(app).rename(folder_of(app).parent / "stowed")
    folder_of(app).write_bytes(b"a file where the folder was")
    assert client.delete("/files/1/").status_code == 200
    folder_of(app).unlink()
    stowed.rename(folder_of(app))
    assert names(app) == ["1"]
    assert client.get("/files/1/").status_code == 410
    with app.app_context():
        sweep(now_us())
    assert names(app) == []
