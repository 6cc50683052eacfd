"""What was done to rules, pins and the archive, by whom. Rows are only added: triggers refuse any change."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Audit(Model):
    """One act. Deletions of footage have a table of their own (`deletion`)."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at_us", "at_us"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    actor: Mapped[str] = mapped_column(String(255), comment="account, or the part of the service")
    action: Mapped[str] = mapped_column(String(64), comment="as pin.create, retention.change, export, fsck.repair")
    subject: Mapped[str] = mapped_column(String(255), comment="id of what it was done to")
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"))
    detail: Mapped[str] = mapped_column(Text, comment="JSON object: the values, without secrets")
