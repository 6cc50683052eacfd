"""The outbox: what happened to a file, in the order in which it is told (SSE, analysers)."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.file import BigId
from app.models.types import now_us

EVENT_TYPES = ("status", "progress", "download", "result", "comment")


class FileEvent(Model):
    """Something that happened, written in the transaction that made it so. Ids become visible in rising order."""

    __tablename__ = "file_event"
    __table_args__ = (
        CheckConstraint(f"type IN {EVENT_TYPES}", name="type"),
        Index("ix_file_event_file_id_id", "file_id", "id"),
        Index("ix_file_event_type_id", "type", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    at_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    type: Mapped[str] = mapped_column(String(16), comment="a word of EVENT_TYPES")
    payload: Mapped[str] = mapped_column(Text, comment="JSON object; of a key only its generation")
