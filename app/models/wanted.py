"""Intervals in which a source was to be recorded: one half of the ledger of missing seconds."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, db


class Wanted(Model):
    """[begin_us, end_us): some tag wanted the source. At most one open interval a source."""

    __tablename__ = "wanted"
    __table_args__ = (
        CheckConstraint("end_us IS NULL OR end_us >= begin_us", name="span"),
        Index("ix_wanted_source_id_begin_us", "source_id", "begin_us"),
        Index(
            "uq_wanted_open",
            "source_id",
            unique=True,
            sqlite_where=db.text("end_us IS NULL"),
            postgresql_where=db.text("end_us IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="null while wanted")
