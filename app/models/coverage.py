"""Coverage: what a source has footage of, summed up at ingest by cells of the calendar."""

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Coverage(Model):
    """One cell of one level; a segment belongs to the cell of its start. Written in the segment's own transaction.

    Level 0 has cells of one UTC day, level 1 coarser ones (app/archive/coverage.py). `revision` of level 0 changes
    with every change of a segment row of that day: what a process remembers of the day is valid while it is the same.
    """

    __tablename__ = "coverage"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    cell: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, comment="number of the cell since the epoch"
    )
    revision: Mapped[int] = mapped_column(BigInteger, default=0, comment="counts changes of the cell's segments")
    spans: Mapped[bytes] = mapped_column(
        LargeBinary, default=b"", comment="closed footage: pairs of int64 (begin, end), little-endian, us, by begin"
    )
