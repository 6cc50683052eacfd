"""What somebody is looking at now: kept until it ends, and becomes a row of the audit log then."""

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Viewing(Model):
    """One caller, one camera (or file), without a pause. A process that dies leaves it to the worker."""

    __tablename__ = "viewing"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    updated_us: Mapped[int] = mapped_column(BigInteger, comment="instant of the last change of this row")
    actor: Mapped[str] = mapped_column(String(255), comment="who looks, as in audit")
    action: Mapped[str] = mapped_column(String(64), comment="as in audit")
    subject: Mapped[str] = mapped_column(String(255), comment="as in audit")
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"))
    detail: Mapped[str] = mapped_column(Text, comment="JSON object, as in audit")
