"""Production is closed: who gets in, how, and what a browser's cookie may do."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import event, select

from app import create_app
from app.archive.accounts import token_hash
from app.archive.passwords import is_password
from app.extensions import db, writing
from app.models import Account, AccountSession
from app.models.types import now_us
from instance.config import ROOT, ProductionConfig
from tests.accounts import PASSWORD, add_account, password_hash, sign_in
from tests.browsing import OwnPages, changing
from tests.conftest import open_app

API = "/api/v1"
FIRST_ADMIN = re.compile(r"^first admin: admin password: (\S+)$", re.MULTILINE)
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OPEN = ["/healthz", "/readyz", "/login", "/csrftoken/", "/static/plain.css", "/swaggerui/swagger-ui.css"]


@pytest.fixture
def production_config(tmp_path: Path) -> ProductionConfig:
    """Return settings of production, with networks that may read the metrics."""
    return ProductionConfig(
        INSTANCE=str(tmp_path / "instance"),
        SECRET_KEY="k" * 48,
        METRICS_NETWORKS="10.1.0.0/16, ::1",
        CAMERA_NETWORKS="127.0.0.0/8",
    )


@pytest.fixture
def production(production_config: ProductionConfig, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production, without an account."""
    production_config.instance_path.mkdir(parents=True)
    shutil.copy(migrated_sqlite, production_config.instance_path / "app.db")
    for app in open_app(production_config):
        app.test_client_class = OwnPages
        yield app


@pytest.fixture
def token(production: Flask) -> str:
    """Return the token of the first admin."""
    with production.app_context(), writing() as session:
        made = add_account(session, password=password_hash())
    assert made is not None
    return made


@pytest.fixture
def stranger(production: Flask, token: str) -> FlaskClient:
    """Return a client that sends nothing."""
    return production.test_client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Yield each method and address of the app, with something in place of its variables."""
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield method, re.sub(r"<[^>]+>", "1", rule.rule)


def test_every_address_but_the_open_ones_is_closed(production: Flask, stranger: FlaskClient) -> None:
    closed = 0
    for method, path in addresses(production):
        if path in (*OPEN, "/logout") or path.startswith(("/static/", "/swaggerui/", "/share/")):
            continue
        answer = stranger.open(path, method=method)
        assert answer.status_code == 401, (method, path)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        if method != "HEAD":
            assert answer.json["detail"][0]["loc"] == ["header", "Authorization"]
            assert answer.json["detail"][0]["type"] == "unauthorised"
        closed += 1
    assert closed > 40


@pytest.mark.parametrize("path", ["/nothing", "/static/../app.db", "/api/v1/source/x", "/login/x", "/metrics"])
def test_an_unknown_address_tells_a_stranger_nothing(stranger: FlaskClient, path: str) -> None:
    with stranger.get(path) as answer:
        assert answer.status_code in (401, 404)


@pytest.mark.parametrize("path", OPEN)
def test_the_open_addresses_are_open(stranger: FlaskClient, path: str) -> None:
    with stranger.get(path) as answer:
        assert answer.status_code in (200, 503)


def test_readyz_tells_a_stranger_only_yes_or_no(stranger: FlaskClient, token: str) -> None:
    as_json = {"Accept": "application/json"}
    assert stranger.get("/readyz", headers=as_json).text in ("yes\n", "no\n")
    assert set(stranger.get("/readyz", headers={**as_json, **bearer(token)}).json) > {"database", "ready"}


def test_an_admins_token_opens_everything(stranger: FlaskClient, token: str) -> None:
    for path in (f"{API}/source", "/", "/swagger/", "/swagger.json", "/metrics", "/test/img"):
        assert stranger.get(path, headers=bearer(token)).status_code == 200, path
    assert stranger.get(f"{API}/source", headers={"Authorization": f"bearer  {token}"}).status_code == 200
    picture = {"model": "PictureSource", "uri_http_picture": {"uri": "http://127.0.0.1:1/"}}
    assert stranger.post(f"{API}/source", json=picture, headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer ",
        "Bearer wrong",
        "Bearer \u00fc",
        "Bearer {hash}",
        "Basic YWRtaW46e3Rva2VufQ==",
        "Token {token}",
        "{token}",
    ],
)
def test_another_header_does_not_open(stranger: FlaskClient, token: str, header: str) -> None:
    given = header.format(token=token, hash=token_hash(token))
    assert stranger.get(f"{API}/source", headers={"Authorization": given}).status_code == 401


def test_a_token_in_the_address_does_not_open(stranger: FlaskClient, token: str) -> None:
    assert stranger.get(f"{API}/source?token={token}&access_token={token}").status_code == 401


def test_an_account_that_is_no_admin_is_forbidden(production: Flask, stranger: FlaskClient) -> None:
    with production.app_context(), writing() as session:
        add_account(session, "eve", "viewer", token="viewers-token")
    answer = stranger.post(f"{API}/group", json={"model": "Source", "name": "g"}, headers=bearer("viewers-token"))
    assert answer.status_code == 403
    assert answer.json["detail"][0]["type"] == "forbidden"


@pytest.mark.parametrize(
    ("address", "status"),
    [("10.1.2.3", 200), ("10.2.0.1", 401), ("::1", 200), ("::2", 401), ("127.0.0.1", 401), ("", 401)],
)
def test_metrics_are_open_to_their_networks_only(stranger: FlaskClient, address: str, status: int) -> None:
    answer = stranger.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == status
    # What a client says of itself counts for nothing; a proxy that says it stands before a stranger.
    headers = {"X-Forwarded-For": "10.1.2.3"}
    assert stranger.get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers).status_code == 401
    assert stranger.get(f"{API}/source", environ_base={"REMOTE_ADDR": address}).status_code == 401


def test_a_browser_is_sent_to_the_sign_in_page_and_back(production: Flask, token: str) -> None:
    browser = production.test_client()
    sent = browser.get("/swagger/?a=1", headers=PAGE)
    assert (sent.status_code, sent.location) == (303, "/login?next=/swagger/?a%3D1")
    form = browser.get(sent.location, headers=PAGE)
    assert form.status_code == 200
    assert 'value="/swagger/?a=1"' in form.text
    answer = browser.post("/login", data={"name": " Admin ", "password": PASSWORD, "next": "/swagger/?a=1"})
    assert (answer.status_code, answer.location) == (303, "/swagger/?a=1")
    [cookie] = [text for text in answer.headers.getlist("Set-Cookie") if text.startswith("__Host-playback_session=")]
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/"} <= set(cookie.split("; "))
    assert PASSWORD not in cookie
    assert browser.get("/swagger/", headers=PAGE).status_code == 200
    assert browser.get(f"{API}/source").status_code == 200


@pytest.mark.parametrize("given", ["", "wrong", "\u00fc", "x" * 1000])
def test_a_wrong_password_gets_the_form_again(production: Flask, token: str, given: str) -> None:
    browser = production.test_client()
    answer = browser.post("/login", data={"name": "admin", "password": given})
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert browser.get(f"{API}/source").status_code == 401


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb"])
def test_signing_in_never_leads_to_another_site(production: Flask, token: str, target: str) -> None:
    answer = production.test_client().post("/login", data={"name": "admin", "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.location) == (303, "/")


def test_a_program_needs_no_origin(production: Flask, token: str) -> None:
    answer = production.test_client().post(f"{API}/group", json={"model": "Source", "name": "g"}, headers=bearer(token))
    assert answer.status_code == 200


def test_in_development_a_page_of_another_site_changes_nothing_either(client: FlaskClient) -> None:
    group = {"model": "Source", "name": "g"}
    assert client.post(f"{API}/group", data=group, headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.post(f"{API}/group", data=group, headers={"Origin": "http://localhost"}).status_code == 200
    assert client.get(f"{API}/group", headers={"Origin": "https://evil.example"}).status_code == 200


def test_signing_out_forgets_the_cookie(production: Flask, token: str) -> None:
    browser = sign_in(production)
    assert browser.post("/logout", headers=changing(browser)).status_code == 303
    assert browser.get(f"{API}/source").status_code == 401


def test_a_new_uniquifier_ends_the_cookies_of_the_old(production: Flask, token: str) -> None:
    browser = sign_in(production)
    with production.app_context(), writing() as session:
        session.scalars(select(Account)).one().fs_uniquifier = "another"
    assert browser.get(f"{API}/source").status_code == 401


def test_a_cookie_signed_with_another_key_does_not_open(production: Flask, token: str) -> None:
    other = create_app(ProductionConfig(INSTANCE=production.config["PLAYBACK"].INSTANCE, SECRET_KEY="o" * 48))
    foreign = sign_in(other).get_cookie("__Host-playback_session")
    assert foreign is not None
    browser = production.test_client()
    browser.set_cookie("__Host-playback_session", foreign.value)
    assert browser.get(f"{API}/source").status_code == 401


def test_a_cookie_older_than_its_time_does_not_open(production: Flask, token: str) -> None:
    browser = sign_in(production)
    with production.app_context(), writing() as session:
        row = session.scalars(select(AccountSession)).one()
        assert row.expires_us - row.begun_us == 12 * 3_600_000_000
        row.begun_us, row.expires_us = row.begun_us - row.expires_us + now_us() - 1, now_us() - 1
    assert browser.get(f"{API}/source").status_code == 401


def test_the_sign_in_page_runs_no_script(stranger: FlaskClient) -> None:
    answer = stranger.get("/login")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "script-src" not in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text


@pytest.fixture
def terminal(production: Flask) -> FlaskCliRunner:
    """Return what runs `flask` commands of the app in production."""
    return production.test_cli_runner()


def test_prepare_prints_the_first_admin_once_and_stores_a_hash(production: Flask, terminal: FlaskCliRunner) -> None:
    first = terminal.invoke(args=["prepare"])
    assert first.exit_code == 0, first.output
    found = FIRST_ADMIN.search(first.output)
    assert found is not None
    again = terminal.invoke(args=["prepare"])
    assert (again.exit_code, again.output) == (0, "")
    with production.app_context():
        account = db.session.scalars(select(Account)).one()
    assert (account.name, account.role, account.is_once) == ("admin", "admin", True)
    assert is_password(account.password, found[1])
    assert str(account.password) not in repr(account)
    path = production.config["PLAYBACK"].instance_path / "app.db"
    assert found[1].encode() not in path.read_bytes()


def test_prepare_makes_no_account_in_development(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["prepare"]).output == ""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_that_prepare_at_once_make_one_admin(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "FLASK_APP": "run.py",
        "FLASK_CONFIG": "production",
        "PLAYBACK_SECRET_KEY": "k" * 48,
        "PLAYBACK_INSTANCE": str(tmp_path),
    }
    if kind == "postgresql":
        environment["PLAYBACK_DATABASE_URL"] = request.getfixturevalue("postgres").database("prepare_test")
    command = [sys.executable, "-m", "flask", "prepare"]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True) for _ in "ab"]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [code for _, _, code in ended] == [0, 0], ended
    assert sorted(len(FIRST_ADMIN.findall(output)) for output, _, _ in ended) == [0, 1]


def test_without_a_key_a_flask_command_ends_with_one_line(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "FLASK_APP": "run.py", "FLASK_CONFIG": "production"}
    environment["PLAYBACK_INSTANCE"] = str(tmp_path / "instance")
    command = [sys.executable, "-m", "flask", "prepare"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "PLAYBACK_SECRET_KEY" in ended.stderr
    assert not (tmp_path / "instance" / "secret_key").exists()


def test_a_terminal_needs_no_token(production: Flask, terminal: FlaskCliRunner) -> None:
    secret = "rtsp://u:hidden-word@127.0.0.1:1/x\n"
    added = terminal.invoke(args=["source", "add", "--rtsp", "-", "--description", "door"], input=secret)
    assert (added.exit_code, added.output) == (0, "1\n")
    listed = terminal.invoke(args=["source", "list"]).output
    assert listed == "1\tSource\tunknown\trtsp://u:***@127.0.0.1:1/x\tdoor\n"
    assert terminal.invoke(args=["source", "add", "--picture", "http://127.0.0.1:1/p"]).output == "2\n"
    wrong = terminal.invoke(args=["source", "add", "--rtsp", "nonsense"])
    assert wrong.exit_code == 1
    assert wrong.output.startswith("Error: uri_rtsp: ")


def test_recording_is_started_and_stopped_at_a_terminal(app: Flask, client: FlaskClient) -> None:
    terminal = app.test_cli_runner()
    terminal.invoke(args=["source", "add", "--rtsp", "rtsp://127.0.0.1:1/x"])
    group_id = client.post(f"{API}/group", json={"model": "Source", "name": "g"}).json[0]["id"]
    client.post(f"{API}/group/{group_id}/source/1")
    assert terminal.invoke(args=["record", "start", "--tag", "t", "--group", "g"]).exit_code == 0
    assert client.get(f"{API}/tag/begin").json == ["t"]
    assert terminal.invoke(args=["record", "stop", "--tag", "t"]).exit_code == 0
    assert client.get(f"{API}/tag/begin").json == []
    unknown = terminal.invoke(args=["record", "stop", "--tag", "other"])
    assert (unknown.exit_code, unknown.output) == (1, "Error: tag_name: there is no tag other\n")
    nobody = terminal.invoke(args=["record", "shutdown"])
    assert (nobody.exit_code, nobody.output) == (1, "Error: nothing of this instance runs here\n")


def test_the_database_file_is_not_readable_by_everybody(production: Flask) -> None:
    assert stat.S_IMODE((production.config["PLAYBACK"].run_path).stat().st_mode) & 0o002 == 0


def test_who_asks_is_looked_up_once_a_request(production: Flask, stranger: FlaskClient, token: str) -> None:
    """The check of who may ask, the key and the deletion's actor all want the account."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM account" in statement or "JOIN account" in statement:
            asked.append(statement)

    with production.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    keyed = {**bearer(token), "Idempotency-Key": "k"}
    assert stranger.post(f"{API}/group", json={"model": "Source", "name": "hall"}, headers=keyed).status_code == 200
    assert len(asked) == 1
    unknown = f"{API}/sync/{uuid4()}"
    assert stranger.delete(unknown, headers=bearer(token)).status_code == 404
    assert len(asked) == 2
