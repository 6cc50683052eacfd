"""Addresses that need no header: what is given out to who comes with a token, and that they open nothing else."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from itsdangerous import URLSafeSerializer

from app.access.media import LONGEST_US, STEP_US, until_us
from app.extensions import writing
from app.formats.playlists import with_query
from app.models.types import now_us
from tests.accounts import add_account
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import record, utc
from tests.shared import JSON, SECRET, Filmed, bearer, changed, opened
from tests.shared import filmed as filmed

Media = Callable[..., Path]


def told(filmed: Filmed, begin_s: float = 2, end_s: float | None = 6, headers: Any = None) -> Any:
    """Return the addresses that request data gives out."""
    span = {"start": utc(filmed.at_us(begin_s))} | ({} if end_s is None else {"end": utc(filmed.at_us(end_s))})
    path = f"/playbackapi/source/{filmed.source_id}"
    answer = filmed.client().get(path, query_string=span, headers=headers or filmed.operator)
    assert answer.status_code == 200, answer.text
    return answer


def pieces_of(playlist: str) -> list[tuple[str, str]]:
    """Return address and byte range of each piece of a playlist, init segments too."""
    found, span = [], ""
    for line in playlist.splitlines():
        if line.startswith("#EXT-X-BYTERANGE:"):
            size, begin = map(int, line.partition(":")[2].split("@"))
            span = f"bytes={begin}-{begin + size - 1}"
        elif line.startswith("#EXT-X-MAP:"):
            found.append((line.split('"')[1], "bytes=0-"))
        elif line.startswith("/"):
            found.append((line, span))
    return found


def test_what_is_given_out_to_a_token_plays_without_its_header(filmed: Filmed) -> None:
    answer, client = told(filmed), filmed.client()
    assert answer.headers["Cache-Control"] == "private, no-store"
    for name, address in answer.json["urls"].items():
        assert client.get(address).status_code == 200, name
        assert client.get(changed(address, media=None)).status_code == 401, name
    film = client.get(answer.json["urls"]["mp4"])
    assert film.headers["Cache-Control"] == "private, no-cache"
    half = client.get(answer.json["urls"]["mp4"], headers={"Range": "bytes=1000-1999"})
    assert (half.status_code, half.data) == (206, film.data[1000:2000])
    index = client.get(answer.json["urls"]["thumbnails"].replace("/thumbnails?", "/thumbnails.vtt?"))
    sheets = {line.partition("#")[0] for line in index.get_data(as_text=True).splitlines() if line.startswith("/")}
    assert [client.get(sheet).status_code for sheet in sheets] == [200]


def test_the_film_of_a_signed_address_shows_what_that_of_the_header_shows(filmed: Filmed) -> None:
    client = filmed.client()
    for begin_s, end_s in ((2, 6), (2.35, 2.6), (3.01, 7.77)):
        address = told(filmed, begin_s, end_s).json["urls"]["mp4"]
        by_header = client.get(changed(address, media=None), headers=filmed.operator)
        assert client.get(address).data[-5000:] == by_header.data[-5000:]
        assert len(client.get(address).data) == len(by_header.data)


def test_a_playlist_leads_to_signed_pieces_of_its_span_alone(filmed: Filmed) -> None:
    client = filmed.client()
    playlist = client.get(told(filmed, 3, 5).json["urls"]["hls"])
    assert playlist.headers["Cache-Control"] == "private, no-cache"
    pieces = pieces_of(playlist.get_data(as_text=True))
    assert len(pieces) >= 3
    files: dict[str, list[tuple[int, int]]] = {}
    for address, span in pieces:
        answer = client.get(address, headers={"Range": span})
        assert answer.status_code == 206
        if "/segment/" in address:
            begin, last = map(int, span.removeprefix("bytes=").split("-"))
            files.setdefault(address.partition("?")[0], []).append((begin, last + 1))
            assert answer.data.strip(b"\0")
    hidden = 0
    token = pieces[0][0].partition("media=")[2]
    for path, spans in files.items():
        begin, end = min(spans)[0], max(spans)[1]
        given = client.get(f"{path}?media={token}").data
        whole = client.get(path.replace(path.rpartition("/")[2], file_of(filmed, path)), headers=filmed.operator).data
        assert (len(given), b"mdat" in given[:begin]) == (end, False)
        assert given[begin:end] == whole[begin:end]
        hidden += len(whole) - (end - begin)
    assert len(files) == 2
    assert hidden > 10_000


def file_of(filmed: Filmed, path: str) -> str:
    """Return the name of the file that a piece lies in, whose begin is cut off for who may see a part of it."""
    start_us = int(path.rpartition("/")[2].removesuffix(".mp4"))
    return f"{max(filmed.at_us(s) for s in range(0, 8, 2) if filmed.at_us(s) <= start_us)}.mp4"


def test_the_key_goes_along_with_a_redirect_to_what_is_pinned(filmed: Filmed, media: Media) -> None:
    record(filmed.app, filmed.source_id, media("h264", seed=2), begin_us=filmed.at_us(20), leave_open=True)
    client = filmed.client()
    for name in ("hls", "mp4"):
        address = changed(told(filmed, 21, 40).json["urls"][name], rev=None, end=utc(filmed.at_us(39)))
        answer = client.get(address)
        assert answer.status_code == 307
        assert (
            parse_qs(urlsplit(answer.headers["Location"]).query)["media"] == parse_qs(urlsplit(address).query)["media"]
        )
        assert client.get(answer.headers["Location"]).status_code == 200
    growing = told(filmed, 21, None).json["urls"]["hls"]
    assert client.get(growing).status_code == 200


def test_cameras_in_step_are_signed_for_all_of_them(filmed: Filmed) -> None:
    client, ids = filmed.client(), f"{filmed.source_id},{filmed.other_id}"
    span = f"start={utc(filmed.at_us(0))}&end={utc(filmed.at_us(8))}"
    sync = client.get(f"/playbackapi/sync?source_id={ids}&{span}", headers=filmed.admin).json
    for source in sync["sources"]:
        playlist = client.get(source["hls"])
        assert playlist.status_code == 200
        for address, span in pieces_of(playlist.get_data(as_text=True)):
            assert client.get(address, headers={"Range": span}).status_code == 206


def test_a_browser_with_its_cookie_gets_plain_addresses(filmed: Filmed) -> None:
    from app.access.caller import Caller
    from app.access.finding import CALLER_KEY

    path = f"/playbackapi/source/{filmed.source_id}?start={utc(filmed.at_us(2))}&end={utc(filmed.at_us(6))}"
    browser = Caller("vera", "viewer", "account:1", "cookie", "1")
    answer = filmed.client().get(path, environ_overrides={CALLER_KEY: browser})
    assert answer.status_code == 200
    assert not any("media=" in address for address in answer.json["urls"].values())


ENDS = {
    "the-token-was-revoked": "UPDATE api_token SET revoked_us = 1",
    "the-token-ran-out": "UPDATE api_token SET expires_us = 1",
    "the-account-was-deactivated": "UPDATE account SET active = false",
    "the-camera-was-taken-away": "DELETE FROM account_right",
    "the-token-is-of-another-area": """UPDATE api_token SET endpoints = '["record"]'""",
    "the-token-is-of-another-camera": "UPDATE api_token SET source_ids = '[99]'",
    "the-token-is-of-another-time": "UPDATE api_token SET begin_us = 1, end_us = 2",
    "the-token-is-gone": "DELETE FROM api_token",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_signed_address_ends_with_what_its_token_may_do(filmed: Filmed, end: str) -> None:
    client, address = filmed.client(), told(filmed).json["urls"]["mp4"]
    first = client.get(address)
    assert first.status_code == 200
    filmed.change(end)
    for headers in ({"Range": "bytes=0-9"}, {"If-None-Match": first.headers["ETag"]}):
        assert client.get(address, headers=headers).status_code in (401, 403, 404)


def signed(media_of: list[Any], key: str = SECRET, salt: str = "media address", digest: Any = sha256) -> str:
    signer = URLSafeSerializer(key, salt=salt, signer_kwargs={"digest_method": digest})
    text = signer.dumps(media_of)
    return text if isinstance(text, str) else text.decode()


def test_a_forged_or_old_token_opens_nothing(filmed: Filmed) -> None:
    from sqlalchemy import text

    from app.extensions import db

    client, address = filmed.client(), told(filmed).json["urls"]["mp4"]
    with filmed.app.app_context():
        token_id = db.session.scalar(
            text("SELECT t.id FROM api_token t JOIN account a ON a.id = account_id WHERE a.name = 'olga'")
        )
    says = [f"token:{token_id}", [filmed.source_id], filmed.at_us(2), filmed.at_us(6), now_us() + 10**9]
    good = signed(says)
    assert client.get(changed(address, media=good)).status_code == 200
    head, _, tail = good.rpartition(".")
    bad = {
        "another key of an app": signed(says, key="x" * 48),
        "another purpose": signed(says, salt="opened share link"),
        "run out": signed([*says[:4], now_us() - 1]),
        "no one's": signed(["token:none", *says[1:]]),
        "a share that is none": signed([f"share:{token_id}", *says[1:]]),
        "an account": signed(["account:1", *says[1:]]),
        "another camera": signed([says[0], [filmed.other_id], *says[2:]]),
        "a signature cut off": head,
        "a signature changed": f"{head}.{tail[::-1]}",
        "nothing": "",
        "too much": good + "A" * 2000,
    }
    for name, token in bad.items():
        assert client.get(changed(address, media=token)).status_code in (401, 404), name


def test_a_bad_token_is_not_covered_by_another_credential_but_a_header_is(filmed: Filmed) -> None:
    client, address = filmed.client(), changed(told(filmed).json["urls"]["mp4"], media="bad")
    assert client.get(address).status_code == 401
    assert client.get(address, headers=filmed.operator).status_code == 200


def test_a_signed_address_is_that_of_its_endpoints_alone(filmed: Filmed) -> None:
    client, address = filmed.client(), told(filmed).json["urls"]["mp4"]
    query = urlsplit(address).query
    for path in (
        f"/playbackapi/source/{filmed.source_id}",
        "/playbackapi/sync",
        "/api/v1/source",
        "/api/v1/share",
        "/",
    ):
        assert client.get(f"{path}?{query}", headers=JSON).status_code == 401, path
    assert client.get(address.replace(f"/{filmed.source_id}/", f"/{filmed.other_id}/")).status_code == 404
    assert client.get(changed(address, end=utc(filmed.at_us(6) + 1))).status_code == 403
    of_all = told(filmed, headers=filmed.admin).json["urls"]["mp4"]
    assert client.get(of_all).status_code == 200
    assert client.get(of_all.replace(f"/{filmed.source_id}/", f"/{filmed.other_id}/")).status_code == 404


def test_a_token_with_a_window_signs_no_more_than_its_window(filmed: Filmed) -> None:
    filmed.change("UPDATE api_token SET begin_us = :begin, end_us = :end", begin=filmed.at_us(1), end=filmed.at_us(5))
    client, address = filmed.client(), told(filmed, 1, 5).json["urls"]["mp4"]
    by_header = client.get(changed(address, media=None), headers=filmed.operator)
    assert client.get(address).data == by_header.data
    filmed.change("UPDATE api_token SET end_us = :end", end=filmed.at_us(4))
    assert client.get(address).status_code == 403


def test_an_analyser_is_given_no_addresses_of_footage(filmed: Filmed) -> None:
    with filmed.app.app_context(), writing() as session:
        analyser = bearer(add_account(session, "service", "operator", token_role="analyser"))
    path = f"/playbackapi/source/{filmed.source_id}?start={utc(filmed.at_us(2))}"
    assert filmed.client().get(path, headers=analyser).status_code == 403


def test_a_signed_address_stays_the_same_for_an_hour_and_lasts_less_than_twelve() -> None:
    for at_us in (0, 1, STEP_US - 1, STEP_US, 1_795_248_123_456_789):
        ends_us = until_us(at_us)
        assert LONGEST_US - STEP_US < ends_us - at_us <= LONGEST_US
    assert until_us(STEP_US) == until_us(2 * STEP_US - 1)
    assert until_us(STEP_US, 5 * STEP_US) == 5 * STEP_US


def test_each_address_of_a_playlist_takes_the_token_and_nothing_else_changes() -> None:
    plain = b'#EXTM3U\n#EXT-X-MAP:URI="/a/init.mp4",BYTERANGE="7@0"\n#EXTINF:1,\n/a/1.mp4?at=3\n#EXTINF:1,\n/a/2.mp4\n'
    assert with_query(plain, "media=T.x-_") == (
        b'#EXTM3U\n#EXT-X-MAP:URI="/a/init.mp4?media=T.x-_",BYTERANGE="7@0"\n#EXTINF:1,\n'
        b"/a/1.mp4?at=3&media=T.x-_\n#EXTINF:1,\n/a/2.mp4?media=T.x-_\n"
    )


def test_a_share_and_a_token_of_the_same_film_are_kept_apart(filmed: Filmed) -> None:
    client = filmed.client()
    of_share = opened(client, filmed.link())["urls"]["mp4"]
    of_token = told(filmed).json["urls"]["mp4"]
    assert of_share != of_token
    tags = [client.get(address).headers["ETag"] for address in (of_share, of_token)]
    filmed.change("UPDATE share_link SET revoked_us = 1")
    assert client.get(of_share, headers={"If-None-Match": tags[0]}).status_code == 401
    assert client.get(of_token, headers={"If-None-Match": tags[1]}).status_code == 304
