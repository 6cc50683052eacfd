"""The key of a share link, its password and the tokens of signed addresses are in no log, metric, row or file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from app.logs import mask_secrets
from tests.archived import T0_US, utc
from tests.service import Service
from tests.shared import JSON, PAGE

PASSWORD = "correct-horse-battery"


def held_by(service: Service) -> Iterator[tuple[str, bytes]]:
    """Yield what the service holds and says, by name."""
    yield "log", service.log.read_bytes()
    for path in service.instance.rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    with closing(sqlite3.connect(service.instance / "app.db")) as connection:
        yield "database", "\n".join(connection.iterdump()).encode()


def test_no_key_password_or_token_is_in_any_log_metric_row_or_file(tmp_path: Path) -> None:
    with Service(tmp_path / "instance", LOG_LEVEL="DEBUG") as service:
        source_id = service.add_source("rtsp://127.0.0.1:1/none")
        span = {"start": utc(T0_US), "end": utc(T0_US + 60_000_000)}
        link = service.call("POST", "/api/v1/share", source_id=source_id, password=PASSWORD, **span)
        path, ask = urlsplit(link["url"]).path, service.session.request
        key = path.removeprefix("/share/")
        basic = {"auth": ("any", PASSWORD)}
        asked: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
            ("GET", path, PAGE, {}),
            ("HEAD", path, PAGE, {}),
            ("POST", path, JSON, {"json": {"password": "wrong-horse-battery"}}),
            ("POST", path, {"Content-Type": "application/json"}, {"data": b"{"}),
            ("GET", f"{path}/video.mp4", JSON, {}),
            ("GET", f"{path}/video.mp4", JSON, basic),
            ("GET", f"/nowhere?next={quote(path, safe='')}", JSON, {}),
            ("GET", "/healthz", {"Referer": service.base + path}, {}),
            ("DELETE", path, JSON, {}),
        ]
        statuses = {
            ask(method, service.base + where, headers=headers, timeout=30, allow_redirects=False, **how).status_code
            for method, where, headers, how in asked
        }
        assert {200, 307, 401, 403, 404, 405} <= statuses, statuses
        led = ask("GET", f"{service.base}{path}/index.m3u8", timeout=30, allow_redirects=False, **basic)
        token = parse_qs(urlsplit(led.headers["Location"]).query)["media"][0]
        cookie = led.headers["Set-Cookie"].partition(";")[0].partition("=")[2]
        assert ask("GET", service.base + led.headers["Location"], timeout=30).status_code == 404
        within = quote(led.headers["Location"], safe="")
        assert ask("GET", f"{service.base}{path}?x={within}", timeout=30).status_code == 200
        metrics = service.session.get(f"{service.base}/metrics", timeout=30).text
        audit = service.session.get(f"{service.base}/api/v1/audit", timeout=30).text
    assert "/share/***" in service.read_log()  # gunicorn writes down each address at this level
    assert "share.open" in audit
    for name, data in [("metrics", metrics.encode()), ("audit", audit.encode()), *held_by(service)]:
        for secret in (key, key[1:], token, token[10:], cookie, PASSWORD, "wrong-horse-battery"):
            assert secret.encode() not in data, name


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"GET /share/{'a1' * 16} HTTP/1.1", "GET /share/*** HTTP/1.1"),
        (f"GET /share/{'a1' * 16}/video.mp4?download=1", "GET /share/***/video.mp4?download=1"),
        (f"https://v.example/share/{'A1' * 16}", "https://v.example/share/***"),
        (f"/login?next=%2Fshare%2F{'a1' * 16}", "/login?next=%2Fshare%2F***"),
        ("/a.mp4?start=1&media=.eJx-_W.signature&at=3", "/a.mp4?start=1&media=***&at=3"),
        ("/login?next=%2Fa%3Fmedia%3D.eJx-_Wabcdefg", "/login?next=%2Fa%3Fmedia%3D***"),
        ("/api/v1/share and share/files", "/api/v1/share and share/files"),
    ],
    ids=range(7),
)
def test_keys_and_tokens_are_masked_wherever_an_address_is_written(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked
