"""Rows for footage that has none: sources, codec configurations, runs, segments and coverage, from what files say.

Rows that exist are left as they are, but for a run that footage lies outside of: its begin and end follow. All of it
runs within a write transaction of the caller.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Table, func, insert, select, text

from app.archive import coverage
from app.archive.entries import Configuration, store_configuration
from app.archive.filefacts import FileFacts
from app.archive.filewalk import Odd
from app.archive.indexwalk import IndexPlace
from app.archive.places import DAY_US
from app.extensions import AnySession, insert_missing
from app.models import Deletion, Doomed, Run, Segment, Source

BATCH = 500  # ids a statement
DESCRIPTION = "recovered"
# Both databases read it. A run's clock anchor is that of its first segment; an end of null says that it goes on.
PUT_RUN = text(
    "INSERT INTO run (id, source_id, anchor_us, begin_us, end_us, clock_offset_us, clock, is_picture) "
    "VALUES (:id, :source_id, :anchor_us, :begin_us, :end_us, :clock_offset_us, :clock, :is_picture) "
    "ON CONFLICT (id) DO UPDATE SET "
    "anchor_us = CASE WHEN excluded.begin_us < run.begin_us THEN excluded.anchor_us ELSE run.anchor_us END, "
    "begin_us = CASE WHEN excluded.begin_us < run.begin_us THEN excluded.begin_us ELSE run.begin_us END, "
    "end_us = CASE WHEN excluded.end_us > run.end_us THEN excluded.end_us ELSE run.end_us END, "
    "clock_offset_us = coalesce(run.clock_offset_us, excluded.clock_offset_us)"
)
# Whoever closes or deletes a segment holds its sums before its coverage: so does who makes one.
HOLD_SUMS = text(
    "INSERT INTO kept_footage (source_id, storage_id, segments, size_bytes, length_us) "
    "VALUES (:source_id, :storage_id, 0, 0, 0) "
    "ON CONFLICT (source_id, storage_id) DO UPDATE SET segments = kept_footage.segments"
)


class Item(NamedTuple):
    """A file to be taken in, and where its sample index lies."""

    facts: FileFacts
    place: IndexPlace


class Taken(NamedTuple):
    """What was made of the files of one day of a source, and what was left."""

    made: list[Item]
    runs: int
    sources: int
    odd: list[Odd]


def take_rows(session: AnySession, storage_id: str, source_id: int, items: Sequence[Item]) -> Taken:
    """Make the rows of files of one source and storage that have none; say which are left, and why."""
    sources = int(make_source(session, source_id, is_picture=any(item.facts.is_picture for item in items)))
    days = sorted({item.facts.row["start_us"] // DAY_US for item in items})
    session.execute(HOLD_SUMS, {"source_id": source_id, "storage_id": storage_id})
    for day in days:  # held until the commit, so that what is read next stays so
        coverage.note_opened(session, source_id, day * DAY_US)
    fit, odd = _fitting(session, source_id, items)
    if not fit:
        return Taken([], 0, sources, odd)
    _join_ends(session, [item.facts for item in fit])
    runs = _put_runs(session, [item.facts for item in fit])
    entries: dict[Configuration, int] = {}
    rows = [_segment(session, storage_id, item, entries) for item in fit]
    session.execute(insert(_table(Segment)), rows)
    for day in days:
        coverage.recount(session, source_id, day * DAY_US)
    return Taken(fit, runs, sources, odd)


def make_source(session: AnySession, source_id: int, *, is_picture: bool = False) -> bool:
    """Make the row of a source that footage is of and that is not known; tell whether it was missing.

    It has no address, so nothing records it until somebody gives it one.
    """
    if session.scalar(select(Source.id).where(Source.id == source_id)) is not None:
        return False
    model = "PictureSource" if is_picture else "Source"
    insert_missing(session, Source, {"id": source_id, "model": model, "description": DESCRIPTION})
    if session.get_bind().dialect.name == "postgresql":  # SQLite keeps the highest id by itself
        session.execute(text("SELECT setval(pg_get_serial_sequence('source', 'id'), (SELECT max(id) FROM source))"))
    return True


def _table(model: type[Any]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)  # and no view
    return table


def _fitting(session: AnySession, source_id: int, items: Sequence[Item]) -> tuple[list[Item], list[Odd]]:
    """Return the files that no row stands against, and the others with the reason. Of two alike the first is taken."""
    ids = [item.facts.row["id"] for item in items]
    known = _find(session, select(Segment.id, Segment.storage_id), Segment.id, ids)
    doomed = _find(session, select(Doomed.segment_id, Doomed.storage_id), Doomed.segment_id, ids)
    starts = [item.facts.row["start_us"] for item in items]
    by_start = dict(
        session.execute(
            select(Segment.start_us, Segment.id).where(
                Segment.source_id == source_id, Segment.start_us.between(min(starts), max(starts))
            )
        ).all()
    )
    run_ids = sorted({item.facts.row["run_id"] for item in items})
    owners = _find(session, select(Run.id, Run.source_id), Run.id, run_ids)
    by_place = _sequences(session, run_ids, items)
    deleted = _deleted_spans(session, source_id, min(starts), max(item.facts.row["end_us"] for item in items))
    fit: list[Item] = []
    odd: list[Odd] = []
    for item in items:
        row = item.facts.row
        place = (row["run_id"], row["sequence"])
        why = (
            _known(row["id"] in known)
            or _doomed(row["id"] in doomed)
            or _is_of_another(owners.get(row["run_id"], source_id), source_id)
            or _is_taken(by_start.get(row["start_us"]), "begins at the same instant")
            or _is_taken(by_place.get(place), "has its number in the run")
            or _is_deleted(row["start_us"], row["end_us"], deleted)
        )
        if why:
            odd.append(Odd(item.facts.path, why))
            continue
        by_start[row["start_us"]] = by_place[place] = row["id"]
        fit.append(item)
    return fit, odd


def _known(is_known: bool) -> str | None:
    return "is another copy of a file that has a row" if is_known else None


def _doomed(is_doomed: bool) -> str | None:
    return "was deleted and is about to be removed" if is_doomed else None


def _is_of_another(owner_id: int, source_id: int) -> str | None:
    return f"is of a run of source {owner_id}" if owner_id != source_id else None


def _is_taken(segment_id: str | None, how: str) -> str | None:
    return f"is a second one: segment {segment_id} {how}" if segment_id is not None else None


def _is_deleted(start_us: int, end_us: int, spans: Iterable[tuple[int, int]]) -> str | None:
    is_within = any(begin <= start_us and end_us <= end for begin, end in spans)
    return "holds footage that was deleted: remove it by hand, or restore it elsewhere" if is_within else None


def _find(session: AnySession, query: Any, column: Any, values: Sequence[str]) -> dict[str, Any]:
    """Return the pairs of a query with any of many values, a few at a time."""
    found: dict[str, Any] = {}
    for first in range(0, len(values), BATCH):
        found.update(session.execute(query.where(column.in_(values[first : first + BATCH]))).all())
    return found


def _sequences(session: AnySession, run_ids: Sequence[str], items: Sequence[Item]) -> dict[tuple[str, int], str]:
    """Return the segments of these runs within the numbers of these files."""
    numbers = [item.facts.row["sequence"] for item in items]
    query = select(Segment.run_id, Segment.sequence, Segment.id).where(
        Segment.sequence.between(min(numbers), max(numbers))
    )
    found: dict[tuple[str, int], str] = {}
    for first in range(0, len(run_ids), BATCH):
        rows = session.execute(query.where(Segment.run_id.in_(run_ids[first : first + BATCH])))
        found.update({(run_id, sequence): segment_id for run_id, sequence, segment_id in rows})
    return found


def _deleted_spans(session: AnySession, source_id: int, begin_us: int, end_us: int) -> list[tuple[int, int]]:
    """Return what was deleted of a source within a range."""
    query = select(Deletion.spans).where(
        Deletion.source_id == source_id, Deletion.begin_us < end_us, Deletion.end_us > begin_us
    )
    return [(begin, end) for spans in session.scalars(query) for begin, end in json.loads(spans)]


def _join_ends(session: AnySession, found: Sequence[FileFacts]) -> None:
    """Let files of version 1, which do not say when they end, end where the next of their run begins."""
    old = [facts for facts in found if facts.version == 1]
    if not old:
        return
    starts = {(facts.row["run_id"], facts.row["sequence"]): facts.row["start_us"] for facts in found}
    for facts in old:
        following = (facts.row["run_id"], facts.row["sequence"] + 1)
        start_us = starts.get(following)
        if start_us is None:
            query = select(Segment.start_us).where(Segment.run_id == following[0], Segment.sequence == following[1])
            start_us = session.scalar(query)
        if start_us is not None and start_us > facts.row["start_us"]:
            facts.row["end_us"] = start_us


def _put_runs(session: AnySession, found: Sequence[FileFacts]) -> int:
    """Make or widen the runs of files; return how many are new."""
    runs: dict[str, dict[str, Any]] = {}
    for facts in sorted(found, key=lambda facts: int(facts.row["sequence"]), reverse=True):
        row = facts.row
        before = runs.get(row["run_id"])
        clocks = (before["clock_offset_us"] if before else None, facts.clock_offset_us)
        runs[row["run_id"]] = {
            "id": row["run_id"],
            "source_id": row["source_id"],
            "anchor_us": facts.anchor_us,
            "begin_us": row["start_us"],
            "end_us": max(row["end_us"], before["end_us"] if before else 0),
            "clock_offset_us": next((clock for clock in clocks if clock is not None), None),
            "clock": "unset" if facts.is_clock_unset else "ok",
            "is_picture": facts.is_picture,
        }
    known = session.scalar(select(func.count()).select_from(Run).where(Run.id.in_(list(runs))))
    session.execute(PUT_RUN, list(runs.values()))
    return len(runs) - (known or 0)


def _segment(session: AnySession, storage_id: str, item: Item, entries: dict[Configuration, int]) -> dict[str, Any]:
    ids: list[int | None] = []
    for configuration in (item.facts.video, item.facts.audio):
        if configuration is not None and configuration not in entries:
            entries[configuration] = store_configuration(session, configuration)
        ids.append(None if configuration is None else entries[configuration])
    return {
        **item.facts.row,
        "storage_id": storage_id,
        "video_entry_id": ids[0],
        "audio_entry_id": ids[1],
        "index_offset_bytes": item.place.offset,
        "index_size_bytes": item.place.size_bytes,
    }
