"""The plain server of the tests (served.py): it leaves no file open when a browser goes before its answer has ended."""

import gc
import socket
import struct
import sys
from urllib.parse import urlsplit

import pytest
from flask import Flask

from tests.served import answering

RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing resets the connection, as a browser does with what it drops
ASKED = b"GET /static/icon.svg HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_browser_that_goes_leaves_no_file_open(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: left.append(said.exc_value))
    with answering(app) as base:
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", urlsplit(base).port or 0)) as browser:
                browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                browser.sendall(ASKED)
                assert browser.recv(4) == b"HTTP"
    gc.collect()
    assert left == []
