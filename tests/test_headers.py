"""The headers of every answer: a walk over all that can be looked at, as a scanner does; and pages in Chromium."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.extensions import writing
from app.prepared import LIST_PATH
from app.review.loading import load_file
from tests.accounts import PASSWORD, add_account, password_hash
from tests.browser import Browser, why_no_browser
from tests.browsing import routes, signed_in
from tests.conftest import missing
from tests.served import answering

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MARK = "zqx<script>'\"zqx"  # what must never come back as it was sent
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PUBLIC = ("/static/", "/swaggerui/", "/admin/static", "/cms/static")


@pytest.fixture
def secret(production: Flask) -> str:
    """Return the token of an admin, after he has put something everywhere."""
    with production.app_context(), writing() as session:
        secret = add_account(session, password=password_hash())
    program, client = {"Authorization": f"Bearer {secret}"}, production.test_client(use_cookies=False)
    picture = {"model": "PictureSource", "uri_http_picture": {"uri": "http://127.0.0.1:9/"}, "description": MARK}
    assert client.post("/api/v1/source", json=picture, headers=program).status_code == 200
    page = io.BytesIO(b"<script>alert(1)</script>")
    sent = client.post("/files/", data={"upload": (page, "<b>.html", "text/html")}, headers=program).json
    said = {"refer_file": sent["refer"], "comment": MARK, "comment_author": "User"}
    assert client.post("/comments/", json=said, headers=program).status_code == 200
    return secret


def findings(answer: TestResponse, path: str, *, is_tls: bool) -> Iterator[str]:
    """Yield what a scanner would find wrong with an answer."""
    headers, text = answer.headers, answer.get_data(as_text=True) if not answer.is_streamed else ""
    policy = headers.get("Content-Security-Policy", "")
    for name, value in ALWAYS.items():
        if headers.getlist(name) != [value]:
            yield f"{name} is {headers.getlist(name)}"
    if ("Strict-Transport-Security" in headers) is not is_tls:
        yield "HSTS without TLS, or TLS without HSTS"
    yield from policy_findings(policy)
    yield from cache_findings(answer, path)
    yield from page_findings(answer, text, policy)
    yield from text_findings(answer, text, path)


def policy_findings(policy: str) -> Iterator[str]:
    """Yield what a policy lets in that it need not."""
    if not {"default-src 'none'", "frame-ancestors 'none'"} <= {part.strip() for part in policy.split(";")}:
        yield f"the policy {policy!r} lets in more than is named, or may be framed"
    if "unsafe-eval" in policy or re.search(r"script-src[^;]*unsafe-inline|\*", policy):
        yield f"the policy {policy!r} runs what is in the page"


def text_findings(answer: TestResponse, text: str, path: str) -> Iterator[str]:
    """Yield what an answer tells that it should not."""
    if "camera=()" not in answer.headers.get("Permissions-Policy", ""):
        yield "no Permissions-Policy"
    if re.search(r"\d", answer.headers.get("Server", "")) or "X-Powered-By" in answer.headers:
        yield "the server's version"
    if MARK in text and answer.mimetype != "application/json":
        yield "what was sent came back as it was"
    if re.search(r"Traceback|sqlalchemy|werkzeug\.|File \"/|SELECT .* FROM", text) and not path.startswith(PUBLIC):
        yield "what the server is made of"
    if re.search(r"(?:src|href|action)=[\"']?http://", text):
        yield "mixed content"


def cache_findings(answer: TestResponse, path: str) -> Iterator[str]:
    """Yield what a shared cache could keep, or a browser after signing out."""
    caching = {part.strip() for part in answer.headers.get("Cache-Control", "").split(",")}
    if not path.startswith(PUBLIC) and not caching & {"no-store", "private"}:
        yield f"a cache may keep it: {caching}"
    for cookie in answer.headers.getlist("Set-Cookie"):
        if not {"Secure", "SameSite=Strict"} <= set(cookie.split("; ")):
            yield f"a cookie {cookie.partition('=')[0]} that goes elsewhere"
        if "HttpOnly" not in cookie and not cookie.startswith("csrftoken="):
            yield "a cookie that scripts can read"
        if "no-store" not in caching and "private" not in caching:
            yield "a cookie that a cache may give to others"


def page_findings(answer: TestResponse, text: str, policy: str) -> Iterator[str]:
    """Yield what is wrong with a page."""
    if answer.mimetype != "text/html":
        if "script-src" in policy:
            yield "scripts for what is no page"
        return
    if answer.headers.get("Cross-Origin-Opener-Policy") != "same-origin":
        yield "a page of another site may hold on to it"
    if "base-uri 'none'" not in policy or "form-action" not in policy:
        yield f"the policy {policy!r} leaves forms or base open"
    if "utf-8" not in answer.content_type:
        yield "a page without its character set"
    if re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|javascript:", text.replace('a[href^="javascript:"]', "")):
        yield "a script in the page"
    forms = re.findall(r"<form[^>]*method=\"?post.*?</form>", text, re.DOTALL | re.IGNORECASE)
    if any("csrf_token" not in form for form in forms):
        yield "a form without its token"


@pytest.mark.parametrize(("who", "scheme"), [("nobody", "http"), ("admin", "https")])
def test_a_walk_over_all_that_can_be_looked_at_finds_nothing(
    production: Flask, secret: str, who: str, scheme: str
) -> None:
    browser = production.test_client() if who == "nobody" else signed_in(production)
    found, walked = [], 0
    addresses = {path for _, method, path in routes(production) if method == "GET"}
    further = (
        "/nothing",
        f"/{quote(MARK)}",
        "/admin/",
        "/cms/",
        "/admin/file/details/?id=1",
        "/files/1/report?format=html",
    )
    further += ("/admin/source/edit/?id=1", "/admin/comment/", "/files/1/report", "/static/share.js", "/redoc/")
    further += (
        "/static/icon.svg",
        "/api/v1/source?q=" + quote(MARK),
        "/api/v1/audit?limit=x",
        "/admin/nothing/",
        "/account",
    )
    for path in sorted(addresses | set(further)):
        for headers in (PAGE, {}):
            address = f"{path}{'&' if '?' in path else '?'}search={quote(MARK)}"
            answer = browser.get(address, headers=headers, base_url=f"{scheme}://localhost")
            found += [
                f"{path} {answer.status_code}: {said}" for said in findings(answer, path, is_tls=scheme == "https")
            ]
            answer.close()
            walked += 1
    assert found == []
    assert walked > 120


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_refusals_of_every_kind_carry_the_headers(production: Flask, secret: str, method: str) -> None:
    program = {"Authorization": f"Bearer {secret}"}
    for path in ("/api/v1/source", "/api/v1/source/7", "/nothing", "/login", "/static/plain.css", "/files/"):
        for headers in (program, {}, {**program, "Host": "a b"}, {"Origin": "https://evil.example"}):
            answer = production.test_client().open(path, method=method, headers=headers, data=b"{", content_type="x/y")
            assert list(findings(answer, path, is_tls=False)) == [], (method, path, headers)


def test_what_strangers_named_and_filled_is_never_shown_as_ours(production: Flask, secret: str) -> None:
    program, client = {"Authorization": f"Bearer {secret}"}, production.test_client()
    given = client.post("/files/1/refer", headers=program).json
    text = str(given)
    key = re.search(r"/download/([0-9a-f]{32})/", text)
    answers = [client.get(f"/download/{key[1]}/")] if key else []
    posted = {"upload": (io.BytesIO(b"<script>"), "r.html", "text/html")}
    refer = client.get("/files/1", headers=program).json["refer"]
    assert client.post(f"/download/{refer}/", data=posted, headers=program).status_code == 200
    answers.append(client.get("/files/1/result/file", headers=program))
    answers.append(client.get("/files/1/content", headers=program))
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()


# In a browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield a Chromium."""
    if reason := why_no_browser():
        missing(reason)
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


FORMS = """
const form = document.querySelector('form');
form.elements.name.value = 'admin';
form.elements.password.value = arguments[0];
form.submit();
"""
TRY = """
return fetch('/api/v1/group', {method: 'POST', headers: {'Content-Type': 'application/json', ...arguments[0]},
  body: JSON.stringify({model: 'Source', name: arguments[1]})}).then((answer) => answer.status);
"""
SWAGGER = """
return new Promise((done) => {
  const request = {url: '/api/v1/group', method: 'POST', headers: {}};
  done(withToken(request).then((made) => made.headers['X-CSRFToken'].length));
});
"""


def test_in_chromium_every_page_works_under_its_policy(production: Flask, secret: str, chromium: Browser) -> None:
    with production.app_context():
        load_file(LIST_PATH)
    with answering(production) as base:
        chromium.open(f"{base}/swagger/")
        assert chromium.script("return location.pathname") == "/login"
        assert "PLAYBACK_PLAIN_HTTP" not in chromium.script("return document.body.textContent"), "loopback is trusted"
        chromium.script(FORMS, PASSWORD)
        chromium.wait(lambda: chromium.script("return document.querySelector('.swagger-ui .info') !== null"), "swagger")
        assert chromium.script(SWAGGER) > 20
        assert chromium.script(TRY, {}, "without") == 403
        expected = chromium.console()
        assert all("403" in line and "group" in line for line in expected), expected
        for path in (
            "/",
            "/redoc/",
            "/admin/",
            "/cms/violation/",
            "/admin/violation/new/",
            "/files/1/report?format=html",
        ):
            chromium.open(base + path)
            assert chromium.script("return document.styleSheets.length") > 0, path
        for path in ("/test/img", "/test/video", "/admin/source/edit/?id=1"):
            chromium.open(base + path)
        silent = r"/api/v1/source/\d+/picture - .* 504 "  # cameras that are not there: no fault of the page
        said = [line for line in chromium.console() if "favicon" not in line and not re.search(silent, line)]
        assert said == []
        chromium.open(f"{base}/")
        chromium.wait(lambda: chromium.script("return document.querySelectorAll('.menu button').length") == 2, "/")
        chromium.script("document.querySelectorAll('.menu button')[1].click()")
        leaving = "document.querySelector('form[action=\"/logout\"] button')"
        chromium.wait(lambda: chromium.script(f"return {leaving} !== null"), "the menu of who is signed in")
        chromium.script(f"{leaving}.click()")
        chromium.wait(lambda: chromium.script("return location.pathname") == "/login", "signing out")
        chromium.open(f"{base}/api/v1/source")
        assert chromium.script("return location.pathname") == "/login"


def test_in_chromium_a_page_of_another_site_changes_nothing(client: FlaskClient, app: Flask, chromium: Browser) -> None:
    """Development, which asks nobody who he is: a form and a fetch of another port, with and without a referrer."""
    stranger = Flask("stranger")
    with answering(app) as base:
        for name, referrer in (("form", "no-referrer"), ("fetch", "unsafe-url")):
            page = (
                f"<meta name=referrer content={referrer}><form method=post action={base}/api/v1/group>"
                f"<input name=model value=Source><input name=name value={name}></form>"
            )
            stranger.add_url_rule(f"/{name}", name, lambda page=page: page)
        with answering(stranger) as evil:
            for name in ("form", "fetch"):
                chromium.open(f"{evil}/{name}")
                chromium.script("document.forms[0].submit()")
                chromium.wait(lambda: "cross_site" in chromium.script("return document.body.textContent"), "a refusal")
                chromium.open(f"{evil}/{name}")
                how = "{method: 'POST', mode: 'no-cors', body: new URLSearchParams({model: 'Source', name: 'x'})}"
                chromium.script(f"return fetch('{base}/api/v1/group', {how}).then(() => 1, () => 0)")
    assert client.get("/api/v1/group").json == []
    chromium.console()


def test_no_page_needs_an_inline_script() -> None:
    for path in (Path(__file__).resolve().parent.parent / "app" / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=\"", text), path
    assert shutil.which("python3")
