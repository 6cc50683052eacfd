"""`GET /files/ID/content`: the bytes of a handed file for who is signed in; what is shown, to whom, and what counts."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from app.archive.viewwriter import writer_of
from app.extensions import db, writing
from app.models import Audit
from tests.accounts import add_account, add_bounded
from tests.archived import add_source, address, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.handed import leases_of, rotate, row_of, store_file
from tests.handing import add_file

S = 1_000_000
FILM = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 4000
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


def content(client: FlaskClient, file_id: int, query: str = "", **headers: str) -> Any:
    return client.get(f"/files/{file_id}/content{query}", headers={k.replace("_", "-"): v for k, v in headers.items()})


def watched(app: Flask) -> list[tuple[str, str, int | None, dict[str, Any]]]:
    """End what is being looked at; return action, subject, camera and detail of what was written down of it."""
    assert writer_of(app).flush(is_end=True)
    with app.app_context():
        query = select(Audit.action, Audit.subject, Audit.source_id, Audit.detail).order_by(Audit.id)
        rows = [(*row[:3], json.loads(row.detail)) for row in db.session.execute(query)]
    return [row for row in rows if row[0] in ("watch", "download")]


def test_an_uploaded_film_is_shown_in_ranges_and_counts_as_no_download_by_its_key(
    app: Flask, client: FlaskClient
) -> None:
    file_id = store_file(app, FILM, name="Сцена 1.mp4", media_type=None)
    rotate(app, file_id)
    whole = content(client, file_id)
    assert (whole.status_code, whole.data == FILM, whole.mimetype) == (200, True, "video/mp4")
    assert whole.headers["ETag"] == f'"{hashlib.sha256(FILM).hexdigest()}"'
    assert whole.headers["Content-Disposition"].startswith("inline; filename=")
    assert whole.headers["Content-Security-Policy"] == SANDBOX
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    part = content(client, file_id, Range="bytes=1000-1999")
    assert (part.status_code, part.data) == (206, FILM[1000:2000])
    assert content(client, file_id, Range="bytes=99999999-").status_code == 416
    assert content(client, file_id, If_None_Match=whole.headers["ETag"]).status_code == 304
    assert client.head(f"/files/{file_id}/content").headers["Content-Length"] == str(len(FILM))
    row = row_of(app, file_id)
    assert (row.downloads, row.users, leases_of(app, file_id, is_running=False)) == (0, 0, [])
    assert client.get(f"/files/{file_id}/refer/").json["rotation"] == "running"
    [(action, subject, source_id, detail)] = watched(app)
    assert (action, subject, source_id, detail["requests"]) == ("watch", str(file_id), None, {"file": 3})


@pytest.mark.parametrize(
    ("data", "name", "kind", "how"),
    [
        pytest.param(PNG, "a.html", "image/png", "inline", id="a-picture-by-another-name"),
        pytest.param(b"<script>alert(1)</script>", "film.mp4", "application/octet-stream", "attachment", id="page"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "application/octet-stream", "attachment",
                     id="svg"),
        pytest.param(b"%PDF-1.7 x", "a.mp4", "application/octet-stream", "attachment", id="pdf"),
        pytest.param("Пётр курит".encode(), "a.txt", "application/octet-stream", "attachment", id="text"),
        pytest.param(b"", "empty.mp4", "application/octet-stream", "attachment", id="empty"),
    ],
)  # fmt: skip
def test_the_first_bytes_say_what_it_is_whatever_its_name_and_row_say(
    app: Flask, client: FlaskClient, data: bytes, name: str, kind: str, how: str
) -> None:
    answer = content(client, store_file(app, data, name=name, media_type="video/mp4"))
    assert (answer.status_code, answer.data, answer.mimetype) == (200, data, kind)
    assert answer.headers["Content-Disposition"].startswith(f"{how}; filename=")
    assert answer.headers["Content-Security-Policy"] == SANDBOX


def test_with_download_it_is_an_attachment_and_written_down_as_a_download(app: Flask, client: FlaskClient) -> None:
    file_id = store_file(app, FILM, name='a"b.mp4')
    answer = content(client, file_id, "?download=true")
    assert (answer.data == FILM, answer.mimetype) == (True, "video/mp4")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="a_b.mp4"')
    assert [row[:2] for row in watched(app)] == [("download", str(file_id))]


def test_recorded_footage_is_its_film_and_watched_as_its_camera(
    database_app: Flask, media: Callable[..., Path]
) -> None:
    app, client, source_id = database_app, database_app.test_client(), add_source(database_app)
    recorded = record(app, source_id, media("h264"))
    begin_us, end_us = recorded.begin_us + S, recorded.begin_us + 3 * S
    span = {"source_id": source_id, "start": utc(begin_us), "end": utc(end_us)}
    file_id = client.post("/files/", json={**span, "name": "gate.mp4"}).json["id"]
    film = client.get(address(source_id, begin_us, end_us)).data
    assert writer_of(app).flush(is_end=True)
    seen = len(watched(app))
    answer = content(client, file_id)
    assert (answer.status_code, answer.data == film, answer.mimetype) == (200, True, "video/mp4")
    assert answer.headers["Content-Disposition"].startswith('inline; filename="gate.mp4"')
    assert content(client, file_id, "?download=true").headers["Content-Disposition"].startswith("attachment;")
    [(action, subject, source, detail)] = watched(app)[seen:]
    assert (action, subject, source, detail["requests"].keys()) == ("watch", str(source_id), source_id, {"file"})
    assert (detail["begin_utc"], detail["end_utc"]) == (utc(begin_us), utc(end_us))
    row = row_of(app, file_id)
    assert (row.downloads, leases_of(app, file_id, is_running=False)) == (0, [])


def test_what_is_not_there_is_refused_with_the_reason(app: Flask, client: FlaskClient) -> None:
    def refused(file_id: int) -> tuple[int, str]:
        answer = content(client, file_id)
        return answer.status_code, answer.json["detail"][0]["type"]

    assert refused(99) == (404, "not_found")
    assert refused(add_file(app, None, status="processing", received_bytes=10)) == (409, "not_complete")
    file_id = store_file(app, FILM)
    assert client.delete(f"/files/{file_id}/").status_code == 200
    assert refused(file_id) == (410, "deleted")


def test_a_viewer_sees_it_a_bounded_one_only_what_is_his_and_nobody_without_signing_in(production: Flask) -> None:
    with production.app_context(), writing() as session:
        viewer = add_account(session, "Zoë", "viewer")
        bounded = add_bounded(session, "Änne", "operator")
    own, others = store_file(production, FILM, owner="Änne"), store_file(production, FILM, owner="Zoë")

    def status(token: str, file_id: int) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return int(production.test_client().get(f"/files/{file_id}/content", headers=headers).status_code)

    assert [status(viewer, one) for one in (own, others)] == [200, 200]
    assert [status(bounded, one) for one in (own, others)] == [200, 404]
    assert status("", own) == 401
