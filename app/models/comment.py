"""What people and analysers say of a file, and both joined."""

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.file import BigId
from app.models.result import SEVERITIES
from app.models.types import now_us

AUTHORS = ("AI", "User")


class Comment(Model):
    """One comment."""

    __tablename__ = "comment"
    __table_args__ = (
        CheckConstraint(f"severity IN {SEVERITIES}", name="severity"),
        CheckConstraint(f"comment_author IN {AUTHORS}", name="author"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), index=True)
    comment: Mapped[str] = mapped_column(Text, comment="plain text")
    comment_author: Mapped[str] = mapped_column(String(8), comment="a word of AUTHORS")
    actor: Mapped[str] = mapped_column(String(255), comment="account that wrote it")
    severity: Mapped[str] = mapped_column(String(8), default=SEVERITIES[0], comment="a word of SEVERITIES")
    violation: Mapped[str | None] = mapped_column(String(255), comment="as it was named")
    violation_id: Mapped[int | None] = mapped_column(ForeignKey("basis_violation.id", ondelete="SET NULL"))
    start_s: Mapped[float | None] = mapped_column(Float, comment="seconds of the footage")
    end_s: Mapped[float | None] = mapped_column(Float, comment="seconds of the footage")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")


class Recommendation(Model):
    """The comments of people and of the AI on one file, joined."""

    __tablename__ = "recommendation"
    __table_args__ = (
        CheckConstraint(f"severity IN {SEVERITIES}", name="severity"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), unique=True)
    user_text: Mapped[str] = mapped_column(Text, default="", comment="of people")
    ai_text: Mapped[str] = mapped_column(Text, default="", comment="of the AI")
    severity: Mapped[str] = mapped_column(String(8), default=SEVERITIES[0], comment="by most votes; ties to the graver")
    violations_quantity: Mapped[int] = mapped_column(Integer, default=0, comment="findings of the file's result")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
