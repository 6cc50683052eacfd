"""Sums that triggers keep (migrations): figures are read from them, and not by counting the rows of an archive."""

from sqlalchemy import BigInteger, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class KeptFootage(Model):
    """The closed segments of a source in a storage: how many, their bytes and their length."""

    __tablename__ = "kept_footage"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"), primary_key=True)
    segments: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    length_us: Mapped[int] = mapped_column(BigInteger, default=0)


class KeptDay(Model):
    """The closed segments of a source in a storage that start on one UTC day; a day without any has no row."""

    __tablename__ = "kept_day"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, comment="since the epoch")
    segments: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class AttemptCount(Model):
    """How many attempts to record a source have ended for a reason."""

    __tablename__ = "attempt_count"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    reason: Mapped[str] = mapped_column(String(24), primary_key=True)
    ended: Mapped[int] = mapped_column(Integer, default=0)
