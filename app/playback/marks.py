"""What a timeline shows beside footage: recordings with their tags, pins, comments, share links of many cameras.

Of each kind at most MAX_MARKS are answered one by one; of more it is counted how many begin in each cell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, or_, select

from app.archive.believing import believed
from app.archive.pins import is_living
from app.archive.shares import is_openable
from app.extensions import db
from app.models import Comment, File, Pin, Record, ShareLink, Tag
from app.models.file import FOOTAGE
from app.models.types import now_us
from app.playback.asked import MAX_MEDIA_US
from app.playback.filmclock import film_clock

MAX_MARKS = 2_000
S = 1_000_000
Condition = ColumnElement[bool]


class Wanted(NamedTuple):
    """Cameras, a range [begin_us, end_us), and the length of the cells in which many are counted."""

    source_ids: Sequence[int]
    begin_us: int
    end_us: int
    cell_us: int


class Mark(NamedTuple):
    """Something that lies on a camera's time; `end_us` is None where it goes on or has no length."""

    source_id: int
    begin_us: int
    end_us: int | None
    what: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks of one kind by begin; or, of too many, how many begin in each cell by camera."""

    items: list[Mark] = field(default_factory=list)
    counts: dict[int, list[int]] | None = None


def find_records(wanted: Wanted) -> Marks:
    """Return the recordings that touch the range, those deleted left out."""
    query = select(Record.id, Record.source_id, Record.begin_us, Record.end_us, Tag.name).join(Tag)
    touching = and_(
        Record.source_id.in_(wanted.source_ids),
        Record.deleted_us.is_(None),
        Record.begin_us < wanted.end_us,
        or_(Record.end_us.is_(None), Record.end_us > wanted.begin_us),
    )
    return _found(
        wanted,
        query.where(touching).order_by(Record.begin_us, Record.id),
        lambda row: Mark(row.source_id, row.begin_us, row.end_us, {"id": row.id, "tag": row.name}),
        (Record.source_id, Record.begin_us, touching),
    )


def find_pins(wanted: Wanted) -> Marks:
    """Return the pins that touch the range and protect now."""
    touching = and_(
        Pin.source_id.in_(wanted.source_ids),
        Pin.begin_us < wanted.end_us,
        Pin.end_us > wanted.begin_us,
        is_living(believed(db.session)),
    )
    return _found(
        wanted,
        select(Pin.id, Pin.source_id, Pin.begin_us, Pin.end_us, Pin.reason, Pin.owner)
        .where(touching)
        .order_by(Pin.begin_us, Pin.id),
        lambda row: Mark(
            row.source_id, row.begin_us, row.end_us, {"id": row.id, "reason": row.reason, "owner": row.owner}
        ),
        (Pin.source_id, Pin.begin_us, touching),
    )


def find_shares(wanted: Wanted) -> Marks:
    """Return the share links that show a part of the range and open now."""
    touching = and_(
        ShareLink.source_id.in_(wanted.source_ids),
        ShareLink.begin_us < wanted.end_us,
        ShareLink.end_us > wanted.begin_us,
        is_openable(now_us()),
    )
    return _found(
        wanted,
        select(ShareLink.id, ShareLink.source_id, ShareLink.begin_us, ShareLink.end_us, ShareLink.description)
        .where(touching)
        .order_by(ShareLink.begin_us, ShareLink.id),
        lambda row: Mark(row.source_id, row.begin_us, row.end_us, {"id": row.id, "description": row.description}),
        (ShareLink.source_id, ShareLink.begin_us, touching),
    )


def find_comments(wanted: Wanted) -> Marks:
    """Return the comments on films of the range, where they are of it: by the map of each film."""
    touching = and_(
        File.source_id.in_(wanted.source_ids),
        File.kind == FOOTAGE,
        File.deleted_us.is_(None),
        File.begin_us < wanted.end_us,
        File.begin_us > wanted.begin_us - MAX_MEDIA_US,
        File.end_us > wanted.begin_us,
    )
    query = select(Comment, File).join(File, File.id == Comment.file_id).where(touching)
    rows = db.session.execute(query.order_by(File.begin_us, Comment.id).limit(MAX_MARKS + 1)).all()
    if len(rows) > MAX_MARKS:
        since_us = cast(func.coalesce(Comment.start_s, 0) * S, BigInteger)
        return Marks(counts=_counts(wanted, File.source_id, File.begin_us + since_us, touching, Comment))
    db.session.expunge_all()  # planning films reads too, and ends what was read
    film_clock().learn(file for comment, file in rows if _is_timed(comment))
    marks = [_of_comment(comment, file) for comment, file in rows]
    inside = [mark for mark in marks if mark.begin_us < wanted.end_us and _end(mark) > wanted.begin_us]
    return Marks(sorted(inside, key=lambda mark: (mark.begin_us, mark.what["id"])))


def _is_timed(row: Comment) -> bool:
    return row.start_s is not None or row.end_s is not None


def _of_comment(row: Comment, file: File) -> Mark:
    assert file.source_id is not None  # a file of footage: see the constraint of the table
    assert file.begin_us is not None
    what = {
        "id": row.id,
        "file_id": file.id,
        "refer_file": file.refer,
        "text": row.comment,
        "author": row.comment_author,
        "severity": row.severity,
    }
    if not _is_timed(row):
        return Mark(file.source_id, file.begin_us, file.end_us, what)
    clock = film_clock()
    begin_us = clock.instant_us(file, row.start_s or 0.0)
    return Mark(file.source_id, begin_us, clock.instant_us(file, row.end_s) if row.end_s is not None else None, what)


def _end(mark: Mark) -> int:
    return mark.begin_us + 1 if mark.end_us is None else max(mark.end_us, mark.begin_us + 1)


def _found(wanted: Wanted, query: Any, make: Callable[[Any], Mark], of: tuple[Any, Any, Condition]) -> Marks:
    rows = db.session.execute(query.limit(MAX_MARKS + 1)).all()
    if len(rows) > MAX_MARKS:
        return Marks(counts=_counts(wanted, *of))
    return Marks([make(row) for row in rows])


def _counts(
    wanted: Wanted, source_id: Any, begin_us: Any, touching: Condition, joined: type[Comment] | None = None
) -> dict[int, list[int]]:
    """Return how many begin in each cell, by camera; those begun before the range in the first."""
    since_us = case((begin_us > wanted.begin_us, begin_us - wanted.begin_us), else_=0)
    number = (since_us // wanted.cell_us).label("cell")
    query = select(source_id, number, func.count()).where(touching).group_by(source_id, number)
    if joined is not None:
        query = query.select_from(File).join(joined, joined.file_id == File.id)
    cells = -(-(wanted.end_us - wanted.begin_us) // wanted.cell_us)
    counts = {one: [0] * cells for one in wanted.source_ids}
    for one, at, count in db.session.execute(query):
        counts[one][min(int(at), cells - 1)] += count
    return counts
