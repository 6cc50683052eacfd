"""Media files whose rows are gone and that are yet to be unlinked."""

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Doomed(Model):
    """Written in the transaction that removes a segment's row; removed once its file is. A crash loses neither."""

    __tablename__ = "doomed"
    __table_args__ = (Index("ix_doomed_since_us_start_us", "since_us", "start_us"),)

    segment_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"), primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    start_us: Mapped[int] = mapped_column(BigInteger, comment="start of the segment: leads to its path")
    since_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant the row was removed")
    due_us: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0", comment="not to be unlinked before: who reads it must find the other"
    )
