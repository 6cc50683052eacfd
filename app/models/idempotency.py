"""Answers to POSTs that carried an `Idempotency-Key`: a repeated request gets the first one's answer."""

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us


class IdempotentAnswer(Model):
    """`status` is null while the first request is being answered. Kept for a day."""

    __tablename__ = "idempotent_answer"

    account: Mapped[str] = mapped_column(String(36), primary_key=True, comment="id of the account; empty for none")
    key: Mapped[str] = mapped_column(String(255), primary_key=True, comment="as the caller chose it")
    created_us: Mapped[int] = mapped_column(
        BigInteger, default=now_us, index=True, comment="instant, us since the epoch"
    )
    request_sha256: Mapped[str] = mapped_column(String(64), comment="hex, of method, path, query and body")
    status: Mapped[int | None] = mapped_column(Integer, comment="HTTP status of the answer")
    content_type: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
