"""The ledger of missing seconds: stretches in which a source was to be recorded and was not, each with its cause."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Loss(Model):
    """[begin_us, end_us) of a source; those of one source do not overlap."""

    __tablename__ = "loss"
    __table_args__ = (CheckConstraint("end_us > begin_us", name="span"), Index("ix_loss_cause", "cause"))

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    begin_us: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="instant, us since the epoch"
    )
    end_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    cause: Mapped[str] = mapped_column(String(24), comment="a reason of an attempt, or a word of the ledger")
    detail: Mapped[str | None] = mapped_column(Text, comment="one line, without secrets")


class LossMark(Model):
    """Until when the ledger of a source is settled, and what has been added up until then."""

    __tablename__ = "loss_mark"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    settled_us: Mapped[int] = mapped_column(BigInteger, comment="instant until which losses are written down")
    expected_us: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0", comment="length of what was wanted"
    )
    recorded_us: Mapped[int] = mapped_column(
        BigInteger, default=0, server_default="0", comment="length of what there was"
    )
    revision: Mapped[int] = mapped_column(Integer, default=0, server_default="0", comment="counts settlements")
    lost: Mapped[str] = mapped_column(
        Text, default="{}", server_default="{}", comment="JSON object: cause to the sum of its losses, us"
    )
    doubtful_us: Mapped[int | None] = mapped_column(
        BigInteger, comment="from here on settled while something was open for too long; null for nowhere"
    )


class LossDue(Model):
    """[begin_us, end_us) of a source whose footage has changed since it was settled; written by the coverage."""

    __tablename__ = "loss_due"

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    begin_us: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="instant, us since the epoch"
    )
    end_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    stamp: Mapped[int] = mapped_column(Integer, default=0, server_default="0", comment="counts changes of the row")
