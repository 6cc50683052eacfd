"""Wrong questions to playback: always the contract's answer that names what is wrong, never a failure of ours."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archived import T0_US, add_source, utc
from tests.clips import clips as clips
from tests.synthetic import FileSpec, Growing, RunSpec, make_run, take_in
from tests.test_playback_properties import examples
from tests.test_playback_properties import lasting_app as lasting_app
from tests.test_playback_requestdata import add_record

START = f"start={utc(T0_US)}"
RANGED = ("", "/video.mp4", "/index.m3u8")

NOBODY = "5b1ce5f6-3a0e-4c51-9d5e-2f6c0a7d4e88"  # the id of nothing; the same in all processes that collect these tests


@pytest.fixture(scope="module")
def source_id(lasting_app, clips):
    """Return a source with two runs, 20 s apart, and a third that is open."""
    source_id, at_us = add_source(lasting_app), T0_US
    for seed in range(3):
        run = make_run(clips, RunSpec((FileSpec("sound", 2), FileSpec("sound", 2)), seed=seed))
        at_us = take_in(lasting_app, source_id, run, at_us, leave_open=seed == 2).end_us + 20_000_000
    return source_id


def refused(answer, status: int) -> dict:
    """Judge the shape of an error; return its first detail."""
    assert answer.status_code == status, answer.text[:300]
    assert answer.content_type == "application/json"
    details = answer.json["detail"]
    assert details
    for detail in details:
        assert detail.keys() == {"loc", "msg", "type"}
        assert detail["loc"][0] in ("path", "query", "header")
        assert isinstance(detail["msg"], str)
        assert re.fullmatch("[a-z0-9_.]+", detail["type"])
    return details[0]


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        (f"start={utc(T0_US + 5_000_000)}&end={utc(T0_US)}", "start"),  # reversed
        ("start=", "start"),
        (f"{START}&end=", "end"),
        (f"{START}&duration=", "duration"),
        (f"{START}&end=2026-11-21T08:00:10", "end"),  # naive
        (f"{START}&end=2026-11-21T08:00:10+25:00", "end"),
        (f"{START}&end=2026-02-30T08:00:10Z", "end"),
        (f"{START}&end=2026-11-21T24:00:01Z", "end"),
        (f"{START}&end=2026-11-21T08:00:60Z", "end"),
        ("start=10000-01-01T00:00:00Z", "start"),
        ("start=0000-01-01T00:00:00Z", "start"),
        ("start=1969-12-31T23:59:59.999999Z&duration=5", "start"),
        ("start=9999-12-31T23:59:59.999999-12:00", "start"),
        ("start=0001-01-01T00:00:00%2B14:00", "start"),
        ("start=253402300800", "start"),
        ("start=-0.001", "start"),
        ("start=1e9", "start"),
        ("start=nan", "start"),
        (f"start={'9' * 5000}", "start"),
        (f"start={'2026-11-21T08:00:00Z' * 500}", "start"),
        ("start=%00", "start"),
        ("start=%ff%fe", "start"),
        ("start=['2026-11-21T08:00:00Z']", "start"),
        (f"{START}&duration=inf", "duration"),
        (f"{START}&duration=-5", "duration"),
        (f"{START}&duration=1e3", "duration"),
        (f"{START}&duration=0.0000000001", "duration"),
        (f"{START}&duration={'9' * 400}", "duration"),
        (f"{START}&duration=5&gaps=", "gaps"),
        (f"{START}&duration=5&gaps=Hold", "gaps"),
        (f"{START}&duration=5&download=maybe", "download"),
    ],
)
def test_a_wrong_parameter_is_named_everywhere(lasting_app, source_id, name, query, parameter):
    detail = refused(lasting_app.test_client().get(f"/playbackapi/source/{source_id}{name}?{query}"), 422)
    assert detail["loc"] == ["query", parameter]


@pytest.mark.parametrize("name", RANGED)
def test_a_parameter_given_twice_and_an_unknown_one_harm_nobody(lasting_app, source_id, name):
    client, where = lasting_app.test_client(), f"/playbackapi/source/{source_id}{name}?{START}&duration=2&gaps=collapse"
    wanted = client.get(where)
    assert wanted.status_code == 200
    assert client.get(where + "&colour=red&rev_=1&%00=%00").data == wanted.data
    for twice in ("&start=1", "&duration=banana", "&gaps=fail"):
        answer = client.get(where + twice)
        assert answer.status_code in (200, 422)
        if answer.status_code == 422:
            refused(answer, 422)


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize(
    ("source", "status"),
    [("0", 404), ("-1", 404), ("999999999", 404), (str(2**31), 404), (str(2**63), 404), ("9" * 39, 404),
     ("9" * 41, 422), ("1.0", 422), ("1e1", 422), ("x", 422), ("%D9%A1", 422), ("%00", 422),
     ("1%20", 422), ("' OR 1=1 --", 422)],
)  # fmt: skip
def test_an_id_of_no_source_is_404_and_one_that_is_no_id_422(lasting_app, name, source, status):
    answer = lasting_app.test_client().get(f"/playbackapi/source/{source}{name}?{START}&duration=5")
    assert refused(answer, status)["loc"] == ["path", "source_id"]


@pytest.mark.parametrize("name", RANGED)
@pytest.mark.parametrize(
    ("record", "status"),
    [(NOBODY, 404), ("7", 422), ("x" * 36, 422), (NOBODY[:-1], 422), (NOBODY.replace("-", ""), 422),
     (f"{{{NOBODY}}}", 422), (f"{NOBODY}%0a", 422), ("%00", 422)],
)  # fmt: skip
def test_an_id_of_no_record_is_404_and_one_that_is_no_id_422(lasting_app, name, record, status):
    answer = lasting_app.test_client().get(f"/playbackapi/record/{record}{name}")
    assert refused(answer, status)["loc"] == ["path", "record_id"]


@pytest.mark.parametrize("name", RANGED)
def test_a_range_outside_a_record_has_no_footage_though_the_source_has(lasting_app, source_id, name):
    record_id = add_record(lasting_app, source_id, f"outside {name}", T0_US + 500_000, T0_US + 1_500_000)
    answer = lasting_app.test_client().get(f"/playbackapi/record/{record_id}{name}?start={utc(T0_US + 1_500_000)}")
    assert answer.status_code in (404, 422)
    refused(answer, answer.status_code)


@pytest.mark.parametrize("name", RANGED)
def test_a_range_wholly_in_a_gap_names_its_neighbours(lasting_app, clips, name):
    client, source_id = lasting_app.test_client(), add_source(lasting_app)
    where = f"/playbackapi/source/{source_id}{name}?start={{}}&end={{}}"
    nothing = client.get(where.format(utc(T0_US), utc(T0_US + 1)))
    assert refused(nothing, 404)["type"] == "no_footage"
    assert (nothing.json["before_utc"], nothing.json["after_utc"]) == (None, None)
    spec = RunSpec((FileSpec("plain", 1), FileSpec("plain", 1)))
    first = take_in(lasting_app, source_id, make_run(clips, spec), T0_US)
    second = take_in(lasting_app, source_id, make_run(clips, spec), T0_US + 86_400_000_000)
    for begin_us, end_us, before_us, after_us in (
        (T0_US - 9_000_000, T0_US, None, first.begin_us),
        (first.end_us, second.begin_us, first.end_us, second.begin_us),
        (first.end_us + 5, first.end_us + 6, first.end_us, second.begin_us),
        (second.end_us, second.end_us + 9_000_000, second.end_us, None),
    ):
        answer = client.get(where.format(utc(begin_us), utc(end_us)))
        assert refused(answer, 404)["type"] == "no_footage"
        wanted = tuple(utc(instant) if instant is not None else None for instant in (before_us, after_us))
        assert (answer.json["before_utc"], answer.json["after_utc"]) == wanted


# --- rev ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rev",
    ["", ":", "x:1", NOBODY, f"{NOBODY}:", f"{NOBODY}:-1", f"{NOBODY}:1x", "%00:1",
     f"{NOBODY}:{'9' * 19}", f"{NOBODY}:1:2", "-" * 36 + ":1x", "9" * 10_000],
)  # fmt: skip
def test_a_rev_that_nobody_gave_out_is_refused(lasting_app, source_id, rev):
    where = f"/playbackapi/source/{source_id}/video.mp4?{START}&duration=5&rev={rev}"
    answer = lasting_app.test_client().get(where)
    assert refused(answer, 422)["loc"] == ["query", "rev"]


def test_a_rev_of_another_place_is_gone_or_gives_whole_fragments(lasting_app, clips):
    client, source_id, other_id = lasting_app.test_client(), add_source(lasting_app), add_source(lasting_app)
    run = make_run(clips, RunSpec((FileSpec("plain", 3), FileSpec("plain", 3)), seed=9))
    growing = Growing(lasting_app, source_id, run, T0_US)
    for number, data in enumerate(run.files):
        growing.write(number, data)
    growing.look()
    query = f"start={utc(T0_US)}&end={utc(T0_US + 60_000_000)}"
    where = f"/playbackapi/source/{source_id}/video.mp4?{query}"
    location = client.get(where).headers["Location"]
    segment_id, offset = re.search("rev=([0-9a-f-]{36}):([0-9]+)", location).groups()
    whole = client.get(location)
    beyond = client.get(f"{where}&rev={segment_id}:{int(offset) + 10_000}")
    assert beyond.status_code in (200, 404)
    if beyond.status_code == 200:
        assert beyond.data == whole.data
    inside = client.get(f"{where}&rev={segment_id}:{int(offset) - 1}")
    assert inside.status_code in (200, 404)
    assert inside.data != whole.data
    for rev in (f"{segment_id}:1", f"{segment_id}:0", f"{uuid.uuid4()}:{offset}"):
        assert refused(client.get(f"{where}&rev={rev}"), 404)["loc"] == ["query", "rev"]
    elsewhere = client.get(f"/playbackapi/source/{other_id}/video.mp4?{query}&rev={segment_id}:{offset}")
    assert refused(elsewhere, 404)["loc"] == ["query", "rev"]
    earlier = client.get(f"/playbackapi/source/{source_id}/video.mp4?start=5&end=9&rev={segment_id}:{offset}")
    refused(earlier, 404)
    growing.path(1).unlink()
    assert refused(client.get(f"{location}&gaps=hold"), 404)["loc"] == ["query", "rev"]


# --- anything ----------------------------------------------------------------------------------------------

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ("0", "1", "-1", utc(T0_US), utc(T0_US + 3_000_000), "9999-12-31T23:59:59.999999Z", "1e400", "NaN")
    ),
    st.integers().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.floats().map(str),
)
names = st.sampled_from(("start", "end", "duration", "gaps", "rev", "download", "at", "resolution", "source_id"))
places = st.sampled_from((*(f"source/{{}}{name}" for name in RANGED), "timeline"))


@examples(150)
@given(place=places, query=st.lists(st.tuples(names, texts), max_size=5))
def test_no_question_makes_the_server_fail(lasting_app, source_id, place, query):
    client = lasting_app.test_client()
    answer = client.get("/playbackapi/" + place.format(source_id), query_string=query)
    assert answer.status_code in (200, 206, 307, 404, 409, 422), answer.text[:300]
    if answer.status_code >= 400:
        refused(answer, answer.status_code)


@pytest.mark.parametrize(
    "text",
    ["x" * 2_000_000, "2026-11-20T1" * 200_000, "2026-11-20T22:44:05" + " " * 2_000_000 + "Z"],
    ids=["no-instant", "many", "spaces"],
)
def test_an_endless_instant_is_refused_at_once(client, text):
    """Regression: looking for a lost + took the square of the length, 37 s of CPU for 100 kB in a body."""
    answer = client.post("/files/", json={"source_id": 1, "start": text, "end": "2026-11-20T22:44:05Z"})
    assert answer.status_code == 422
    assert [(one["loc"], one["type"]) for one in answer.json["detail"]] == [(["body", "start"], "instant_parsing")]
