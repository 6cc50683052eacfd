"""What a share link leads to: its page, what counts as an opening, passwords, and what a stranger learns."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from itsdangerous import URLSafeSerializer

from app.access.sharing import COOKIE
from app.archive import passwords
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import record
from tests.shared import JSON, PAGE, Filmed, bearer, changed, opened, path_of
from tests.shared import filmed as filmed
from tests.test_record_files import error_of

Media = Callable[..., Path]
FAR_US = 2**51  # in the year 2041
PREVIEW = {"User-Agent": "TelegramBot (like TwitterBot)", "Accept": "*/*"}


def test_looking_at_the_page_counts_nothing_and_pressing_its_button_counts_once(filmed: Filmed) -> None:
    link, client = filmed.link(count=1), filmed.client()
    for headers in (PAGE, PREVIEW, JSON):
        assert b"<video" not in client.get(path_of(link), headers=headers).data
        assert client.head(path_of(link), headers=headers).status_code == 200
    assert filmed.uses(link) == 0
    pressed = client.post(path_of(link), headers=PAGE)
    assert (pressed.status_code, pressed.headers["Location"]) == (303, path_of(link))
    for _ in range(2):
        assert b"<video" in client.get(path_of(link), headers=PAGE).data
        assert client.post(path_of(link), headers=PAGE).status_code == 303
    assert filmed.uses(link) == 1
    assert filmed.client().get(path_of(link), headers=PAGE).status_code == 410


def test_heads_of_players_addresses_open_nothing(filmed: Filmed) -> None:
    link, client = filmed.link(count=1), filmed.client()
    for name, kind in (("video.mp4", "video/mp4"), ("index.m3u8", "application/vnd.apple.mpegurl")):
        head = client.head(f"{path_of(link)}/{name}")
        assert (head.status_code, head.content_type, head.headers.get("Location")) == (200, kind, None)
        assert "Set-Cookie" not in head.headers
    assert filmed.uses(link) == 0
    assert client.get(f"{path_of(link)}/video.mp4").status_code == 307
    assert client.head(f"{path_of(link)}/video.mp4").status_code == 307
    assert filmed.uses(link) == 1


def test_the_cookie_is_of_its_link_alone(filmed: Filmed) -> None:
    first, second = filmed.link(), filmed.link()
    client = filmed.client()
    given = client.post(path_of(first), headers=PAGE).headers["Set-Cookie"]
    assert f"Path={path_of(first)}" in given
    assert {"HttpOnly", "SameSite=Lax"} <= set(given.split("; "))
    value = given.partition(";")[0].partition("=")[2]
    other = filmed.client()
    other.set_cookie(COOKIE, value, path=path_of(second))
    assert b"<video" not in other.get(path_of(second), headers=PAGE).data
    other.set_cookie(COOKIE, value, path=path_of(first))
    assert b"<video" in other.get(path_of(first), headers=PAGE).data


@pytest.mark.parametrize(
    ("key", "salt", "share_id", "until_us"),
    [
        ("k" * 48, "opened share link", None, 1),
        ("x" * 48, "opened share link", None, FAR_US),
        ("k" * 48, "media address", None, FAR_US),
        ("k" * 48, "opened share link", "another", FAR_US),
        ("k" * 48, "opened share link", None, FAR_US),
    ],
    ids=["run-out", "another-key", "another-purpose", "another-link", "good"],
)
def test_a_forged_cookie_opens_nothing(filmed: Filmed, key: str, salt: str, share_id: str, until_us: int) -> None:
    from hashlib import sha256

    link, client = filmed.link(), filmed.client()
    signer = URLSafeSerializer(key, salt=salt, signer_kwargs={"digest_method": sha256})
    client.set_cookie(COOKIE, signer.dumps([share_id or link["id"], until_us]), path=path_of(link))
    is_good = (key[0], salt[0], share_id, until_us) == ("k", "o", None, FAR_US)
    assert (b"<video" in client.get(path_of(link), headers=PAGE).data) is is_good


@pytest.mark.parametrize("text", ["", ".", "x" * 600, '"', "WzFd.sig"], ids=range(5))
def test_a_cookie_that_is_none_is_as_no_cookie(filmed: Filmed, text: str) -> None:
    link, client = filmed.link(), filmed.client()
    client.set_cookie(COOKIE, text, path=path_of(link))
    assert client.get(path_of(link), headers=PAGE).status_code == 200


def test_a_link_that_never_was_is_answered_as_any_other_wrong_address(filmed: Filmed) -> None:
    filmed.link()
    client = filmed.client()
    answers = [client.get(f"/share/{key}", headers=PAGE) for key in ("0" * 32, "nothing", "%00", "é", "0" * 4000)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert answers[0].mimetype == "text/html"
    paths = [f"/share/{key}{name}" for key in ("0" * 32, "x") for name in ("", "/video.mp4")]
    details = [client.get(path, headers=JSON).json for path in paths]
    assert details.count(details[0]) == 4
    assert details[0]["detail"][0]["type"] == "not_found"


def test_a_link_that_has_ended_says_one_thing_whatever_ended_it(filmed: Filmed) -> None:
    pages = []
    for end in ("revoked_us = 1", "expires_us = 1", "uses = 1"):
        link = filmed.link(count=1)
        filmed.change(f"UPDATE share_link SET {end} WHERE id = :id", id=link["id"])
        answer = filmed.client().get(path_of(link), headers=PAGE)
        assert (answer.status_code, answer.mimetype) == (410, "text/html")
        pages.append(answer.data)
    assert len(set(pages)) == 1


def test_a_password_is_asked_for_before_anything_is_told_or_counted(filmed: Filmed) -> None:
    link = filmed.link(password="correct horse", description="the parcel")
    client, path = filmed.client(), path_of(link)
    page = client.get(path, headers=PAGE).get_data(as_text=True)
    assert 'type="password"' in page
    assert "parcel" not in page
    form = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1]}
    assert client.post(path, data={"password": "correct horse"}, headers=PAGE).status_code == 403, "no form of ours"
    wrong = client.post(path, data={"password": "wrong horse", **form}, headers=PAGE)
    assert (wrong.status_code, wrong.mimetype) == (403, "text/html")
    assert "This is not the password" in wrong.get_data(as_text=True)
    for given in ({}, {"password": ""}, {"password": "Correct horse"}, {"password": "x" * 4096}, {"password": None}):
        assert error_of(client.post(path, json=given, headers=JSON)) == (403, ["body", "password"], "password")
    assert error_of(client.post(path, json={"password": "x" * 5000}, headers=JSON))[:2] == (422, ["body", "password"])
    assert filmed.uses(link) == 0
    assert client.post(path, data={"password": "correct horse", **form}, headers=PAGE).status_code == 303
    assert b"the parcel" in client.get(path, headers=PAGE).data
    assert filmed.uses(link) == 1


def test_a_password_waits_for_its_turn_among_all_of_the_process_and_not_for_ever(
    filmed: Filmed, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = filmed.link(password="correct horse")
    monkeypatch.setattr("app.archive.passwords.WAIT_S", 0.01)
    for _ in range(passwords.HASHES_AT_ONCE):
        passwords._turns.acquire()
    try:
        answer = filmed.client().post(path_of(link), json={"password": "correct horse"}, headers=JSON)
    finally:
        for _ in range(passwords.HASHES_AT_ONCE):
            passwords._turns.release()
    assert answer.status_code == 503
    assert filmed.uses(link) == 0
    opened(filmed.client(), link, password="correct horse")


def test_a_player_sends_the_password_by_basic(filmed: Filmed) -> None:
    link = filmed.link(password="correct horse")
    client, path = filmed.client(), f"{path_of(link)}/video.mp4"
    refused = [client.get(path), client.head(path), client.get(path, auth=("", "wrong horse"))]
    for answer in refused:
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="share link"')
    assert client.get(path, headers=bearer("correct horse")).status_code == 401
    assert filmed.uses(link) == 0
    assert client.get(path, auth=("", "correct horse")).status_code == 307
    assert filmed.uses(link) == 1


def test_a_wrong_password_is_in_the_log_with_its_address_but_not_itself(
    filmed: Filmed, caplog: pytest.LogCaptureFixture
) -> None:
    link = filmed.link(password="correct horse")
    filmed.client().post(path_of(link), json={"password": "wrong horse"}, headers=JSON)
    assert f"share link {link['id']} from 127.0.0.1" in caplog.text
    assert "horse" not in caplog.text


def test_a_stranger_learns_the_span_and_what_was_written_for_him_and_nothing_of_the_camera(filmed: Filmed) -> None:
    filmed.change("UPDATE source SET description = 'safe room' WHERE id = :id", id=filmed.source_id)
    link, client = filmed.link(description='<b>"Parcel"</b>'), filmed.client()
    shown = opened(client, link)
    assert set(shown) == {
        *("description", "start_utc", "end_utc", "expires_utc", "opened_until_utc"),
        *("may_download", "duration", "gaps", "urls"),
    }
    page = client.get(path_of(link), headers=PAGE).get_data(as_text=True)
    assert "&lt;b&gt;&#34;Parcel&#34;&lt;/b&gt;" in page
    assert "2026-11-21 08:00:02 UTC" in page
    for secret in ("safe room", "rtsp", "127.0.0.1", "olga"):
        assert secret not in page
        assert secret not in str(shown)


def test_the_page_says_where_nothing_was_recorded(filmed: Filmed, media: Media) -> None:
    record(filmed.app, filmed.source_id, media("h264"), begin_us=filmed.at_us(12))
    link, client = filmed.link(2, 14), filmed.client()
    shown = opened(client, link)
    assert [(gap["start_utc"][17:19], gap["end_utc"][17:19]) for gap in shown["gaps"]] == [("08", "12")]
    assert shown["duration"] == pytest.approx(8)
    page = client.get(path_of(link), headers=PAGE).get_data(as_text=True)
    assert "Nothing was recorded" in page
    assert "camera_unreachable" not in page


def test_a_span_of_which_nothing_is_kept_has_a_page_too(filmed: Filmed) -> None:
    link, client = filmed.link(100, 200), filmed.client()
    assert opened(client, link)["urls"] is None
    assert b"Nothing of this span is there" in client.get(path_of(link), headers=PAGE).data


def test_the_pages_have_no_script_within_and_tell_no_other_site_where_they_are(filmed: Filmed) -> None:
    link, client = filmed.link(), filmed.client()
    asking = client.get(path_of(link), headers=PAGE)
    client.post(path_of(link), headers=PAGE)
    playing = client.get(path_of(link), headers=PAGE)
    missing = client.get("/share/none", headers=PAGE)
    for answer in (asking, playing, missing):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        text = answer.get_data(as_text=True)
        assert not re.search(r"<script(?![^>]* src=)|\son[a-z]+=|style=|javascript:", text)
        assert path_of(link).removeprefix("/share/") not in text
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", text)


def test_download_is_offered_only_where_the_maker_said_so(filmed: Filmed) -> None:
    for may in (False, True):
        link, client = filmed.link(may_download=may), filmed.client()
        answer = client.get(f"{path_of(link)}/video.mp4?download=1")
        assert answer.status_code == (307 if may else 403)
        client.post(path_of(link), headers=PAGE)
        assert (b">Download</a>" in client.get(path_of(link), headers=PAGE).data) is may
        if may:
            film = client.get(answer.headers["Location"])
            assert film.headers["Content-Disposition"].startswith("attachment; filename=")


def test_a_page_of_another_site_cannot_press_the_button(filmed: Filmed) -> None:
    link = filmed.link()
    answer = filmed.client().post(path_of(link), headers={**PAGE, "Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert filmed.uses(link) == 0


OUTSIDE: dict[str, dict[str, str | None]] = {
    "an-earlier-start": {"start": "2026-11-21T08:00:01.999999Z"},
    "a-later-end": {"end": "2026-11-21T08:00:06.000001Z"},
    "no-end": {"end": None},
    "a-longer-duration": {"end": None, "duration": "5"},
}


@pytest.mark.parametrize("values", OUTSIDE.values(), ids=OUTSIDE.keys())
@pytest.mark.parametrize("name", ["mp4", "hls", "thumbnails"])
def test_another_span_in_the_address_is_refused(filmed: Filmed, name: str, values: dict[str, str | None]) -> None:
    client = filmed.client()
    address = opened(client, filmed.link())["urls"][name]
    assert client.get(address).status_code == 200
    assert client.get(changed(address, **values)).status_code in (403, 404)


def test_another_camera_in_the_address_is_not_there(filmed: Filmed) -> None:
    client = filmed.client()
    for address in opened(client, filmed.link())["urls"].values():
        assert client.get(address).status_code == 200
        elsewhere = address.replace(f"/source/{filmed.source_id}/", f"/source/{filmed.other_id}/")
        assert client.get(elsewhere).status_code == 404


def test_a_picture_of_another_instant_is_refused(filmed: Filmed) -> None:
    client = filmed.client()
    address = opened(client, filmed.link())["urls"]["picture"]
    for at, status in (("08:00:04Z", 200), ("08:00:01Z", 403), ("08:00:06.5Z", 403)):
        assert client.get(changed(address, at=f"2026-11-21T{at}")).status_code == status


def test_what_is_no_media_of_the_span_is_closed_to_a_share(filmed: Filmed) -> None:
    client = filmed.client()
    film = opened(client, filmed.link())["urls"]["mp4"]
    query = film.partition("?")[2]
    camera, playback = f"/api/v1/source/{filmed.source_id}", "/playbackapi"
    closed = [f"{playback}/source/{filmed.source_id}", f"{playback}/timeline?source_id={filmed.source_id}"]
    closed += [f"{playback}/sync?source_id={filmed.source_id}", "/api/v1/source", "/api/v1/share", "/metrics", "/"]
    closed += [camera, *(f"{camera}/{name}" for name in ("gaps", "export", "picture", "video", "status"))]
    for path in closed:
        address = f"{path}{'&' if '?' in path else '?'}{query}"
        assert client.get(address, headers=JSON).status_code == 401, path
    assert client.post(film).status_code == 401


def test_nothing_that_a_share_shows_is_kept_by_a_cache(filmed: Filmed) -> None:
    client = filmed.client()
    shown = opened(client, filmed.link())
    playlist = client.get(shown["urls"]["hls"]).get_data(as_text=True)
    pieces = [line for line in playlist.splitlines() if line.startswith("/")]
    for address in [*shown["urls"].values(), pieces[0]]:
        assert client.get(address).headers["Cache-Control"] == "private, no-store"
