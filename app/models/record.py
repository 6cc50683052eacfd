"""A record: one source under one tag, from begin to end. It owns no bytes: it is a span of its source's footage."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model, db
from app.models.source import Source
from app.models.tag import Tag
from app.models.types import new_uuid, now_us


class Record(Model):
    """`end_us` is null while recording; at most one open record a source and tag."""

    __tablename__ = "record"
    __table_args__ = (
        CheckConstraint("end_us IS NULL OR end_us >= begin_us", name="span"),
        Index("ix_record_source_id_begin_us", "source_id", "begin_us"),
        Index("ix_record_tag_id_begin_us", "tag_id", "begin_us"),
        # Who sees some cameras sees the tags that they were recorded under.
        Index("ix_record_tag_id_source_id", "tag_id", "source_id"),
        # The few that go on, of the many of a tag.
        Index(
            "ix_record_open",
            "tag_id",
            "begin_us",
            sqlite_where=db.text("end_us IS NULL"),
            postgresql_where=db.text("end_us IS NULL"),
        ),
        # What the background has yet to do: a few rows of many.
        Index(
            "ix_record_unlisted",
            "begin_us",
            sqlite_where=db.text("is_listed = 0"),
            postgresql_where=db.text("NOT is_listed"),
        ),
        Index("ix_record_hash_version", "hash_version"),
        Index(
            "ix_record_hash_due",
            "hash_due_us",
            sqlite_where=db.text("hash_due_us IS NOT NULL"),
            postgresql_where=db.text("hash_due_us IS NOT NULL"),
        ),
        Index(
            "uq_record_open",
            "source_id",
            "tag_id",
            unique=True,
            sqlite_where=db.text("end_us IS NULL"),
            postgresql_where=db.text("end_us IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    tag_id: Mapped[str] = mapped_column(ForeignKey("tag.id"))
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="instant it was wanted from")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was stopped; null while recording")
    deleted_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant its file was deleted")
    hash_md5: Mapped[str | None] = mapped_column(String(32), comment="of the bytes of /video/, null until computed")
    hash_version: Mapped[int | None] = mapped_column(
        Integer, comment="version of the format that was hashed; -1 while it is"
    )
    hash_due_us: Mapped[int | None] = mapped_column(
        BigInteger, default=0, comment="instant of the next try to hash it; null where there is nothing to do"
    )
    cut_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant a part of its footage was deleted")
    is_listed: Mapped[bool] = mapped_column(
        default=False, comment="what is at `location` is final: its whole playlist, or nothing once it is deleted"
    )
    scheduled_by: Mapped[str | None] = mapped_column(
        String(36), comment="group whose schedule started it, and stops it; null where somebody did"
    )
    sync_location: Mapped[str | None] = mapped_column(Text, comment="where it is (to be) copied")
    source: Mapped[Source] = relationship()
    tag: Mapped[Tag] = relationship()
