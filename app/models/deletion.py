"""Every deletion of footage: who, what, when, why. Rows are only added: triggers refuse any change (migrations)."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Deletion(Model):
    """One act: the closed segments of a source that began within [begin_us, end_us) and that nothing else held."""

    __tablename__ = "deletion"
    __table_args__ = (
        CheckConstraint("end_us >= begin_us", name="span"),
        Index("ix_deletion_source_id_begin_us", "source_id", "begin_us"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    actor: Mapped[str] = mapped_column(String(255), comment="account that asked, or the part of the service")
    rule: Mapped[str] = mapped_column(String(64), comment="request, or the rule of retention")
    reason: Mapped[str | None] = mapped_column(Text, comment="in words, as given")
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    record_id: Mapped[str | None] = mapped_column(ForeignKey("record.id"), comment="the record whose file was deleted")
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="begin of what was asked for")
    end_us: Mapped[int] = mapped_column(BigInteger, comment="end of what was asked for")
    segments: Mapped[int] = mapped_column(Integer, comment="how many were deleted")
    size_bytes: Mapped[int] = mapped_column(BigInteger, comment="of the media files deleted")
    spans: Mapped[str] = mapped_column(Text, comment="JSON: [[begin_us, end_us], ...] of the footage deleted, joined")
