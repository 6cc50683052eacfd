"""Uploads in a real Chromium: what a dead server, a new page or an ended session cuts goes on with the same bytes."""

import hashlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from flask import Flask
from playwright.sync_api import Locator, Page, Response, expect

from app.extensions import db, writing
from app.models import File
from bench.processes import children
from tests.accounts import add_account, password_hash
from tests.conftest import in_production
from tests.looking import Chromium, Looker
from tests.served import Served, answering, serving
from tests.service import wait_for
from tests.test_pages_files import of_pages

# So slow that what is done meanwhile is done long before the end.
UPLOAD_BYTES, SLOW_BPS = 40_000_000, 2_000_000
LESS_BYTES, SLOWER_BPS = 3_000_000, 100_000


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("files") / "instance") as server:
        yield server


def slow_down(page: Page, bytes_a_second: int) -> None:
    """Let the network of a page be slow upwards; -1: as it is."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    how = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    session.send("Network.emulateNetworkConditions", how)


def kill(served: Served) -> None:
    """Kill the web server, its process that answers and its master."""
    master = served.service.pid("web")
    for pid in (*children(master), master):
        os.kill(pid, signal.SIGKILL)
    served.service.stop(signal.SIGKILL)


def progress_of(row: Locator) -> float:
    return float(row.locator("progress").first.evaluate("bar => bar.value / bar.max"))


def wait_progress(row: Locator, least: float) -> None:
    wait_for(lambda: progress_of(row) >= least, f"progress of {least}", 30)


def test_an_upload_that_is_cut_by_a_dead_server_and_a_new_page_ends_with_the_same_bytes(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    path = tmp_path / "Сцена 1.mp4"
    data = np.random.default_rng(1).bytes(UPLOAD_BYTES)
    path.write_bytes(data)
    asked: list[str] = []
    with chromium.looking(served.service.base) as looker:
        page = looker.open("/view/files")
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        slow_down(page, SLOW_BPS)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload files").press("Enter")
        chooser.value.set_files(path)
        row = page.get_by_role("region", name="Uploads").get_by_role("listitem")
        wait_progress(row, 0.05)
        expect(row).to_contain_text(re.compile(r"MB of 40 MB · \d.*/s · \d+ sec left"))
        # the form is filled meanwhile
        row.get_by_text("For the analysis").click()
        row.get_by_label("Target audience").select_option("12+")
        row.get_by_role("button", name="Save").press("Enter")
        page.get_by_text("Saved").wait_for()
        row.get_by_role("button", name="Pause Сцена 1.mp4").press("Enter")
        expect(row.locator(".badge")).to_have_text("paused")
        assert looker.axe() == []
        row.get_by_role("button", name="Go on with Сцена 1.mp4").press("Enter")
        expect(row.locator(".badge")).to_have_text("uploading")
        # the server dies and comes again
        kill(served)
        expect(row.locator(".badge")).to_have_text("interrupted, tries again by itself")
        expect(page.get_by_role("log").get_by_text("interrupted, trying again")).to_have_count(1)
        served.service.start()
        expect(row.locator(".badge")).to_have_text("uploading")
        wait_progress(row, 0.3)
        # the page is left, which is warned of
        page.reload()
        assert asked == ["beforeunload"]
        left = page.get_by_role("region", name="Not finished")
        expect(left).to_contain_text("Choose the same file again, and it goes on where it stopped.")
        other = tmp_path / "other.mp4"
        other.write_bytes(b"x")
        left.locator("input").set_input_files(other)
        expect(left.get_by_role("alert")).to_contain_text("That is another file")
        left.locator("input").set_input_files(path)
        expect(row).to_contain_text(re.compile(r"Went on at [1-9]\d?%: \d.* were there already"))
        slow_down(page, -1)
        row.get_by_role("link", name="Open the file").click()
        page.get_by_role("heading", name="Сцена 1.mp4").wait_for()
        expect(page.get_by_label("Target audience")).to_have_value("12+")
        [file] = looker.ask("/files/?name=Сцена 1")
        assert (file["sha256"], file["size_bytes"]) == (hashlib.sha256(data).hexdigest(), UPLOAD_BYTES)
        assert of_pages(looker) == []


def test_what_cannot_be_sent_is_said_before_and_what_is_cancelled_is_deleted(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    files = {
        "empty.mp4": b"",
        "setup.exe": b"MZ",
        "long.mp4": bytes(UPLOAD_BYTES),
        "b.mp4": bytes(9),
        "c.mp4": bytes(9),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with chromium.looking(served.service.base) as looker:
        page = looker.open("/view/files")
        slow_down(page, 500_000)
        page.locator("input[type=file]").first.set_input_files([tmp_path / name for name in files])
        rows = page.get_by_role("region", name="Uploads").get_by_role("listitem")
        expect(rows.filter(has_text="empty.mp4")).to_contain_text("nothing to send")
        doubted = rows.filter(has_text="setup.exe")
        expect(doubted).to_contain_text("neither a video")
        expect(rows.filter(has_text="b.mp4").locator(".badge")).to_have_text("complete")
        expect(rows.filter(has_text="c.mp4").locator(".badge")).to_have_text("complete")  # beside the long one
        doubted.get_by_role("button", name="Send all the same").press("Enter")
        expect(doubted.locator(".badge")).to_have_text("complete")
        long = rows.filter(has_text="long.mp4")
        wait_progress(long, 0.05)
        long.get_by_role("button", name="Cancel long.mp4").press("Enter")
        dialog = page.get_by_role("dialog", name="Cancel this upload?")
        expect(dialog).to_contain_text("long.mp4")
        assert looker.axe() == []
        dialog.get_by_role("button", name="Cancel the upload").press("Enter")
        expect(long).to_have_count(0)
        assert {file["name"] for file in looker.ask("/files/")} & {"long.mp4", "empty.mp4"} == set()
        page.reload()
        page.get_by_role("link", name="setup.exe").wait_for()
        expect(page.get_by_role("region", name="Not finished")).to_have_count(0)
        assert of_pages(looker) == []


def finish_in_another_tab(page: Page, path: Path) -> None:
    """Let another tab go on with a file that is being uploaded, to its end."""
    with page.context.expect_page() as opened:
        page.evaluate("open('/view/files')")
    opened.value.locator("input[type=file]").first.set_input_files(path)
    opened.value.get_by_role("region", name="Uploads").get_by_role("link", name="Open the file").wait_for()


def test_the_same_file_is_sent_once_and_a_file_that_is_whole_is_not_cancelled(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    """Two rows went on with one upload: cancelling the one that was overtaken deleted the file of the other."""
    path = tmp_path / "once.mp4"
    data = np.random.default_rng(2).bytes(LESS_BYTES)
    path.write_bytes(data)
    with chromium.looking(served.service.base) as looker:
        page = looker.open("/view/files")
        slow_down(page, SLOWER_BPS)
        choose = page.locator("input[type=file]").first
        choose.set_input_files(path)
        rows = page.get_by_role("region", name="Uploads").get_by_role("listitem")
        first, second = rows.nth(0), rows.nth(1)
        wait_progress(first, 0.05)
        choose.set_input_files(path)
        expect(second).to_contain_text("The same file is in this list already.")
        expect(second.get_by_role("button")).to_have_count(1)
        assert looker.axe() == []
        second.get_by_role("button", name="Take once.mp4 off this list").press("Enter")
        first.get_by_role("button", name="Pause once.mp4").press("Enter")
        expect(first.locator(".badge")).to_have_text("paused")
        finish_in_another_tab(page, path)
        first.get_by_role("button", name="Cancel once.mp4").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Cancel the upload").press("Enter")
        expect(first.locator(".badge")).to_have_text("complete")
        [file] = looker.ask("/files/?name=once")
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert of_pages(looker) == []


def test_an_upload_that_failed_is_taken_off_the_list_or_gone_on_with_by_its_file(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    path = tmp_path / "again.mp4"
    path.write_bytes(bytes(LESS_BYTES))
    with chromium.looking(served.service.base) as looker:
        page = looker.open("/view/files")
        slow_down(page, SLOWER_BPS)
        choose = page.locator("input[type=file]").first
        choose.set_input_files(path)
        rows = page.get_by_role("region", name="Uploads").get_by_role("listitem")
        wait_progress(rows, 0.05)
        [file] = looker.ask("/files/?name=again")
        assert requests.delete(f"{looker.base}/files/{file['id']}/", timeout=20).status_code < 300
        expect(rows.locator(".badge")).to_have_text("stopped")
        expect(rows.get_by_role("button", name="Take again.mp4 off this list")).to_be_visible()
        slow_down(page, -1)
        choose.set_input_files(path)
        expect(rows).to_have_count(1)
        expect(rows.locator(".badge")).to_have_text("complete")


def begun_and_left(looker: Looker, path: Path) -> tuple[Page, Locator]:
    """Begin an upload and load the page anew: the page, and the row of what was not finished."""
    page = looker.open("/view/files")
    page.once("dialog", lambda dialog: dialog.accept())
    slow_down(page, SLOWER_BPS)
    page.locator("input[type=file]").first.set_input_files(path)
    wait_progress(page.get_by_role("region", name="Uploads").get_by_role("listitem"), 0.05)
    page.reload()
    return page, page.get_by_role("region", name="Not finished").get_by_role("listitem")


def test_what_was_not_finished_is_deleted_but_no_file_that_another_tab_has_finished(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    """The list was of when the page was loaded: what had become whole since was deleted as a part."""
    path = tmp_path / "left.mp4"
    data = np.random.default_rng(3).bytes(LESS_BYTES)
    path.write_bytes(data)
    with chromium.looking(served.service.base) as looker:
        page, left = begun_and_left(looker, path)
        expect(left).to_contain_text("left.mp4")
        finish_in_another_tab(page, path)
        left.get_by_role("button", name="Discard “left.mp4”").press("Enter")
        expect(left).to_have_count(0)
        [file] = looker.ask("/files/?name=left")
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert of_pages(looker) == []


def test_what_was_not_finished_is_taken_off_the_list_and_deleted_also_where_it_was_given_up(
    served: Served, chromium: Chromium, tmp_path: Path
) -> None:
    for name in ("part.mp4", "gone.mp4"):
        (tmp_path / name).write_bytes(np.random.default_rng(4).bytes(LESS_BYTES))
    with chromium.looking(served.service.base) as looker:
        for name in ("part", "gone"):
            _, left = begun_and_left(looker, tmp_path / f"{name}.mp4")
            expect(left).to_contain_text(f"{name}.mp4")
            [file] = looker.ask(f"/files/?name={name}")
            if name == "gone":
                assert requests.delete(f"{looker.base}/files/{file['id']}/", timeout=20).status_code < 300
            left.get_by_role("button", name=f"Discard “{name}.mp4”").press("Enter")
            expect(left).to_have_count(0)
            assert looker.ask(f"/files/?name={name}") == []


@pytest.fixture
def signed_in_app(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        with app.app_context(), writing() as session:
            add_account(session, "ann", "operator", sees_all=True, password=password_hash())
        yield app


def test_what_was_typed_and_sent_outlives_the_session(signed_in_app: Flask, chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(LESS_BYTES))
    asked: list[str] = []
    with answering(signed_in_app) as base, chromium.looking(base, account="ann") as looker:
        page = looker.open("/view/files")
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        slow_down(page, SLOWER_BPS)
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Upload files").press("Enter")
        chooser.value.set_files(path)
        row = page.get_by_role("region", name="Uploads").get_by_role("listitem")
        wait_progress(row, 0.05)
        row.get_by_text("For the analysis").click()
        written = row.get_by_role("textbox").first
        written.fill("not to be lost")
        page.context.clear_cookies()
        notice = page.get_by_role("dialog", name="You are signed out")
        notice.wait_for()
        assert looker.axe() == []
        page.keyboard.press("Escape")
        expect(notice).to_be_hidden()
        refused = 0

        def count(answer: Response) -> None:
            nonlocal refused
            refused += answer.status == 401 and "/files/" in answer.url

        page.on("response", count)
        row.get_by_role("button", name="Pause a.mp4").press("Enter")  # what was under way was begun while signed in
        row.get_by_role("button", name="Go on with a.mp4").press("Enter")
        expect(row.locator(".badge")).to_have_text("interrupted, tries again by itself")
        slow_down(page, -1)
        page.wait_for_timeout(8000)
        expect(notice).to_be_hidden()  # it was read
        assert 1 <= refused <= 12  # of the upload, and of the list below it
        expect(page.get_by_text("You are signed out.", exact=False).first).to_be_visible()
        expect(written).to_have_value("not to be lost")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Sign in in a new tab").press("Enter")
        Looker(opened.value, base).sign_in("ann")
        expect(row.locator(".badge")).to_have_text("complete")
        expect(page.get_by_role("link", name="Sign in in a new tab")).to_have_count(0)
        expect(written).to_have_value("not to be lost")
        assert page.url == f"{base}/view/files"
        assert asked == []
    with signed_in_app.app_context():
        [sha256] = db.session.scalars(db.select(File.sha256)).all()
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
