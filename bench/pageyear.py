"""A year of sixteen cameras for the pages: what timelines are drawn from, without files of footage."""

import uuid

import numpy as np
from flask import Flask
from sqlalchemy import insert

from app.archive.activitycells import DAYS, DAYS_32, nothing, pack
from app.archive.coverage import DAY, Spans
from app.extensions import writing
from app.models import Activity, Loss, LossMark, Record, Source, Tag, Wanted
from app.models.types import now_us
from bench.cameras import SEED
from bench.longcoverage import add_cells, make_spans

CAMERAS, YEAR_DAYS, GAPS_A_DAY, LONGEST_S = 16, 365, 6, 4 * 3600
CAUSES = ("camera_unreachable", "silent", "recorder_stopped", "disk_full", "crashed", "deleted")
TAGS = ("day", "night", "weekend")


def make_year(app: Flask) -> dict[str, int]:
    """Fill the database with coverage, losses, activity and records of the last 365 days; return how many rows."""
    dice = np.random.default_rng(SEED)
    begin_us = now_us() // DAY.cell_us * DAY.cell_us - YEAR_DAYS * DAY.cell_us
    made = {"cells": 0, "losses": 0, "records": 0}
    with app.app_context():
        with writing() as session:
            tags = [Tag(name=name) for name in TAGS]
            session.add_all(tags)
            session.flush()
            tag_ids = [tag.id for tag in tags]
        for number in range(CAMERAS):
            with writing() as session:
                source = Source(model="Source", uri_rtsp="rtsp://127.0.0.1:1/none", description=f"Camera {number + 1}")
                session.add(source)
                session.flush()
                source_id = source.id
            spans = make_spans(dice, begin_us, YEAR_DAYS, GAPS_A_DAY, LONGEST_S)
            made["cells"] += add_cells(dice, source_id, spans, begin_us, YEAR_DAYS)
            made["losses"] += _add_losses(dice, source_id, spans)
            made["records"] += _add_records(source_id, begin_us, tag_ids)
            _add_activity(dice, source_id, begin_us)
    return made


def _add_losses(dice: np.random.Generator, source_id: int, spans: Spans) -> int:
    """Write down each gap with a cause at random."""
    gaps = np.column_stack((spans[:-1, 1], spans[1:, 0])).tolist()
    rows = [
        {"source_id": source_id, "begin_us": begin, "end_us": end, "cause": CAUSES[cause]}
        for (begin, end), cause in zip(gaps, dice.integers(0, len(CAUSES), len(gaps)).tolist(), strict=True)
        if end > begin
    ]
    begin_us, end_us = int(spans[0, 0]), int(spans[-1, 1])
    with writing() as session:
        session.execute(insert(Loss), rows)
        session.add(LossMark(source_id=source_id, settled_us=end_us))
        session.add(Wanted(source_id=source_id, begin_us=begin_us, end_us=end_us))
    return len(rows)


def _add_records(source_id: int, begin_us: int, tag_ids: list[str]) -> int:
    """Make a record a day, under each tag in turn."""
    rows = [
        {
            "id": str(uuid.uuid4()),
            "source_id": source_id,
            "tag_id": tag_ids[day % len(tag_ids)],
            "begin_us": begin_us + day * DAY.cell_us,
            "end_us": begin_us + (day + 1) * DAY.cell_us,
        }
        for day in range(YEAR_DAYS)
    ]
    with writing() as session:
        session.execute(insert(Record), rows)
    return len(rows)


def _add_activity(dice: np.random.Generator, source_id: int, begin_us: int) -> None:
    """Let something move in every fifth cell."""
    rows = []
    for level in (DAYS, DAYS_32):
        first, last = (us // level.row_us for us in (begin_us, begin_us + YEAR_DAYS * DAY.cell_us))
        for number in range(first, last + 1):
            codes = nothing(level)
            codes[:] = np.where(dice.random(level.cells) < 0.2, dice.integers(2, 120, level.cells), 2)
            rows.append({"source_id": source_id, "level": level.number, "number": number, "codes": pack(codes)})
    with writing() as session:
        session.execute(insert(Activity), rows)
