"""Activity: how much of each camera's picture moved, hour by hour; what was looked at; and which cameras are."""

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Integer, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Activity(Model):
    """One row of cells of one level (app/archive/activitycells.py): finest an hour, then a day, then 32 days.

    What each level holds is the highest of the finer one.
    """

    __tablename__ = "activity"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(
        Integer, primary_key=True, autoincrement=False, comment="of the hour, day or 32 days, since the epoch"
    )
    codes: Mapped[bytes] = mapped_column(
        LargeBinary, comment="a byte a cell, deflated: 0 not looked at, 1 nothing known, 2 to 255 a score"
    )


class ActivityDay(Model):
    """What of the segments that start on a UTC day was looked at.

    `revision` is that of the day's coverage when nothing was left to look at: while it is the same nothing is.
    """

    __tablename__ = "activity_day"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, comment="since the epoch")
    revision: Mapped[int] = mapped_column(BigInteger, default=0, comment="of the day's coverage; 0: not all is done")
    done: Mapped[bytes] = mapped_column(
        LargeBinary, default=b"", comment="looked at: pairs of int64 (begin, end), little-endian, us, by begin"
    )


class ActivitySetting(Model):
    """Whether a camera's footage is looked at, from when on; and how far that has come. No row: it is not."""

    __tablename__ = "activity_setting"
    __table_args__ = (CheckConstraint("threshold > 0 AND threshold <= 1", name="threshold"),)

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    is_enabled: Mapped[bool] = mapped_column(default=False)
    threshold: Mapped[float] = mapped_column(Float, comment="share of the picture from which on it counts as movement")
    since_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant from which on footage is looked at")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    actor: Mapped[str] = mapped_column(String(255), comment="account that set it last")
    looked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant its footage was last looked at")
    decoded: Mapped[int] = mapped_column(BigInteger, default=0, comment="key frames, since it was first switched on")
    decoding_us: Mapped[int] = mapped_column(BigInteger, default=0, comment="CPU time that they took")
    trying_us: Mapped[int | None] = mapped_column(
        BigInteger, comment="start of the segment that is being looked at; it stays where the process died of it"
    )
    tries: Mapped[int] = mapped_column(Integer, default=0, comment="of that segment, which did not come to an end")
