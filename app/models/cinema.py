"""The form that starts an analysis."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us

AUDIENCES = ("----", "0+", "6+", "12+", "16+", "18+")


class Cinema(Model):
    """What a person asked of a file's analysis."""

    __tablename__ = "cinema"
    __table_args__ = (CheckConstraint(f"target_audience IN {AUDIENCES}", name="audience"),)

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True, autoincrement=False)
    target_audience: Mapped[str] = mapped_column(String(8), default=AUDIENCES[0], comment="a word of AUDIENCES")
    comment: Mapped[str] = mapped_column(Text, default="", comment="of the person who asked")
    actor: Mapped[str] = mapped_column(String(255), comment="account that asked")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
