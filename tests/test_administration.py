"""The administration pages: who may come in, forms with their tokens, and changes by the same ways as everybody's."""

import io
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.extensions import db, writing
from app.models import Audit, BasisViolation, Comment, File, FileEvent, Source
from app.prepared import LIST_PATH
from app.review.loading import load_at_start, load_file
from app.review.naming import Names
from app.views.administration import EXTENSION
from tests.accounts import add_account, sign_in
from tests.browser import Browser, why_no_browser
from tests.browsing import token_of
from tests.conftest import missing
from tests.served import answering

API = "/api/v1"
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
KINDS = ("violation", "file", "comment", "source", "group", "tag")
TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
HOSTILE = "<img src=x onerror=alert(1)> «Привет»"


def add_rows(app: Flask) -> Flask:
    """Add three violations, a camera, a group, and a comment on a file that was uploaded."""
    named = {"violence-01": "Условное насилие", "violence-06": "Домашнее насилие", "tobacco-02": "Курение"}
    with app.app_context(), writing() as session:
        session.add_all([BasisViolation(code=code, violations=name, age="6+") for code, name in named.items()])
    client = app.test_client()
    camera = {"model": "Source", "uri_rtsp": "rtsp://u:geheim@127.0.0.1:1/x", "description": HOSTILE}
    assert client.post(f"{API}/source", json=camera).status_code == 200
    assert client.post(f"{API}/group", json={"model": "Source", "name": HOSTILE}).status_code == 200
    sent = client.post("/files/", data={"upload": (io.BytesIO(b"text"), f"{HOSTILE}.txt")})
    said = {"refer_file": sent.json["refer"], "comment": HOSTILE, "comment_author": "User"}
    assert client.post("/comments/", json=said).status_code == 200
    return app


@pytest.fixture
def filled(app: Flask) -> Flask:
    """Return an app with something in every list, on SQLite."""
    return add_rows(app)


@pytest.fixture
def filled_database(database_app: Flask) -> Flask:
    """Return the same on SQLite, then on PostgreSQL."""
    return add_rows(database_app)


def page(client: FlaskClient, path: str) -> str:
    """Return the text of a page, as a browser gets it."""
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200, (path, answer.text[:300])
    return answer.text


def send(client: FlaskClient, path: str, form_at: str | None = None, **values: Any) -> TestResponse:
    """Send a form with the token that its page holds."""
    token = TOKEN.search(page(client, form_at or path))
    assert token is not None
    return client.post(path, data={**values, "csrf_token": unescape(token[1])}, headers=PAGE)


def row(app: Flask, table: type[Any], row_id: Any) -> Any:
    with app.app_context():
        return db.session.get(table, row_id)


def names(text: str) -> list[str]:
    """Return the cells of the column `violations` of a page, in order."""
    return [unescape(cell).strip() for cell in re.findall(r'<td class="col-violations">(.*?)</td>', text, re.DOTALL)]


# The pages


def test_nothing_of_it_is_made_before_it_is_asked_for(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/").status_code == client.get(f"{API}/source").status_code == 200
    assert EXTENSION not in app.extensions
    page(client, "/admin")
    assert EXTENSION in app.extensions


def test_both_places_show_every_list_with_what_is_hostile_escaped(filled: Flask) -> None:
    client = filled.test_client()
    for place in ("admin", "cms"):
        home = page(client, f"/{place}/")
        for kind in KINDS:
            assert f'href="/{place}/{kind}/"' in home
            text = page(client, f"/{place}/{kind}/")
            assert f'action="/{place}/{kind}/' in text or kind == "tag"
            assert "<img src=x" not in text, kind
            assert ("&lt;img src=x" in text) is (kind in ("file", "comment", "source", "group")), kind
            assert "geheim" not in text
    assert page(client, "/admin/") != page(client, "/cms/")


def test_details_and_forms_show_no_secret_and_no_markup(filled: Flask) -> None:
    for path in ("source/edit/?id=1", "source/details/?id=1", "file/details/?id=1", "comment/edit/?id=1"):
        text = page(filled.test_client(), f"/admin/{path}")
        assert "geheim" not in text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text
        assert ("rtsp://u:***@127.0.0.1:1/x" in text) is path.startswith("source")


def test_a_page_lets_no_script_run_but_ours_and_names_no_other_server(filled: Flask) -> None:
    answer = filled.test_client().get("/admin/violation/", headers=PAGE)
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([\w-]{20,})'", policy)
    assert nonce is not None
    assert "unsafe" not in policy
    assert all(f'nonce="{nonce[1]}"' in tag for tag in re.findall(r"<script[^>]*>", answer.text))
    assert not re.findall(r"\son\w+=", answer.text)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
    again = filled.test_client().get("/admin/violation/", headers=PAGE).headers["Content-Security-Policy"]
    assert again != policy


@pytest.mark.parametrize("place", ["admin", "cms"])
def test_no_style_sheet_of_a_page_asks_another_server(filled: Flask, place: str) -> None:
    client = filled.test_client()
    sheets = re.findall(r'<link href="([^"]+\.css[^"]*)"', page(client, f"/{place}/violation/"))
    assert len(sheets) > 3
    for path in sheets:
        with client.get(unescape(path)) as sheet:
            assert sheet.status_code == 200
            assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.text), path


def test_odd_questions_are_answered(filled_database: Flask) -> None:
    client = filled_database.test_client()
    odd = (
        "page=-1",
        "page=99999999999999999999&page_size=10000000",
        "page=x&sort=99&desc=1",
        "search=%00%27%25_&sort=-1",
    )
    for kind, query in zip((*KINDS, *KINDS), (*odd, *odd, *odd), strict=True):
        page(client, f"/admin/{kind}/?{query}")
    for kind in KINDS:
        for sort in range(4):
            page(client, f"/admin/{kind}/?sort={sort}&search=a")


def test_what_is_not_there_is_a_page_for_browsers_and_json_for_programs(app: Flask) -> None:
    client = app.test_client()
    shown = client.get("/admin/nothing/", headers=PAGE)
    assert (shown.status_code, shown.mimetype) == (404, "text/html")
    told = client.get("/admin/nothing/", headers={"Accept": "application/json"})
    assert (told.status_code, told.json["detail"][0]["type"]) == (404, "not_found")
    for row_id in ("7", "x", "-1", "9" * 30, "9" * 5000, "%00"):
        assert client.get(f"/admin/violation/edit/?id={row_id}", headers=PAGE).status_code == 302


# Who may come in


def test_in_production_a_browser_is_sent_to_sign_in_and_a_program_is_refused(production: Flask) -> None:
    stranger = production.test_client()
    for path in ("/admin/", "/cms/violation/?id=1", "/admin/static/vendor/jquery.min.js"):
        sent = stranger.get(path, headers=PAGE)
        assert (sent.status_code, sent.location.partition("?")[0]) == (303, "/login")
        assert stranger.get(path).status_code == 401
    assert stranger.post("/admin/violation/new/", data={"violations": "x"}).status_code == 401
    with production.app_context(), writing() as session:
        add_account(session)
    stranger = sign_in(production)
    form = page(stranger, "/admin/violation/new/")
    values = {"violations": "Новое", "age": "6+", "csrf_token": unescape(TOKEN.search(form)[1])}
    foreign = {**PAGE, "Origin": "http://evil.example"}
    assert stranger.post("/admin/violation/new/", data=values, headers=foreign).status_code == 403
    own = {**PAGE, "Origin": "http://localhost"}
    assert stranger.post("/admin/violation/new/", data=values, headers=own).status_code == 302
    with production.app_context():
        assert db.session.scalars(select(Audit.actor).where(Audit.action == "violation.create")).all() == ["admin"]


def test_a_viewer_is_refused(production: Flask) -> None:
    with production.app_context(), writing() as session:
        token = add_account(session)
        session.execute(db.text("UPDATE account SET role = 'viewer'"))
    answer = production.test_client().get("/admin/", headers={**PAGE, "Authorization": f"Bearer {token}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["violation/new/", "violation/edit/?id=1", "violation/delete/"])
def test_a_form_without_its_token_changes_nothing(filled: Flask, path: str) -> None:
    client = filled.test_client()
    page(client, "/admin/violation/new/")
    others = TOKEN.search(page(filled.test_client(), "/admin/violation/new/"))
    values = {"id": "1", "violations": "Другое", "age": "6+"}
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": unescape(others[1])}):
        refused = client.post(f"/admin/{path}", data={**values, **token}, headers=PAGE)
        assert (refused.status_code, refused.mimetype) == (403, "text/html")
    with filled.app_context():
        assert db.session.get(BasisViolation, 1).removed_us is None
        assert db.session.scalar(select(func.count()).where(BasisViolation.violations == "Другое")) == 0


def test_in_development_a_page_of_another_site_is_refused(filled: Flask) -> None:
    client = filled.test_client()
    answer = client.post("/admin/violation/delete/", data={"id": 1}, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (403, "cross_site")


# Violations


def test_words_in_russian_are_found_in_capitals_or_not(filled_database: Flask) -> None:
    client = filled_database.test_client()
    found = names(page(client, "/admin/violation/?search=НАСИЛИЕ домашнее"))
    assert found == ["Домашнее насилие"]
    assert names(page(client, "/admin/violation/?search=нет_такого")) == []


def test_names_in_russian_are_in_the_order_of_the_alphabet(app: Flask) -> None:
    given = ["Яд", "ёлка", "Ель", "азарт", "Ёж", "Жук"]
    with app.app_context(), writing() as session:
        session.add_all([BasisViolation(code=name, violations=name, age="6+") for name in given])
    client = app.test_client()
    order = ["азарт", "Ёж", "ёлка", "Ель", "Жук", "Яд"]
    assert names(page(client, "/admin/violation/?sort=1")) == order
    assert names(page(client, "/cms/violation/?sort=1&desc=1")) == order[::-1]


def test_an_edited_violation_is_marked_audited_and_kept_by_the_next_loading(filled: Flask) -> None:
    client, path = filled.test_client(), "/cms/violation/edit/?id=1"
    values = {"violations": "Насилие «понарошку»", "context": "в сказке", "age": "6, 0+", "mark": ""}
    assert send(client, path, **values).status_code == 302
    changed = row(filled, BasisViolation, 1)
    assert (changed.violations, changed.age, changed.is_edited) == ("Насилие «понарошку»", "0+ / 6+", True)
    with filled.app_context():
        assert load_file(LIST_PATH).kept == [changed.code]
        [written] = db.session.scalars(select(Audit).where(Audit.action == "violation.change"))
        assert json.loads(written.detail)["after"]["context"] == "в сказке"
    assert "Насилие «понарошку»" in names(page(client, "/admin/violation/"))


def test_a_wrong_value_is_said_at_its_field_and_the_form_keeps_what_was_typed(filled: Flask) -> None:
    answer = send(filled.test_client(), "/admin/violation/new/", violations="Своё", age="шесть")
    assert answer.status_code == 200
    shown = unescape(answer.text)
    assert "it must be one or several of 0+, 6+, 12+, 16+, 18+" in shown
    assert 'value="Своё"' in shown


def test_a_removed_violation_leaves_list_and_names_but_not_the_database(filled: Flask) -> None:
    client = filled.test_client()
    with filled.app_context():
        assert Names.read(db.session).find("условное насилие") == 1
    assert send(client, "/admin/violation/delete/", "/admin/violation/", id=1).status_code == 302
    assert "Условное насилие" not in names(page(client, "/admin/violation/"))
    with filled.app_context():
        assert db.session.get(BasisViolation, 1) is not None
        assert Names.read(db.session).find("условное насилие") is None


# The others


def test_a_comment_is_changed_and_deleted_with_its_events_and_audit(filled_database: Flask) -> None:
    client = filled_database.test_client()
    values = {"comment": "Курит\nв кадре", "severity": "mild", "violation": "курение", "start": "1.5", "end": ""}
    assert send(client, "/admin/comment/edit/?id=1", **values).status_code == 302
    changed = row(filled_database, Comment, 1)
    assert (changed.comment, changed.severity, changed.start_s) == ("Курит\nв кадре", "mild", 1.5)
    assert row(filled_database, BasisViolation, changed.violation_id).violations == "Курение"
    assert send(client, "/admin/comment/delete/", "/admin/comment/", id=1).status_code == 302
    assert row(filled_database, Comment, 1) is None
    with filled_database.app_context():
        acts = db.session.scalars(select(Audit.action).where(Audit.action.like("comment.%")).order_by(Audit.id)).all()
        assert acts == ["comment.create", "comment.change", "comment.delete"]
        assert db.session.scalar(select(func.count()).where(FileEvent.type == "comment")) == 3


def test_a_file_is_deleted_as_by_the_api(filled: Flask) -> None:
    client = filled.test_client()
    assert "/admin/file/edit" not in page(client, "/admin/file/")
    assert send(client, "/admin/file/delete/", "/admin/file/", id=1).status_code == 302
    gone = row(filled, File, 1)
    assert gone.deleted_us is not None
    assert client.get("/files/1/").status_code == 410
    assert HOSTILE not in unescape(page(client, "/admin/file/"))


def test_a_camera_keeps_its_password_behind_the_mask_and_refusals_are_said(filled: Flask) -> None:
    client, path = filled.test_client(), "/admin/source/edit/?id=1"
    values = {"description": "Вход", "uri_rtsp": "rtsp://u:***@127.0.0.1:1/x", "auth": ""}
    assert send(client, path, **values).status_code == 302
    with filled.app_context():
        kept = db.session.get(Source, 1)
        assert (kept.description, kept.uri_rtsp) == ("Вход", "rtsp://u:geheim@127.0.0.1:1/x")
    refused = send(client, path, **{**values, "uri_rtsp": "rtsp://u:***@127.0.0.2:1/x"})
    assert refused.status_code == 200
    assert "masked" in refused.text or "password" in unescape(refused.text)
    assert row(filled, Source, 1).description == "Вход"
    new = {"model": "PictureSource", "uri": "http://127.0.0.1:1/p", "user": "u", "password": "geheim", "auth": "digest"}
    assert send(client, "/admin/source/new/", **new).status_code == 302
    assert "geheim" not in page(client, "/admin/source/details/?id=2")
    assert send(client, "/admin/source/delete/", "/admin/source/", id=2).status_code == 302
    assert client.get(f"{API}/source/2").status_code == 404


def test_a_group_is_made_renamed_given_members_and_deleted(filled_database: Flask) -> None:
    client = filled_database.test_client()
    assert send(client, "/admin/group/new/", model="Source", name="Двор").status_code == 302
    assert "already" in send(client, "/admin/group/new/", model="Source", name="Двор").text
    group_id = client.get(f"{API}/group?q=ДВОР").json[0]["id"]
    path = f"/admin/group/edit/?id={group_id}"
    assert send(client, path, name="Задний двор", members=["1"]).status_code == 302
    group = client.get(f"{API}/group/{group_id}/").json
    assert (group["name"], [member["id"] for member in group["sources"]]) == ("Задний двор", [1])
    assert send(client, path, name="Задний двор").status_code == 302
    assert client.get(f"{API}/group/{group_id}/").json["sources"] == []
    assert send(client, "/admin/group/delete/", "/admin/group/", id=group_id).status_code == 302
    assert client.get(f"{API}/group/{group_id}/").status_code == 404


def test_tags_are_only_looked_at(filled: Flask) -> None:
    client = filled.test_client()
    assert client.get("/admin/tag/new/", headers=PAGE).status_code == 302
    asked = {"id": "x", "csrf_token": token_of(client)}
    assert client.post("/admin/tag/delete/", data=asked, headers=PAGE).status_code == 302
    assert 'method="POST"' not in page(client, "/admin/tag/")


def test_no_page_leaves_a_connection_or_a_transaction_open(filled_database: Flask) -> None:
    client = filled_database.test_client()
    for kind in KINDS:
        page(client, f"/admin/{kind}/")
    send(client, "/admin/violation/edit/?id=1", violations="x", age="6+")
    with filled_database.app_context():
        assert db.engine.pool.checkedout() == 0
        with writing() as session:
            session.execute(select(BasisViolation.id))


# In a browser


def test_a_browser_edits_a_violation_without_an_error_in_its_console(app: Flask, tmp_path: Path) -> None:
    if reason := why_no_browser():
        missing(reason)
    with app.app_context():
        load_at_start()
    with answering(app) as base, Browser(tmp_path) as browser:
        for place in ("admin", "cms"):
            for path in (
                "",
                "violation/",
                "file/",
                "comment/",
                "source/new/",
                "group/",
                "tag/",
                "violation/details/?id=1",
            ):
                browser.open(f"{base}/{place}/{path}")
                assert browser.console() == [], (place, path)
        browser.open(f"{base}/cms/violation/edit/?id=1")
        browser.script("document.getElementById('violations').value = ''")
        browser.type("#violations", "Ёжик в тумане")
        browser.click("input[type=submit]")
        assert "Ёжик в тумане" in browser.script("return document.body.innerText")
        assert "successfully saved" in browser.script("return document.body.innerText")
        browser.script("window.confirm = (text) => { document.title = text; return false; }")
        browser.click("form.icon button")
        assert browser.script("return document.title") == "Delete violation 1?"
        browser.click(".nav-tabs .nav-link.active")
        assert browser.console() == []
        changed = row(app, BasisViolation, 1)
    assert (changed.violations, changed.is_edited, changed.removed_us) == ("Ёжик в тумане", True, None)
