"""What a camera's gaps are answered with: pauses within footage, causes in words, sums, and a year from the ledger."""

import itertools
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.archive import coverage
from app.archive.causes import CAUSES
from app.archive.losses import Settler
from app.archive.pauses import PAUSE
from app.extensions import db, writing
from app.models import Loss, LossMark, Run, Segment, Wanted
from app.models.attempt import REASONS
from app.models.segment import MISSING
from tests.archived import T0_US, Recorded, record, utc
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.recording import FFMPEGS
from tests.test_losses import HOUR_US, World

DAY_US = 24 * HOUR_US


def ask(client: FlaskClient, source_id: int, begin_us: int, end_us: int, more: str = "") -> dict:
    answer = client.get(f"/api/v1/source/{source_id}/gaps?start={utc(begin_us)}&end={utc(end_us)}{more}")
    assert answer.status_code == 200, answer.json
    return answer.json


def want(app: Flask, source_id: int, begin_us: int, end_us: int | None) -> None:
    with app.app_context(), writing() as session:
        session.add(Wanted(source_id=source_id, begin_us=begin_us, end_us=end_us))


@pytest.fixture
def paused(app: Flask, source_id: int, media: Callable[..., Path], tmp_path: Path) -> Recorded:
    """Return footage of a camera that sent nothing for 5 s after its 50th picture, and whose connection stayed."""
    path = tmp_path / "paused.mp4"
    late = "if(gte(N\\,50)\\,5/TB\\,0)"
    command = [FFMPEGS[-1], "-loglevel", "error", "-i", str(media("h264")), "-c", "copy"]
    command += ["-bsf:v", f"setts=pts=PTS+{late}:dts=DTS+{late}", str(path)]
    subprocess.run(command, check=True, timeout=60)
    return as_stream(app, record(app, source_id, path))


def as_stream(app: Flask, recorded: Recorded) -> Recorded:
    """Let footage be a stream's: what is given its times is else taken for polled pictures, which come when they do."""
    with app.app_context(), writing() as session:
        session.execute(update(Run).values(is_picture=False))
    return recorded


def test_polled_pictures_do_not_pause(app: Flask, client: FlaskClient, source_id: int, paused: Recorded) -> None:
    want(app, source_id, paused.begin_us, paused.end_us)
    with app.app_context(), writing() as session:
        session.execute(update(Run).values(is_picture=True))
    assert ask(client, source_id, paused.begin_us, paused.end_us)["gaps"] == []
    with app.app_context():
        Settler().run(paused.end_us + HOUR_US)
        assert db.session.scalar(select(Loss.cause)) is None


def test_a_pause_within_a_run_is_named_and_counted_and_no_gap_of_a_film(
    app: Flask, client: FlaskClient, source_id: int, paused: Recorded
) -> None:
    begin_us, end_us = paused.begin_us, paused.end_us
    want(app, source_id, begin_us, end_us)
    found = ask(client, source_id, begin_us, end_us)
    pause_us = begin_us + 2_500_000
    assert [(gap["cause"], gap["detail"]) for gap in found["gaps"]] == [("silent", PAUSE)]
    assert found["gaps"][0]["start_utc"] == utc(pause_us)
    assert found["gaps"][0]["end_utc"] == utc(pause_us + 5_000_000)
    assert found["seconds"] == [{"cause": "silent", "words": CAUSES["silent"], "seconds": 5.0}]
    told = client.get(f"/playbackapi/source/{source_id}?start={utc(begin_us)}&end={utc(end_us)}").json
    assert told["gaps"] == []  # spans and gaps are those of the film, which shows the last picture
    with app.app_context():
        Settler().run(end_us + HOUR_US)
        mark = db.session.get(LossMark, source_id)
        assert mark.expected_us - mark.recorded_us == 5_000_000
        row = db.session.get(Loss, (source_id, pause_us))
        assert (row.end_us, row.cause, row.detail) == (pause_us + 5_000_000, "silent", PAUSE)


def test_a_camera_that_sends_few_pictures_does_not_pause(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Path]
) -> None:
    footage = media("h264", fps=Fraction(1, 4), seconds=80, gop=4)
    slow = as_stream(app, record(app, source_id, footage, segment_s=16))
    want(app, source_id, slow.begin_us, slow.end_us)
    assert ask(client, source_id, slow.begin_us, slow.end_us)["gaps"] == []


def test_a_long_range_comes_from_the_ledger_and_says_the_same_as_its_days(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        world = World()
        world.want(T0_US, T0_US + 3 * DAY_US)
        world.attempt(T0_US, T0_US + DAY_US + HOUR_US, "camera_unreachable")
        world.record(T0_US + DAY_US + HOUR_US, T0_US + 2 * DAY_US, HOUR_US // 6)
        world.attempt(T0_US + 2 * DAY_US, T0_US + 3 * DAY_US, "wrong_password")
        world.want(T0_US + 5 * DAY_US)
        world.settle(T0_US + 5 * DAY_US + HOUR_US)
    begin_us, end_us = T0_US - DAY_US, T0_US + 5 * DAY_US + HOUR_US
    found = ask(client, world.source_id, begin_us, end_us)
    said = [(gap["cause"], gap["start_utc"], gap["end_utc"]) for gap in found["gaps"]]
    assert said == [
        ("not_recording", utc(begin_us), utc(T0_US)),
        ("camera_unreachable", utc(T0_US), utc(T0_US + DAY_US + HOUR_US)),
        ("wrong_password", utc(T0_US + 2 * DAY_US), utc(T0_US + 3 * DAY_US)),
        ("not_recording", utc(T0_US + 3 * DAY_US), utc(T0_US + 5 * DAY_US)),
        ("wrong_password", utc(T0_US + 5 * DAY_US), utc(end_us)),
    ]
    sums = {one["cause"]: one["seconds"] for one in found["seconds"]}
    assert sums["camera_unreachable"] == 25 * 3600
    long = ask(client, world.source_id, begin_us, end_us, "&resolution=86400")
    assert [gap["cause"] for gap in long["gaps"]] == [cause for cause, *_ in said[:4]]
    assert long["seconds"] == found["seconds"]
    some = ask(client, world.source_id, begin_us, end_us, "&cause=wrong_password,silent")
    assert {gap["cause"] for gap in some["gaps"]} == {"wrong_password"}
    assert some["seconds"] == found["seconds"]


@pytest.mark.parametrize("length_us", [HOUR_US, 30 * DAY_US], ids=["an hour", "a month"])
def test_a_file_that_is_known_to_be_missing_is_told_as_one_that_was_just_lost(
    app: Flask, client: FlaskClient, source_id: int, media: Callable[..., Path], length_us: int
) -> None:
    recorded = record(app, source_id, media("h264"))
    want(app, source_id, recorded.begin_us, None)
    with app.app_context(), writing() as session:
        query = select(Segment).where(Segment.source_id == source_id).order_by(Segment.start_us)
        lost = session.scalars(query.offset(1)).first()
        lost.state = MISSING
        coverage.recount(session, source_id, lost.start_us)
        edges = utc(lost.start_us), utc(lost.end_us)
    limits = recorded.begin_us, recorded.begin_us + length_us
    url = f"/playbackapi/source/{source_id}?start={utc(limits[0])}&end={utc(limits[1])}"
    for gaps in (ask(client, source_id, *limits)["gaps"], client.get(url).json["gaps"]):
        assert [(gap["start_utc"], gap["end_utc"]) for gap in gaps if gap["cause"] == "unreadable"] == [edges]
    told = client.get(f"/api/v1/source/{source_id}/retention?at={edges[0]}").json
    assert (told["state"], "is missing" in told["why"]) == ("none", True)


def test_a_year_with_many_gaps_is_read_without_its_segments(app: Flask, client: FlaskClient) -> None:
    count, year_us = 5000, 365 * DAY_US
    with app.app_context():
        world = World()
        with writing() as session:
            session.add(LossMark(source_id=world.source_id, settled_us=T0_US + year_us))
            step_us = year_us // count
            rows = [
                {"source_id": world.source_id, "begin_us": at_us, "end_us": at_us + 7_000_000, "cause": cause}
                for at_us, cause in zip(
                    range(T0_US, T0_US + year_us, step_us), itertools.cycle(("silent", "crashed")), strict=False
                )
            ]
            session.execute(Loss.__table__.insert(), rows)
            session.add(Wanted(source_id=world.source_id, begin_us=T0_US, end_us=T0_US + year_us))
    found = ask(client, world.source_id, T0_US, T0_US + year_us)
    assert len(found["gaps"]) == count
    assert {one["cause"]: one["seconds"] for one in found["seconds"]} == {"silent": 17_500.0, "crashed": 17_500.0}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("cause=nothing", "cause"),
        ("cause=", "cause"),
        ("cause=silent,%20bad", "cause"),
        ("duration=31708801", "end"),
        ("resolution=-1", "resolution"),
    ],
)
def test_a_wrong_question_is_refused(client: FlaskClient, source_id: int, query: str, name: str) -> None:
    duration = "" if "duration" in query else "&duration=60"
    answer = client.get(f"/api/v1/source/{source_id}/gaps?start={utc(T0_US)}{duration}&{query}")
    assert (answer.status_code, answer.json["detail"][0]["loc"]) == (422, ["query", name])


def test_every_cause_has_words() -> None:
    assert set(REASONS) <= CAUSES.keys()
    assert all(text[0].isupper() and not text.endswith(".") for text in CAUSES.values())
