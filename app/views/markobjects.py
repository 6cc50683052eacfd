"""The objects of marks on a timeline: recordings, pins, comments and share links of cameras."""

from pydantic import BaseModel

from app.review.findings import Severity


class RecordMarkObject(BaseModel):
    """A recording."""

    id: str
    source_id: int
    start_utc: str
    end_utc: str | None
    tag: str


class PinMarkObject(BaseModel):
    """A stretch that nothing deletes."""

    id: str
    source_id: int
    start_utc: str
    end_utc: str
    reason: str
    owner: str


class CommentMarkObject(BaseModel):
    """What was said of a file that was made of footage, at the wall clock of the footage."""

    id: int
    source_id: int
    start_utc: str
    end_utc: str | None
    file_id: int
    refer_file: str
    text: str
    author: str
    severity: Severity


class ShareMarkObject(BaseModel):
    """What a share link shows."""

    id: str
    source_id: int
    start_utc: str
    end_utc: str
    description: str | None


class MarkCountsObject(BaseModel):
    """How many marks of a camera begin in each cell."""

    source_id: int
    values: list[int]


class _MarksOfKind(BaseModel):
    """Marks by begin; of more than 2,000 none, and how many begin in each cell."""

    truncated: bool
    counts: list[MarkCountsObject] | None


class RecordMarksObject(_MarksOfKind):
    """Recordings by begin; of more than 2,000 none, and how many begin in each cell."""

    items: list[RecordMarkObject]


class PinMarksObject(_MarksOfKind):
    """Pins by begin, in the same way."""

    items: list[PinMarkObject]


class CommentMarksObject(_MarksOfKind):
    """Comments by begin, in the same way."""

    items: list[CommentMarkObject]


class ShareMarksObject(_MarksOfKind):
    """Share links by begin, in the same way."""

    items: list[ShareMarkObject]


class MarksObject(BaseModel):
    """What a timeline shows beside footage, by kind; a kind that was not asked for is not there."""

    start_utc: str
    end_utc: str
    resolution: float
    record: RecordMarksObject | None = None
    pin: PinMarksObject | None = None
    comment: CommentMarksObject | None = None
    share: ShareMarksObject | None = None
