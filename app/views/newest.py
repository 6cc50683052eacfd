"""Lists that only grow, newest first: which rows are asked for, page by page down to the oldest."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import select

from app.archive.bounds import Sources, is_within
from app.extensions import db
from app.models import Deletion, Notice
from app.personalulti import MAX_ID

Id = Annotated[int, Field(gt=0, le=MAX_ID)]
Row = TypeVar("Row", Deletion, Notice)


class NewestQuery(BaseModel):
    """Which rows: of one camera, or of all; `before` is the id of the last one seen."""

    source_id: Id | None = None
    before: Id | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


def newest(model: type[Row], asked: NewestQuery, sources: Sources) -> Sequence[Row]:
    """Return the rows asked for, of these cameras only: what is of no camera is for who sees all."""
    query = select(model).where(is_within(model.source_id, sources)).order_by(model.id.desc()).limit(asked.limit)
    if asked.source_id is not None:
        query = query.where(model.source_id == asked.source_id)
    if asked.before is not None:
        query = query.where(model.id < asked.before)
    return db.session.scalars(query).all()
