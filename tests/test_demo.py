"""`make demo`: its two cameras are added once through the real API, and are still there at the next start."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.serving import make_server

from examples import demo
from tests.media import packets

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def bind(app: Flask) -> Iterator[str]:
    """Serve the app at an address of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run_demo(bind: str, instance: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PLAYBACK_BIND": bind, "PLAYBACK_INSTANCE": str(instance)}
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_two_cameras_record_and_a_second_start_adds_none(bind: str, tmp_path: Path) -> None:
    api = demo.Api(bind)
    addresses = []
    for ending in (signal.SIGINT, signal.SIGTERM):
        with run_demo(bind, tmp_path) as process:
            try:
                said = process.stdout.readline()
                assert said.startswith("demo: two cameras record"), said + process.communicate()[0]
                stream, pictures = api.call("GET", "/source")
                got = packets(stream["uri_rtsp"], options={"rtsp_transport": "tcp"}, video_count=30)
                process.send_signal(ending)
                assert process.communicate(timeout=4)[0] == ""
            finally:
                process.kill()
        assert len(got["video"]) == 30
        assert process.returncode == 0
        addresses.append(stream["uri_rtsp"])
        assert pictures["uri_http_picture"]["uri"] == f"http://{bind}/test/img"
        assert len(api.call("GET", "/group")) == 2
        records = api.call("GET", "/record", tag_name=demo.TAG)
        assert [one["status"] for one in records] == ["waiting", "waiting"]
        assert api.call("GET", "/record/runing", tag_name=demo.TAG) is True
    assert addresses[0] == addresses[1], "the port of the last start is taken again"


def test_a_refusal_ends_the_demonstration_with_one_line(bind: str) -> None:
    with pytest.raises(SystemExit, match=r"^demo: POST /group was answered with 422: .*"):
        demo.Api(bind).call("POST", "/group", model="Radio", name="x")
