"""A lease: which recorder may connect to a source now."""

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Lease(Model):
    """At most one a source; renewed by its recorder, free for another once it has run out."""

    __tablename__ = "lease"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    recorder_id: Mapped[str] = mapped_column(ForeignKey("recorder.id"), index=True)
    expires_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
