"""`/record/{id}/video/`: the whole recording as one seekable MP4, also while it still grows."""

import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.extensions import writing
from app.models import Record
from tests.archived import T0_US, Recorded, close, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.clips import Clips
from tests.clips import clips as clips
from tests.synthetic import FileSpec, Growing, RunSpec, make_run
from tests.test_playback_mp4 import hashes
from tests.test_playback_requestdata import add_record

API = "/api/v1/record"
S = 1_000_000
NOBODY = "11111111-2222-3333-4444-555555555555"
Media = Callable[..., Path]


def video(record_id: str) -> str:
    return f"{API}/{record_id}/video/"


def whole(recorded: Recorded) -> dict[str, list[str]]:
    return {kind: [taken.sha256 for taken in packets] for kind, packets in recorded.packets.items() if packets}


def error_of(answer: Any) -> tuple[int, list[str], str]:
    (detail,) = answer.json["detail"]
    return answer.status_code, detail["loc"], detail["type"]


def test_a_recording_is_one_mp4_of_all_its_packets(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("b-frames-audio"))
    record_id = add_record(app, source_id, "t", recorded.begin_us - 3 * S, recorded.end_us + 3 * S)
    answer = client.get(video(record_id))
    assert (answer.status_code, answer.mimetype) == (200, "video/mp4")
    assert hashes(answer.data) == whole(recorded)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Location" not in answer.headers
    assert client.get(f"{API}/{record_id}/video").data == answer.data
    head = client.head(video(record_id))
    assert (head.data, head.headers["Content-Length"]) == (b"", str(len(answer.data)))
    with av.open(io.BytesIO(answer.data)) as container:  # seekable
        container.seek(5 * S, backward=True)
        frame = next(container.decode(video=0))
        assert 3.9 < frame.time <= 5


@pytest.mark.parametrize(
    ("given", "begin", "end"),
    [
        ("bytes=0-499", 0, 500),
        ("0-499", 0, 500),
        ("100-", 100, None),
        ("-100", -100, None),
        ("bytes=1000-1999", 1000, 2000),
    ],
)
def test_ranges_are_read_with_and_without_their_unit(
    app: Flask, client: FlaskClient, source_id: int, media: Media, given: str, begin: int, end: int | None
) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    data = client.get(video(record_id)).data
    answer = client.get(video(record_id), headers={"Range": given})
    assert answer.status_code == 206
    assert answer.data == data[begin:end]
    first = len(data) + begin if begin < 0 else begin
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(answer.data) - 1}/{len(data)}"


def test_conditions_and_ranges_that_cannot_be(app: Flask, client: FlaskClient, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us, recorded.end_us)
    whole_file = client.get(video(record_id))
    etag = whole_file.headers["ETag"]
    assert client.get(video(record_id), headers={"If-None-Match": etag}).status_code == 304
    assert client.get(video(record_id), headers={"If-Match": '"other"'}).status_code == 412
    assert error_of(client.get(video(record_id), headers={"Range": "999999999-"})) == (
        416,
        ["header", "Range"],
        "range_unsatisfiable",
    )
    for nonsense in ("items=0-1", "abc", "5-1", ""):
        assert client.get(video(record_id), headers={"Range": nonsense}).status_code == 200
    again = client.get(video(record_id), headers={"Range": "0-9", "If-Range": '"other"'})
    assert (again.status_code, again.data) == (200, whole_file.data)


def test_what_is_not_there_says_so(app: Flask, client: FlaskClient, source_id: int, media: Media) -> None:
    recorded = record(app, source_id, media("h264"))
    assert error_of(client.get(video(str(uuid.uuid4()))))[0] == 404
    assert error_of(client.get(video("7")))[:2] == (422, ["path", "record_id"])
    empty = add_record(app, source_id, "empty", recorded.end_us + S, recorded.end_us + 2 * S)
    instant = add_record(app, source_id, "instant", recorded.begin_us, recorded.begin_us)
    for record_id in (empty, instant):
        assert error_of(client.get(video(record_id))) == (404, ["path", "record_id"], "no_footage")
    waiting = add_record(app, source_id, "waiting", recorded.end_us + S, None)
    assert "yet" in client.get(video(waiting)).json["detail"][0]["msg"]
    deleted = add_record(app, source_id, "deleted", recorded.begin_us, recorded.end_us)
    with app.app_context(), writing() as session:
        session.get(Record, deleted).deleted_us = 1
    assert error_of(client.get(video(deleted))) == (410, ["path", "record_id"], "deleted")


def test_a_growing_recording_is_answered_and_pinned(
    app: Flask, client: FlaskClient, source_id: int, media: Media
) -> None:
    recorded = record(app, source_id, media("audio"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us + S, None)
    now = client.get(video(record_id))
    assert now.status_code == 200
    assert not now.headers["ETag"].startswith("W/")
    assert now.headers["Vary"] == "Sec-Fetch-Dest"
    pinned = now.headers["Content-Location"]
    assert "rev=" in pinned
    assert client.get(video(record_id), headers={"Range": "0-9"}).status_code == 206
    for dest in ("video", "audio"):
        sent_on = client.get(video(record_id), headers={"Sec-Fetch-Dest": dest})
        assert (sent_on.status_code, sent_on.headers["Location"]) == (307, pinned)
        assert sent_on.headers["Vary"] == "Sec-Fetch-Dest"
        assert client.get(pinned, headers={"Sec-Fetch-Dest": dest}).status_code == 200
    for dest in ("document", "empty"):
        assert client.get(video(record_id), headers={"Sec-Fetch-Dest": dest}).status_code == 200
    close(app, source_id, recorded.run_id)
    with app.app_context(), writing() as session:
        session.get(Record, record_id).end_us = recorded.end_us - 500_000
    then = client.get(pinned)
    assert (then.data, then.headers["ETag"]) == (now.data, now.headers["ETag"])
    assert "Content-Location" not in then.headers
    ended = client.get(video(record_id))
    assert "Content-Location" not in ended.headers
    assert ended.headers["ETag"] != now.headers["ETag"]


def test_a_pinned_recording_stays_while_its_file_grows(
    app: Flask, client: FlaskClient, source_id: int, clips: Clips
) -> None:
    run = make_run(clips, RunSpec((FileSpec("sound", 8), FileSpec("sound", 4)), seed=5, has_ragged_sound=True))
    growing = Growing(app, source_id, run, T0_US)
    record_id = add_record(app, source_id, "t", T0_US + 300_000, None)
    states = []
    for piece in (run.files[0][: len(run.files[0]) // 2], run.files[0][len(run.files[0]) // 2 :], run.files[1]):
        growing.write(len(states) // 2, piece)
        growing.poll()
        answer = client.get(video(record_id))
        assert answer.data == client.get(video(record_id)).data
        states.append((answer.headers["Content-Location"], answer.data))
    assert len({data for _, data in states}) == 3
    growing.finish()
    with app.app_context(), writing() as session:
        session.get(Record, record_id).end_us = growing.look().end_us - 200_000
    assert [client.get(pinned).data for pinned, _ in states] == [data for _, data in states]


@pytest.mark.parametrize(
    "query",
    [
        "rev=x",
        "rev=" + "0" * 36 + ":5",
        f"rev={NOBODY}:99",
        "rev=x&end=yesterday",
        "end=2027-01-01",
    ],
)
def test_a_pin_that_was_never_given_out_is_refused(
    app: Flask, client: FlaskClient, source_id: int, media: Media, query: str
) -> None:
    recorded = record(app, source_id, media("h264"), leave_open=True)
    record_id = add_record(app, source_id, "t", recorded.begin_us, None)
    answer = client.get(f"{video(record_id)}?{query}")
    assert answer.status_code in (404, 422)
    assert answer.json["detail"][0]["loc"][0] == "query"
