"""Conditional requests, row by row (RFC 9110 §13), and Last-Modified."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.playback.conditions import is_same_for_ranges, parse_date, validators
from tests.archived import address, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.test_playback_hls import entries_of


class Known(NamedTuple):
    """A body and what its first answer said of it."""

    path: str
    data: bytes
    etag: str
    modified: str

    def filled(self, text: str) -> str:
        """Return a header of the table below with this body's own values."""
        modified = parsedate_to_datetime(self.modified)
        dates = {
            "same": self.modified,
            "before": formatdate(modified.timestamp() - 1, usegmt=True),
            "after": formatdate(modified.timestamp() + 1, usegmt=True),
            "rfc850": f"{modified:%A, %d-%b-%y %H:%M:%S} GMT",
            "asctime": f"{modified:%a %b} {modified.day:2} {modified:%H:%M:%S %Y}",
            "offset": f"{modified:%a, %d %b %Y %H:%M:%S} +0000",
        }
        return text.format(etag=self.etag, **dates)


@pytest.fixture(params=["video.mp4", "segment"])
def known(
    request: pytest.FixtureRequest, app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Any]
) -> Known:
    """Return a range of a camera as MP4, then a recorded file that a playlist names."""
    recorded = record(app, source_id, media("audio"))
    path = address(source_id, recorded.begin_us, recorded.end_us)
    if request.param == "segment":
        playlist = client.get(address(source_id, recorded.begin_us, recorded.end_us, name="index.m3u8"))
        path = entries_of(playlist.text)[0]["uri"]
    whole = client.get(path)
    return Known(path, whole.data, whole.headers["ETag"], whole.headers["Last-Modified"])


ROWS = [
    ({"If-Match": "{etag}"}, 200),
    ({"If-Match": '"other", {etag}'}, 200),
    ({"If-Match": "*"}, 200),
    ({"If-Match": '"other"'}, 412),
    ({"If-Match": "W/{etag}"}, 412),  # strong comparison
    ({"If-Match": "nonsense"}, 412),
    ({"If-Unmodified-Since": "{same}"}, 200),
    ({"If-Unmodified-Since": "{after}"}, 200),
    ({"If-Unmodified-Since": "{before}"}, 412),
    ({"If-Unmodified-Since": "nonsense"}, 200),
    ({"If-Match": "{etag}", "If-Unmodified-Since": "{before}"}, 200),  # the second is not evaluated
    ({"If-Match": '"other"', "If-Unmodified-Since": "{after}"}, 412),
    ({"If-None-Match": "{etag}"}, 304),
    ({"If-None-Match": "W/{etag}"}, 304),  # weak comparison
    ({"If-None-Match": '"a,b", W/"c",{etag}'}, 304),
    ({"If-None-Match": "*"}, 304),
    ({"If-None-Match": '"other"'}, 200),
    ({"If-Modified-Since": "{same}"}, 304),
    ({"If-Modified-Since": "{after}"}, 304),
    ({"If-Modified-Since": "{before}"}, 200),
    ({"If-Modified-Since": "{rfc850}"}, 304),
    ({"If-Modified-Since": "{asctime}"}, 304),
    ({"If-Modified-Since": "{offset}"}, 200),  # no HTTP-date
    ({"If-Modified-Since": "nonsense"}, 200),
    ({"If-None-Match": '"other"', "If-Modified-Since": "{after}"}, 200),  # the second is not evaluated
    ({"If-None-Match": "{etag}", "If-Modified-Since": "{before}"}, 304),
    ({"If-Match": '"other"', "If-None-Match": "{etag}"}, 412),  # in this order
    ({"If-Unmodified-Since": "{before}", "If-Modified-Since": "{after}"}, 412),
    ({"If-Match": "{etag}", "If-None-Match": "{etag}"}, 304),
    ({"Range": "bytes=2-9"}, 206),
    ({"Range": "bytes=2-9", "If-None-Match": "{etag}"}, 304),
    ({"Range": "bytes=2-9", "If-Match": '"other"'}, 412),
    ({"Range": "bytes=2-9", "If-Range": "{etag}"}, 206),
    ({"Range": "bytes=2-9", "If-Range": "W/{etag}"}, 200),
    ({"Range": "bytes=2-9", "If-Range": '"other"'}, 200),
    ({"Range": "bytes=2-9", "If-Range": "{before}"}, 200),
    ({"Range": "bytes=2-9", "If-Range": "{after}"}, 200),
    ({"Range": "bytes=2-9", "If-Range": "nonsense"}, 200),
    ({"Range": "bytes=99999999-", "If-Range": '"other"'}, 200),
    ({"Range": "bytes=99999999-", "If-Range": "{etag}"}, 416),
    ({"Range": "bytes=99999999-", "If-None-Match": "{etag}"}, 304),
]


def test_every_row_of_conditions_is_answered_as_the_standard_says(client: FlaskClient, known: Known) -> None:
    for row, status in ROWS:
        headers = {name: known.filled(text) for name, text in row.items()}
        answer = client.get(known.path, headers=headers)
        assert answer.status_code == status, headers
        assert answer.headers["ETag"] == known.etag
        assert "Cache-Control" in answer.headers
        head = client.head(known.path, headers=headers)
        assert head.status_code == (200 if status in (206, 416) else status), headers
        assert head.data == b""
        if status == 200:
            assert (answer.data, head.headers["Content-Length"]) == (known.data, str(len(known.data))), headers
        elif status == 206:
            assert answer.data == known.data[2:10]
        elif status == 304:
            assert (answer.data, "Content-Length" in answer.headers, "Content-Type" in answer.headers) == (
                b"",
                False,
                False,
            )
        else:
            assert answer.json["detail"][0]["loc"][0] == "header"


def test_the_date_of_a_recorded_file_joins_ranges_and_that_of_a_film_does_not(
    client: FlaskClient, known: Known
) -> None:
    """A film whose file was lost is another film of the same date: halves of both must not be joined."""
    answer = client.get(known.path, headers={"Range": "bytes=2-9", "If-Range": known.modified})
    assert answer.status_code == (206 if "/segment/" in known.path else 200)


def test_last_modified_is_when_the_newest_of_it_was_recorded(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Any]
) -> None:
    recorded = record(app, source_id, media("h264"))
    whole = client.get(address(source_id, recorded.begin_us, recorded.end_us))
    part = client.get(address(source_id, recorded.begin_us, recorded.begin_us + 1_000_000))
    assert parsedate_to_datetime(whole.headers["Last-Modified"]) == datetime.fromtimestamp(
        recorded.end_us / 1_000_000, UTC
    )
    assert parsedate_to_datetime(part.headers["Last-Modified"]).timestamp() == recorded.begin_us // 1_000_000 + 2
    playlist = client.get(address(source_id, recorded.begin_us, recorded.end_us, name="index.m3u8")).text
    init = client.get(entries_of(playlist)[0]["map"])
    assert "Last-Modified" not in init.headers
    assert (
        client.get(entries_of(playlist)[0]["map"], headers={"If-None-Match": init.headers["ETag"]}).status_code == 304
    )


def test_what_is_being_recorded_is_never_said_to_be_of_the_future(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Any]
) -> None:
    begin_us = time.time_ns() // 1000 - 3_000_000
    recorded = record(app, source_id, media("h264"), begin_us=begin_us, leave_open=True)
    answer = client.get(address(source_id, begin_us, recorded.end_us), follow_redirects=True)
    assert answer.status_code == 200
    assert parsedate_to_datetime(answer.headers["Last-Modified"]).timestamp() <= time.time()


def test_a_tag_without_quotes_is_no_tag_and_the_picture_comes_whole(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Any]
) -> None:
    recorded = record(app, source_id, media("h264"))
    path = f"/playbackapi/source/{source_id}/picture.jpg?at={recorded.begin_us // 1_000_000 + 2}"
    picture = client.get(path)
    etag = picture.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag.strip('"')}).data == picture.data
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


S = 1_000_000


def test_a_date_is_rounded_up_and_strong_only_when_its_second_is_over() -> None:
    assert validators("x", 10 * S + 1, 99 * S).modified_s == 11
    assert validators("x", 10 * S, 99 * S).modified_s == 10
    assert validators("x", 10 * S + 1, 10 * S + 5).modified_s == 10
    assert validators("x", 99 * S, 10 * S).modified_s == 10
    assert validators("x", None, 10 * S).headers == {"ETag": '"x"'}
    assert validators("x", 10 * S, 12 * S).headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:10 GMT"
    same = {"If-Range": "Thu, 01 Jan 1970 00:00:10 GMT"}
    assert is_same_for_ranges(same, validators("x", 10 * S, 11 * S, is_date_strong=True))
    assert not is_same_for_ranges(same, validators("x", 10 * S, 11 * S - 1, is_date_strong=True))
    assert not is_same_for_ranges(same, validators("x", 10 * S, 11 * S))
    assert not is_same_for_ranges(same, validators("x", None, 11 * S, is_date_strong=True))
    assert not is_same_for_ranges({"If-Range": "nonsense"}, validators("x", None, 11 * S, is_date_strong=True))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Sun, 06 Nov 1994 08:49:37 +0100", None),
        ("1994-11-06", None),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_read_in_the_three_forms_of_http(text: str | None, seconds: int | None) -> None:
    assert parse_date(text) == seconds
