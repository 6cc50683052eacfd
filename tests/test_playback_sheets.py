"""`thumbnails` and `thumbnails.vtt`: the sheet shows what the index says, in the media time of the MP4 beside it."""

import io
import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.formats.webvtt import timestamp
from app.playback.gate import Gate
from tests.archived import FPS, KINDS, T0_US, address, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.media import read_number
from tests.test_playback_requestdata import add_record
from tests.test_playback_stills import GOP, luma_of, segments_of, spoil

CUE = re.compile(r"([\d:.]+) --> ([\d:.]+)\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)\n")
WIDE = {"width": 192, "height": 120}


def seconds(text: str) -> float:
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def cues_of(client, where: str) -> list[tuple[float, float, str, tuple[int, ...]]]:
    """Return begin, end, address of the sheet and rectangle of each cue."""
    answer = client.get(where, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "text/vtt"
    assert answer.text.startswith("WEBVTT\n\n")
    found = CUE.findall(answer.text)
    assert answer.text.count("-->") == len(found)
    return [(seconds(begin), seconds(end), sheet, tuple(map(int, box))) for begin, end, sheet, *box in found]


def numbers_of(client, cues) -> list[int]:
    """Return the number of the frame in each cell."""
    (where,) = {sheet for _, _, sheet, _ in cues}
    answer = client.get(where)
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    sheet = luma_of(answer.data)
    return [read_number(sheet[top : top + high, left : left + wide]) for *_, (left, top, wide, high) in cues]


def frames_at(client, where: str, instants_s: list[float]) -> list[int]:
    """Return the number of the frame that a player of the MP4 shows at each time."""
    with av.open(io.BytesIO(client.get(where, follow_redirects=True).data)) as container:
        shown = [
            (float(frame.time), read_number(frame.to_ndarray(format="gray"))) for frame in container.decode(video=0)
        ]
    return [[number for time_s, number in shown if time_s <= at_s + 1e-6][-1] for at_s in instants_s]


@pytest.mark.parametrize("kind", KINDS)
def test_cells_show_the_key_frames_next_to_what_the_mp4_shows_then(app, client, source_id, media, kind):
    recorded = record(app, source_id, media(kind))
    span = (source_id, recorded.begin_us + 1_300_000, recorded.begin_us + 7_300_000)
    cues = cues_of(client, address(*span, "&count=24&width=192", name="thumbnails.vtt"))
    assert [(begin, end) for begin, end, *_ in cues] == [(number / 4, (number + 1) / 4) for number in range(24)]
    shown = numbers_of(client, cues)
    played = frames_at(client, address(*span), [(begin + end) / 2 for begin, end, *_ in cues])
    for number, at in zip(shown, played, strict=True):
        assert 26 <= number < 146, "a cell shows what is not in the range"
        assert abs(number - at) <= GOP // 2 + 1, (number, at)
    assert set(shown) == {26, 40, 60, 80, 100, 120, 140}  # before the first key frame the first frame of the range


def test_the_default_sheet_has_a_hundred_cells_in_rows_of_ten(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    span = (source_id, recorded.begin_us, recorded.end_us)
    cues = cues_of(client, address(*span, name="thumbnails.vtt"))
    assert len(cues) == 100
    assert cues[0][0] == 0
    assert cues[-1][1] == pytest.approx(8, abs=0.001)
    assert [box for *_, box in cues][9:12] == [(1440, 0, 160, 100), (0, 100, 160, 100), (160, 100, 160, 100)]
    sheet = cv2.imdecode(np.frombuffer(client.get(cues[0][2]).data, np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (1000, 1600, 3)


@pytest.mark.parametrize(("gaps", "count"), [("collapse", 8), ("hold", 12)])
def test_a_gap_has_no_cells_or_those_of_the_picture_that_is_held(app, client, source_id, media, gaps, count):
    first = record(app, source_id, media("h264", **WIDE))
    record(app, source_id, media("h264", seed=5, **WIDE), begin_us=first.end_us + 8_000_000)
    span = (source_id, first.begin_us, first.end_us + 16_000_000)
    cues = cues_of(client, address(*span, f"&count={count}&width=192&gaps={gaps}", name="thumbnails.vtt"))
    assert cues[-1][1] == pytest.approx(16 if gaps == "collapse" else 24, abs=0.01)
    shown = numbers_of(client, cues)
    sheet = client.get(address(*span, f"&count={count}&width=192&gaps={gaps}", name="thumbnails"))
    assert float(sheet.headers["X-Media-Seconds"]) == pytest.approx(cues[-1][1], abs=0.001)
    held = [140] * (count - 8)
    assert shown == [20, 60, 100, 140, *held, 20, 60, 100, 140]
    refused = client.get(address(*span, "&gaps=fail", name="thumbnails"))
    assert (refused.status_code, len(refused.json["gaps"])) == (409, 1)


def test_a_sheet_of_held_gaps_runs_with_the_wall_clock_from_the_begin_of_its_range(app, client, source_id, media):
    recorded = record(app, source_id, media("h264", **WIDE))
    span = (source_id, recorded.begin_us - 8_000_000, recorded.end_us + 5_000_000)
    where = address(*span, "&count=8&width=192&gaps=hold", name="thumbnails")
    assert float(client.get(where).headers["X-Media-Seconds"]) == pytest.approx(16, abs=0.01)
    cues = cues_of(client, where.replace("thumbnails?", "thumbnails.vtt?"))
    assert numbers_of(client, cues) == [0, 0, 0, 0, 20, 60, 100, 140]


def test_a_sheet_shows_of_overlapping_runs_what_the_film_plays(app, client, source_id, media):
    first = record(app, source_id, media("h264", **WIDE), segment_s=8)
    record(app, source_id, media("h264", seconds=3, seed=4, **WIDE), begin_us=first.begin_us + 2_000_000)
    span = (source_id, first.begin_us, first.end_us)
    cues = cues_of(client, address(*span, "&count=16&width=192", name="thumbnails.vtt"))
    played = frames_at(client, address(*span), [(begin + end) / 2 for begin, end, *_ in cues])
    assert played == [5, 15, 25, 35, 5, 15, 25, 35, 45, 55, 105, 115, 125, 135, 145, 155]
    # The fourth is nearest to the first key frame of the run that takes over then.
    assert numbers_of(client, cues) == [0, 20, 20, 0, 0, 20, 20, 40, 40, 100, 100, 120, 120, 140, 140, 140]


def test_a_codec_change_within_a_sheet(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h265", width=384, height=120), begin_us=first.end_us + 2_000_000)
    span = (source_id, first.begin_us, second.end_us)
    cues = cues_of(client, address(*span, "&count=2&width=192", name="thumbnails.vtt"))
    sheet = luma_of(client.get(cues[0][2]).data)
    assert sheet.shape == (120, 384)
    assert read_number(sheet[:, :192]) in (4 * FPS - GOP, 4 * FPS)
    below = sheet[:, 192:]  # wider than the cell: black above and below, which is 16
    assert read_number(below[30:90]) in (4 * FPS - GOP, 4 * FPS)
    assert below[:20].max() < 24


def test_a_range_into_the_open_segment_is_pinned_and_stays_the_same(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"), leave_open=True)
    for name in ("thumbnails", "thumbnails.vtt"):
        where = f"/playbackapi/source/{source_id}/{name}?start={utc(recorded.begin_us)}&count=4&width=192"
        answer = client.get(where)
        assert answer.status_code == 307
        assert "rev=" in answer.location
        assert f"/{name}?" in answer.location
        assert "count=4" in answer.location
    cues = cues_of(client, where)
    assert "rev=" in cues[0][2]
    assert len(numbers_of(client, cues)) == 4


def test_the_same_sheet_is_the_same_bytes_and_is_not_sent_twice(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    where = address(source_id, recorded.begin_us, recorded.end_us, "&count=4", name="thumbnails")
    first, index = client.get(where), client.get(where.replace("thumbnails?", "thumbnails.vtt?"))
    app.extensions.pop("playback_workshop")
    known = client.get(where, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert "playback_workshop" not in app.extensions, "nothing was to be decoded"
    again = client.get(where)
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    app.extensions["playback_workshop"].decoding = Gate(1, max_waiting=0)
    with app.extensions["playback_workshop"].decoding.passed():
        assert client.get(where).data == first.data  # kept
        assert client.get(where.replace("count=4", "count=5")).status_code == 503
    assert client.get(where.replace("count=4", "count=5")).headers["ETag"] != first.headers["ETag"]
    assert index.headers["ETag"] != first.headers["ETag"]


def test_a_record_has_sheets_of_its_own_time(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    record_id = add_record(app, source_id, "t", recorded.begin_us + 2_000_000, recorded.begin_us + 6_000_000)
    cues = cues_of(client, f"/playbackapi/record/{record_id}/thumbnails.vtt?count=4&width=192")
    assert cues[0][2].startswith(f"/playbackapi/record/{record_id}/thumbnails?")
    assert numbers_of(client, cues) == [40, 60, 80, 100]


def test_what_cannot_be_read_stays_black_and_is_not_kept(app, client, source_id, media, caplog):
    recorded = record(app, source_id, media("h264"))
    segment = segments_of(app, source_id)[1]
    index = segment.load_index()
    for key in index.v_stss.astype(int) - 1:
        spoil(segment.path, int(index.v_offsets[key]), int(index.v_stsz[key]))
    where = address(source_id, recorded.begin_us, recorded.end_us, "&count=4&width=192", name="thumbnails")
    sheet = luma_of(client.get(where).data)
    cells = [sheet[:120, :192], sheet[:120, 192:], sheet[120:, :192], sheet[120:, 192:]]
    assert [cell.max() < 20 for cell in cells] == [False, True, False, False]
    assert "1 of 4 thumbnails are missing" in caplog.text
    assert app.extensions["playback_workshop"].jpegs.size_bytes == 0
    lost = address(source_id, segment.start_us, segment.end_us, "&count=4", name="thumbnails")
    answer = client.get(lost)
    assert (answer.status_code, answer.json["detail"][0]["type"]) == (404, "picture_unreadable")


def test_a_missing_file_is_left_out_of_the_sheet(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    Path(segments_of(app, source_id)[1].path).unlink()
    cues = cues_of(
        client, address(source_id, recorded.begin_us, recorded.end_us, "&count=6&width=192", name="thumbnails.vtt")
    )
    assert cues[-1][1] == pytest.approx(6, abs=0.001)
    assert not {40, 60} & set(numbers_of(client, cues))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "start"),
        ("start=2026-11-21T08:00:00", "start"),
        ("start=2026-11-21T08:00:00Z&duration=8&count=0", "count"),
        ("start=2026-11-21T08:00:00Z&duration=8&count=401", "count"),
        ("start=2026-11-21T08:00:00Z&duration=8&count=ten", "count"),
        ("start=2026-11-21T08:00:00Z&duration=8&width=15", "width"),
        ("start=2026-11-21T08:00:00Z&duration=8&width=641", "width"),
        ("start=2026-11-21T08:00:00Z&duration=8&count=400&width=640", "count"),
        ("start=2026-11-21T08:00:00Z&duration=2764800", "end"),
        ("start=2026-11-21T08:00:00Z&duration=8&gaps=no", "gaps"),
    ],
)
def test_a_wrong_parameter_is_named(app, client, source_id, media, query, name):
    record(app, source_id, media("h264"))
    for path in ("thumbnails", "thumbnails.vtt"):
        answer = client.get(f"/playbackapi/source/{source_id}/{path}?{query}")
        assert answer.status_code == 422
        assert answer.json["detail"][0]["loc"] == ["query", name]


def test_a_range_without_footage_is_404_with_the_nearest(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    for name in ("thumbnails", "thumbnails.vtt"):
        answer = client.get(address(source_id, T0_US + 60_000_000, T0_US + 70_000_000, name=name))
        assert answer.status_code == 404
        assert answer.json["before_utc"] == utc(recorded.end_us)


def test_more_cells_than_milliseconds_leave_out_what_has_no_time(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    span = (source_id, recorded.begin_us, recorded.begin_us + 100_000)
    cues = cues_of(client, address(*span, "&count=400&width=16", name="thumbnails.vtt"))
    assert len(cues) == 100
    assert all(begin < end for begin, end, *_ in cues)


def test_timestamps_are_those_of_webvtt() -> None:
    assert [timestamp(value) for value in (0, 59.9996, 3725.04, 31 * 86_400)] == [
        "00:00:00.000",
        "00:01:00.000",
        "01:02:05.040",
        "744:00:00.000",
    ]
