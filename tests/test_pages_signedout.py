"""A session that ends while somebody works: the page says so and keeps what was typed and what is being sent."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from playwright.sync_api import expect

from app.extensions import db, writing
from app.models import File
from tests.accounts import add_account, password_hash
from tests.conftest import in_production
from tests.looking import Chromium, Looker
from tests.served import answering
from tests.test_pages_files import slow_down, wait_progress

UPLOAD_BYTES, SLOW_BPS = 3_000_000, 400_000


@pytest.fixture
def app(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Flask]:
    with in_production(tmp_path, migrated_sqlite, RATE_LIMITS=False) as app:
        with app.app_context(), writing() as session:
            add_account(session, "ann", "operator", sees_all=True, password=password_hash())
        yield app


def test_what_was_typed_and_sent_outlives_the_session(app: Flask, chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(np.random.default_rng(1).bytes(UPLOAD_BYTES))
    asked: list[str] = []
    with answering(app) as base, chromium.looking(base, account="ann") as looker:
        page = looker.open("/view/files")
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        slow_down(page, SLOW_BPS)
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
        expect(page.get_by_text("You are signed out.", exact=False).first).to_be_visible()
        expect(written).to_have_value("not to be lost")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Sign in in a new tab").press("Enter")
        Looker(opened.value, base).sign_in("ann")
        slow_down(page, -1)
        expect(row.locator(".badge")).to_have_text("complete")
        expect(page.get_by_role("link", name="Sign in in a new tab")).to_have_count(0)
        expect(written).to_have_value("not to be lost")
        assert page.url == f"{base}/view/files"
        assert asked == []
    with app.app_context():
        [sha256] = db.session.scalars(db.select(File.sha256)).all()
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
