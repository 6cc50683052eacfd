"""`picture.jpg`: the frame that is shown at an instant, whatever the codec, and what is answered without one."""

import os
import random
import sqlite3
import threading
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.archive.find import find_segments
from app.errors import Busy
from app.extensions import db
from app.playback.decoding import Picture, fitting, to_jpeg, to_pixels
from app.playback.gate import Gate
from app.playback.kept import Kept
from tests.archived import FPS, KINDS, T0_US, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.media import make_video, read_number
from tests.test_playback_requestdata import add_record

FRAME_US = 1_000_000 // FPS
GOP = FPS


def picture(client, source_id, at_us, more="", **keywords):
    return client.get(f"/playbackapi/source/{source_id}/picture.jpg?at={utc(at_us)}{more}", **keywords)


def luma_of(jpeg: bytes) -> np.ndarray:
    """Return the brightness of a JPEG as video has it: 16 to 235."""
    full = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    return (full.astype(np.float64) * 219 / 255 + 16).round().astype(np.uint8)


def number_of(answer) -> int:
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "image/jpeg"
    return read_number(luma_of(answer.data))


def segments_of(app, source_id) -> list:
    with app.app_context():
        return list(find_segments(source_id, T0_US - 10_000_000, T0_US + 600_000_000))


def whole_pictures(path: Path) -> list[bytes]:
    """Return each frame of a file as JPEG, decoded from the file's begin on with nothing left out."""
    with av.open(str(path)) as container:
        return [to_jpeg(to_pixels(Picture(frame, Fraction(1)), None), 85) for frame in container.decode(video=0)]


def spoil(path: str, offset: int, size: int) -> None:
    """Overwrite bytes of a file without its size or mtime changing, as a failing disk does."""
    status = Path(path).stat()
    with Path(path).open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("kind", KINDS)
def test_the_exact_frame_is_shown_at_any_instant(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    frames = (recorded.end_us - recorded.begin_us) // FRAME_US
    whole = whole_pictures(media(kind))
    rng = random.Random(kind)
    for number in [0, 1, GOP - 1, GOP, 2 * GOP - 1, 2 * GOP, frames - 1, *rng.sample(range(frames), 8)]:
        begin_us = recorded.begin_us + number * FRAME_US
        answer = picture(client, source_id, begin_us + rng.choice([0, 1, FRAME_US // 2, FRAME_US - 1]))
        assert number_of(answer) == number
        assert answer.data == whole[number]
        assert answer.headers["X-Picture-Utc"] == utc(begin_us)
        assert number_of(picture(client, source_id, begin_us + rng.randrange(FRAME_US), "&nearest=exact")) == number


@pytest.mark.parametrize("kind", KINDS)
def test_the_key_frame_is_the_one_at_or_before_the_instant(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    for number in (0, 1, GOP - 1, GOP, 3 * GOP + 7, 8 * FPS - 1):
        answer = picture(client, source_id, recorded.begin_us + number * FRAME_US + 1, "&nearest=key")
        assert number_of(answer) == number // GOP * GOP
        assert answer.headers["X-Picture-Utc"] == utc(recorded.begin_us + number // GOP * GOP * FRAME_US)


def open_groups(path: Path, codec: str, more: str = "") -> Path:
    """Write numbered frames; the three before each key frame but the first follow it, and refer to the group before."""
    closed = make_video(path.with_suffix(".closed.mp4"), seconds=8, fps=FPS, gop=FPS, width=192, height=120)
    encoder, option = {"h264": ("libx264", "x264-params"), "hevc": ("libx265", "x265-params")}[codec]
    quiet = "" if codec == "h264" else ":pools=1:frame-threads=1:log-level=error"
    shape = f"keyint={FPS}:min-keyint={FPS}:scenecut=0:open-gop=1:bframes=3:b-adapt=0{quiet}{more}"
    with av.open(str(closed)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream(encoder, rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 192, 120, "yuv420p", 400_000
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = FPS, 3
        stream.options = {"preset": "fast", option: shape}
        for number, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, FPS), 0
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("codec", "more"), [("h264", ""), ("hevc", ""), ("hevc", ":temporal-layers=3")])
def test_frames_before_the_key_frame_of_an_open_group_are_exact_across_files(
    app, client, source_id, tmp_path, codec, more
):
    made = open_groups(tmp_path / f"{codec}.mp4", codec, more)
    recorded = record(app, source_id, made)
    whole = whole_pictures(made)
    segments = segments_of(app, source_id)
    indexes = [item.load_index() for item in segments]
    assert [int((index.v_pts < index.v_pts[0]).sum()) for index in indexes] == [0, *[3] * (len(indexes) - 1)]
    seam = segments[0].counts["v_n"]  # the first frame shown of the second file
    for number in (
        0,
        GOP - 4,
        GOP - 1,
        GOP,
        *range(seam - 4, seam + 5),
        *range(2 * seam - 3, 2 * seam + 5),
        8 * FPS - 1,
    ):
        at_us = recorded.begin_us + number * FRAME_US + 1
        assert picture(client, source_id, at_us).data == whole[number]
        assert number_of(picture(client, source_id, at_us, "&nearest=key")) == number // GOP * GOP


def test_a_picture_is_as_wide_as_asked_and_never_wider_than_recorded(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    for width, size in ((None, (192, 120)), (96, (96, 60)), (16, (16, 10)), (191, (191, 119)), (7680, (192, 120))):
        answer = picture(client, source_id, recorded.begin_us, "" if width is None else f"&width={width}")
        shape = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR).shape
        assert (shape[1], shape[0]) == size


def test_pixels_that_are_not_square_become_square() -> None:
    assert fitting(704, 576, Fraction(16, 11), None) == (704, 396)
    assert fitting(480, 576, Fraction(8, 11), None) == (349, 576)
    assert fitting(704, 576, Fraction(16, 11), 352) == (352, 198)
    assert fitting(1920, 1080, Fraction(1), 160, 90) == (160, 90)
    assert fitting(480, 640, Fraction(1), 160, 90) == (68, 90)


def test_colours_and_brightness_are_those_of_the_camera(app, client, source_id, tmp_path):
    path = tmp_path / "red.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 192, 120, "yuv420p"
        for _ in range(3 * FPS):
            planes = np.full((180, 192), 0, np.uint8)  # BT.601, limited range: red left, white right
            planes[:120, :96], planes[:120, 96:] = 81, 235
            chroma = planes[120:].reshape(2, 60, 96)
            chroma[0, :, :48], chroma[1, :, :48], chroma[:, :, 48:] = 90, 240, 128
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode(None))
    recorded = record(app, source_id, path)
    answer = picture(client, source_id, recorded.begin_us)
    blue_green_red = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(blue_green_red[60, 40].astype(int) - (0, 0, 255)).max() <= 6
    assert np.abs(blue_green_red[60, 150].astype(int) - 255).max() <= 6


def test_an_instant_in_a_gap_names_the_nearest_footage(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h265"), begin_us=first.end_us + 20_000_000)
    for at_us, before_us, after_us in (
        (first.begin_us - 1, None, first.begin_us),
        (first.end_us, first.end_us, second.begin_us),
        (first.end_us + 7_000_000, first.end_us, second.begin_us),
        (second.begin_us - 1, first.end_us, second.begin_us),
        (second.end_us, second.end_us, None),
    ):
        for more in ("", "&nearest=key"):
            answer = picture(client, source_id, at_us, more)
            assert answer.status_code == 404
            assert answer.json["detail"][0]["type"] == "no_footage"
            assert answer.json["detail"][0]["loc"] == ["query", "at"]
            told = (answer.json["before_utc"], answer.json["after_utc"])
            assert told == tuple(None if us is None else utc(us) for us in (before_us, after_us))
    # The codec has changed in between: each is decoded with its own configuration.
    assert number_of(picture(client, source_id, first.end_us - 1)) == 8 * FPS - 1
    assert number_of(picture(client, source_id, second.begin_us + 3 * FRAME_US)) == 3


def test_a_run_that_takes_over_is_shown_from_its_begin_on(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", width=320, height=240), begin_us=first.begin_us + 3_000_000)
    sizes = [
        cv2.imdecode(np.frombuffer(picture(client, source_id, at_us).data, np.uint8), 0).shape
        for at_us in (second.begin_us - 1, second.begin_us)
    ]
    assert sizes == [(120, 192), (240, 320)]


def test_an_earlier_run_is_shown_again_where_the_later_one_has_ended(app, client, source_id, media):
    first = record(app, source_id, media("h264"), segment_s=8)
    second = record(app, source_id, media("h264", seconds=3, seed=4), begin_us=first.begin_us + 2_000_000)
    shown = [number_of(picture(client, source_id, first.begin_us + at_s * 1_000_000)) for at_s in (1, 2, 4, 6)]
    assert shown == [FPS, 0, 2 * FPS, 6 * FPS]
    assert number_of(picture(client, source_id, second.end_us - 1)) == 3 * FPS - 1


@pytest.mark.parametrize("kind", ["h264", "h265"])
def test_the_open_segment_gives_pictures_up_to_its_last_complete_fragment(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind), leave_open=True)
    last = segments_of(app, source_id)[-1]
    assert last.is_open
    answer = picture(client, source_id, last.end_us - 1)
    assert number_of(answer) == (last.end_us - recorded.begin_us) // FRAME_US - 1
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert picture(client, source_id, last.end_us).status_code == 404
    closed = picture(client, source_id, recorded.begin_us)
    assert "immutable" in closed.headers["Cache-Control"]


def test_a_frame_that_lasts_seconds_is_shown_all_the_time(app, client, source_id, tmp_path):
    slow = make_video(tmp_path / "slow.mp4", seconds=40, fps=Fraction(1, 4), gop=2, width=192, height=120)
    recorded = record(app, source_id, slow, segment_s=16)
    for number in (0, 1, 3, 4, 7, 9):
        for inside_us in (0, 2_500_000, 3_999_999):
            answer = picture(client, source_id, recorded.begin_us + number * 4_000_000 + inside_us)
            assert number_of(answer) == number
            assert answer.headers["X-Picture-Utc"] == utc(recorded.begin_us + number * 4_000_000)


def test_a_record_gives_pictures_of_its_own_time_only(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    begin_us, end_us = recorded.begin_us + 2_000_000, recorded.begin_us + 5_000_000
    path = f"/playbackapi/record/{add_record(app, source_id, 't', begin_us, end_us)}/picture.jpg"
    assert number_of(client.get(path)) == 2 * FPS
    assert number_of(client.get(f"{path}?at={utc(end_us - 1)}")) == 5 * FPS - 1
    before, after = (None, utc(begin_us)), (utc(end_us), None)
    for at_us, told in ((begin_us - 1, before), (0, before), (end_us, after)):
        answer = client.get(f"{path}?at={utc(at_us)}")
        assert answer.status_code == 404
        assert (answer.json["before_utc"], answer.json["after_utc"]) == told


def test_request_data_names_the_first_picture_and_a_sheet(app, client, source_id, media):
    recorded = record(app, source_id, media("b-frames"))
    span = f"start={utc(recorded.begin_us - 3_000_000)}&end={utc(recorded.end_us + 1_000_000)}"
    urls = client.get(f"/playbackapi/source/{source_id}?{span}&gaps=hold&download=1").json["urls"]
    assert number_of(client.get(urls["picture"])) == 0
    assert "gaps=hold" in urls["thumbnails"]
    assert "download" not in urls["thumbnails"]
    assert client.get(urls["thumbnails"]).mimetype == "image/jpeg"
    record_id = add_record(app, source_id, "t", recorded.begin_us + 1_000_000, recorded.end_us)
    urls = client.get(f"/playbackapi/record/{record_id}").json["urls"]
    assert number_of(client.get(urls["picture"])) == FPS


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "at"),
        ("at=2026-11-21T08:00:00", "at"),
        ("at=now", "at"),
        ("at=-1", "at"),
        ("at=999999999999", "at"),
        ("at=0&width=0", "width"),
        ("at=0&width=15", "width"),
        ("at=0&width=7681", "width"),
        ("at=0&width=abc", "width"),
        ("at=0&width=99999999999999999999999", "width"),
        ("at=0&nearest=foo", "nearest"),
    ],
)
def test_a_wrong_parameter_is_named(client, source_id, query, name):
    answer = client.get(f"/playbackapi/source/{source_id}/picture.jpg?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"][0]["loc"] == ["query", name]


def test_what_is_unknown_is_404_and_the_far_future_a_gap(client, source_id):
    assert client.get("/playbackapi/source/999/picture.jpg?at=0").status_code == 404
    assert client.get("/playbackapi/source/x/picture.jpg?at=0").status_code == 422
    assert client.get("/playbackapi/record/7/picture.jpg").status_code == 422
    unknown = "/playbackapi/record/7b30e6a1-a81a-4378-8360-a8dc5b703a31/picture.jpg"
    assert client.get(unknown).status_code == 404
    last = client.get(f"/playbackapi/source/{source_id}/picture.jpg?at=9999-12-31T23:59:59.999999Z")
    assert (last.status_code, last.json["before_utc"], last.json["after_utc"]) == (404, None, None)


def test_the_same_picture_is_the_same_bytes_and_is_not_sent_twice(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    first = picture(client, source_id, recorded.begin_us)
    same = picture(client, source_id, recorded.begin_us + FRAME_US - 1)
    app.extensions.pop("playback_workshop")
    anew = picture(client, source_id, recorded.begin_us)
    assert first.data == same.data == anew.data
    assert first.headers["ETag"] == same.headers["ETag"] == anew.headers["ETag"]
    assert first.headers["ETag"].startswith('"')
    app.extensions.pop("playback_workshop")
    known = picture(client, source_id, recorded.begin_us, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert "playback_workshop" not in app.extensions, "nothing was to be decoded"
    others = [
        picture(client, source_id, recorded.begin_us, "&width=96"),
        picture(client, source_id, recorded.begin_us + FRAME_US),
    ]
    assert len({answer.headers["ETag"] for answer in (first, *others)}) == 3
    head = client.head(f"/playbackapi/source/{source_id}/picture.jpg?at={utc(recorded.begin_us)}")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (first.headers["ETag"], str(len(first.data)))


def test_what_is_kept_is_bounded(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    size = len(picture(client, source_id, recorded.begin_us).data)
    app.extensions["playback_workshop"].jpegs = kept = Kept(5 * size, len)
    for number in range(12):
        picture(client, source_id, recorded.begin_us + number * FRAME_US)
        assert kept.size_bytes <= 5 * size
    assert kept.size_bytes > 2 * size


def test_the_jpeg_not_asked_for_the_longest_leaves_first() -> None:
    kept = Kept(10, len)
    kept.keep("a", b"1234")
    kept.keep("b", b"1234")
    assert kept.find("a") == b"1234"
    kept.keep("c", b"1234")
    assert [kept.find(name) for name in "abc"] == [b"1234", None, b"1234"]
    kept.keep("a", b"12345678")
    kept.keep("d", b"12345678901")
    assert [kept.find(name) for name in "acd"] == [b"12345678", None, None]
    assert kept.size_bytes == 8


def test_who_finds_the_decoder_busy_waits_then_is_told_when_to_come_back(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    picture(client, source_id, recorded.begin_us)
    shop = app.extensions["playback_workshop"]
    shop.decoding = gate = Gate(1, max_waiting=1, patience_s=0.2)
    with gate.passed():
        answer = picture(client, source_id, recorded.begin_us + FRAME_US)
        assert (answer.status_code, answer.json["detail"][0]["type"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        assert picture(client, source_id, recorded.begin_us).status_code == 200  # made before
    assert picture(client, source_id, recorded.begin_us + FRAME_US).status_code == 200


def test_a_gate_lets_the_next_in_and_turns_away_who_is_too_many() -> None:
    gate = Gate(1, max_waiting=1, patience_s=30)
    waiting, came_in = threading.Event(), threading.Event()

    def come() -> None:
        waiting.set()
        with gate.passed():
            came_in.set()

    thread = threading.Thread(target=come)
    with gate.passed():
        thread.start()
        assert waiting.wait(10)
        while not gate._waiting:
            threading.Event().wait(0.005)
        with pytest.raises(Busy), gate.passed():
            pass
        assert not came_in.is_set()
    thread.join(10)
    assert came_in.is_set()


def test_a_broken_sample_costs_what_depends_on_it(app, client, source_id, media, caplog):
    recorded = record(app, source_id, media("h264"))
    segment = segments_of(app, source_id)[1]
    index = segment.load_index()
    key = int(index.v_stss[1]) - 1
    spoil(segment.path, int(index.v_offsets[key]), int(index.v_stsz[key]))
    begin_us = recorded.begin_us + 3 * GOP * FRAME_US
    answer = picture(client, source_id, begin_us + 1)
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "picture_unreadable")
    assert answer.json["before_utc"] == utc(begin_us)
    assert answer.json["after_utc"] == utc(begin_us + GOP * FRAME_US)
    assert "cannot be made" in caplog.text
    assert number_of(picture(client, source_id, begin_us - 1)) == 3 * GOP - 1
    assert number_of(picture(client, source_id, begin_us + GOP * FRAME_US)) == 4 * GOP


@pytest.mark.parametrize("kind", ["h264", "b-frames", "h265"])
def test_noise_on_the_disk_never_fails_the_server(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    rng = random.Random(kind)
    for segment in segments_of(app, source_id):
        for _ in range(12):
            spoil(segment.path, rng.randrange(segment.body_begin_bytes, segment.body_end_bytes - 16), 16)
    for number in rng.sample(range(8 * FPS), 24):
        answer = picture(client, source_id, recorded.begin_us + number * FRAME_US)
        assert answer.status_code in (200, 404), answer.text
    sheet = f"/playbackapi/source/{source_id}/thumbnails?start={utc(recorded.begin_us)}&end={utc(recorded.end_us)}"
    assert client.get(sheet).status_code in (200, 404)


def test_a_missing_or_altered_file_is_a_gap(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    segments = segments_of(app, source_id)
    Path(segments[1].path).unlink()
    with Path(segments[2].path).open("ab") as file:
        file.write(b"more")
    answer = picture(client, source_id, recorded.begin_us + 3_000_000)
    assert answer.status_code == 404
    assert answer.json["before_utc"] == utc(segments[0].end_us)
    assert answer.json["after_utc"] == utc(segments[3].start_us)


def test_a_file_without_any_usable_index_is_told_and_logged(app, client, source_id, media, caplog):
    recorded = record(app, source_id, media("h264"))
    segment = segments_of(app, source_id)[1]
    with sqlite3.connect(app.config["PLAYBACK"].instance_path / "app.db") as database:
        database.execute("UPDATE segment SET index_size_bytes = 0")
    database.close()
    spoil(segment.path, 0, Path(segment.path).stat().st_size)
    answer = picture(client, source_id, recorded.begin_us + 3_000_000)
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "picture_unreadable")
    assert "cannot be made" in caplog.text


def test_no_connection_to_the_database_is_held_while_decoding(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    picture(client, source_id, recorded.begin_us)
    shop = app.extensions["playback_workshop"]
    held = []

    class Watching(Gate):
        def _enter(self) -> None:
            with app.app_context():
                held.append(db.engine.pool.checkedout())
            super()._enter()

    shop.decoding = Watching(1)
    assert picture(client, source_id, recorded.begin_us + 5 * FRAME_US).status_code == 200
    assert held == [0]
