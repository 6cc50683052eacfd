"""The timeline: exactly what the segments' rows give, whatever it is read from; and wrong questions."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from app.archive.coverage import DAY, DAYS_32, note_closed
from app.extensions import db, writing
from app.models import Coverage, Run, Segment, Storage
from app.personalulti import utc_text
from app.playback.timeline import find_coverage
from tests.archived import T0_US, add_source, record, utc
from tests.archived import media as media
from tests.archived import source_id as source_id

S = 1_000_000
# Around it are the ends of a day and of 32 days.
BORDER_US = -(-T0_US // DAYS_32.cell_us) * DAYS_32.cell_us
LENGTHS_S = (0.000001, 1, 2.5, 60, 60, 60, 61, 600)
GAPS_S = (0, 0, 0, 0.000001, 1, 9.999999, 10, 11, 60, 1799.999999, 1800, 1801, 3600, 40_000, 90_000)
RESOLUTIONS_S = (0.5, 1, 9.999999, 10, 11, 60, 300, 1799.999999, 1800, 1801, 3600, 100_000, 4_000_000)


@contextmanager
def two_sources(app: Flask) -> Iterator[tuple[int, int]]:
    """Yield the ids of two sources with a run each; the app's context is pushed."""
    ids = add_source(app), add_source(app)
    with app.app_context():
        with writing() as session:
            session.add(Storage(id="storage", path="/nowhere"))
            for source_id in ids:
                session.add(Run(id=f"run {source_id}", source_id=source_id, anchor_us=0, begin_us=0))
        yield ids
        db.session.remove()


@pytest.fixture
def two(app: Flask) -> Iterator[tuple[int, int]]:
    """Yield the ids of two sources with a run each; the app's context is pushed."""
    with two_sources(app) as ids:
        yield ids


@st.composite
def archives(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int, int]]]:
    """Return segments around the border in the order in which they are closed, and questions: range, resolution."""
    rows = {}
    end_us = BORDER_US - draw(st.sampled_from([0, 30, 90, 3600, 86_430, 200_000])) * S
    for _ in range(draw(st.integers(1, 14))):
        overlap_us = draw(st.sampled_from([0, 0, 0, 1, 30 * S, 590 * S]))
        start_us = end_us + round(draw(st.sampled_from(GAPS_S)) * S) - overlap_us
        rows[start_us] = start_us + round(draw(st.sampled_from(LENGTHS_S)) * S)
        end_us = max(end_us, rows[start_us])
    edges = sorted({*rows, *rows.values(), BORDER_US})
    near = st.builds(
        lambda edge, away: edge + away,
        st.sampled_from(edges),
        st.sampled_from([0, 0, 1, -1, S, -S, 5 * S, -5 * S, 900 * S, -900 * S]),
    )
    spot = st.one_of(near, st.integers(edges[0] - S, edges[-1] + S))
    ranges = [sorted((draw(spot), draw(spot))) for _ in range(4)]
    resolutions = [round(draw(st.sampled_from(RESOLUTIONS_S)) * S) for _ in range(3)]
    order = draw(st.permutations(sorted(rows.items())))
    return order, [(begin, end, resolution) for begin, end in ranges if begin < end for resolution in resolutions]


def spans_by_rows(rows: list[tuple[int, int]], begin_us: int, end_us: int, resolution_us: int) -> list[list[int]]:
    """Return the spans of a range by the definition: footage within it, gaps shorter than the resolution not shown."""
    spans: list[list[int]] = []
    for start, end in sorted(rows):
        start, end = max(start, begin_us), min(end, end_us)
        if start >= end:
            continue
        if spans and start - spans[-1][1] < resolution_us:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    return spans


def fill(source_id: int, rows: list[tuple[int, int]], state: int = 1) -> None:
    """Make the only rows of a source, closed in this order; they have no files."""
    with writing() as session:
        session.execute(delete(Segment).where(Segment.source_id == source_id))
        session.execute(delete(Coverage).where(Coverage.source_id == source_id))
        for number, (start_us, end_us) in enumerate(rows):
            keys = {"id": f"{source_id} {number}", "run_id": f"run {source_id}", "storage_id": "storage"}
            times = {"source_id": source_id, "start_us": start_us, "end_us": end_us}
            session.add(Segment(**keys, **times, sequence=number, state=state))
            if state == 1:
                note_closed(session, source_id, start_us, end_us)


# A segment of the greatest length ends in a gap that is not kept; a short one that began later has ended long before.
ENDED_EARLIER = [(BORDER_US, BORDER_US + 600 * S), (BORDER_US + 1, BORDER_US + 2)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(archive=archives())
@example(
    archive=(ENDED_EARLIER, [(BORDER_US, BORDER_US + 610 * S, 10 * S), (BORDER_US, BORDER_US + 2400 * S, 1800 * S)])
)
def test_spans_are_exactly_those_of_the_rows(two, archive) -> None:
    order, questions = archive
    other = [(start - 45 * S, end - 45 * S) for start, end in order[::2]]
    fill(two[0], order)
    fill(two[1], other)
    for asked in questions:
        found = {source_id: spans.tolist() for source_id, spans in find_coverage(two, *asked).items()}
        assert found == {two[0]: spans_by_rows(order, *asked), two[1]: spans_by_rows(other, *asked)}
        db.session.rollback()


def test_both_databases_answer_alike(database_app: Flask) -> None:
    rows = [
        (BORDER_US + begin * S, BORDER_US + end * S) for begin, end in ((-630, -30), (-25, 35), (44, 100), (900, 960))
    ]
    questions = [(-27, 40), (-640, -28), (36, 43), (37, 950), (-1000, 2000), (500, 870), (100, 900)]
    with two_sources(database_app) as ids:
        fill(ids[0], rows[::-1])
        fill(ids[1], rows[1:3])
        for begin, end in questions:
            for resolution_s in (1, 10, 1800):
                asked = (BORDER_US + begin * S, BORDER_US + end * S, resolution_s * S)
                found = {source_id: spans.tolist() for source_id, spans in find_coverage(ids, *asked).items()}
                assert found == {ids[0]: spans_by_rows(rows, *asked), ids[1]: spans_by_rows(rows[1:3], *asked)}


def test_rows_of_missing_files_are_not_shown(two) -> None:
    fill(two[0], [(T0_US, T0_US + 60 * S)], state=2)
    for resolution_s in (1, 10, 1800):
        found = find_coverage(two, T0_US - S, T0_US + 100 * S, resolution_s * S)
        assert [len(found[source_id]) for source_id in two] == [0, 0]


@pytest.mark.parametrize("resolution_s", [1, 10, 1800])
def test_what_is_being_written_is_shown_at_any_resolution(app: Flask, client: FlaskClient, media, resolution_s) -> None:
    source_id, silent = add_source(app), add_source(app)
    recorded = record(app, source_id, media("h264"), leave_open=True)
    where = f"/playbackapi/timeline?source_id={silent},{source_id}&resolution={resolution_s}"
    told = client.get(f"{where}&start={utc(T0_US - 60 * S)}&end={utc(T0_US + 3600 * S)}").json
    (span,) = told["sources"][1]["spans"]
    assert told["sources"][0] == {"source_id": silent, "spans": []}
    assert span == {"start_utc": utc(recorded.begin_us), "end_utc": utc(recorded.end_us)}
    earlier = client.get(f"{where}&start={utc(T0_US - 60 * S)}&end={utc(T0_US)}").json
    assert [source["spans"] for source in earlier["sources"]] == [[], []]


def test_the_answer_tells_instants_as_everywhere(app: Flask, client: FlaskClient, two) -> None:
    rows = [(T0_US + number * 7_200 * S + number, T0_US + number * 7_200 * S + 60 * S) for number in range(40)]
    rows += [(0, 1), (DAY.cell_us, DAY.cell_us + 599_999_999)]
    fill(two[0], sorted(rows))
    answer = client.get(f"/playbackapi/timeline?source_id={two[0]},{two[1]}&start=0&end={utc(T0_US + 3 * DAY.cell_us)}")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert set(answer.json) == {"start_utc", "end_utc", "resolution", "sources"}
    fine = client.get(f"/playbackapi/timeline?source_id={two[0]}&start={utc(T0_US)}&duration=300000&resolution=60").json
    assert fine["sources"][0]["spans"] == [
        {"start_utc": utc_text(start), "end_utc": utc_text(end)} for start, end in rows[:40]
    ]
    early = client.get(f"/playbackapi/timeline?source_id={two[0]}&start=0&duration=90000&resolution=60").json
    assert early["sources"][0]["spans"] == [
        {"start_utc": utc_text(start), "end_utc": utc_text(end)} for start, end in rows[40:]
    ]


def test_a_year_is_read_without_a_row_per_segment(two) -> None:
    days = [BORDER_US + day * DAY.cell_us for day in range(0, 365, 5)]
    rows = [(day_us + hour * 3600 * S, day_us + hour * 3600 * S + 60 * S) for day_us in days for hour in (1, 12)]
    fill(two[0], rows)
    with writing() as session:
        session.execute(delete(Segment))  # whoever reads rows finds nothing
    for resolution_s in (60, 7200):
        found = find_coverage(two, days[0], days[-1] + DAY.cell_us, resolution_s * S)
        assert found[two[0]].tolist() == [list(row) for row in rows]
        assert found[two[1]].tolist() == []


@pytest.mark.parametrize("resolution_s", [1, 10, 1800])
def test_the_number_of_queries_does_not_follow_the_number_of_sources(two, resolution_s) -> None:
    for number in two:
        fill(number, [(T0_US, T0_US + 60 * S)])
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    counts = []
    event.listen(db.engine, "before_cursor_execute", note)
    for asked in (two[:1], two):
        db.session.rollback()
        statements.clear()
        find_coverage(asked, T0_US, T0_US + S, resolution_s * S)
        counts.append(len(statements))
    event.remove(db.engine, "before_cursor_execute", note)
    assert counts[0] == counts[1] > 0


HOUR = "start=2026-11-21T08:00:00Z&end=2026-11-21T09:00:00Z"


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        (HOUR, 422, "source_id"),
        (f"source_id=&{HOUR}", 422, "source_id"),
        (f"source_id=a&{HOUR}", 422, "source_id"),
        (f"source_id=1,&{HOUR}", 422, "source_id"),
        (f"source_id=-1&{HOUR}", 422, "source_id"),
        (f"source_id=1.5&{HOUR}", 422, "source_id"),
        (f"source_id=1,99999999999&{HOUR}", 422, "source_id"),
        (f"source_id={','.join(map(str, range(1, 258)))}&{HOUR}", 422, "source_id"),
        (f"source_id=1,999&{HOUR}", 404, "source_id"),
        (f"source_id=0&{HOUR}", 404, "source_id"),
        ("source_id=1", 422, "start"),
        ("source_id=1&start=2026-11-21T08:00:00", 422, "start"),
        ("source_id=1&start=2026-13-21T08:00:00Z", 422, "start"),
        ("source_id=1&start=-1", 422, "start"),
        ("source_id=1&start=inf", 422, "start"),
        ("source_id=1&start=999999999999", 422, "start"),
        ("source_id=1&start=2026-11-21T08:00:00Z&end=2026-11-21T08:00:00Z", 422, "start"),
        ("source_id=1&start=2026-11-21T08:00:00Z&end=2026-11-21T07:00:00Z", 422, "start"),
        ("source_id=1&start=2026-11-21T08:00:00Z&end=2026-11-21T09:00:00", 422, "end"),
        ("source_id=1&start=2026-11-21T08:00:00Z&duration=-1", 422, "duration"),
        (f"source_id=1&{HOUR}&duration=1", 422, "duration"),
        ("source_id=1&start=253402300799&duration=2", 422, "duration"),
        *[
            (f"source_id=1&{HOUR}&resolution={value}", 422, "resolution")
            for value in ("0", "-1", "nan", "inf", "1e3", "", "0.0000001", "9" * 13, "0.3599", "seven")
        ],
    ],
)
def test_wrong_questions_name_what_is_wrong(client: FlaskClient, source_id, query, status, name) -> None:
    answer = client.get(f"/playbackapi/timeline?{query}")
    assert answer.status_code == status
    assert [entry["loc"] for entry in answer.json["detail"]] == [["query", name]]


@pytest.mark.parametrize(
    ("query", "resolution"),
    [
        (f"source_id=1,1,1&{HOUR}", 3.6),
        (f"source_id=1&{HOUR}&resolution=0.36", 0.36),
        (f"source_id=1&{HOUR}&resolution=100000000000", 100_000_000_000),
        ("source_id=1&start=0&end=253402300799", 253_402_300.799),
        ("source_id=1&start=2026-11-21T08:00:00Z&duration=0.000001", 1),
        ("source_id=1&start=253402300798&duration=1&resolution=60", 60),
    ],
)
def test_odd_questions_are_answered(two, client: FlaskClient, query, resolution) -> None:
    fill(two[0], [(T0_US, T0_US + 60 * S)])
    answer = client.get(f"/playbackapi/timeline?{query}")
    assert answer.status_code == 200
    assert answer.json["resolution"] == resolution
    assert [source["source_id"] for source in answer.json["sources"]] == [1]
    begin, end = answer.json["start_utc"], answer.json["end_utc"]
    is_within = begin <= utc(T0_US) < end
    assert len(answer.json["sources"][0]["spans"]) == is_within


def test_256_sources_are_answered_in_the_order_asked_for(app: Flask, client: FlaskClient) -> None:
    ids = [add_source(app) for _ in range(256)][::-1]
    for resolution_s in (1, 10, 1800):
        query = f"source_id={','.join(map(str, ids))}&{HOUR}&resolution={resolution_s}"
        told = client.get(f"/playbackapi/timeline?{query}").json
        assert [source["source_id"] for source in told["sources"]] == ids
