"""What the first load of the operator's pages costs: compressed, kept for ever, 300 KB at most over the wire."""

import gzip
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.extensions import db, writing
from app.models import Account
from instance.config import DevelopmentConfig
from tests.accounts import add_account, password_hash
from tests.conftest import in_production
from tests.looking import Chromium
from tests.served import answering

MOST_BYTES = 300 * 1024  # of the first load, over the wire


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """Return an app with static files of its own: texts named by a hash, and one that is not."""
    app = create_app(DevelopmentConfig(INSTANCE=str(tmp_path / "instance")))
    app.static_folder = str(tmp_path / "static")
    assets = tmp_path / "static" / "built" / "assets"
    assets.mkdir(parents=True)
    for path in (assets / "main-a1b2c3d4.js", assets / "small-a1b2c3d4.css", tmp_path / "static" / "plain.css"):
        path.write_text("body { margin: 0 }\n" * (1 if "small" in path.name else 2000))
    return app


def ask(app: Flask, path: str, method: str = "GET", **headers: str) -> TestResponse:
    """Ask, read all of the answer, and close it as a server does."""
    with app.test_client() as client:
        answer = client.open(
            path, method=method, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )
        assert answer.data is not None
        answer.close()
        return answer


def test_what_a_build_names_by_its_hash_is_kept_for_ever_and_all_else_asked_for_anew(app: Flask) -> None:
    for name in ("main-a1b2c3d4.js", "small-a1b2c3d4.css"):
        answer = ask(app, f"/static/built/assets/{name}")
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = ask(app, f"/static/built/assets/{name}", If_None_Match=answer.headers["ETag"])
        assert again.status_code == 304
        assert "immutable" in again.headers["Cache-Control"]
    assert ask(app, "/static/plain.css").headers["Cache-Control"] == "no-cache"
    assert "immutable" not in ask(app, "/static/built/assets/absent-a1b2c3d4.js").headers["Cache-Control"]


def test_a_static_text_is_compressed_for_who_takes_it_and_only_where_that_helps(app: Flask) -> None:
    path, taken = "/static/built/assets/main-a1b2c3d4.js", "gzip, br"
    plain, packed = ask(app, path), ask(app, path, Accept_Encoding=taken)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert packed.content_length == len(packed.data) < len(plain.data) / 20
    assert "Accept-Encoding" in packed.vary
    assert "Accept-Encoding" in plain.vary
    head = ask(app, path, "HEAD", Accept_Encoding=taken)
    assert (head.data, head.content_length) == (b"", len(packed.data))
    assert ask(app, path, Accept_Encoding=taken, If_None_Match=packed.headers["ETag"]).status_code == 304
    part = ask(app, path, Accept_Encoding=taken, Range="bytes=0-9")
    assert (part.status_code, part.data) == (206, plain.data[:10])
    small = ask(app, "/static/built/assets/small-a1b2c3d4.css", Accept_Encoding=taken)
    assert "Content-Encoding" not in small.headers


def test_a_static_file_that_was_changed_is_compressed_anew(app: Flask) -> None:
    path = Path(app.static_folder or "") / "plain.css"
    before = ask(app, "/static/plain.css", Accept_Encoding="gzip").data
    path.write_text("main { margin: 0 }\n" * 3000)
    after = ask(app, "/static/plain.css", Accept_Encoding="gzip").data
    assert gzip.decompress(before) != gzip.decompress(after) == path.read_bytes()


def test_the_first_load_of_the_pages_is_small(chromium: Chromium, tmp_path: Path, migrated_sqlite: Path) -> None:
    """All that the first load of `/` transfers, as Chromium counts it: headers and encoded bytes, of every answer."""
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        with app.app_context(), writing() as session:
            add_account(session, "admin", "admin")
            session.execute(db.update(Account).values(password=password_hash()))
        with answering(app) as base, chromium.looking(base, account="admin") as looker:
            looker.page.goto("about:blank")
            network = looker.page.context.new_cdp_session(looker.page)
            asked: dict[str, str] = {}
            sizes: dict[str, int] = {}
            network.on(
                "Network.requestWillBeSent", lambda told: asked.update({told["requestId"]: told["request"]["url"]})
            )
            network.on(
                "Network.loadingFinished", lambda told: sizes.update({told["requestId"]: told["encodedDataLength"]})
            )
            network.send("Network.enable")
            network.send("Network.setCacheDisabled", {"cacheDisabled": True})
            looker.open("/")
            looker.page.wait_for_load_state("networkidle")
            taken = {asked[one].removeprefix(base): size for one, size in sizes.items() if one in asked}
            assert any(path.endswith(".js") for path in taken)
            assert any(path.endswith(".css") for path in taken)
            assert sum(taken.values()) <= MOST_BYTES, sorted(taken.items(), key=lambda one: -one[1])
            # And again: of what a build has named by its hash nothing is asked for.
            network.send("Network.setCacheDisabled", {"cacheDisabled": False})
            looker.open("/")
            looker.page.wait_for_load_state("networkidle")
            sizes.clear()  # and not what is asked: the answer to something may still be on its way
            looker.page.reload()
            looker.page.wait_for_load_state("networkidle")
            again = [asked[one] for one, size in sizes.items() if size and "/static/built/assets/" in asked[one]]
            assert again == []
