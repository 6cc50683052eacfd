"""Making a file of a span of recorded footage: POST /files/ with `source_id`, `start`, `end`, or with `record_id`."""

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.archive.bounds import Sources, sees
from app.archive.pins import span_of_record
from app.auth import actor, sources
from app.errors import Deleted, Invalid, NotFound
from app.extensions import db, writing
from app.formats.filenames import clean_name
from app.models import Record, Source
from app.models.types import now_us
from app.personalulti import MAX_ID, Name, Parameters, utc_text
from app.playback.asked import MAX_MEDIA_US, Moment
from app.playback.handedfilm import HandedSpan, plan_new
from app.tasks import ask_rotation
from app.transfer.footagefile import NewFile, last_deletion, make_file
from app.views.pins import RecordId


class FootageToHand(BaseModel):
    """What is to be a file: a span of a source, or what a record holds now."""

    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="The source, with start and end")
    record_id: RecordId | None = Field(
        None, examples=[None], description="Or a record: its span, until what is recorded now if it goes on"
    )
    start: Moment | None = Field(None, description="Where it begins; of a record: left out, its begin")
    end: Moment | None = Field(None, description="Where it ends, in the past; of a record: left out, its end or now")
    name: Name | None = Field(None, description="What the file is called; left out: source and begin")

    @model_validator(mode="after")
    def check_one(self) -> "FootageToHand":
        """Refuse both or none, and a source without a span."""
        if (self.source_id is None) == (self.record_id is None):
            message = "give a file as `upload` of a form; or of footage record_id, or source_id, start and end"
            raise PydanticCustomError("file_of", message)
        if self.source_id is not None and (self.start is None or self.end is None):
            raise PydanticCustomError("missing", "a file of a source needs start and end")
        return self


def make_footage_file(parameters: Parameters) -> int:
    """Make the file that these parameters describe, and return its id.

    Raises Invalid, NotFound, NoFootage, Deleted, StillRecording, Busy.
    """
    given = parameters.checked(FootageToHand)
    who, at_us = actor(), now_us()
    span = _asked_span(given, at_us, sources())
    deletion_id = last_deletion(db.session, span.source_id)  # first: what is deleted from here on is noticed
    movie, span = plan_new(span, utc_text)
    db.session.rollback()
    record_id = given.record_id.lower() if given.record_id is not None else None
    name = clean_name(given.name) if given.name is not None else _name_of(span)
    what = (name, span.source_id, record_id, span.begin_us, span.end_us, span.rev)
    new = NewFile(*what, movie.size_bytes, movie.duration_s, deletion_id)
    with writing() as session:
        file_id = make_file(session, new, who, at_us).id
    ask_rotation(file_id)
    return file_id


def _asked_span(given: FootageToHand, at_us: int, seen: Sources) -> HandedSpan:
    """Return the span that is asked for. Raises NotFound, Deleted, Invalid."""
    begin_us, end_us, is_open = given.start, given.end, False
    source_id = given.source_id
    if given.record_id is not None:
        source_id, begin_us, end_us, is_open = _within_record(given, given.record_id.lower(), at_us, seen)
    elif source_id is None or not sees(seen, source_id) or db.session.get(Source, source_id) is None:
        raise NotFound(f"there is no source {source_id}", loc=("body", "source_id"))
    assert source_id is not None  # checked by FootageToHand
    assert begin_us is not None
    assert end_us is not None
    if begin_us >= end_us:
        raise Invalid("the span is empty: start must be before end", loc=("body", "end"), kind="range_empty")
    if end_us > at_us:
        message = f"the span ends in the future: it is {utc_text(at_us)} now"
        raise Invalid(message, loc=("body", "end"), kind="range_future")
    if end_us - begin_us > MAX_MEDIA_US:
        message = "a file holds at most 31 days: make several"
        raise Invalid(message, loc=("body", "end"), kind="range_too_long")
    return HandedSpan(source_id, begin_us, end_us, is_open=is_open)


def _within_record(given: FootageToHand, record_id: str, at_us: int, seen: Sources) -> tuple[int, int, int, bool]:
    """Return source, begin and end within a record, and whether it goes on and nobody has said where to end."""
    source_id, (begin_us, end_us) = span_of_record(db.session, record_id, at_us, seen)
    row = db.session.get(Record, record_id)
    assert row is not None  # `span_of_record` has found it
    if row.deleted_us is not None:
        raise Deleted(f"the file of record {record_id} was deleted", loc=("body", "record_id"))
    if row.end_us is not None:  # not yet where its last second is being lived: a stop may be dated a moment ahead
        at_us = max(at_us, row.end_us)
    begin_us, last_us = max(begin_us, given.start or begin_us), end_us
    end_us = min(given.end, last_us) if given.end is not None and row.end_us is not None else given.end or last_us
    return source_id, begin_us, end_us, row.end_us is None and given.end is None


def _name_of(span: HandedSpan) -> str:
    begin = (utc_text(span.begin_us) or "")[:19].replace(":", "").replace("-", "")
    return f"source-{span.source_id}-{begin}Z.mp4"
