"""The page of the system, led by mouse and by keyboard: each tab shows what the API says, and does what it offers."""

import csv
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import select, update

from app.archive.auditing import audit
from app.archive.sealing import Sealer
from app.archive.storages import open_storage
from app.capture import leases
from app.extensions import db, writing
from app.models import Account, Attempt, Lease, Loss, LossMark, Record, Recorder, Source, Storage, Tag, Wanted
from app.models.types import now_us
from tests.accounts import PASSWORD, add_account, add_bounded, password_hash
from tests.archived import add_source, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.conftest import in_production
from tests.looking import Chromium, Looker
from tests.served import answering
from tests.service import wait_for

S, HOUR_US, DAY_US = 1_000_000, 3_600_000_000, 86_400_000_000
GB = 1_000_000_000


@dataclass
class World:
    """A service in production with two cameras, footage of the first, losses of both, and people."""

    app: Flask
    base: str
    begin_us: int


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path, media: Callable[..., Path]
) -> Iterator[World]:
    with in_production(tmp_path_factory.mktemp("system"), migrated_sqlite, RATE_LIMITS=False) as app:
        at_us = now_us()
        door, yard = add_source(app), add_source(app)
        record(app, door, media("h264"), begin_us=at_us - 10 * 60 * S)
        with app.app_context():
            recorder_id = leases.register(os.getpid())
            storage_id = open_storage(app.config["PLAYBACK"]).id
            with writing() as session:
                _describe(session, at_us, recorder_id, storage_id, door, yard)
                for role in ("viewer", "operator", "admin"):
                    add_account(session, role, role)
                add_bounded(session, "guard", "operator", door)
                session.execute(update(Account).values(password=password_hash()))
            Sealer().run(is_whole=True, must=True)
        with answering(app) as base:
            yield World(app, base, at_us - 10 * 60 * S)


def _describe(session, at_us: int, recorder_id: str, storage_id: str, door: int, yard: int) -> None:
    for source_id, name, status in ((door, "Door", "online"), (yard, "Yard <b>", "unauthorised")):
        session.execute(update(Source).where(Source.id == source_id).values(description=name, status=status))
    session.execute(update(Storage).where(Storage.id == storage_id).values(
        total_bytes=4000 * GB, free_bytes=1000 * GB, budget_bytes=2 * GB, looked_us=at_us, write_us=850,
        write_worst_us=21_400,
    ))  # fmt: skip
    tag = Tag(name="day")
    session.add(tag)
    session.flush()
    session.add(Record(source_id=door, tag_id=tag.id, begin_us=at_us - 10 * 60 * S))
    session.execute(update(Recorder).values(seen_us=at_us + DAY_US))  # it shall not be gone before the tests are
    session.add(Lease(source_id=door, recorder_id=recorder_id, expires_us=at_us + DAY_US))
    for source_id, end_us in ((door, None), (yard, at_us - HOUR_US)):
        session.add(Wanted(source_id=source_id, begin_us=at_us - 20 * DAY_US, end_us=end_us))
        session.add(LossMark(source_id=source_id, settled_us=at_us - HOUR_US))
    for source_id, ago_us, length_us, cause in (
        (door, 2 * HOUR_US, 90 * S, "camera_unreachable"),
        (door, 5 * DAY_US, HOUR_US, "disk_full"),
        (yard, 10 * DAY_US, DAY_US, "wrong_password"),
    ):
        begin_us = at_us - ago_us
        session.add(Loss(source_id=source_id, begin_us=begin_us, end_us=begin_us + length_us, cause=cause,
                         detail="<img src=x onerror=alert(1)>"))  # fmt: skip
    session.add(Attempt(source_id=yard, recorder_id=recorder_id, begin_us=at_us - 60 * S, end_us=at_us - 50 * S,
                        reason="wrong_password", detail="401 Unauthorized"))  # fmt: skip


@pytest.fixture
def admin(world: World, chromium: Chromium) -> Iterator[Looker]:
    with chromium.looking(world.base, account="admin") as looker:
        yield looker
        assert looker.complaints == []


def shown_tabs(page: Page) -> list[str]:
    return page.get_by_role("tab").all_inner_texts()


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def fact(place: Page | Locator, name: str) -> str:
    """Return the value of a fact by its name."""
    return place.locator("dt", has_text=re.compile(f"^{re.escape(name)}$")).locator("xpath=../dd").first.inner_text()


def bytes_text(page: Page, value: float) -> str:
    """Return bytes as the page writes them."""
    power = min(5, max(0, len(str(int(value))) - 1) // 3)
    unit = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")[power]
    script = """([value, unit, digits]) => value.toLocaleString('en', {style: 'unit', unit,
      unitDisplay: unit === 'byte' ? 'long' : 'short', maximumFractionDigits: digits})"""
    shown = value / 1000**power
    return str(page.evaluate(script, [shown, unit, 1 if shown < 10 and power else 0]))


def test_the_tabs_are_those_of_the_role_and_are_walked_by_keys(world: World, chromium: Chromium) -> None:
    whole = ["Storage", "Health", "Losses", "Retention", "Users", "Tokens", "Audit"]
    offered = {
        "admin": whole,
        "operator": ["Storage", "Health", "Losses", "Retention", "Tokens"],
        "viewer": ["Health", "Losses", "Tokens"],
        "guard": ["Health", "Losses", "Tokens"],
    }
    for name, tabs in offered.items():
        with chromium.looking(world.base, account=name) as looker:
            page = looker.open("/view/system?tab=audit")  # one that is not allowed: the first of those that are
            expect(page.get_by_role("tab", selected=True)).to_have_text("Audit" if name == "admin" else tabs[0])
            assert shown_tabs(page) == tabs
            page.get_by_role("tab", selected=True).focus()
            page.keyboard.press("Home")
            for tab in tabs[1:] if name == "admin" else ():
                page.keyboard.press("ArrowRight")
                expect(page.get_by_role("tab", selected=True)).to_have_text(tab)
                assert f"tab={tab.lower()}" in page.url
                expect(page.get_by_role("tabpanel", name=tab)).to_be_visible()
            assert looker.complaints == []


def range_of(page: Page, days: int) -> tuple[str, str]:
    """Return from when to when losses are told, once the page tells them of so many days up to now."""

    def told() -> tuple[str, str] | None:
        query = parse_qs(urlsplit(link.get_attribute("href") or "").query)
        start, end = (datetime.fromisoformat(query[name][0]) for name in ("start", "end"))
        is_up_to_now = abs(end.timestamp() - now_us() / S) < 600
        is_of_them = (end - start).total_seconds() == days * 86_400
        return (query["start"][0], query["end"][0]) if is_up_to_now and is_of_them else None

    link = page.get_by_role("link", name="Download CSV")
    return wait_for(told, f"losses of {days} days")


def test_storage_health_and_losses_show_what_the_api_says(world: World, admin: Looker) -> None:
    page = admin.open("/view/system?tab=storage")
    (storage,) = admin.ask("/api/v1/storage")
    card = page.locator(f'[data-storage="{storage["id"]}"]')
    expect(card.get_by_role("heading")).to_have_text(storage["path"])
    assert fact(card, "Budget") == bytes_text(page, storage["budget_bytes"])
    assert fact(card, "Free on the disk") == bytes_text(page, storage["free_bytes"])
    assert float(fact(card, "Hours of footage")) == round(storage["kept_s"] / 3600, 1)
    assert page.get_by_role("meter").get_attribute("value") == str(storage["used_bytes"])
    forecast = admin.ask("/api/v1/retention/forecast")
    assert forecast["hours_until_full"] is not None
    expect(page.locator("h2").first).to_contain_text("Full in")
    assert fact(page, "Room for footage") == bytes_text(page, forecast["capacity_bytes"])
    assert admin.axe() == []

    page = admin.open("/view/system?tab=health")
    told = admin.ask("/api/v1/health")
    parts = told["service"]["parts"]
    assert parts["recorder"] is True
    for part, name in (("database", "Database"), ("broker", "Task queue"), ("recorder", "Recorder")):
        assert fact(page, name) == ("works" if parts[part] else "missing")
    yard = next(one for one in told["sources"] if one["description"].startswith("Yard"))
    row = row_of(page, "Yard <b>")
    expect(row).to_contain_text("refuses the password")
    expect(row).to_contain_text("The camera refused user or password")
    expect(row).to_contain_text(yard["last_detail"])
    page.get_by_role("button", name="Reconnects in 24 h").press("Enter")
    page.get_by_role("button", name="Reconnects in 24 h").press("Enter")  # the most first
    expect(page.get_by_role("row").nth(1)).to_contain_text("Yard")
    assert admin.axe() == []

    page = admin.open("/view/system?tab=losses")
    for name, days in (("7 days", 7), ("30 days", 30)):
        page.get_by_role("radio", name=name).check()
        losses = admin.ask("/api/v1/losses?start={}&end={}".format(*range_of(page, days)))["sources"]
        for one in losses:
            row = row_of(page.get_by_role("table", name="By camera"), one["description"])
            expect(row).to_contain_text(f"{int(one['coverage'] * 100_000) / 1000:.3f}".rstrip("0").rstrip(".") + " %")
            for cause in one["seconds"]:
                seconds = row.locator(f'[data-cause="{cause["cause"]}"]').get_attribute("data-seconds")
                assert float(seconds or "") == pytest.approx(cause["seconds"], abs=60)
    assert "range=month" in page.url
    expect(page.get_by_role("table", name="Longest gaps").get_by_role("row").nth(1)).to_contain_text("Yard <b>")
    assert admin.axe() == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").press("Enter")
    assert download.value.suggested_filename.startswith("losses-")
    table = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert float(table[1]["wrong_password"]) == 86_400
    page.get_by_role("table", name="Longest gaps").get_by_role("link").first.click()
    assert re.search(r"/view/timeline\?cameras=2&at=\d{4}-", page.url)


def test_what_the_service_said_of_a_camera_is_in_the_language_of_the_page_or_marked_as_english(
    world: World,
    chromium: Chromium,
) -> None:
    with world.app.app_context(), writing() as session:
        recorder_id = session.scalars(select(Lease.recorder_id)).one()
        door, at_us = session.scalars(select(Lease.source_id)).one(), now_us()
        session.add(Attempt(source_id=door, recorder_id=recorder_id, begin_us=at_us - 40 * S, end_us=at_us - 30 * S,
                            reason="camera_unreachable", detail="the camera ended the stream"))  # fmt: skip
    with chromium.looking(world.base, account="admin", language="ru") as looker:
        page = looker.open("/view/system?tab=health")
        expect(page.get_by_text("401 Unauthorized")).to_have_attribute("lang", "en")
        expect(page.get_by_text("камера завершила поток")).to_be_visible()
        expect(page.get_by_text("the camera ended the stream")).to_have_count(0)
        assert (looker.axe(), looker.complaints) == ([], [])


def test_no_range_shows_the_figures_of_another(world: World, admin: Looker) -> None:
    page = admin.open("/view/system?tab=losses")
    page.get_by_role("row", name="Door").first.wait_for()
    held: list[Route] = []
    page.route("**/api/v1/losses?*", lambda route: held.append(route))
    with page.expect_request("**/api/v1/losses?*"):
        page.get_by_role("radio", name="Today").check()
    page.get_by_role("progressbar").wait_for()
    assert page.get_by_role("row", name="Door").count() == 0
    for route in held:
        route.continue_()
    page.get_by_role("row", name="Door").first.wait_for()
    assert page.get_by_role("progressbar").count() == 0


def test_a_rule_is_made_with_its_forecast_changed_and_removed(world: World, admin: Looker) -> None:
    page = admin.open("/view/system?tab=retention")
    page.get_by_role("button", name="Add a rule").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kept at least, days").fill("9999999")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("must be 36,600 days or less")  # once, in the units of the field
    dialog.get_by_label("Kept at least, days").fill("36500")
    expect(dialog.get_by_text("The minimum would take about")).to_contain_text("there is room for")
    dialog.get_by_role("button", name="Save").click()
    refused = dialog.get_by_role("alert")
    expect(refused).to_contain_text("There is no room for this minimum")
    expect(refused).to_contain_text("Lower the minimum, release pins")
    assert admin.axe() == []
    assert [line for line in admin.complaints if not re.search("409|422", line)] == []
    admin.complaints.clear()
    assert admin.ask("/api/v1/retention") == []
    dialog.get_by_label("Kept at least, days").fill("0.001")
    dialog.get_by_label("Deleted after, days").fill("30")
    expect(dialog.get_by_text("is deleted soon after")).to_be_visible()
    expect(dialog.get_by_text("nothing that is there now is deleted")).to_be_visible()
    dialog.get_by_label("Kept at least, days").fill("")
    dialog.get_by_label("At most, GB").fill("0.000001")  # a kilobyte
    deletes = admin.ask("/api/v1/retention/forecast?scope=all&max_age_s=2592000&max_bytes=1000")["deletes_bytes"]
    assert deletes > 10_000
    expect(dialog.get_by_text("are deleted soon after it is saved")).to_contain_text(bytes_text(page, deletes))
    dialog.get_by_label("At most, GB").fill("")
    dialog.get_by_label("Kept at least, days").fill("0.001")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    # what a rule of a tag would take is known beside the other, by who records under it
    page.get_by_role("button", name="Add a rule").click()
    dialog.get_by_label("Holds for").select_option("tag")
    dialog.get_by_label("Which").select_option("day")
    dialog.get_by_label("Kept at least, days").fill("36500")
    told = admin.ask("/api/v1/retention/forecast?scope=tag&tag_name=day&min_age_s=3153600000")
    needed = told["rules"][-1]["needed_bytes"]
    expect(dialog.get_by_text("The minimum would take about")).to_contain_text(bytes_text(page, needed))
    page.keyboard.press("Escape")
    (rule,) = admin.ask("/api/v1/retention")
    assert (rule["scope"], rule["min_age_s"], rule["max_age_s"]) == ("all", 86, 30 * 86_400)
    page.get_by_role("button", name="Change: all cameras").click()
    dialog.get_by_label("Deleted after, days").fill("60")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert admin.ask("/api/v1/retention")[0]["max_age_s"] == 60 * 86_400
    expect(row_of(page, "all cameras")).to_contain_text("60 days")
    page.get_by_label("Moment").fill(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(world.begin_us / S + 1)))
    page.get_by_role("button", name="Explain").press("Enter")
    kept = admin.ask(f"/api/v1/source/1/retention?at={world.begin_us / S + 1}")
    expect(page.get_by_text(kept["why"])).to_be_visible()
    page.get_by_role("button", name="Remove: all cameras").click()
    page.get_by_role("button", name="Remove the rule for all cameras").press("Enter")
    expect(page.get_by_text("There is no rule")).to_be_visible()
    assert admin.ask("/api/v1/retention") == []


def test_an_account_is_made_used_bounded_and_deactivated(world: World, admin: Looker, chromium: Chromium) -> None:
    page = admin.open("/view/system?tab=users")
    page.get_by_role("button", name="Add a person").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("olga")
    dialog.get_by_label("Role").select_option("operator")
    dialog.get_by_label("All cameras").uncheck()
    dialog.get_by_label("Door").check()
    assert admin.axe() == []
    dialog.get_by_role("button", name="Save").press("Enter")
    secret = page.get_by_role("textbox", name="The first password of olga").input_value()
    page.get_by_role("button", name="Done").press("Enter")
    expect(row_of(page, "olga")).to_contain_text("1 camera")
    (olga,) = [one for one in admin.ask("/api/v1/account") if one["name"] == "olga"]
    assert (olga["role"], olga["source_ids"], olga["is_once"]) == ("operator", [1], True)
    with chromium.looking(world.base) as other:
        other.page.goto(f"{world.base}/login")
        other.page.get_by_label("Name").fill("olga")
        other.page.get_by_label("Password").fill(secret)
        other.page.keyboard.press("Enter")
        other.page.get_by_label("New password").fill(PASSWORD)
        other.page.get_by_label("The same again").fill(PASSWORD)
        other.page.keyboard.press("Enter")
        other.page.wait_for_url(lambda address: "/login" not in address)
        assert shown_tabs(other.open("/view/system")) == ["Health", "Losses", "Tokens"]
        expect(other.page.get_by_role("table").get_by_role("row")).to_have_count(2)  # the head, and the one camera
        admin.page.reload()
        page.get_by_role("button", name="Change: olga").click()
        dialog.get_by_label("Role").select_option("viewer")
        dialog.get_by_role("button", name="Save").click()
        expect(row_of(page, "olga")).to_contain_text("viewer")
        assert other.ask("/api/v1/account/me")["role"] == "viewer"
        page.get_by_role("button", name="Deactivate: olga").press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Deactivate olga?")
        page.get_by_role("button", name="Deactivate olga").press("Enter")
        expect(row_of(page, "olga")).to_contain_text("deactivated")
        assert other.page.request.get(f"{world.base}/api/v1/account/me").status == 401
    page.get_by_role("button", name="Activate: olga").click()
    expect(row_of(page, "olga")).to_contain_text("active")
    page.get_by_role("button", name="New password: olga").click()
    page.get_by_role("button", name="New password for olga").click()
    assert page.get_by_role("textbox", name="The new password of olga").input_value() != secret


def test_what_is_typed_at_once_is_what_the_log_is_filtered_by(admin: Looker) -> None:
    admin.paint_slowly()
    page = admin.open("/view/system?tab=audit")
    page.get_by_label("Did").fill("watch")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "action=watch" in address)
    expect(page.get_by_label("Did")).to_have_value("watch")


def test_a_token_is_made_used_and_revoked_and_the_log_tells_of_it(world: World, admin: Looker) -> None:
    page = admin.open("/view/system?tab=tokens")
    page.get_by_role("button", name="Make a token").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    dialog.get_by_label("Name").fill("nightly <backup>")
    dialog.get_by_text("Areas: all areas").click()
    dialog.get_by_label("playback").check()
    dialog.get_by_label("source").check()
    dialog.get_by_label("all of its account").uncheck()
    dialog.get_by_label("Yard <b>").check()
    assert admin.axe() == []
    dialog.get_by_role("button", name="Make it").press("Enter")
    secret = page.get_by_role("textbox", name="The token “nightly <backup>”").input_value()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")  # as over plain HTTP
    page.get_by_role("button", name="Copy", exact=True).press("Enter")
    expect(page.get_by_role("dialog").get_by_role("status")).to_contain_text("Copied")
    expect(page.get_by_role("button", name="Copy", exact=True)).to_be_focused()
    headers = {"Authorization": f"Bearer {secret}"}

    def ask(path: str) -> int:
        return requests.get(world.base + path, headers=headers, timeout=10).status_code

    assert [ask(f"/api/v1/{path}") for path in ("source/2/", "source/1/", "group")] == [200, 404, 403]
    page.get_by_role("button", name="Done").click()
    expect(row_of(page, "nightly")).to_contain_text("playback, source")
    page.get_by_role("checkbox", name="Those of everybody").check()
    expect(page.get_by_role("columnheader", name="Account")).to_be_visible()
    page.get_by_role("button", name="Revoke: nightly <backup>").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()  # Enter alone does no harm
    page.get_by_role("button", name="Revoke “nightly <backup>”").press("Enter")
    expect(row_of(page, "nightly")).to_contain_text("revoked")
    assert ask("/api/v1/source/2/") == 401
    (token,) = [one for one in admin.ask("/api/v1/token") if one["name"].startswith("nightly")]
    assert token["revoked_utc"] is not None
    # one for somebody else, who may do less
    page.get_by_role("checkbox", name="Those of everybody").uncheck()
    page.get_by_role("button", name="Make a token").click()
    dialog.get_by_label("Name").fill("gate")
    dialog.get_by_label("Role").select_option("admin")
    dialog.get_by_role("combobox", name="Account").select_option("operator")
    expect(dialog.get_by_label("Role")).to_have_value("operator")
    assert dialog.get_by_label("Role").locator("option").all_inner_texts() == ["viewer", "operator", "analyser"]
    assert admin.axe() == []
    dialog.get_by_role("button", name="Make it").press("Enter")
    secret = page.get_by_role("textbox", name="The token “gate”").input_value()
    headers["Authorization"] = f"Bearer {secret}"
    assert [ask("/api/v1/account/me"), ask("/api/v1/account")] == [200, 403]
    page.get_by_role("button", name="Done").press("Enter")
    expect(row_of(page, "gate")).to_contain_text("operator")
    assert "of=all" in page.url

    page = admin.open("/view/system?tab=audit")
    page.get_by_label("Did").fill("token.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("table").get_by_role("row")).to_have_count(4)
    acts = admin.ask("/api/v1/audit?action=token.")
    assert [act["action"] for act in acts] == ["token.create", "token.revoke", "token.create"]
    for number, act in enumerate(acts, 1):
        row = page.get_by_role("row").nth(number)
        expect(row).to_contain_text(act["action"])
        expect(row).to_contain_text(act["actor"])
        expect(row).to_contain_text("gate" if number == 1 else "nightly <backup>")
    assert "action=token." in page.url
    assert admin.axe() == []
    sealed = page.locator("[data-position]")
    position = int(admin.ask("/api/v1/health")["service"]["audit"]["position"])
    assert int(sealed.get_attribute("data-position") or "") == position
    page.get_by_role("button", name="Who watched").click()
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Who", exact=True).fill("nobody at all")
    page.get_by_role("button", name="Show").press("Enter")
    expect(page.get_by_text("Nothing was done that fits.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Who", exact=True)).to_have_value("")


def test_the_log_goes_on_page_by_page(world: World, admin: Looker) -> None:
    with world.app.app_context(), writing() as session:
        for number in range(130):
            audit(session, "robot", "pin.create", f"pin {number}")
    page = admin.open("/view/system?tab=audit&actor=robot")
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(101)
    page.get_by_role("button", name="Older").press("Enter")
    expect(rows).to_have_count(131)
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    expect(rows.last).to_contain_text("pin 0")


def test_a_storage_that_is_away_is_warned_of_with_the_way_out(world: World, admin: Looker) -> None:
    with world.app.app_context():
        (storage_id,) = db.session.scalars(select(Storage.id))
        with writing() as session:
            session.execute(update(Storage).values(state="away", state_detail="the marker file is gone"))
    try:
        page = admin.open("/view/system?tab=storage")
        warning = page.locator(".notice")
        expect(warning).to_contain_text("Mount the disk")
        expect(warning).to_contain_text("the marker file is gone")
    finally:
        with world.app.app_context(), writing() as session:
            session.execute(update(Storage).where(Storage.id == storage_id).values(state="ok", state_detail=None))


def test_every_tab_speaks_the_language_and_fits_a_phone(world: World, chromium: Chromium) -> None:
    tabs = ("storage", "health", "losses", "retention", "users", "tokens", "audit")
    names = {
        "ru": ("ru-RU", "Журнал", tabs, "Просмотр: прямой эфир", r"запись с\s*20 нояб"),
        "vi": ("vi-VN", "Nhật ký", tabs[-1:], "Đã xem: trực tiếp", r"bản ghi từ\s*(lúc )?.*20"),
    }
    nested = {"ru": r"может входить\s*да\s*роль\s*наблюдатель", "vi": r"được đăng nhập\s*có\s*vai trò\s*người xem"}
    areas = {"ru": "прямой эфир, закрепления", "vi": "hình trực tiếp, ghim"}
    with world.app.app_context(), writing() as session:
        audit(session, "robot", "watch.live", "1", 1, begin_utc="2026-11-20T08:00:05Z", requests={"cell": 1})
        before, after = {"role": "viewer", "active": True}, {"role": "operator", "active": False}
        audit(session, "robot", "account.change", "1", None, name="<b>Zoë</b>", before=before, after=after)
        audit(session, "robot", "token.create", "2", None, name="words", role="viewer", endpoints=["live", "pin"])
    for language, (locale, last, shown, did, told) in names.items():
        with chromium.looking(world.base, account="admin", language=locale, size="phone", theme="dark") as looker:
            for tab in shown:
                page = looker.open(f"/view/system?tab={tab}")
                expect(page.get_by_role("tabpanel").locator(".panel").first).to_be_visible()
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
                assert tab not in ("retention", "users") or looker.axe() == [], tab
            expect(page.get_by_role("tab", selected=True)).to_have_text(last)
            row = page.get_by_role("row").filter(has_text="watch.live").first
            expect(row).to_contain_text(did)
            expect(row).to_contain_text(re.compile(told))
            expect(row).to_contain_text("2026-11-20T08:00:05Z")  # as it is stored, beside
            changed = page.get_by_role("row").filter(has_text="account.change").filter(has_text="<b>Zoë</b>").first
            expect(changed.locator("dl dl").last).to_have_text(re.compile(nested[language]))
            made = page.get_by_role("row").filter(has_text="token.create").filter(has_text="words").first
            expect(made).to_contain_text(areas[language])
            looker.shot(f"audit-{language}", is_whole=False)
            assert page.evaluate("document.documentElement.lang") == language
            assert looker.complaints == []
