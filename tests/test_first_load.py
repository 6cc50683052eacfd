"""What the first load of the operator's pages costs: compressed, kept for ever, 300 KB at most over the wire."""

import gzip
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from instance.config import DevelopmentConfig


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
