"""What was done to rules, pins and the archive, by whom. Rows are only added: triggers refuse any change."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
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


class AuditSeal(Model):
    """One link of the chain over what was done: the hash of the seal before and of one row. Rows are only added."""

    __tablename__ = "audit_seal"
    __table_args__ = (
        CheckConstraint("kind IN ('audit', 'deletion')", name="kind"),
        UniqueConstraint("kind", "row_id"),
    )

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3, no hole")
    kind: Mapped[str] = mapped_column(String(16), comment="the table of the row")
    row_id: Mapped[str] = mapped_column(String(36), comment="the id of the row, as text")
    sha256: Mapped[str] = mapped_column(String(64), comment="hex, of the seal before and the row")
    sealed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
