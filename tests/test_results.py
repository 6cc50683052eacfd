"""Results: posted under any key of a file, stored once, told, counted, and given back."""

import io
import json
import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from app import create_app
from app.extensions import db, writing
from app.models import BasisViolation, File, Finding, ReferKey, Result
from app.models.types import now_us
from app.review.findings import MAX_FINDINGS
from app.review.resultfile import remove_left
from instance.config import ProductionConfig
from tests.accounts import add_account
from tests.handed import age, store_and_rotate
from tests.handing import add_file, add_key, audited, events, refer_of
from tests.small_disk import small_disk
from tests.test_record_files import error_of

CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
FORM = "multipart/form-data; boundary=b"
KEY = "0123456789abcdef" * 2
OLD_KEY = "fedcba9876543210" * 2
DASHED = "01234567-89ab-cdef-0123-456789abcdef"
FINDING = {"violation": "Насилие", "severity": "mild", "start": 1.0, "end": 2.5}
SCRIPT = {"violation": "Мат", "severity": "severe", "page": 3, "quotation": "<b>нет</b>\n", "confidence": 0.25}
FOUND = {"findings": [FINDING, SCRIPT, FINDING]}


def post(client: FlaskClient, refer: str, given: Any = FOUND, **more: Any) -> Any:
    return client.post(f"/download/{refer}/", json=given, **more)


def part(name: str, data: bytes, file_name: str | None = None) -> bytes:
    more = "" if file_name is None else f'; filename="{file_name}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + data + b"\r\n"


def post_form(client: FlaskClient, refer: str, *parts: bytes) -> Any:
    return client.post(f"/download/{refer}/", data=b"".join(parts) + b"--b--\r\n", content_type=FORM)


def post_file(client: FlaskClient, refer: str, data: bytes, name: str = "result.bin") -> Any:
    return post_form(client, refer, part("upload", data, name))


def stored(app: Flask, file_id: int) -> tuple[str, int, int, int]:
    """Return status and quantity of the file, and the numbers of its results and findings."""
    with app.app_context():
        row = db.session.get_one(File, file_id)
        results = db.session.scalar(select(func.count()).where(Result.file_id == file_id))
        found = db.session.scalar(select(func.count()).where(Finding.file_id == file_id))
        return row.status, row.violations_quantity, results or 0, found or 0


def files_of(app: Flask) -> list[str]:
    return sorted(path.name for path in Path(app.config["PLAYBACK"].storage_path, "files").iterdir())


def test_findings_are_stored_counted_and_told_at_once(database_app: Flask) -> None:
    client = database_app.test_client()
    with database_app.app_context(), writing() as session:
        session.add(BasisViolation(code="V-1", violations="Насилие и жестокость"))
    file_id = add_file(database_app, duration_s=2.5)
    refer = refer_of(database_app, file_id)
    given = {"findings": [*FOUND["findings"], {"violation": "v-1", "severity": "severe"}]}
    answer = post(client, refer, given)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == {
        "id": file_id,
        "id_file": file_id,
        "refer": refer,
        "status": "db_ready",
        "violations_quantity": 3,
        "by_violation": {"Насилие": 1, "Мат": 1, "Насилие и жестокость": 1},
        "by_severity": {"severe": 2, "mild": 1},
    }
    told = {"violations_quantity": 3, "by_severity": {"severe": 2, "mild": 1}}
    assert events(database_app, file_id) == [
        ("result", {"status": "ready", **told, "by_violation": answer.json["by_violation"]}),
        ("status", {"status": "db_ready"}),
    ]
    shown = client.get(f"/files/{file_id}/result").json
    assert {key: shown[key] for key in answer.json} == answer.json
    assert (shown["kind"], shown["name"], shown["actor"]) == ("json", None, "anyone (testing)")
    nothing = dict.fromkeys(("violation_id", "start", "end", "page", "quotation", "confidence"))
    assert shown["findings"] == [
        {**nothing, **FINDING},
        {**nothing, **SCRIPT},
        {**nothing, "violation": "v-1", "severity": "severe", "violation_id": 1},
    ]
    assert audited(client) == ["result.post"]


def test_a_result_is_taken_under_the_refer_and_every_key_ever_given_out(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    refer = refer_of(app, file_id)
    newest, oldest = (now_us() - n * 86_400_000_000 for n in range(2))
    add_key(app, file_id, OLD_KEY, issued_us=oldest)
    add_key(app, file_id, KEY, issued_us=newest, generation=1)
    dashed = "-".join((refer[:8], refer[8:12], refer[12:16], refer[16:20], refer[20:]))
    for text in (KEY, DASHED, OLD_KEY, refer, dashed, refer.upper()):
        for slash in ("", "/"):
            answer = client.post(f"/download/{text}{slash}", json=FOUND)
            assert (answer.status_code, answer.json["id"], answer.json["refer"]) == (200, file_id, refer), text


def test_a_result_may_name_its_file_in_a_header(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    refer = refer_of(app, file_id)
    answer = client.post("/record", json=FOUND, headers={"X-Refer-Key": refer})
    assert (answer.status_code, answer.json["id"]) == (200, file_id)
    assert post(client, refer).json == answer.json
    assert error_of(client.post("/record/", json=FOUND)) == (422, ["header", "X-Refer-Key"], "missing")
    for wrong in ("x", KEY, "0" * 5000, "..", "é"):
        answer = client.post("/record/", json=FOUND, headers={"X-Refer-Key": wrong})
        assert error_of(answer) == (404, ["header", "X-Refer-Key"], "not_found"), wrong
        assert wrong not in answer.text or len(wrong) < 3, "a key stands in no answer"


def test_a_result_for_a_key_that_never_was_is_not_found(client: FlaskClient) -> None:
    for text in (KEY, DASHED, "zz", "0" * 33, "1" * 19):
        answer = post(client, text)
        assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "not_found"), text


def test_the_same_again_changes_nothing_and_another_content_is_refused(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    refer = refer_of(database_app, file_id)
    first = post(client, refer)
    before = stored(database_app, file_id), events(database_app, file_id)
    assert before[0] == ("db_ready", 2, 1, 2)
    spelt = json.dumps({"findings": [dict(reversed(SCRIPT.items())), FINDING]}, indent=3)
    reordered = client.post(f"/download/{refer}/", data=spelt, content_type="application/json")
    assert error_of(reordered)[::2] == (409, "result_differs")
    respelt = json.dumps({"findings": [{**FINDING, "start": 1}, {**SCRIPT, "start": None}], "x": 1}, indent=3)
    for again in (
        post(client, refer),
        client.post(f"/download/{refer}/", data=respelt, content_type="application/json"),
        client.post(f"/download/{refer}/", data={"findings": json.dumps(FOUND["findings"])}),
        post_file(client, refer, b"\xef\xbb\xbf" + json.dumps(FOUND).encode(), "r.json"),
    ):
        assert (again.status_code, again.json) == (200, first.json)
    for other in (
        post(client, refer, {"findings": [FINDING]}),
        post(client, refer, {"findings": []}),
        post(client, refer, {"error": "it did not work after all"}),
        post_file(client, refer, b"a file"),
    ):
        assert error_of(other) == (409, ["path", "refer"], "result_differs")
    assert (stored(database_app, file_id), events(database_app, file_id)) == before
    assert files_of(database_app) == [str(file_id)]
    assert audited(client) == ["result.post"]


def test_a_result_without_findings_is_one(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    answer = post(client, refer_of(app, file_id), {"findings": []})
    assert (answer.json["status"], answer.json["violations_quantity"]) == ("db_ready", 0)
    assert (answer.json["by_violation"], answer.json["by_severity"]) == ({}, {})


def test_a_file_as_a_result_comes_back_to_the_byte(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    refer = refer_of(database_app, file_id)
    data = b"<script>alert(1)</script>" + bytes(range(256)) * 1500
    answer = post_file(client, refer, data, "../Отчёт 1.html")
    assert (answer.status_code, answer.json["status"], answer.json["violations_quantity"]) == (200, "db_ready", 0)
    assert files_of(database_app) == [str(file_id), f"{file_id}.result"]
    shown = client.get(f"/files/{file_id}/result").json
    assert (shown["kind"], shown["name"], shown["size_bytes"]) == ("file", "Отчёт 1.html", len(data))
    for path in (f"/files/{file_id}/result?format=file", f"/files/{file_id}/result/file"):
        got = client.get(path)
        assert (got.status_code, got.data) == (200, data)
        assert got.mimetype == "application/octet-stream"
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Disposition"].startswith('attachment; filename="')
        assert got.headers["Content-Disposition"].endswith("filename*=UTF-8''%D0%9E%D1%82%D1%87%D1%91%D1%82%201.html")
    part = client.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.data) == (206, data[1:4])
    assert post_file(client, refer, data, "other name").json == answer.json
    assert error_of(post_file(client, refer, data[:-1]))[::2] == (409, "result_differs")
    assert error_of(post(client, refer))[::2] == (409, "result_differs")
    assert files_of(database_app) == [str(file_id), f"{file_id}.result"]


def test_findings_in_a_file_are_findings_and_the_file_is_kept(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    data = json.dumps(FOUND, ensure_ascii=False, indent=7).encode()
    answer = post_file(client, refer_of(app, file_id), data, "findings.json")
    assert answer.json["by_severity"] == {"severe": 1, "mild": 1}
    assert client.get(f"/files/{file_id}/result/file").data == data
    assert post(client, refer_of(app, file_id)).json == answer.json


def test_findings_without_a_file_are_given_as_one(app: Flask, client: FlaskClient) -> None:
    file_id, other = add_file(app), add_file(app)
    post(client, refer_of(app, file_id))
    got = client.get(f"/files/{file_id}/result/file")
    assert got.headers["Content-Disposition"].startswith(f'attachment; filename="findings-{file_id}.json"')
    assert json.loads(got.data) == {"findings": [FINDING, SCRIPT]}
    assert post_file(client, refer_of(app, other), got.data).json["violations_quantity"] == 2


def test_a_file_of_another_shape_is_no_more_than_a_file(app: Flask, client: FlaskClient) -> None:
    others = (b'{"a": "findings"}', b'[{"findings": []}]', b'{"note": {"findings": []}}', b"{", b"\x00", b"[" * 100_000)
    for data in others:
        file_id = add_file(app)
        assert post_file(client, refer_of(app, file_id), data, "x.json").status_code == 200
        assert client.get(f"/files/{file_id}/result").json["kind"] == "file", data[:30]


def test_an_analyser_may_say_that_it_failed_and_still_send_a_result(database_app: Flask) -> None:
    client = database_app.test_client()
    file_id = add_file(database_app)
    refer = refer_of(database_app, file_id)
    failed = post(client, refer, {"findings": [], "error": "no picture can be decoded"})
    assert (failed.status_code, failed.json["status"], failed.json["violations_quantity"]) == (200, "error", 0)
    assert post(client, refer, {"error": "no picture can be decoded"}).json == failed.json
    told = ("status", {"status": "error", "error": "no picture can be decoded"})
    assert events(database_app, file_id) == [told]
    assert error_of(client.get(f"/files/{file_id}/result"))[::2] == (404, "no_result")
    post(client, refer, {"error": "nor any sound"})
    answer = post(client, refer)
    assert (answer.status_code, answer.json["status"]) == (200, "db_ready")
    assert [kind for kind, _ in events(database_app, file_id)] == ["status", "status", "result", "status"]
    assert audited(client) == ["result.error", "result.error", "result.post"]
    with database_app.app_context():
        assert db.session.get_one(File, file_id).error is None


def test_a_file_that_is_not_complete_has_no_result(app: Flask, client: FlaskClient) -> None:
    for status in ("--------", "processing", "error"):
        file_id = add_file(app, None, status=status)
        refer = refer_of(app, file_id)
        for answer in (post(client, refer), post_file(client, refer, b"x"), post(client, refer, {"error": "x"})):
            assert error_of(answer) == (409, ["path", "refer"], "not_complete"), status
        assert stored(app, file_id) == (status, 0, 0, 0)


def test_a_deleted_file_takes_and_shows_no_result(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    refer = refer_of(app, file_id)
    post(client, refer)
    with app.app_context(), writing() as session:
        session.execute(update(File).values(deleted_us=now_us(), deleted_by="me"))
    for answer in (post(client, refer), post_file(client, refer, b"x"), client.get(f"/files/{file_id}/result")):
        assert error_of(answer)[::2] == (410, "deleted")
    assert error_of(client.get(f"/files/{file_id}/result/file"))[::2] == (410, "deleted")


def test_deleting_a_file_removes_what_was_posted_for_it(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    assert post_file(client, refer_of(app, file_id), b"content").status_code == 200
    assert files_of(app) == [str(file_id), f"{file_id}.result"]
    assert client.delete(f"/files/{file_id}/").status_code == 200
    assert files_of(app) == []


def run_at_once(app: Flask, count: int, act: Any) -> list[Any]:
    """Return what `act` gives for each number, in threads that begin together."""
    begin, found = threading.Barrier(count), [None] * count

    def one(number: int) -> None:
        client = app.test_client()
        begin.wait()
        found[number] = act(client, number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_results_at_once_one_is_stored(database_app: Flask) -> None:
    """Four contents, two of them files, each posted twice at the same time."""
    file_id = add_file(database_app)
    refer = refer_of(database_app, file_id)

    def act(client: FlaskClient, number: int) -> tuple[int, Any]:
        content = number % 4
        if content < 2:
            answer = post(client, refer, {"findings": [{**SCRIPT, "page": content + 1}]})
        else:
            answer = post_file(client, refer, b"content %d" % content)
        return content, answer

    answers = run_at_once(database_app, 8, act)
    taken = {content for content, answer in answers if answer.status_code == 200}
    assert len(taken) == 1
    assert sorted(answer.status_code for _, answer in answers) == [200] * 2 + [409] * 6
    [content] = taken
    status, quantity, results, found = stored(database_app, file_id)
    assert (status, results) == ("db_ready", 1)
    assert (quantity, found) == ((1, 1) if content < 2 else (0, 0))
    assert [kind for kind, _ in events(database_app, file_id)] == ["result", "status"]
    client = database_app.test_client()
    names = [str(file_id)]
    if content >= 2:
        names.append(f"{file_id}.result")
        assert client.get(f"/files/{file_id}/result/file").data == b"content %d" % content
    assert files_of(database_app) == names
    assert audited(client) == ["result.post"]


BAD = {
    "nothing": {},
    "null": {"findings": None},
    "no list": {"findings": {"violation": "v"}},
    "a text": {"findings": "x"},
    "too many": {"findings": [FINDING] * (MAX_FINDINGS + 1)},
    "no violation": {"findings": [{"severity": "mild"}]},
    "wrong severity": {"findings": [{**FINDING, "severity": "grave"}]},
    "control character": {"findings": [{**FINDING, "violation": "a\u0000"}]},
    "surrogate": {"findings": [{**FINDING, "quotation": "\ud800"}]},
    "end before start": {"findings": [{**FINDING, "start": 2.6}]},
    "behind the end": {"findings": [{**FINDING, "end": 3.7}]},
    "infinite": {"findings": [{**FINDING, "end": float("inf")}]},
    "not a number": {"findings": [{**FINDING, "confidence": float("nan")}]},
    "both": {"findings": [FINDING], "error": "and yet"},
}


def test_findings_that_are_wrong_are_refused_however_they_come(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app, duration_s=3.5)
    refer = refer_of(app, file_id)
    for name, given in BAD.items():
        as_text = json.dumps(given)
        answers = [client.post(f"/download/{refer}/", data=as_text, content_type="application/json")]
        if "findings" in as_text:
            answers.append(post_file(client, refer, as_text.encode()))
        for answer in answers:
            assert answer.status_code == 422, (name, answer.text)
            assert answer.json["detail"][0]["loc"][0] == "body", name
    assert stored(app, file_id) == ("ready", 0, 0, 0)
    assert files_of(app) == [str(file_id)]


def test_of_many_faults_a_hundred_are_told(app: Flask, client: FlaskClient) -> None:
    refer = refer_of(app, add_file(app))
    answer = post(client, refer, {"findings": [{}] * 1000})
    assert (answer.status_code, len(answer.json["detail"])) == (422, 100)
    late = [{"violation": f"v{n}", "severity": "mild", "start": 99.0} for n in range(1000)]
    answer = post(client, refer_of(app, add_file(app, duration_s=10.0)), {"findings": late})
    assert (answer.status_code, len(answer.json["detail"])) == (422, 100)


UNREADABLE: dict[str, tuple[bytes, str, int, str]] = {
    "deep list": (b"[" * 200_000, "application/json", 422, "json_invalid"),
    "deep objects": (b'{"findings": [' + b'{"a":' * 50_000, "application/json", 422, "json_invalid"),
    "twice": (b'{"findings": [], "findings": []}', "application/json", 422, "json_invalid"),
    "no utf-8": (b"\xff\xfe", "application/json", 422, "json_invalid"),
    "text": (b"x", "text/plain", 415, "unsupported_media_type"),
    "empty": (b"", "application/json", 422, "missing"),
    "no boundary": (b"x", "multipart/form-data", 422, "form_invalid"),
    "no form": (b"x", FORM, 422, "form_invalid"),
    "nameless": (b"--b\r\n\r\nx\r\n--b--", FORM, 422, "form_invalid"),
    "broken off": (part("upload", b"x", "a"), FORM, 422, "form_invalid"),
    "field not utf-8": (part("findings", b"\xff") + b"--b--", FORM, 422, "unicode"),
}


def test_a_body_that_cannot_be_read_is_refused(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    for name, (body, kind, status, word) in UNREADABLE.items():
        answer = client.post(f"/download/{refer_of(app, file_id)}/", data=body, content_type=kind)
        assert error_of(answer)[::2] == (status, word), name
    assert files_of(app) == [str(file_id)]


def test_a_form_with_a_file_has_one_under_its_name_and_nothing_that_contradicts_it(
    app: Flask, client: FlaskClient
) -> None:
    file_id = add_file(app)
    refer = refer_of(app, file_id)
    findings, file = part("findings", json.dumps([FINDING]).encode()), part("upload", b"x", "a")
    for parts in ((findings, file), (file, findings), (file, part("error", b"e"))):
        assert error_of(post_form(client, refer, *parts)) == (422, ["body", "upload"], "either")
    assert error_of(post_form(client, refer, file, file)) == (422, ["body", "upload"], "duplicate")
    assert error_of(post_form(client, refer, findings, findings))[::2] == (422, "duplicate")
    assert error_of(post_file(client, refer, b"")) == (422, ["body", "upload"], "empty")
    assert error_of(post_form(client, refer, part("other", b"x", "a")))[::2] == (422, "unknown")
    assert files_of(app) == [str(file_id)]
    left_empty = part("upload", b"", "")
    assert post_form(client, refer, left_empty, findings).json["violations_quantity"] == 1


def test_a_result_that_is_too_large_is_refused_and_leaves_nothing(app: Flask, client: FlaskClient) -> None:
    app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], RESULT_MAX_BYTES=400_000)
    file_id = add_file(app)
    address = f"/download/{refer_of(app, file_id)}/"
    for body, kind in (
        (b'{"findings": [' + b" " * 2_000_000, "application/json"),
        (part("upload", b"x" * 2_000_000, "a"), FORM),
    ):
        chunks = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": kind, **CHUNKED}
        for answer in (
            client.post(address, content_type=kind, data=body),
            client.post(address, content_type=kind, environ_overrides=chunks),
        ):
            assert error_of(answer) == (413, ["body"], "too_large"), kind
    assert files_of(app) == [str(file_id)]
    assert post_file(client, refer_of(app, file_id), b"x" * 400_000).status_code == 200


def test_a_result_takes_no_room_from_recording_however_it_comes(app: Flask, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16m") as disk:
        floor = {"STORAGE": str(disk), "RESERVE_BYTES": 8_000_000}
        app.config["PLAYBACK"] = replace(app.config["PLAYBACK"], **floor)
        file_id = add_file(app)
        body = part("upload", b"x" * 8_000_000, "a") + b"--b--"
        chunks = {"wsgi.input": io.BytesIO(body), "CONTENT_TYPE": FORM, **CHUNKED}
        address, client = f"/download/{refer_of(app, file_id)}/", app.test_client()
        for answer in (
            client.post(address, content_type=FORM, data=body),
            client.post(address, environ_overrides=chunks),
        ):
            assert error_of(answer) == (507, ["body"], "storage_full")
        assert files_of(app) == [str(file_id)]
        assert post_file(client, refer_of(app, file_id), b"x" * 1_000_000).status_code == 200


def test_a_quotation_is_text_wherever_it_is_shown(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    html = "<img src=x onerror=alert(1)>"
    finding = {"violation": html, "severity": "mild", "quotation": html}
    assert post(client, refer_of(app, file_id), {"findings": [finding]}).json["by_violation"] == {html: 1}
    answer = client.get(f"/files/{file_id}/result")
    assert answer.mimetype == "application/json"
    assert answer.json["findings"][0]["quotation"] == html
    assert client.get(f"/files/{file_id}/result/file").mimetype == "application/octet-stream"


def test_no_connection_to_the_database_is_held_while_a_result_comes(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    body = io.BytesIO(part("upload", b"x" * 2_000_000, "a") + b"--b--")
    held: list[int] = []

    class Watched:
        def read(self, size: int = -1) -> bytes:
            held.append(db.engine.pool.checkedout())
            return body.read(size)

    answer = client.post(
        f"/download/{refer_of(app, file_id)}/",
        environ_overrides={"wsgi.input": Watched(), "CONTENT_TYPE": FORM, **CHUNKED},
    )
    assert answer.status_code == 200, answer.json
    assert len(held) > 1
    assert set(held) == {0}
    with app.app_context():
        assert db.session.scalar(select(Result.size_bytes)) == 2_000_000


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Any:
    """Return what makes an app in production with these settings."""

    def make(**settings: Any) -> Flask:
        config = ProductionConfig(INSTANCE=str(tmp_path / "instance"), SECRET_KEY="k" * 48, **settings)
        config.instance_path.mkdir(parents=True)
        shutil.copy(migrated_sqlite, config.instance_path / "app.db")
        return create_app(config)

    return make


def test_in_production_a_result_needs_the_token_of_an_analyser_or_an_operator(production: Any) -> None:
    app = production()
    client = app.test_client()
    file_id, key = store_and_rotate(app, b"film")
    with app.app_context(), writing() as session:
        add_account(session, "analyser", "operator", token="secret")
        viewer = add_account(session, "viewer", "viewer")
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        for answer in (
            post(client, key, headers=headers),
            client.post("/record/", json=FOUND, headers={"X-Refer-Key": key, **headers}),
        ):
            assert error_of(answer)[::2] == (401, "unauthorised")
    assert error_of(post(client, key, headers={"Authorization": f"Bearer {viewer}"}))[::2] == (403, "forbidden")
    token = {"Authorization": "Bearer secret"}
    assert post(client, key, headers=token).json["id"] == file_id
    assert client.get(f"/files/{file_id}/result", headers=token).status_code == 200
    with app.app_context():
        assert db.session.get_one(Result, file_id).actor == "analyser"


def test_where_no_token_is_needed_a_key_that_is_open_or_was_used_is_enough(production: Any) -> None:
    app = production(RESULT_NEEDS_TOKEN=False)
    client = app.test_client()
    keys = {name: store_and_rotate(app, b"film") for name in ("open", "used", "expired", "revoked")}
    with client.get(f"/download/{keys['used'][1]}/") as answer:
        assert answer.data == b"film"
    for name in ("used", "expired"):
        age(app, keys[name][0], 3600)
    with app.app_context(), writing() as session:
        mine = ReferKey.file_id == keys["revoked"][0]
        session.execute(update(ReferKey).where(mine).values(revoked_us=now_us()))
    expected = {keys["open"][1]: 200, keys["used"][1]: 200, keys["expired"][1]: 401, keys["revoked"][1]: 401}
    for text, status in {**expected, refer_of(app, keys["open"][0]): 401, "0" * 32: 401}.items():
        assert client.post("/record/", json=FOUND, headers={"X-Refer-Key": text}).status_code == status
        assert post(client, text).status_code == status
    assert client.post("/record/", json=FOUND).status_code == 401


def test_what_a_killed_process_left_of_a_result_is_removed_a_day_later(app: Flask, client: FlaskClient) -> None:
    file_id = add_file(app)
    post_file(client, refer_of(app, file_id), b"result")
    root = app.config["PLAYBACK"].storage_path
    names = [f".{file_id}.result.{DASHED}", f".{file_id}.result.{DASHED[:-1]}0", f".{file_id}.other", f"{file_id}.part"]
    for name in names:
        Path(root, "files", name).write_bytes(b"x")
        if name != names[1]:
            os.utime(Path(root, "files", name), (1, 1))
    gone = Path(root, "files", f".{file_id}.result.{DASHED[:-1]}1")
    gone.symlink_to("nowhere")  # listed, and not there any more: its request has ended meanwhile
    assert remove_left(root) == 1
    assert files_of(app) == sorted([*names[1:], gone.name, str(file_id), f"{file_id}.result"])
    assert remove_left(Path(root, "nowhere")) == 0
