"""Codec configurations, each stored once."""

from sqlalchemy import Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class SampleEntry(Model):
    """One `stsd` entry (ISO/IEC 14496-12 §8.5.2) with what is asked of it most."""

    __tablename__ = "sample_entry"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="hex, of entry and timescale")
    kind: Mapped[str] = mapped_column(String(8), comment="video or audio")
    fourcc: Mapped[str] = mapped_column(String(4))
    timescale: Mapped[int] = mapped_column(Integer, comment="ticks a second of its track")
    width: Mapped[int | None] = mapped_column(Integer, comment="pixels")
    height: Mapped[int | None] = mapped_column(Integer, comment="pixels")
    rfc6381: Mapped[str] = mapped_column(String(64), comment="codec string")
    entry: Mapped[bytes] = mapped_column(LargeBinary, comment="the whole sample entry box")
