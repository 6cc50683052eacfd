"""Steps of a machine's clock, as its recorder saw them."""

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class ClockStep(Model):
    """The wall clock went by step_us more than the time that passed."""

    __tablename__ = "clock_step"
    __table_args__ = (Index("ix_clock_step_at_us", "at_us"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    host_id: Mapped[str] = mapped_column(String(64), comment="machine id, or host name")
    at_us: Mapped[int] = mapped_column(BigInteger, comment="the wall clock just after the step, us since the epoch")
    step_us: Mapped[int] = mapped_column(BigInteger, comment="forward is positive")
    detail: Mapped[str | None] = mapped_column(Text, comment="one line")
