"""Files and review in a real Chromium: uploads that are cut go on, what happens arrives by itself, comments along time.

Each test walks a story, by mouse and by keyboard, against a real server.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import expect

from app.extensions import writing
from app.models import Comment
from tests.accounts import add_account, password_hash
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.handed import store_and_rotate, store_file
from tests.handing import refer_of
from tests.looking import ROOT, Chromium, Looker
from tests.media import NUMBER_BITS, Plane, make_video
from tests.served import Served, answering, serving
from tests.service import wait_for
from tests.uploading import TUS, in_base64

S = 1_000_000
HOSTILE = 'Сцена <img src=x onerror="window.hacked=1">.mp4'
SAID = '<img src=x onerror="window.hacked=1"> \u05d0\u05d1 = SUM(1)'
UPLOAD_BYTES, SLOW_BPS = 40_000_000, 4_000_000
ANALYSER = ROOT / "examples" / "analyser" / "analyse.py"
AWAY = "net::ERR_"  # what a browser says of a service that is not there


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("files") / "instance") as server:
        yield server


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Make 6 s: grey, from 2 s on another scene, in which a square moves."""

    def draw(luma: Plane, number: int) -> None:
        luma[:] = 90 if number < 20 else 200
        if number >= 32:
            luma[60:110, 20 + 12 * min(number - 32, 12) :][:, :50] = 30

    return make_video(tmp_path_factory.mktemp("film") / "a.mp4", seconds=6, fps=10, gop=10, draw=draw).read_bytes()


def of_pages(looker: Looker) -> list[str]:
    """Return what the browser complained of, but for a service that was away."""
    return [line for line in looker.complaints if AWAY not in line]


def announce(base: str, size: int, name: str) -> tuple[int, str]:
    """Announce a file by tus; return its id and its lasting reference."""
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {in_base64(name)}"}
    made = requests.post(f"{base}/files/", headers=headers, timeout=20).json()
    return made["id"], made["refer"]


def send(base: str, file_id: int, offset: int, data: bytes) -> None:
    headers = {**TUS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
    assert requests.patch(f"{base}/files/{file_id}/", headers=headers, data=data, timeout=20).status_code == 204


def test_the_length_of_a_film_is_told_however_late_the_page_is_painted(
    served: Served, chromium: Chromium, film: bytes
) -> None:
    base = served.service.base
    file_id, _ = announce(base, len(film), "grey.mp4")
    send(base, file_id, 0, film)
    with chromium.looking(base) as looker:
        looker.paint_slowly()
        page = looker.open(f"/view/files?file={file_id}")
        expect(page.locator("video")).to_have_js_property("readyState", 4)
        expect(page.locator("main")).to_contain_text("00:00.0 / 00:06")
        assert looker.complaints == []


def test_status_findings_and_comments_come_by_themselves_and_comments_are_written_by_keyboard(
    served: Served, chromium: Chromium, film: bytes
) -> None:
    base = served.service.base
    file_id, refer = announce(base, len(film), HOSTILE)
    with chromium.looking(base) as looker:
        page = looker.open(f"/view/files?file={file_id}")
        page.evaluate("window.isSame = true")  # gone, were the page loaded anew
        status, heard = page.locator(".files-head .badge"), page.get_by_role("log").locator("p")
        expect(status).to_have_text("announced")
        send(base, file_id, 0, film[:1000])
        expect(status).to_have_text("being received")
        send(base, file_id, 1000, film[1000:])
        expect(status).to_have_text("ready")
        expect(heard.filter(has_text="The file is now: ready")).to_have_count(1)
        video = page.locator("video")
        expect(video).to_have_js_property("readyState", 4)
        marks = page.get_by_role("complementary", name="Findings and comments")
        expect(marks.get_by_role("listitem")).to_have_count(0)
        # the analyser
        requests.post(f"{base}/files/{file_id}/refer/", timeout=20)
        done = subprocess.run(
            [sys.executable, ANALYSER, "--server", base, str(file_id)], capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        expect(status).to_have_text("result is there")
        found = looker.ask(f"/files/{file_id}/result")["findings"]
        assert found
        expect(marks.locator("[data-lane=finding]")).to_have_count(len(found) * 2)  # each item, and who found it
        expect(heard.filter(has_text="The result came")).to_have_count(1)
        expect(page.locator(".files-lane[data-lane=finding] .files-symbol").first).to_be_visible()
        # a mark is gone to from the track and from the list, and the list is in step
        at = min(finding["start"] for finding in found if finding["start"])
        page.keyboard.press("n")
        page.wait_for_function("at => Math.abs(document.querySelector('video').currentTime - at) < 0.1", arg=at)
        expect(marks.locator("[aria-current]").first).to_be_visible()
        # a comment over a span, by keyboard alone
        page.keyboard.press("[")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("at => document.querySelector('video').currentTime > at + 1", arg=at)
        page.keyboard.press("]")
        page.keyboard.press("c")
        page.keyboard.type(SAID)
        page.keyboard.press("Tab")
        page.keyboard.type("sev")
        for _ in range(5):
            page.keyboard.press("Tab")
        expect(page.get_by_role("form", name="New comment").get_by_label("Violation").first).to_be_focused()
        page.keyboard.type("курение под")
        page.keyboard.press("ArrowDown")
        assert looker.axe() == []
        page.keyboard.press("Enter")
        page.keyboard.press("Control+Enter")
        mine = marks.get_by_role("listitem").filter(has_text="SUM(1)")
        expect(mine).to_contain_text("Курение подростка")
        expect(page.locator(".files-lane[data-lane=user] .files-symbol")).to_have_count(1)
        said_of = looker.ask(f"/files/{file_id}/report?format=json")["comments"]
        [comment] = [one for one in said_of if one["comment_author"] == "User"]
        assert (comment["comment"], comment["severity"]) == (SAID, "severe")
        assert comment["start"] == pytest.approx(at, abs=0.1)
        assert comment["end"] > comment["start"] + 1
        # the AI says something on it, another tool changes it, then it is deleted
        said = {"refer_file": refer, "comment": "A close-up", "comment_author": "AI", "start": 1, "severity": "mild"}
        ai_id = requests.post(f"{base}/comments/", json=said, timeout=20).json()["id"]
        expect(marks.get_by_role("listitem").filter(has_text="A close-up")).to_contain_text("AI")
        requests.patch(f"{base}/comments/{ai_id}/", json={"comment": "A wide shot"}, timeout=20)
        expect(marks.get_by_role("listitem").filter(has_text="A wide shot")).to_have_count(1)
        marks.get_by_role("button", name="AI").click()
        expect(mine).to_have_count(0)
        marks.get_by_role("button", name="AI").click()
        mine.get_by_role("button", name="Change the comment").press("Enter")
        form = page.get_by_role("form", name="Change the comment")
        form.get_by_label("Severity").select_option("mild")
        form.get_by_role("button", name="Save").click()
        expect(mine).to_contain_text("mild")
        mine.get_by_role("button", name="Delete the comment").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
        expect(mine).to_have_count(0)
        # nothing that strangers named or wrote has become more than text
        assert page.evaluate("[window.hacked, window.isSame, document.querySelectorAll('main img').length]") == [
            None, True, 0,
        ]  # fmt: skip
        with page.expect_popup() as popup:
            page.get_by_role("link", name="Open the report").click()
        expect(popup.value.locator("body")).to_contain_text("A wide shot")
        assert popup.value.evaluate("window.hacked") is None
        with page.expect_download() as download:
            page.get_by_role("link", name="XLSX").click()
        assert download.value.suggested_filename.endswith(".xlsx")
        assert looker.complaints == []


@pytest.fixture
def peopled(production: Flask, film: bytes) -> tuple[Flask, int]:
    """Return an app in production with a viewer, an operator, and a file with a comment."""
    with production.app_context(), writing() as session:
        for name, role in (("Vera", "viewer"), ("Otto", "operator")):
            add_account(session, name, role, password=password_hash())
    file_id, _ = store_and_rotate(production, film, name="film.mp4", duration_s=6.0)
    with production.app_context(), writing() as session:
        said = {"comment": "Look at that", "comment_author": "User", "actor": "Otto", "severity": "mild"}
        session.add(Comment(file_id=file_id, start_s=1.0, **said))
    return production, file_id


def test_a_viewer_looks_and_is_offered_nothing_that_is_not_his(peopled: tuple[Flask, int], chromium: Chromium) -> None:
    app, file_id = peopled
    acts = re.compile("Upload|Comment here|New comment|Change the|Delete|Save|Revoke|Give out|Join|Copy the")
    with answering(app) as base:
        with chromium.looking(base, account="Vera") as viewer:
            page = viewer.open("/view/files")
            page.get_by_role("link", name="film.mp4").click()
            expect(page.locator("video")).to_have_js_property("readyState", 4)
            expect(page.get_by_text("Look at that")).to_be_visible()
            page.keyboard.press("c")
            page.keyboard.press("n")
            page.wait_for_function("Math.abs(document.querySelector('video').currentTime - 1) < 0.05")
            expect(page.get_by_role("textbox")).to_have_count(0)
            expect(page.get_by_role("button", name=acts)).to_have_count(0)
            expect(page.get_by_role("heading", name="Download key")).to_have_count(0)
            expect(page.get_by_role("link", name="Open the report")).to_be_visible()
            assert (viewer.axe(), viewer.complaints) == ([], [])
        with chromium.looking(base, account="Otto", language="ru", theme="dark", size="phone") as operator:
            page = operator.open(f"/view/files?file={file_id}")
            expect(page.get_by_role("button", name="Комментарий здесь")).to_be_visible()
            expect(page.get_by_role("heading", name="Ключ скачивания")).to_be_visible()
            expect(
                page.get_by_text("Целевая аудитория не указана")
            ).to_be_visible()  # why it is not known whether it fits
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert (operator.axe(), operator.complaints) == ([], [])


def test_who_downloads_is_named_to_an_administrator(peopled: tuple[Flask, int], chromium: Chromium) -> None:
    app, _ = peopled
    file_id, key = store_and_rotate(app, bytes(32_000_000), name="long.bin", media_type="application/octet-stream")
    with app.app_context(), writing() as session:
        token = add_account(session, "Анна", "viewer")
        add_account(session, "root", "admin", password=password_hash())
    with answering(app) as base:
        signed = {"Authorization": f"Bearer {token}"}
        with (
            requests.get(f"{base}/download/{key}/", headers=signed, stream=True, timeout=20),
            requests.get(f"{base}/download/{key}/", stream=True, timeout=20),
        ):
            for name, words in (("root", ["Анна", "somebody with the key"]), ("Otto", ["2"])):
                with chromium.looking(base, account=name) as looker:
                    page = looker.open(f"/view/files?file={file_id}")
                    panel = page.get_by_role("region", name="Download key")
                    for word in words:
                        expect(panel.locator("dd.numbers").first).to_contain_text(word)
                    assert (looker.axe(), looker.complaints) == ([], [])


def test_files_are_filtered_and_paged_and_one_is_given_out_revoked_and_deleted(app: Flask, chromium: Chromium) -> None:
    for number in range(60):
        store_file(app, b"x", name=f"script {number}.txt", media_type="text/plain; charset=utf-8")
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/files")
        rows = page.get_by_role("row")
        expect(rows).to_have_count(51)  # with the head
        page.get_by_role("button", name="Show older files").press("Enter")
        expect(rows).to_have_count(61)
        page.get_by_label("Name").fill("script 7")
        expect(rows).to_have_count(2)
        assert "name=script+7" in page.url
        page.get_by_label("Status").select_option("error")
        page.get_by_role("button", name="Clear the filter").press("Enter")
        expect(rows).to_have_count(51)
        page.get_by_label("Name").fill("script 7")
        page.get_by_role("link", name="script 7.txt").press("Enter")
        key = page.get_by_role("region", name="Download key")
        expect(key).to_contain_text("none was given out yet")
        key.get_by_role("button", name="Give out a key").press("Enter")
        address = key.get_by_label("Address").input_value()
        assert requests.get(address, timeout=20).content == b"x"
        expect(key).to_contain_text("ended: a download began")
        key.get_by_role("button", name="Revoke").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Revoke").press("Enter")
        expect(key).to_contain_text("No key is given out now")
        assert requests.get(address, timeout=20).status_code == 410
        page.get_by_role("button", name="Delete the file").press("Enter")
        dialog = page.get_by_role("dialog", name="Delete “script 7.txt”?")
        dialog.get_by_role("button", name="Delete").press("Enter")
        page.get_by_text("“script 7.txt” is deleted").wait_for()
        expect(rows).to_have_count(51)
        page.goto(f"{base}/view/files?file=8")
        expect(page.get_by_role("heading", name="This file was deleted")).to_be_visible()
        assert looker.axe() == []


def test_a_file_of_footage_leads_to_the_recordings_at_the_moment_shown(
    app: Flask, chromium: Chromium, media: Callable[..., Path]
) -> None:
    source_id = add_source(app)
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=2), begin_us=first.end_us + 60 * S)
    span = {"source_id": source_id, "start": utc(T0_US + S), "end": utc(second.end_us)}
    made = app.test_client().post("/files/", json={**span, "name": "gate.mp4"}).json
    said = {"refer_file": refer_of(app, made["id"]), "comment": "after the gap", "comment_author": "User", "start": 9}
    assert app.test_client().post("/comments/", json=said).status_code == 200
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(f"/view/files?file={made['id']}")
        link = page.get_by_role("link", name="In the recordings at this moment")
        expect(link).to_have_attribute("href", re.compile(f"/view/timeline\\?cameras={source_id}&at="))
        expect(page.locator("video")).to_have_js_property("readyState", 4)
        page.get_by_role("button", name="00:09", exact=True).press(
            "Enter"
        )  # 7 s of the first run, and 2 s of the second
        at = utc(second.begin_us + 2 * S)[:19]
        expect(link).to_have_attribute("href", re.compile(re.escape(at)))
        page.keyboard.press(" ")
        assert looker.complaints == []


# The number that each frame of our films carries (tests/media.py), read from the picture that is shown.
NUMBER = """
() => {
  const video = document.querySelector('video');
  const canvas = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight});
  const drawn = canvas.getContext('2d', {willReadFrequently: true});
  drawn.drawImage(video, 0, 0);
  const cell = Math.floor(canvas.width / BITS);
  return Array.from({length: BITS}, (_, bit) => drawn.getImageData((bit + 0.5) * cell, 7, 1, 1).data[1] > 125 ? 1 : 0)
    .reduce((number, bit) => number * 2 + bit, 0);
}
""".replace("BITS", str(NUMBER_BITS))


@pytest.mark.parametrize("rate", [Fraction(60_000, 1001), Fraction(12)], ids=["fast", "slow"])
def test_a_film_is_stepped_frame_by_frame_whatever_its_rate(
    app: Flask, chromium: Chromium, tmp_path: Path, rate: Fraction
) -> None:
    film = make_video(tmp_path / "a.mp4", seconds=2, fps=rate, gop=30, b_frames=2).read_bytes()
    file_id = store_file(app, film, duration_s=2.0)
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open(f"/view/files?file={file_id}")
        expect(page.locator("video")).to_have_js_property("readyState", 4)

        def wait_number(number: int) -> None:
            wait_for(lambda: page.evaluate(NUMBER) == number, f"frame {number}", 20)

        wait_number(0)
        for number in (1, 2, 3):
            page.keyboard.press(".")
            wait_number(number)
        for _ in range(4):  # faster than they are shown
            page.keyboard.press(".")
        wait_number(7)
        for number in (6, 5, 4):
            page.get_by_role("button", name="One frame back").press("Enter")
            wait_number(number)
        for _ in range(3):
            page.keyboard.press(",")
        wait_number(1)
        page.keyboard.press(",")
        wait_number(0)
        page.keyboard.press(",")  # before the first there is none
        page.keyboard.press(".")
        wait_number(1)
        assert looker.complaints == []
