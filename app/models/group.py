"""A group of cameras of one model."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model, db
from app.models.source import MODELS, Source
from app.models.types import new_uuid, now_us

group_source = Table(
    "group_source",
    db.metadata,
    Column("group_id", ForeignKey("group.id", ondelete="CASCADE"), primary_key=True),
    Column("source_id", ForeignKey("source.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Group(Model):
    """Sources that are started together."""

    __tablename__ = "group"
    __table_args__ = (CheckConstraint(f"model IN {MODELS}", name="model"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    name: Mapped[str] = mapped_column(String(255), unique=True)
    model: Mapped[str] = mapped_column(String(16), comment="the model of all its sources")
    sources: Mapped[list[Source]] = relationship(secondary=group_source, order_by=Source.id)
