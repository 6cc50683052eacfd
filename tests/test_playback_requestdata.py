"""Request data, the timeline, and what is answered to wrong questions."""

import itertools
import uuid

import pytest

from app.extensions import writing
from app.models import Attempt, Record, Tag, Wanted
from app.tasks.syncing import open_recording
from tests.archived import T0_US, add_source, address, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.test_playback_mp4 import hashes


def data_of(client, source_id, begin_us, end_us, more=""):
    return client.get(address(source_id, begin_us, end_us, more, name="").replace("/?", "?"))


def add_record(app, source_id, name, begin_us, end_us):
    with app.app_context(), writing() as session:
        tag = Tag(name=name)
        session.add(tag)
        session.flush()
        row = Record(source_id=source_id, tag_id=tag.id, begin_us=begin_us, end_us=end_us)
        session.add(row)
        session.flush()
        return row.id


def add_ledger(app, source_id, wanted, attempts):
    with app.app_context(), writing() as session:
        for begin_us, end_us in wanted:
            session.add(Wanted(source_id=source_id, begin_us=begin_us, end_us=end_us))
        for begin_us, end_us, reason, run_id, *detail in attempts:
            session.add(
                Attempt(
                    source_id=source_id,
                    recorder_id=str(uuid.uuid4()),
                    begin_us=begin_us,
                    end_us=end_us,
                    reason=reason,
                    detail=detail[0] if detail else None,
                    run_id=run_id,
                )
            )


def test_request_data_tells_everything_of_a_range(app, client, source_id, media):
    first = record(app, source_id, media("audio"))
    second = record(app, source_id, media("h264", width=320, height=240), begin_us=first.end_us + 20_000_000)
    older = add_record(app, source_id, "older", first.begin_us - 1, None)
    newer = add_record(app, source_id, "newer", second.begin_us - 1, second.end_us)
    begin_us, end_us = first.begin_us - 5_000_000, second.end_us + 5_000_000
    add_ledger(
        app,
        source_id,
        [(first.begin_us - 3_000_000, second.end_us)],
        [
            (first.begin_us - 3_000_000, first.end_us, "silent", first.run_id),
            (first.end_us + 1_000_000, first.end_us + 4_000_000, "camera_unreachable", None),
            (second.begin_us - 3_000_000, second.end_us, "stopped", second.run_id),
        ],
    )
    answer = data_of(client, source_id, begin_us, end_us)
    assert answer.status_code == 200
    told = answer.json
    assert (told["source_id"], told["start_utc"], told["end_utc"]) == (source_id, utc(begin_us), utc(end_us))
    assert told["duration"] == pytest.approx(16, abs=0.01)
    assert told["spans"] == [
        {"start_utc": utc(first.begin_us), "end_utc": utc(first.end_us), "record_id": older, "tag": "older"},
        {"start_utc": utc(second.begin_us), "end_utc": utc(second.end_us), "record_id": newer, "tag": "newer"},
    ]
    assert told["gaps"][0] == {
        "start_utc": utc(begin_us),
        "end_utc": utc(first.begin_us - 3_000_000),
        "cause": "not_recording",
    }
    edges = sorted((item["start_utc"], item["end_utc"]) for item in told["spans"] + told["gaps"])
    assert edges[0][0] == utc(begin_us)
    assert edges[-1][1] == utc(end_us)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(edges))
    assert (told["width"], told["height"]) == (320, 240)
    assert told["codecs"].startswith("avc1.")
    assert [(run["width"], "mp4a.40.2" in run["codecs"]) for run in told["runs"]] == [(192, True), (320, False)]
    assert [item["tag"] for item in told["records"]] == ["older", "newer"]
    movie = client.get(told["urls"]["mp4"])
    assert len(movie.data) == told["bytes"]
    assert client.get(told["urls"]["hls"]).status_code == 200


def test_a_span_is_named_after_the_record_begun_last_that_shows_a_frame_of_it(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    frame_us = recorded.begin_us + 3_000_000  # one every 50 ms
    long = add_record(app, source_id, "long", recorded.begin_us, recorded.begin_us + 4_000_000)
    add_record(app, source_id, "between", frame_us + 5_000, frame_us + 45_000)

    def told_of(begin_us):
        told = data_of(client, source_id, begin_us, recorded.end_us).json
        assert len(told["spans"]) == 1
        return told["spans"][0]["record_id"], told["spans"][0]["tag"], [item["tag"] for item in told["records"]]

    assert told_of(recorded.begin_us) == (long, "long", ["long", "between"])
    one = add_record(app, source_id, "one frame", frame_us - 5_000, frame_us + 5_000)
    assert told_of(recorded.begin_us) == (one, "one frame", ["long", "one frame", "between"])
    assert told_of(recorded.begin_us + 4_000_000) == (None, None, [])


def test_causes_of_a_gap_follow_the_attempts(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    base = first.end_us
    second = record(app, source_id, media("h264", seed=3), begin_us=base + 40_000_000)
    add_ledger(
        app,
        source_id,
        [(first.begin_us, base + 10_000_000), (base + 20_000_000, None)],
        [
            (first.begin_us, base + 3_000_000, "silent", first.run_id),
            (base + 4_000_000, base + 8_000_000, "camera_unreachable", None),
            (base + 25_000_000, base + 35_000_000, "wrong_password", None),
            (base + 36_000_000, None, None, second.run_id),
        ],
    )
    told = data_of(client, source_id, first.begin_us, second.end_us).json
    causes = [(gap["cause"], gap["start_utc"]) for gap in told["gaps"]]
    assert causes == [
        ("silent", utc(base)),
        ("camera_unreachable", utc(base + 4_000_000)),
        ("not_recording", utc(base + 10_000_000)),
        ("camera_unreachable", utc(base + 20_000_000)),
        ("wrong_password", utc(base + 25_000_000)),
        ("starting", utc(base + 36_000_000)),
    ]


def gaps_of(client, source_id, begin_us, end_us):
    where = f"/api/v1/source/{source_id}/gaps?start={utc(begin_us)}&end={utc(end_us)}"
    return [(gap["cause"], gap["detail"], gap["start_utc"], gap["end_utc"]) for gap in client.get(where).json["gaps"]]


def test_a_crash_is_the_cause_however_soon_the_next_attempt_began(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=3), begin_us=first.end_us + 5_000_000)
    crash_us, detail = first.end_us + 900_000, "ffmpeg was ended by signal 9"
    add_ledger(
        app,
        source_id,
        [(first.begin_us, None)],
        [
            (first.begin_us, crash_us, "crashed", first.run_id, detail),
            (crash_us + 600_000, None, None, second.run_id),
        ],
    )
    found = gaps_of(client, source_id, first.begin_us, second.end_us)
    assert found == [("crashed", detail, utc(first.end_us), utc(second.begin_us))]


def test_the_moment_before_the_first_attempt_is_starting_too(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    begin_us = recorded.begin_us - 4_000_000
    add_ledger(app, source_id, [(begin_us, None)], [(begin_us + 300_000, None, None, recorded.run_id)])
    found = gaps_of(client, source_id, begin_us, recorded.end_us)
    assert found == [("starting", None, utc(begin_us), utc(recorded.begin_us))]


@pytest.mark.parametrize("ending", ["recorder_stopped", None], ids=["ended", "living"])
def test_a_range_that_begins_while_the_camera_connects_is_starting(app, client, source_id, media, ending):
    recorded = record(app, source_id, media("h264"))
    begin_us, end_us = recorded.begin_us - 6_000_000, recorded.end_us + 5_000_000
    until_us = end_us if ending else None
    add_ledger(app, source_id, [(begin_us, until_us)], [(begin_us, until_us, ending, recorded.run_id, "the end")])
    behind = (ending or "pending", "the end", utc(recorded.end_us), utc(end_us))
    for from_us in (begin_us, begin_us + 1, recorded.begin_us - 3_000_000, recorded.begin_us - 1):
        found = gaps_of(client, source_id, from_us, end_us)
        assert found[0] == ("starting", None, utc(from_us), utc(recorded.begin_us))
        assert found[1][::2] == behind[::2]
    record_id = add_record(app, source_id, "second", recorded.begin_us - 3_000_000, recorded.end_us)
    with app.app_context():
        description = open_recording(record_id).description
    assert [gap["cause"] for gap in description["gaps"]] == ["starting"]


def test_a_living_attempt_without_footage_is_starting_from_wherever_it_is_asked(client, app, source_id):
    add_ledger(app, source_id, [(T0_US, None)], [(T0_US, None, None, str(uuid.uuid4()))])
    found = gaps_of(client, source_id, T0_US + 3_000_000, T0_US + 9_000_000)
    assert found == [("starting", None, utc(T0_US + 3_000_000), utc(T0_US + 9_000_000))]


@pytest.mark.parametrize("reason", ["no_key_frame", "no_video"])
def test_an_attempt_without_footage_gives_its_reason_and_a_living_one_is_starting(app, client, source_id, reason):
    ends = [T0_US, T0_US + 20_000_000, T0_US + 30_000_000]
    add_ledger(
        app,
        source_id,
        [(T0_US, None)],
        [(ends[0], ends[1], reason, str(uuid.uuid4()), "why"), (ends[1], None, None, str(uuid.uuid4()))],
    )
    found = gaps_of(client, source_id, ends[0], ends[2])
    assert found == [(reason, "why", utc(ends[0]), utc(ends[1])), ("starting", None, utc(ends[1]), utc(ends[2]))]


def test_what_is_wanted_again_after_a_stop_is_starting(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    again_us = recorded.end_us + 10_000_000
    add_ledger(
        app,
        source_id,
        [(recorded.begin_us, recorded.end_us), (again_us, None)],
        [(recorded.begin_us, recorded.end_us, "stopped", recorded.run_id, "stopped as asked")],
    )
    found = gaps_of(client, source_id, recorded.begin_us, again_us + 5_000_000)
    assert [(cause, begin) for cause, _, begin, _ in found] == [
        ("not_recording", utc(recorded.end_us)),
        ("starting", utc(again_us)),
    ]


def test_what_an_open_segment_does_not_hold_yet_is_pending(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"), leave_open=True)
    begin_us = recorded.begin_us - 1_000_000
    add_ledger(app, source_id, [(begin_us, None)], [(begin_us, None, None, recorded.run_id)])
    told = data_of(client, source_id, begin_us, recorded.end_us + 5_000_000).json
    assert [gap["cause"] for gap in told["gaps"]] == ["starting", "pending"]
    assert "rev=" in told["urls"]["mp4"]
    assert client.get(told["urls"]["mp4"]).status_code == 200
    live = client.get(f"/playbackapi/source/{source_id}?start={utc(recorded.begin_us)}").json
    assert live["gaps"] == []
    assert live["end_utc"] == live["spans"][0]["end_utc"]
    assert "end=" not in live["urls"]["hls"]
    assert "rev=" in live["urls"]["mp4"]
    assert client.get(live["urls"]["mp4"]).status_code == 200


def test_a_record_is_its_span_of_its_source(app, client, source_id, media):
    recorded = record(app, source_id, media("audio"))
    record_id = add_record(app, source_id, "t", recorded.begin_us + 2_000_000, recorded.begin_us + 5_000_000)
    told = client.get(f"/playbackapi/record/{record_id}").json
    assert told["start_utc"] == utc(recorded.begin_us + 2_000_000)
    assert told["duration"] == 3
    assert told["urls"]["mp4"].startswith(f"/playbackapi/record/{record_id}/video.mp4?")
    movie = client.get(f"/playbackapi/record/{record_id}/video.mp4")
    same = client.get(address(source_id, recorded.begin_us + 2_000_000, recorded.begin_us + 5_000_000))
    assert hashes(movie.data) == hashes(same.data)
    assert "#EXTINF" in client.get(f"/playbackapi/record/{record_id}/index.m3u8").text
    outside = client.get(f"/playbackapi/record/{record_id}?start={utc(recorded.begin_us)}&duration=1")
    assert outside.status_code == 404
    assert client.get(f"/playbackapi/record/{uuid.uuid4()}").status_code == 404
    assert client.get("/playbackapi/record/7").status_code == 422


def test_a_range_without_footage_names_the_nearest(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=2), begin_us=first.end_us + 20_000_000)
    inside = (first.end_us + 1_000_000, second.begin_us - 1_000_000)
    for name in ("", "video.mp4", "index.m3u8"):
        answer = client.get(address(source_id, *inside, name=name).replace("/?", "?"))
        assert answer.status_code == 404
        assert answer.json["before_utc"] == utc(first.end_us)
        assert answer.json["after_utc"] == utc(second.begin_us)
        assert answer.json["detail"][0]["type"] == "no_footage"
    early = data_of(client, source_id, T0_US - 100_000_000, T0_US - 50_000_000).json
    assert (early["before_utc"], early["after_utc"]) == (None, utc(first.begin_us))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("", "start"),
        ("start=2026-11-21T08:00:00", "start"),
        ("start=yesterday", "start"),
        ("start=-5", "start"),
        ("start=99999999999999", "start"),
        ("start=2026-11-21T08:00:00Z&end=2026-11-21T08:00:00Z", "start"),
        ("start=2026-11-21T08:00:00Z&end=2026-11-21T09:00:00Z&duration=5", "duration"),
        ("start=2026-11-21T08:00:00Z&duration=0", "duration"),
        ("start=2026-11-21T08:00:00Z&duration=nan", "duration"),
        ("start=2026-11-21T08:00:00Z&duration=253000000000", "duration"),
        ("start=253402300799.5&duration=0.5", "duration"),
        ("start=%D9%A1%D9%A2", "start"),
        ("start=2026-11-21T08:00:00Z&duration=%D9%A5", "duration"),
        ("start=2026-11-21T08:00:00Z&gaps=sometimes", "gaps"),
        ("start=2026-09-21T08:00:00Z&end=2026-11-21T08:00:00Z", "end"),
        ("start=2026-11-21T08:00:00Z&duration=9&rev=x", "rev"),
    ],
)
def test_a_wrong_parameter_is_named(client, source_id, query, name):
    answer = client.get(f"/playbackapi/source/{source_id}/video.mp4?{query}")
    assert answer.status_code == 422
    assert answer.json["detail"][0]["loc"] == ["query", name]


def test_instants_end_with_the_year_9999_for_gaps_too(client, source_id):
    gaps = f"/api/v1/source/{source_id}/gaps?start="
    beyond = client.get(gaps + "2026-11-21T08:00:00Z&duration=253000000000")
    assert (beyond.status_code, beyond.json["detail"][0]["loc"]) == (422, ["query", "duration"])
    last = client.get(gaps + "253402300799&duration=0.5")
    assert last.json["gaps"][0]["end_utc"] == "9999-12-31T23:59:59.500000Z"


def test_all_ways_of_writing_an_instant_mean_the_same(app, client, source_id, media):
    recorded = record(app, source_id, media("h264"))
    seconds = recorded.begin_us // 1_000_000
    answers = [
        client.get(f"/playbackapi/source/{source_id}?start={start}&{end}").json["start_utc"]
        for start, end in (
            ("2026-11-21T08:00:00Z", "duration=2"),
            ("2026-11-21T10:00:00%2B02:00", "duration=2.0"),
            ("2026-11-21T10:00:00+02:00", f"end={seconds + 2}"),
            (str(seconds), "end=2026-11-21T08:00:02.000Z"),
            (f"{seconds}.000", "end=2026-11-21T03:00:02-05:00"),
        )
    ]
    assert set(answers) == {"2026-11-21T08:00:00.000000Z"}


def test_an_unknown_source_is_404_and_a_wrong_id_422(client, source_id):
    assert client.get("/playbackapi/source/999?start=0").status_code == 404
    assert client.get("/playbackapi/source/x?start=0").status_code == 422
    assert client.get(f"/playbackapi/source/{source_id}/?start=0").status_code == 404  # known, without footage


def test_the_timeline_shows_coverage_and_joins_short_gaps(app, client, source_id, media):
    first = record(app, source_id, media("h264"))
    second = record(app, source_id, media("h264", seed=2), begin_us=first.end_us + 3_000_000, leave_open=True)
    other = add_source(app)
    times = f"start={utc(T0_US - 10_000_000)}&end={utc(T0_US + 60_000_000)}"
    where = f"/playbackapi/timeline?source_id={source_id},{other}&{times}"
    fine = client.get(where + "&resolution=1").json
    assert fine["sources"][0]["source_id"] == source_id
    assert len(fine["sources"][0]["spans"]) == 2
    assert fine["sources"][0]["spans"][0] == {"start_utc": utc(first.begin_us), "end_utc": utc(first.end_us)}
    assert fine["sources"][1] == {"source_id": other, "spans": []}
    coarse = client.get(where + "&resolution=10").json["sources"][0]["spans"]
    assert len(coarse) == 1
    assert coarse[0]["end_utc"] >= utc(second.begin_us)
    assert client.get(where + "&resolution=0.001").status_code == 422
    assert client.get(where.replace(f",{other}&", ",999&")).status_code == 404
    assert client.get("/playbackapi/timeline?source_id=a&start=0").status_code == 422
