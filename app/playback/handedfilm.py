"""The film of a span that is handed over as a file: planned once when the file is made, and again for each download.

It is the film that playback gives of the same span. What the file was made of is pinned (app/transfer/footagefile.py),
so its bytes stay what they were; where footage is lost all the same, the film is another one, with another ETag.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from app.archive.holding import BESIDE_US, is_settled
from app.errors import Loc, NoFootage, StillRecording
from app.extensions import db
from app.formats.boxes import FormatError
from app.playback.asked import Asked
from app.playback.footage import Footage, load_footage, no_footage
from app.playback.plans import find_plan, keep_plan
from app.playback.progressive import Movie, plan_map, plan_movie
from app.playback.recordfilm import RenderUtc
from app.playback.timing import MapPiece

T = TypeVar("T")


class HandedSpan(NamedTuple):
    """[begin_us, end_us) of a source; `rev` where its last file was still being written when the span was handed over.

    With `is_open` nobody has said where it ends: then it ends where what is recorded does.
    """

    source_id: int
    begin_us: int
    end_us: int
    rev: str | None = None
    is_open: bool = False


class HandedFilm(NamedTuple):
    """The film of a span as it is now, and the span by which it will be the same again."""

    movie: Movie
    span: HandedSpan


def plan_new(span: HandedSpan, render: RenderUtc) -> HandedFilm:
    """Plan the film of a span that is to be handed over, from what the database says now.

    Raises NoFootage; StillRecording where the span ends in what is yet to be written, and somebody has said its end.
    """
    footage = _load(span, render)
    recorded_us = int(footage.segments.column("end_us").max())
    if recorded_us < span.end_us and not is_settled(db.session, span.source_id, span.end_us + BESIDE_US):
        if not span.is_open:
            raise _still_recording(span.end_us, recorded_us, render)
        return plan_new(span._replace(end_us=recorded_us), render)
    span = span._replace(rev=footage.pin)
    return HandedFilm(_plan(span, footage, render), span)


def plan_handed(span: HandedSpan, now_us: int, render: RenderUtc, loc: Loc) -> Movie:
    """Plan the film of a span that was handed over; a plan of a moment ago is taken again. Raises NoFootage."""
    asked = Asked(
        begin_us=span.begin_us, end_us=span.end_us, is_open_ended=False, gaps="collapse", rev=span.rev, download=False
    )
    kept = find_plan(span.source_id, asked)
    if kept is not None:
        return kept.movie
    try:
        footage = _load(span, render, loc)
        movie = _plan(span, footage, render, loc)
    except NoFootage:
        if span.rev is None:
            raise
        # The file in which it ends is gone, what comes before it may be there.
        return plan_handed(span._replace(rev=None), now_us, render, loc)
    keep_plan(span.source_id, asked, footage, movie, now_us)
    return movie


def map_handed(span: HandedSpan, render: RenderUtc, loc: Loc) -> Sequence[MapPiece]:
    """Return how the time of the film of a span that was handed over maps to the wall clock. Raises NoFootage."""
    try:
        footage = _load(span, render, loc)
        return _planned(span, render, loc, lambda: plan_map(footage, "collapse"))
    except NoFootage:
        if span.rev is None:
            raise
        return map_handed(span._replace(rev=None), render, loc)  # as plan_handed does


def _load(span: HandedSpan, render: RenderUtc, loc: Loc = ("body", "start")) -> Footage:
    footage = load_footage(span.source_id, span.begin_us, span.end_us, span.rev)
    if not footage.spans:
        raise _nothing(span, render, loc)
    return footage


def _plan(span: HandedSpan, footage: Footage, render: RenderUtc, loc: Loc = ("body", "start")) -> Movie:
    return _planned(span, render, loc, lambda: plan_movie(footage, "collapse", render))


def _planned(span: HandedSpan, render: RenderUtc, loc: Loc, plan: Callable[[], T | None]) -> T:
    """Return what a plan gives. Raises NoFootage for none, and where an index cannot be read."""
    try:
        found = plan()
    except (FormatError, OSError) as error:
        raise _nothing(span, render, loc) from error
    if found is None:
        raise _nothing(span, render, loc)
    return found


def _nothing(span: HandedSpan, render: RenderUtc, loc: Loc) -> NoFootage:
    error = no_footage(span.source_id, span.begin_us, span.end_us, render)
    error.loc = loc
    return error


def _still_recording(end_us: int, recorded_us: int, render: RenderUtc) -> StillRecording:
    until = render(recorded_us)
    return StillRecording(
        f"what is recorded ends at {until}, and the span at {render(end_us)}: ask again in some seconds, or with "
        f"end={until}",
        recorded_until_utc=until,
    )
