"""What is kept and for how long: rules of retention, and pins that protect a stretch of footage from all of them."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, db
from app.models.types import new_uuid, now_us

SCOPES = ("all", "group", "tag", "source")


class RetentionRule(Model):
    """One rule a scope: at least, and at most, so old and so large. Null leaves it to a wider scope."""

    __tablename__ = "retention_rule"
    __table_args__ = (
        CheckConstraint(f"scope IN {SCOPES}", name="scope"),
        CheckConstraint(
            "(scope = 'group') = (group_id IS NOT NULL) AND (scope = 'tag') = (tag_id IS NOT NULL) "
            "AND (scope = 'source') = (source_id IS NOT NULL)",
            name="target",
        ),
        CheckConstraint("min_age_s IS NULL OR max_age_s IS NULL OR min_age_s <= max_age_s", name="age"),
        CheckConstraint("min_bytes IS NULL OR max_bytes IS NULL OR min_bytes <= max_bytes", name="bytes"),
        Index(
            "uq_retention_rule_all",
            "scope",
            unique=True,
            sqlite_where=db.text("scope = 'all'"),
            postgresql_where=db.text("scope = 'all'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    scope: Mapped[str] = mapped_column(String(8), comment="a word of SCOPES")
    group_id: Mapped[str | None] = mapped_column(ForeignKey("group.id", ondelete="CASCADE"), unique=True)
    tag_id: Mapped[str | None] = mapped_column(ForeignKey("tag.id"), unique=True)
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"), unique=True)
    min_age_s: Mapped[int | None] = mapped_column(BigInteger, comment="kept so long, whatever the budget; seconds")
    max_age_s: Mapped[int | None] = mapped_column(BigInteger, comment="deleted when older; seconds")
    min_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="so much stays, however old")
    max_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="the oldest goes when there is more")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    changed_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    actor: Mapped[str] = mapped_column(String(255), comment="account that set it last")


class Pin(Model):
    """[begin_us, end_us) of a source that nothing deletes, until it is released or runs out. The row stays."""

    __tablename__ = "pin"
    __table_args__ = (
        CheckConstraint("end_us > begin_us", name="span"),
        Index("ix_pin_source_id_begin_us", "source_id", "begin_us"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    end_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    owner: Mapped[str] = mapped_column(String(255), comment="account that made it")
    reason: Mapped[str] = mapped_column(Text, comment="in words, as given")
    expires_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it ends by itself; null for never")
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    released_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant somebody released it")
    released_by: Mapped[str | None] = mapped_column(String(255), comment="account that released it")
