"""Secrets are masked wherever text from outside is shown."""

import logging
import sys

import pytest

from app.logs import MaskFilter, mask_secrets

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("rtsp://admin:secret@10.0.0.5/cam: 401", "rtsp://admin:***@10.0.0.5/cam: 401"),
        ("rtsp://admin:p%40s:s@h@10.0.0.5/cam", "rtsp://admin:***@10.0.0.5/cam"),
        (
            "cannot open 'rtsp://h/user=a&password=secret&channel=1'",
            "cannot open 'rtsp://h/user=a&password=***&channel=1'",
        ),
        ("cannot open 'rtsp://h/user=a_password=secret'", "cannot open 'rtsp://h/user=a_password=***'"),
        ("GET http://h/still.jpg?user=a&pwd=secret failed", "GET http://h/still.jpg?user=a&pwd=*** failed"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        (f"GET /download/{KEY}/ HTTP/1.1", "GET /download/***/ HTTP/1.1"),
        (f"download/{KEY.upper()}", "download/***"),
        (f"see '/download/{KEY[:8]}-{KEY[8:12]}-{KEY[12:16]}-{KEY[16:20]}-{KEY[20:]}'", "see '/download/***'"),
        (f"/download/%61{KEY[1:]}?a=b", "/download/***?a=b"),
        (f"/login?next=%2Fdownload%2F{KEY}%2F", "/login?next=%2Fdownload%2F***"),
        (f"('X-REFER-KEY', '{KEY}')", "('X-REFER-KEY', '***')"),
        (f"X-Refer-Key: {KEY}", "X-Refer-Key: ***"),
    ],
)
def test_a_password_is_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask_secrets(text) == masked


def test_a_long_text_is_masked_at_once() -> None:
    assert mask_secrets("a" * 250_000 + "://u:secret@h") == "a" * 250_000 + "://u:***@h"  # took minutes


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://10.0.0.5/cam",
        "GET /download/123456789012345678/",
        f"segment {KEY}",
        "download/a/b",
        "no password came",
        "at 12:30 a@b wrote",
        "basic auth",
    ],
)
def test_text_without_a_secret_stays(text: str) -> None:
    assert mask_secrets(text) == text


def test_a_record_is_masked_with_its_arguments() -> None:
    record = logging.LogRecord("app", logging.INFO, "", 0, "source %d: %s", (1, "rtsp://a:secret@h/"), None)
    assert MaskFilter().filter(record)
    assert record.getMessage() == "source 1: rtsp://a:***@h/"


def test_a_traceback_is_masked() -> None:
    address = "rtsp://a:secret@h/cam"
    try:
        raise OSError(f"cannot open {address}")
    except OSError:
        record = logging.LogRecord("app", logging.ERROR, "", 0, "source 1", (), sys.exc_info())
    assert MaskFilter().filter(record)
    shown = logging.Formatter().format(record)
    assert "OSError: cannot open rtsp://a:***@h/cam" in shown
    assert "secret" not in shown
