"""The whole loop: a running service, files handed over, the reference analyser as a process, and what comes of it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from tusclient.client import TusClient

from app import create_app
from examples.analyser.service import Service as Client
from examples.analyser.sse import listen
from instance.config import TestingConfig
from tests.archived import T0_US, add_source, record, utc
from tests.media import Plane, make_video
from tests.ports import free_port
from tests.service import ROOT, Service, prepared_database, wait_for
from tests.test_analyser import SMOKING, docx_file, pdf_bytes, soon

PROGRAM = ROOT / "examples" / "analyser" / "analyse.py"
SECRET = "a-common-secret"
FPS, SCENE_S = 10, 4.0
SCRIPT = f"ИНТ. КУХНЯ. НОЧЬ\n\n{SMOKING} Мария: «Идиот!»\n"
EXPECTED = [("Курение", "moderate", 1), ("Табак в кадре", "mild", 1), ("Грубое слово", "mild", 1)]


class Gate:
    """An address of PLAYBACK_ANALYSER_URLS that takes everything, and passes it on to an analyser while it is open."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.is_open = False
        self.beyond = free_port()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gate.told.append(json.loads(body))
                status = 202
                if gate.is_open:
                    url = f"http://127.0.0.1:{gate.beyond}/"
                    status = requests.post(url, data=body, headers=dict(self.headers), timeout=10).status_code
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"


class Loop:
    """A running service with recorded footage, and what the tests do with it."""

    def __init__(self, service: Service, gate: Gate, source_id: int) -> None:
        self.service, self.gate, self.source_id = service, gate, source_id

    def upload(self, name: str, content: bytes) -> int:
        """Send a file by multipart; return its id."""
        answer = requests.post(f"{self.service.base}/files/", files={"upload": (name, content)}, timeout=30)
        assert answer.status_code == 201, answer.text
        assert answer.json()["id"] == answer.json()["id_file"]
        return int(answer.json()["id"])

    def upload_by_tus(self, path: Path, name: str) -> int:
        """Send a file by tus in pieces; return its id."""
        client = TusClient(f"{self.service.base}/files/")
        with path.open("rb") as file:
            uploader = client.uploader(file_stream=file, chunk_size=64 * 1024, metadata={"filename": name})
            uploader.upload()
        return int(re.search(r"/files/(\d+)/?$", uploader.url)[1])

    def ask(self, file_id: int, audience: str) -> None:
        """Send the web form."""
        asked = self.service.call(
            "POST", "/cinema/", file_id=file_id, target_audience=audience, comment="прошу проверить"
        )
        assert (asked["id"], asked["target_audience"]) == (file_id, audience)

    def analyse(self, *file_ids: int) -> "subprocess.CompletedProcess[str]":
        """Run the analyser to its end."""
        command = [sys.executable, str(PROGRAM), "--server", self.service.base, "--wait", "20", *map(str, file_ids)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def details(self, file_id: int) -> dict[str, Any]:
        """Return FILE."""
        found: dict[str, Any] = self.service.call("GET", f"/files/{file_id}/")
        return found

    def result(self, file_id: int) -> dict[str, Any]:
        """Return the result with its findings."""
        found: dict[str, Any] = self.service.call("GET", f"/files/{file_id}/result")
        return found

    def events(self, file_id: int) -> list[dict[str, Any]]:
        """Return all events of a file whose story is over: the stream ends with 204."""
        found = listen(Client(self.service.base), f"/download/{file_id}/", soon())
        seen = []
        for event in found:
            seen.append(json.loads(event.data))
            if seen[-1]["status"] in ("db_ready", "error") and is_newest(self, file_id, event.id):
                break
        return seen


def is_newest(loop: Loop, file_id: int, event_id: str | None) -> bool:
    """Tell whether the server says that nothing comes behind an event."""
    headers = {"Last-Event-ID": str(event_id)}
    with requests.get(f"{loop.service.base}/sse/{file_id}", headers=headers, stream=True, timeout=10) as answer:
        return answer.status_code == 204


def draw(luma: Plane, number: int) -> None:
    """Paint another scene from 4 s on, and a square that moves from 1 to 2 s."""
    luma[:] = 90 if number < SCENE_S * FPS else 200
    luma[::16] += 20
    steps = min(max(number - FPS, 0), FPS)
    luma[40:90, 20 + 12 * steps : 70 + 12 * steps] = 20


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("film") / "film.mp4", seconds=6, fps=FPS, gop=FPS, draw=draw)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, film: Path) -> Iterator[Loop]:
    """Yield a service whose archive holds the film as footage."""
    folder = tmp_path_factory.mktemp("loop") / "instance"
    folder.mkdir(parents=True)
    shutil.copy(prepared_database(), folder / "app.db")
    app = create_app(TestingConfig(INSTANCE=str(folder)), with_views=False)
    source_id = add_source(app)
    record(app, source_id, film)
    gate = Gate()
    with Service(folder, ANALYSER_URLS=gate.url, ANALYSER_SECRET=SECRET) as service:
        yield Loop(service, gate, source_id)
    gate.server.shutdown()
    gate.server.server_close()


def test_scripts_are_handed_over_analysed_and_reported(loop: Loop, tmp_path: Path) -> None:
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(pdf_bytes([SCRIPT]))
    ids = [
        loop.upload("Сценарий.txt", SCRIPT.encode("cp1251")),
        loop.upload("Сценарий.docx", docx_file(tmp_path / "a.docx", *SCRIPT.split("\n")).read_bytes()),
        loop.upload_by_tus(pdf, "Сценарий.pdf"),
    ]
    for file_id in ids:
        loop.ask(file_id, "6+")
    done = loop.analyse(*ids)
    assert done.returncode == 0, done.stderr
    for file_id in ids:
        known = loop.details(file_id)
        assert (known["status"], known["violations_quantity"], known["users"]) == ("db_ready", 3, 1)
        found = loop.result(file_id)["findings"]
        assert [(one["violation"], one["severity"], one["page"]) for one in found] == EXPECTED
        assert all(one["violation_id"] for one in found)  # the list knows what the lexicon names
        assert found[0]["quotation"] == SMOKING
        said = loop.service.call("GET", f"/comments/?refer_file={known['refer']}")
        assert {(one["comment_author"], one["violation"]) for one in said} == {("AI", name) for name, _, _ in EXPECTED}
        report = loop.service.call("GET", f"/files/{file_id}/report")
        assert (report["rating"]["verdict"], report["counts"]["findings"]) == ("does_not_fit", 3)


def test_listeners_are_told_every_step_and_then_that_it_is_over(loop: Loop) -> None:
    file_id = loop.upload("a.txt", SCRIPT.encode())
    assert loop.analyse(file_id).returncode == 0
    seen = loop.events(file_id)
    steps = [(one["type"], one["status"]) for one in seen if one["type"] != "progress"]
    assert [status for _, status in steps] == sorted(
        (status for _, status in steps), key=["--------", "processing", "ready", "db_ready"].index
    )
    assert {kind for kind, _ in steps} >= {"status", "download", "result", "comment"}
    assert {"ready", "db_ready"} <= {status for _, status in steps}
    assert [kind for kind, _ in steps].count("comment") == 3


def test_a_video_is_analysed_in_seconds_of_its_footage(loop: Loop, film: Path) -> None:
    file_id = loop.upload_by_tus(film, "Фильм.mp4")
    loop.ask(file_id, "12+")
    assert loop.analyse(file_id).returncode == 0
    judge_film(loop, file_id)


def test_a_span_of_footage_is_analysed_when_the_analyser_is_told(loop: Loop, film: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(PROGRAM), "--server", loop.service.base, "--folder", str(tmp_path)]
    environment = {**os.environ, "ANALYSER_SECRET": SECRET}
    command += ["--listen", str(loop.gate.beyond)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as analyser:
        try:
            assert "listening" in analyser.stderr.readline()
            span = {"start": utc(T0_US), "end": utc(T0_US + 6_000_000)}
            loop.gate.is_open = True
            made = loop.service.call("POST", "/files/", source_id=loop.source_id, **span)
            wait_for(lambda: loop.details(made["id"])["status"] == "db_ready", "the result")
            analyser.send_signal(signal.SIGTERM)
            said = analyser.communicate(timeout=10)[1]
        finally:
            analyser.kill()
    judge_film(loop, made["id"])
    assert list(tmp_path.iterdir()) == []
    told = [one for one in loop.gate.told if one["id"] == made["id"]]
    assert told
    key = told[0]["url"].rstrip("/").rpartition("/")[2]
    assert key not in said
    assert key not in loop.service.read_log()


def judge_film(loop: Loop, file_id: int) -> None:
    """Compare the result of the film with what was painted."""
    found = {one["violation"]: one for one in loop.result(file_id)["findings"]}
    assert found["Scene change"]["start"] == pytest.approx(SCENE_S, abs=0.2)
    assert found["Motion"]["start"] == pytest.approx(1.0, abs=0.2)
    assert found["Motion"]["end"] == pytest.approx(2.0, abs=0.2)
    assert loop.details(file_id)["violations_quantity"] == len(loop.result(file_id)["findings"]) == 2


def test_a_file_that_cannot_be_analysed_ends_as_an_error(loop: Loop) -> None:
    file_id = loop.upload("Сценарий.pdf", pdf_bytes([SCRIPT])[:300])
    assert loop.analyse(file_id).returncode == 1
    known = loop.details(file_id)
    assert known["status"] == "error"
    assert "PDF" in known["error"]


def test_the_walk_of_the_documents_ends_with_a_report(loop: Loop, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "transfer.md").read_text("utf-8")
    [walk] = re.findall(r"^```sh\n(B=.*?)^```$", text.partition("## Uploading")[0], re.MULTILINE | re.DOTALL)
    first, _, rest = walk.partition("\n")
    assert first == "B=http://127.0.0.1:8000"
    for name in (".venv", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = f"B={loop.service.base}\n{rest}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout[done.stdout.rindex("\n{", 0, -2) :])
    assert "raised unexpected" not in loop.service.read_log()
    assert report["file"]["status"] == "db_ready"
    assert report["counts"]["findings"] == 2
    assert report["counts"]["comments_of_ai"] == 2
    assert report["counts"]["comments_of_people"] == 1
    assert report["rating"]["verdict"] == "does_not_fit"
