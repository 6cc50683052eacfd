"""The page of the cameras: adding, changing, importing and finding them, by mouse and keyboard, against real ones."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Route, expect

from app.extensions import writing
from app.models import Source
from app.models.types import now_us
from tests.looking import Chromium, Looker
from tests.media import make_video
from tests.onvif_responder import OnvifResponder
from tests.rtsp_server import RtspServer
from tests.served import answering
from tests.test_api import API

PASSWORD = "s3cr3t/word"
# Chromium notes each answer of 4xx in the console; that there is no schedule yet, or a password is wanted, is no fault.
REFUSED = re.compile(r"status of 4(04|22)")


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    path = make_video(tmp_path_factory.mktemp("footage") / "cam.mp4", seconds=4, fps=12, gop=12)
    with RtspServer({"cam": path, "yard": path}, user="admin", password=PASSWORD) as server:
        yield server


def bare(camera: RtspServer, name: str = "cam") -> str:
    return camera.url(name, user="")


def add(client: FlaskClient, camera: RtspServer, name: str) -> int:
    body = {"model": "Source", "uri_rtsp": camera.url("cam"), "description": name}
    source_id: int = client.post(f"{API}/source", json=body).json["id"]
    return source_id


def assert_well(looker: Looker) -> None:
    """See that the page is usable as it is now, and that the browser had nothing to say of it."""
    assert looker.axe() == []
    assert [line for line in looker.complaints if not REFUSED.search(line)] == []


def test_a_camera_is_tried_corrected_added_recorded_and_removed(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/")
        page.get_by_role("link", name="Add a camera").click()  # where there is none yet: to the form itself
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name", exact=True).fill("Gate")
        address = dialog.get_by_label("Address of the stream")
        address.fill("rtsp://no where/cam")
        dialog.get_by_role("button", name="Test", exact=True).click()
        dialog.get_by_text("It holds a blank or a backslash: write %20 or %5C.").wait_for()  # beside the field
        assert address.get_attribute("aria-invalid") == "true"
        dialog.get_by_text("More", exact=True).click()
        dialog.get_by_label("Recording command").fill("rm -rf /")
        address.fill(bare(camera))
        dialog.get_by_role("button", name="Test", exact=True).click()
        dialog.get_by_text("must begin with").wait_for()  # what the service says, beside its field
        dialog.get_by_label("Recording command").fill("")
        dialog.get_by_label("User").fill("admin")
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Test", exact=True).click()
        dialog.get_by_text("The camera refuses user or password").wait_for()
        dialog.get_by_text("Type both again").wait_for()
        assert client.get(f"{API}/source").json == []
        dialog.get_by_label("Password").fill(PASSWORD)
        dialog.get_by_role("button", name="Test", exact=True).click()
        picture = dialog.get_by_role("img", name="What the camera shows now")
        picture.wait_for()
        assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [320, 240]
        dialog.get_by_text("H.264 · 320×240 · 12 fps").wait_for()
        assert_well(looker)
        dialog.get_by_label("Record at once").check()
        dialog.get_by_role("button", name="Add", exact=True).click()
        row = page.get_by_role("row", name="Gate")
        row.get_by_role("button", name="Stop recording Gate").wait_for()
        [made] = client.get(f"{API}/source").json
        assert made["uri_rtsp"] == camera.url("cam", password="***").replace("%2A", "*")
        assert client.get(f"{API}/tag/begin").json == ["Gate"]
        row.get_by_role("button", name="Remove Gate").click()
        page.get_by_text("Gate is recording as “Gate”").wait_for()
        page.get_by_role("button", name="Stop and remove").click()
        page.get_by_text("No cameras yet").wait_for()
        assert client.get(f"{API}/source").json == []
        assert client.get(f"{API}/tag/begin").json == []
        assert_well(looker)


def test_a_camera_that_was_added_in_part_is_not_added_again(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    group = client.post(f"{API}/group", json={"model": "Source", "name": "Doors"}).json[0]["id"]
    broken = {"group": re.compile(r"/api/v1/group/[^/]+/source/"), "start": re.compile(r"/api/v1/record$")}

    def refuse(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        return route.fulfill(status=503, json={"detail": [{"loc": [], "msg": "not now", "type": "busy"}]})

    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        page.get_by_role("button", name="Add a camera").first.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name", exact=True).fill("Gate")
        dialog.get_by_label("Address of the stream").fill(bare(camera))
        dialog.get_by_label("Doors").check()
        dialog.get_by_label("Record at once").check()
        for address in broken.values():
            page.route(address, refuse)
        add = dialog.get_by_role("button", name="Add without a picture")
        save = dialog.get_by_role("button", name="Save", exact=True)
        add.click()
        dialog.get_by_role("alert").wait_for()
        page.unroute(broken["group"])
        dialog.get_by_label("Name", exact=True).fill("Great gate")
        with page.expect_response(broken["start"]):
            save.click()
        dialog.get_by_role("alert").wait_for()
        page.unroute(broken["start"])
        save.click()
        page.get_by_role("row", name="Great gate").get_by_role("button", name="Stop recording Great gate").wait_for()
        expect(dialog).to_have_count(0)
        assert [one["description"] for one in client.get(f"{API}/source").json] == ["Great gate"]
        assert [one["id"] for one in client.get(f"{API}/group/{group}/").json["sources"]] == [1]
        assert client.get(f"{API}/tag/begin").json == ["Great gate"]


def test_a_camera_whose_answer_was_lost_is_not_added_twice(
    app: Flask,
    client: FlaskClient,
    chromium: Chromium,
) -> None:
    def lose(route: Route) -> None:
        """Let the service do it, and cut the connection before it can say so."""
        if route.request.method != "POST":
            return route.fallback()
        route.fetch()
        return route.abort("connectionreset")

    def cut(route: Route) -> None:
        return route.fallback() if route.request.method != "POST" else route.abort("connectionrefused")

    def added() -> list[tuple[str, str]]:
        return [(one["description"], one["uri_rtsp"]) for one in client.get(f"{API}/source").json]

    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        page.get_by_role("button", name="Add a camera").first.click()
        dialog = page.get_by_role("dialog")
        add = dialog.get_by_role("button", name="Add without a picture")
        dialog.get_by_label("Name", exact=True).fill("Gate")
        dialog.get_by_label("Address of the stream").fill("rtsp://127.0.0.1:9/cam")
        sources = re.compile(r"/api/v1/source$")
        page.route(sources, cut)
        add.click()
        dialog.get_by_text("The service does not answer").wait_for()
        page.unroute(sources)
        assert added() == []
        page.route(sources, lose)
        add.click()  # the first attempt has made none: it is sent
        page.wait_for_function("() => document.querySelectorAll('dialog button:disabled').length === 0")
        dialog.get_by_text("The service does not answer").wait_for()
        assert added() == [("Gate", "rtsp://127.0.0.1:9/cam")]
        page.unroute(sources)
        dialog.get_by_label("Name", exact=True).fill("Great gate")
        add.click()
        page.get_by_text("Great gate had been added already: only the answer was lost").wait_for()
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("link", name="Great gate")).to_have_count(1)
        assert added() == [("Great gate", "rtsp://127.0.0.1:9/cam")]
        # Another one of that name and address, on purpose, is added.
        page.get_by_role("button", name="Add a camera").first.click()
        dialog.get_by_label("Name", exact=True).fill("Great gate")
        dialog.get_by_label("Address of the stream").fill("rtsp://127.0.0.1:9/cam")
        add.click()
        expect(dialog).to_have_count(0)
        assert len(added()) == 2


def test_each_camera_shows_what_was_measured_of_it_though_answers_come_together(
    app: Flask, client: FlaskClient, camera: RtspServer, chromium: Chromium
) -> None:
    """Of answers that came at once the first showed and the others were lost."""
    names = ("Gate", "Yard", "Hall")
    widths = {add(client, camera, name): 640 + number for number, name in enumerate(names)}
    with app.app_context(), writing() as session:
        for source_id, width in widths.items():
            row = session.get_one(Source, source_id)
            row.status, row.status_us, row.video_codec = "online", now_us(), "avc1.42c014"
            row.width, row.height, row.frame_rate = width, 480, 12.0
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)
        for one in held if len(held) == len(names) else held[len(names) :][-1:]:
            one.continue_()

    with answering(app) as base, chromium.looking(base) as looker:
        looker.page.route("**/api/v1/source/*/status", hold)
        page = looker.open("/view/cameras")
        for name, width in zip(names, widths.values(), strict=True):
            expect(page.get_by_role("row", name=name)).to_contain_text(f"H.264 · {width}×480 · 12 fps")


def test_a_camera_is_changed_by_keyboard_with_the_password_that_is_kept(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    source_id = add(client, camera, "Gate")
    with answering(app) as base, chromium.looking(base, language="ru", theme="dark") as looker:
        page = looker.open("/view/cameras")
        page.get_by_role("button", name="Изменить: Gate").focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/view/cameras?camera={source_id}&do=edit")
        dialog = page.get_by_role("dialog")
        address = dialog.get_by_label("Адрес потока")
        assert address.input_value() == bare(camera)
        while not address.evaluate("field => field === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("End")
        page.keyboard.type("ard")
        page.keyboard.press("Enter")
        dialog.get_by_text("по этому пути ничего нет").wait_for()
        address.fill(bare(camera, "yard"))
        page.keyboard.press("Enter")
        dialog.get_by_role("img", name="Что камера показывает сейчас").wait_for()
        assert PASSWORD not in page.content()
        address.fill(bare(camera, "yard").replace("127.0.0.1", "localhost"))
        page.keyboard.press("Enter")
        dialog.get_by_text("введите пароль заново").wait_for()
        assert_well(looker)
        address.fill(bare(camera, "yard"))
        page.keyboard.press("Enter")
        dialog.get_by_role("img", name="Что камера показывает сейчас").wait_for()
        page.keyboard.press("Enter")  # what was tried is stored
        page.get_by_text("Камера изменена: Gate").wait_for()
        assert page.get_by_role("button", name="Изменить: Gate").evaluate("one => one === document.activeElement")
        assert client.get(f"{API}/source/{source_id}/").json["uri_rtsp"].endswith("/yard")
        tried = client.post(f"{API}/source/test", json={"source_id": source_id}).json
        assert tried["status"] == "online"  # with the password that nobody typed again


def test_what_somebody_else_changed_meanwhile_is_not_put_back(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    # Two people had one camera's form open: the second, who changed the name alone, put the old address back.
    source_id = add(client, camera, "Gate")
    group_id = client.post(f"{API}/group", json={"model": "Source", "name": "Outside"}).json[0]["id"]
    with answering(app) as base, chromium.looking(base) as one, chromium.looking(base) as other:
        forms = [
            looker.open(f"/view/cameras?camera={source_id}&do=edit").get_by_role("dialog") for looker in (one, other)
        ]
        for form in forms:
            form.get_by_label("Outside").wait_for()
        forms[0].get_by_label("Address of the stream").fill(bare(camera, "yard"))
        forms[0].get_by_label("Outside").check()
        forms[0].get_by_role("button", name="Save", exact=True).click()
        one.page.get_by_text("Gate was changed").wait_for()
        forms[1].get_by_label("Name", exact=True).fill("Front gate")
        forms[1].get_by_role("button", name="Save", exact=True).click()
        other.page.get_by_text("Front gate was changed").wait_for()
        source = client.get(f"{API}/source/{source_id}/").json
        assert source["description"] == "Front gate"
        assert source["uri_rtsp"].endswith("/yard")
        assert [member["id"] for member in client.get(f"{API}/group/{group_id}/").json["sources"]] == [source_id]


def test_cameras_of_one_name_are_told_apart(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    first, second = add(client, camera, "Gate"), add(client, camera, "Gate")
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        for source_id in (first, second):  # each by itself: a name to record under is stopped as a whole
            page.get_by_role("button", name=f"Record Gate #{source_id}").click()
            page.get_by_role("button", name=f"Stop recording Gate #{source_id}").wait_for()
        assert client.get(f"{API}/tag/begin").json == [f"Gate #{first}", f"Gate #{second}"]
        for tab in ("health", "losses"):  # which name a camera by what is told of it
            looker.open(f"/view/system?tab={tab}")
            for source_id in (first, second):
                page.get_by_role("row", name=f"Gate #{source_id}").first.wait_for()
        looker.open("/view/cameras")
        page.get_by_role("button", name=f"Remove Gate #{second}").click()
        page.get_by_role("button", name="Stop and remove").click()
        page.get_by_role("row", name="Gate").get_by_role("button", name="Stop recording Gate", exact=True).wait_for()
        assert [source["id"] for source in client.get(f"{API}/source").json] == [first]
        looker.open("/")  # the group in which it alone is started is not shown
        page.get_by_role("heading", name="In no group").wait_for()
        assert looker.complaints == []


TABLE = """название;адрес;логин;пароль;группа;метка;этаж
Ворота;{cam};admin;{password};Вход;день;1
Двор;10.0.0.1;;;;;1
"Склад; левый";{cam}2;admin;{password};;нет;2
Касса;rtsp://169.254.169.254/x;admin;x;;;2
=СУММ(1);{cam}3;admin;{password};;;2
Старая;{cam}?;;;;;2
"""


def test_a_table_with_faults_is_looked_at_tested_and_imported(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
    tmp_path: Path,
) -> None:
    body = {"model": "Source", "uri_rtsp": f"{camera.url('cam')}?", "description": "Old"}
    client.post(f"{API}/source", json=body)
    table = TABLE.format(cam=bare(camera), password=PASSWORD).replace("\n", "\r\n")
    (tmp_path / "cameras.csv").write_bytes(table.encode("windows-1251"))  # as Excel in Russia writes it
    with answering(app) as base, chromium.looking(base, size="phone") as looker:
        page = looker.open("/view/cameras?open=import")
        with page.expect_file_chooser() as choosing:
            page.get_by_role("button", name="Choose a file").click()
        choosing.value.set_files(tmp_path / "cameras.csv")
        page.get_by_text("Read as WINDOWS-1251, cells divided by semicolons. Columns left out: этаж.").wait_for()
        wrong = page.get_by_role("row", name="Двор")
        assert "Column “address”: “10.0.0.1” must begin with rtsp:// or http://." in wrong.inner_text()
        assert wrong.get_by_role("checkbox", name="Line 3").is_disabled()
        assert "Begins like a formula" in page.get_by_role("row", name="=СУММ(1)").inner_text()
        known = page.get_by_role("row", name="Старая")
        assert "This camera is there already, as “Old”" in known.inner_text()
        assert not known.get_by_role("checkbox", name="Line 7").is_checked()
        assert PASSWORD not in page.content()
        page.get_by_role("button", name="Test 4 cameras").click()
        page.get_by_role("row", name="Ворота").get_by_text("shows a picture").wait_for()
        page.get_by_role("row", name="Склад; левый").get_by_text("has nothing at this path").wait_for()
        page.get_by_role("row", name="Касса").get_by_text("No camera may be at this address").wait_for()
        page.get_by_role("button", name="Test 4 cameras").wait_for()
        assert len(client.get(f"{API}/source").json) == 1
        assert_well(looker)
        page.get_by_role("button", name="Import 4 cameras").click()
        page.get_by_text("Nothing was stored").wait_for()
        assert "where no camera may be" in page.get_by_role("row", name="Касса").inner_text()
        assert len(client.get(f"{API}/source").json) == 1
        page.get_by_role("checkbox", name="Line 5").focus()
        page.keyboard.press("Space")
        expect(page.get_by_role("button", name="Import 3 cameras")).to_be_enabled()
        page.get_by_role("button", name="Import 3 cameras").focus()
        page.keyboard.press("Enter")
        page.get_by_text("3 cameras were imported").wait_for()
        assert page.get_by_role("row", name="Ворота").get_by_text("added").is_visible()
        assert {one["description"] for one in client.get(f"{API}/source").json} == {
            *("Old", "Ворота", "Склад; левый", "=СУММ(1)"),
        }
        assert {one["name"] for one in client.get(f"{API}/group").json} >= {"Вход"}
        assert client.get(f"{API}/tag/begin").json == ["день"]


def test_a_camera_that_was_found_fills_the_form_and_a_group_gets_its_week(
    app: Flask,
    client: FlaskClient,
    camera: RtspServer,
    chromium: Chromium,
) -> None:
    add(client, camera, "Gate")
    with answering(app) as base, chromium.looking(base) as looker:
        page = looker.open("/view/cameras")
        page.keyboard.press("?")
        page.get_by_role("dialog").get_by_text("Add a camera").wait_for()
        page.keyboard.press("Escape")
        with OnvifResponder(3702, name="Front <b>door</b>", hardware="DS-2CD2143G2"):
            page.get_by_role("button", name="Find in the network").click()
            found = page.get_by_role("row", name="Front <b>door</b>")
            found.get_by_text("there already: Gate").wait_for()
            found.get_by_role("button", name="Add Front <b>door</b>").click()
        dialog = page.get_by_role("dialog")
        assert dialog.get_by_label("Address of the stream").input_value() == (
            "rtsp://127.0.0.1:554/Streaming/Channels/101"
        )
        dialog.get_by_label("Usual path of the maker").select_option("Axis")
        assert dialog.get_by_label("Address of the stream").input_value().endswith(":554/axis-media/media.amp")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Groups").first.click()
        page.get_by_label("Name of a new group").fill("Entrance")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Cameras of Entrance").click()
        page.get_by_role("checkbox", name="Gate").click()
        page.get_by_text("1 camera · streams").wait_for()
        page.get_by_role("button", name="Schedule of Entrance").click()
        page.get_by_role("button", name="Every day").click()
        page.get_by_label("Time zone of the windows").select_option("Asia/Ho_Chi_Minh")
        assert_well(looker)
        page.get_by_role("button", name="Save").click()
        page.get_by_text("The schedule of Entrance was saved").wait_for()
        [group] = client.get(f"{API}/group").json
        stored = client.get(f"{API}/group/{group['id']}/schedule").json
        assert (len(stored["windows"]), stored["time_zone"]) == (7, "Asia/Ho_Chi_Minh")
        page.get_by_role("button", name="Delete the group Entrance").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_text("No groups yet").wait_for()
        assert_well(looker)
