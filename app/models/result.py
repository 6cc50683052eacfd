"""What an analyser found."""

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.file import BigId
from app.models.types import now_us

SEVERITIES = ("----", "None", "mild", "moderate", "severe")


class Result(Model):
    """The one result of a file; the same content again changes nothing."""

    __tablename__ = "result"
    __table_args__ = (CheckConstraint("kind IN ('json', 'file')", name="kind"),)

    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), primary_key=True, autoincrement=False)
    content_sha256: Mapped[str] = mapped_column(String(64), comment="hex, of the file or of the JSON's canonical form")
    kind: Mapped[str] = mapped_column(String(8), comment="json: findings; file: files/ID.result")
    name: Mapped[str | None] = mapped_column(String(255), comment="of the file, as the analyser named it")
    media_type: Mapped[str | None] = mapped_column(String(127), comment="of the file, found from its content")
    size_bytes: Mapped[int] = mapped_column(BigInteger, comment="of the file, or of the JSON's canonical form")
    actor: Mapped[str] = mapped_column(String(255), comment="account that posted it")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")


class Finding(Model):
    """One finding of a result."""

    __tablename__ = "finding"
    __table_args__ = (
        CheckConstraint(f"severity IN {SEVERITIES}", name="severity"),
        Index("uq_finding_position", "file_id", "position", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    position: Mapped[int] = mapped_column(Integer, comment="in the result, from 0")
    violation: Mapped[str] = mapped_column(String(255), comment="as the analyser named it")
    violation_id: Mapped[int | None] = mapped_column(ForeignKey("basis_violation.id", ondelete="SET NULL"))
    severity: Mapped[str] = mapped_column(String(8), comment="a word of SEVERITIES")
    start_s: Mapped[float | None] = mapped_column(Float, comment="seconds of the footage")
    end_s: Mapped[float | None] = mapped_column(Float, comment="seconds of the footage")
    page: Mapped[int | None] = mapped_column(Integer, comment="of a document, from 1")
    quotation: Mapped[str | None] = mapped_column(Text)
    confidence: Mapped[float | None] = mapped_column(Float, comment="0 to 1")
