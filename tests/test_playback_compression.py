"""gzip of playlists and answers in JSON: only where the client takes it, and never of media."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from app.views.compression import LEAST_BYTES, MOST_BYTES, compress
from tests.archived import address, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.test_playback_hls import entries_of

TAKEN = ("gzip", "GZIP", "*", "deflate, gzip;q=0.5", "gzip;q=0.5, *;q=0", "identity;q=0.5, gzip", "br, gzip, identity")
REFUSED = (None, "", "identity", "gzip;q=0", "*;q=0", "br", "gzip;q=0, *", "identity, gzip;q=0.5", "gzip;q=nonsense")


@pytest.fixture
def playlist(app: Flask, source_id: int, media: Callable[..., Path]) -> str:
    """Return the address of a playlist of two runs, which is longer than what is left alone."""
    first = record(app, source_id, media("audio"))
    second = record(app, source_id, media("h264"), begin_us=first.end_us + 10_000_000)
    return address(source_id, first.begin_us, second.end_us, name="index.m3u8")


def asking(accepted: str | None) -> dict[str, str]:
    return {} if accepted is None else {"Accept-Encoding": accepted}


def test_a_playlist_is_compressed_only_for_who_takes_it(client: FlaskClient, playlist: str) -> None:
    plain = client.get(playlist)
    assert len(plain.data) > LEAST_BYTES
    for accepted in TAKEN:
        answer = client.get(playlist, headers=asking(accepted))
        assert answer.headers["Content-Encoding"] == "gzip", accepted
        assert gzip.decompress(answer.data) == plain.data
        assert answer.headers["Content-Length"] == str(len(answer.data))
        assert len(answer.data) < len(plain.data) / 2
        assert answer.headers["Content-Type"] == plain.headers["Content-Type"]
        head = client.head(playlist, headers=asking(accepted))
        assert (head.data, head.headers["Content-Length"]) == (b"", answer.headers["Content-Length"])
    for accepted in REFUSED:
        answer = client.get(playlist, headers=asking(accepted))
        assert "Content-Encoding" not in answer.headers, accepted
        assert answer.data == plain.data
        assert answer.headers["Vary"] == "Accept-Encoding"


def test_answers_in_json_are_compressed_and_small_ones_are_not(client: FlaskClient, playlist: str) -> None:
    data = client.get(playlist.replace("/index.m3u8", ""), headers=asking("gzip"))
    assert data.headers["Content-Encoding"] == "gzip"
    small = client.get("/playbackapi/source/77", headers=asking("gzip"))
    assert small.status_code == 422
    assert len(small.data) < LEAST_BYTES
    assert "Content-Encoding" not in small.headers
    # Who refuses a text as it is gets it compressed, however small it is.
    forced = client.get("/playbackapi/source/77", headers=asking("gzip, identity;q=0"))
    assert gzip.decompress(forced.data) == small.data


def test_media_are_never_compressed(client: FlaskClient, playlist: str) -> None:
    entry = entries_of(client.get(playlist).text)[0]
    for path in (playlist.replace("index.m3u8", "video.mp4"), entry["uri"], entry["map"]):
        plain = client.get(path)
        answer = client.get(path, headers=asking("gzip, identity;q=0"))
        assert answer.status_code == 200
        assert answer.data == plain.data
        assert not {"Content-Encoding", "Vary"} & set(answer.headers.keys())


def test_an_index_of_thumbnails_is_compressed_and_its_ranges_are_not(client: FlaskClient, playlist: str) -> None:
    path = playlist.replace("index.m3u8", "thumbnails.vtt") + "&count=12"
    plain = client.get(path)
    assert plain.headers["Content-Type"].startswith("text/vtt")
    packed = client.get(path, headers=asking("gzip"))
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    assert client.head(path, headers=asking("gzip")).headers["Content-Length"] == str(len(packed.data))
    known = client.get(path, headers={"If-None-Match": packed.headers["ETag"], **asking("gzip")})
    assert (known.status_code, known.data) == (304, b"")
    part = client.get(path, headers={"Range": "bytes=0-1199", **asking("gzip, identity;q=0")})
    assert (part.status_code, part.data) == (206, plain.data[:1200])
    assert "Content-Encoding" not in part.headers


def test_a_strong_tag_becomes_weak_and_a_weak_one_stays(app: Flask) -> None:
    text = "x" * LEAST_BYTES
    for etag in ('"tag"', 'W/"tag"'):
        with app.test_request_context(headers=asking("gzip")):
            made = compress(Response(text, content_type="text/vtt", headers={"ETag": etag}))
        assert (made.headers["ETag"], made.headers["Content-Encoding"]) == ('W/"tag"', "gzip")


def test_what_streams_is_too_long_or_has_a_coding_is_left_alone(app: Flask) -> None:
    def stream() -> Iterator[bytes]:
        yield b"x" * LEAST_BYTES

    coded = gzip.compress(b"x" * 5000)
    answers: list[tuple[Any, dict[str, str]]] = [
        (stream(), {}),
        (b" " * (MOST_BYTES + 1), {}),
        (coded, {"Content-Encoding": "gzip"}),
        (b"x" * (LEAST_BYTES - 1), {}),
    ]
    for body, headers in answers:
        with app.test_request_context(headers=asking("gzip")):
            made = compress(Response(body, content_type="application/json", headers={"ETag": '"tag"', **headers}))
            assert made.headers.get("Content-Encoding") == headers.get("Content-Encoding")
            assert made.headers["ETag"] == '"tag"'
    with app.test_request_context(headers=asking("gzip")):
        assert compress(Response(coded, content_type="text/vtt", headers={"Content-Encoding": "gzip"})).data == coded
