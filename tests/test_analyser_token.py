"""Service tokens of analysers: all that the reference analyser needs, and nothing else."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.access.rules import RULES
from app.archive.accounts import add_token
from app.extensions import db, writing
from app.models import Account, Comment, Result
from tests.accounts import add_account
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.conftest import in_production
from tests.handed import store_and_rotate
from tests.handing import refer_of
from tests.served import answering
from tests.service import ROOT
from tests.test_analyser import SMOKING

PROGRAM = ROOT / "examples" / "analyser" / "analyse.py"
FOUND = {"findings": [{"violation": "v", "severity": "mild"}]}
SCRIPT = f"ИНТ. КУХНЯ. НОЧЬ\n\n{SMOKING}\n".encode()


@pytest.fixture
def production(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    """Yield an app in production."""
    with in_production(tmp_path, migrated_sqlite, RESERVE_BYTES=1_000_000) as app:
        yield app


def token_for(app: Flask, role: str, account: str = "operator", **bounds: Any) -> str:
    """Return a token of this role, of an account of its own."""
    with app.app_context(), writing() as session:
        name = f"{account} of {role}"
        add_account(session, name, account)
        row = session.scalars(select(Account).where(Account.name == name)).one()
        return add_token(session, row, "service", role, "a test", **bounds)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def run(base: str, token: str, file_id: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Let the reference analyser work on a file with a token."""
    (folder / "token").write_text(token)
    command = [sys.executable, str(PROGRAM), "--server", base, "--token-file", str(folder / "token"), "--wait", "15"]
    return subprocess.run([*command, str(file_id)], capture_output=True, text=True, timeout=60, check=False)


def test_the_reference_analyser_works_with_a_service_token(production: Flask, tmp_path: Path) -> None:
    file_id, _ = store_and_rotate(production, SCRIPT)
    token = token_for(production, "analyser")
    with answering(production) as base:
        done = run(base, token, file_id, tmp_path)
    assert done.returncode == 0, done.stderr
    with production.app_context():
        assert db.session.get_one(Result, file_id).actor == "operator of analyser"
        assert db.session.scalar(select(func.count()).select_from(Comment)) == 2


def test_a_service_token_opens_nothing_else() -> None:
    rows = [(endpoint, method, rule) for endpoint, methods in RULES.items() for method, rule in methods.items()]
    opened = {(endpoint, method) for endpoint, method, rule in rows if rule.is_analyser}
    opened.discard(("signin.post_logout", "POST"))
    assert opened == {
        ("files.file_one_file", "GET"),
        ("fileevents.event_file_events", "GET"),
        ("fileevents.event_file_stream", "GET"),
        ("results.by_refer", "POST"),
        ("results.by_header", "POST"),
        ("comments.comments_comments", "GET"),
        ("comments.comments_comments", "POST"),
    }


@pytest.mark.parametrize(
    ("role", "account", "status"),
    [
        ("analyser", "operator", 200),
        ("analyser", "admin", 200),
        ("operator", "operator", 200),
        ("admin", "admin", 200),
        ("viewer", "viewer", 403),
        ("viewer", "admin", 403),
        ("analyser", "viewer", 403),
    ],
)
def test_only_analysers_and_operators_post_results(production: Flask, role: str, account: str, status: int) -> None:
    file_id, key = store_and_rotate(production, b"film")
    token, client = token_for(production, role, account), production.test_client()
    for path, headers in ((f"/download/{key}/", {}), ("/record/", {"X-Refer-Key": refer_of(production, file_id)})):
        answer = client.post(path, json=FOUND, headers={**bearer(token), **headers})
        assert answer.status_code == status, answer.text


def test_a_file_of_another_camera_is_not_there_for_a_service_token(production: Flask, media: Any) -> None:
    seen, hidden = add_source(production), add_source(production)
    admin, client = token_for(production, "admin", "admin"), production.test_client()
    ids = {}
    for source_id in (seen, hidden):
        record(production, source_id, media("h264"))
        span = {"source_id": source_id, "start": utc(T0_US), "end": utc(T0_US + 4_000_000)}
        made = client.post("/files/", json=span, headers=bearer(admin))
        assert made.status_code in (200, 201), made.text
        ids[source_id] = made.json
    token = token_for(production, "analyser", source_ids=f"[{seen}]")
    mine = bearer(token)
    assert client.get(f"/files/{ids[seen]['id']}/", headers=mine).status_code == 200
    refer = ids[hidden]["refer"]
    for method, path, body in (
        ("GET", f"/files/{ids[hidden]['id']}/", None),
        ("GET", f"/download/{ids[hidden]['id']}/", None),
        ("GET", f"/sse/{ids[hidden]['id']}/", None),
        ("POST", f"/download/{refer}/", FOUND),
        ("POST", "/comments/", {"refer_file": refer, "comment_author": "AI", "comment": "x", "severity": "mild"}),
    ):
        with client.open(path, method=method, json=body, headers=mine) as answer:
            assert answer.status_code == 404, (method, path, answer.status_code)
    listed = client.get("/comments/", query_string={"refer_file": refer}, headers=mine)
    assert (listed.status_code == 404) or listed.json == []
