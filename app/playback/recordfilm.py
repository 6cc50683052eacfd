"""The film of a whole record: what `/video/` delivers, and what its hash is of.

Its bytes follow from the rows and files of the record alone, never from the moment of asking, once nothing more of the
record is to come. Before, a film is told by its end and its pin together: asked with both, it is the same again.
"""

from collections.abc import Callable
from typing import NamedTuple

from app.archive.find import find_open
from app.errors import NoFootage
from app.formats.boxes import FormatError
from app.playback.asked import Asked
from app.playback.footage import Footage, load_footage, no_footage
from app.playback.plans import find_plan, keep_plan
from app.playback.progressive import Movie, plan_movie

# How far behind the end of a record a pinned film may reach: a record that goes on in another is ended at an instant
# that is past by then, and what was given out before stays what it was.
PIN_SLACK_US = 60_000_000
RenderUtc = Callable[[int | None], str | None]


class Film(NamedTuple):
    """A planned film of [begin of the record, end_us); `pin` is None where nothing can change it any more."""

    movie: Movie
    footage: Footage
    end_us: int
    pin: str | None


class Span(NamedTuple):
    """A record's span of its source; `end_us` is None while it records."""

    source_id: int
    begin_us: int
    end_us: int | None


def plan_film(span: Span, now_us: int, render: RenderUtc) -> Film:
    """Plan the film of a record as it is now. Raises NoFootage where it shows no frame."""
    return _plan(span, _end_of(span, now_us), None, now_us, render)


def plan_pinned(span: Span, end_us: int | None, pin: str, now_us: int, render: RenderUtc) -> Film:
    """Plan the film that was given out with this end and pin. Raises Invalid, NoFootage where there is none such."""
    latest_us = now_us if span.end_us is None else span.end_us
    end_us = latest_us if end_us is None else min(end_us, latest_us + PIN_SLACK_US)
    return _plan(span, end_us, pin, now_us, render)


def _end_of(span: Span, now_us: int) -> int:
    """Return where a record ends; while it records, where its last complete fragment does."""
    if span.end_us is not None:
        return span.end_us
    growing = find_open(span.source_id)
    return max((segment.end_us for segment in growing), default=now_us)


def _plan(span: Span, end_us: int, pin: str | None, now_us: int, render: RenderUtc) -> Film:
    source_id, begin_us = span.source_id, span.begin_us
    if end_us <= begin_us:
        raise _nothing(span, end_us, render)
    asked = Asked(begin_us=begin_us, end_us=end_us, is_open_ended=False, gaps="collapse", rev=pin, download=False)
    kept = find_plan(source_id, asked)
    if kept is not None:
        return Film(kept.movie, kept.footage, end_us, kept.footage.pin if pin is None else None)
    footage = load_footage(source_id, begin_us, end_us, pin)
    try:
        movie = plan_movie(footage, "collapse", render) if footage.spans else None
    except (FormatError, OSError) as error:
        raise _nothing(span, end_us, render) from error
    if movie is None:
        raise _nothing(span, end_us, render)
    if pin is not None or footage.pin is None:
        keep_plan(source_id, asked, footage, movie, now_us)
    return Film(movie, footage, end_us, footage.pin if pin is None else None)


def _nothing(span: Span, end_us: int, render: RenderUtc) -> NoFootage:
    """Return the error of a record without footage."""
    error = no_footage(span.source_id, span.begin_us, max(end_us, span.begin_us), render)
    error.message = "this recording has no footage" + ("" if span.end_us is not None else " yet")
    error.loc = ("path", "record_id")
    return error
