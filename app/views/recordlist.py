"""The records of a tag, as `/record` and `/tag` list them: in pages, in order, and only some."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field
from sqlalchemy import ColumnElement

from app.archive.bounds import is_within
from app.archive.paging import Order
from app.archive.recordings import RECORDS_BY_BEGIN, records_of
from app.auth import sources
from app.errors import Invalid
from app.extensions import db
from app.models import Record, Tag
from app.personalulti import MAX_ID
from app.playback.asked import Moment
from app.views.listing import ListQuery, cut
from app.views.objects import record_objects


class RecordFilters(ListQuery):
    """Which records of a tag are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"begin": RECORDS_BY_BEGIN}

    sort: Literal["begin", "-begin"] = "begin"
    source_id: int | None = Field(None, ge=1, le=MAX_ID, description="Only those of this source")
    is_open: bool | None = Field(None, description="Only those that go on, or only those that ended")
    start: Moment | None = Field(None, description="Only those that end later; ISO 8601, or seconds since the epoch")
    end: Moment | None = Field(None, description="Only those that begin earlier; the same")

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield what a record must meet. Raises Invalid for an empty range."""
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise Invalid("the range is empty: start must be before end", loc=("query", "start"), kind="range_empty")
        if self.source_id is not None:
            yield Record.source_id == self.source_id
        if self.is_open is not None:
            yield Record.end_us.is_(None) if self.is_open else Record.end_us.is_not(None)
        if self.start is not None:
            yield Record.end_us.is_(None) | (Record.end_us > self.start)
        if self.end is not None:
            yield Record.begin_us < self.end


def listed_records(tag: Tag | None, asked: RecordFilters) -> tuple[list[dict[str, Any]], str | None]:
    """Return RECORDs of a tag that the caller sees, none of none, and the address of the next page if there is one."""
    page, conditions = asked.page, list(asked.conditions())
    if tag is None:
        return [], None
    seen = is_within(Record.source_id, sources())
    rows, next_page = cut(asked, records_of(db.session, tag, page, *conditions, seen))
    return record_objects(db.session, rows), next_page
