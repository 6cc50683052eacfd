"""Changes of state that an operator is told of, and how far each webhook has got in being told."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class Notice(Model):
    """A subject has become bad or good again, in one respect (`kind`)."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_kind_subject", "kind", "subject", "id"),
        Index("ix_notice_at_us", "at_us"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    kind: Mapped[str] = mapped_column(String(32), comment="as source, storage, recorder, clock, damage, retention")
    subject: Mapped[str] = mapped_column(String(64), comment="id of what it is about")
    is_bad: Mapped[bool] = mapped_column(comment="false: it is well again")
    text: Mapped[str] = mapped_column(Text, comment="one line: what happened and the way out, without secrets")
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"))
    storage_id: Mapped[str | None] = mapped_column(ForeignKey("storage.id"))


class WebhookMark(Model):
    """How far one webhook has been told."""

    __tablename__ = "webhook_mark"

    target: Mapped[str] = mapped_column(String(64), primary_key=True, comment="hex SHA-256 of its address")
    last_id: Mapped[int] = mapped_column(Integer, default=0, comment="the last notice that it has taken")
    next_us: Mapped[int] = mapped_column(BigInteger, default=0, comment="instant of the next try")
    tries: Mapped[int] = mapped_column(Integer, default=0, comment="that failed since the last success")
    error: Mapped[str | None] = mapped_column(Text, comment="one line, without secrets")
