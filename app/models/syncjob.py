"""Copying the recordings of a tag somewhere else: one job a request, one item a record."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.extensions import Model
from app.models.record import Record
from app.models.tag import Tag
from app.models.types import new_uuid, now_us

STATES = ("waiting", "running", "done", "failed")


class SyncJob(Model):
    """What was asked for. Its progress is that of its items."""

    __tablename__ = "sync_job"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(
        BigInteger, default=now_us, index=True, comment="instant, us since the epoch"
    )
    ended_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant its last item ended")
    actor: Mapped[str] = mapped_column(String(255), comment="account that asked")
    tag_id: Mapped[str] = mapped_column(ForeignKey("tag.id"))
    location: Mapped[str] = mapped_column(Text, comment="as given; credentials are in the settings, never here")
    root: Mapped[str] = mapped_column(Text, comment="the allowed target that it lies below, without credentials")
    path: Mapped[str] = mapped_column(Text, comment="below root, normalised; empty for root itself")
    tag: Mapped[Tag] = relationship()


class SyncItem(Model):
    """One record to copy. A worker that takes it holds it until `held_until_us`, and renews that while it copies."""

    __tablename__ = "sync_item"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_sync_item_state_due_us", "state", "due_us"),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("sync_job.id"), primary_key=True)
    record_id: Mapped[str] = mapped_column(ForeignKey("record.id"), primary_key=True, index=True)
    state: Mapped[str] = mapped_column(String(8), default="waiting", comment="a word of STATES")
    due_us: Mapped[int] = mapped_column(BigInteger, default=0, comment="instant of the next try")
    held_by: Mapped[str | None] = mapped_column(String(36), comment="the worker's try that copies it now")
    held_until_us: Mapped[int] = mapped_column(BigInteger, default=0, comment="after this another may take it")
    tries: Mapped[int] = mapped_column(Integer, default=0)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="of the recording's file; null until known")
    copied_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="safe at the target")
    md5: Mapped[str | None] = mapped_column(String(32), comment="hex, read back at the target")
    target: Mapped[str | None] = mapped_column(Text, comment="the final name, as `sync_location` says it")
    error: Mapped[str | None] = mapped_column(Text, comment="one line, without secrets")
    ended_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was done or given up")
    record: Mapped[Record] = relationship()


class ReceivedCopy(Model):
    """A recording that another server of this kind copied to this one: a file of its own, no footage of a source."""

    __tablename__ = "received_copy"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    record_id: Mapped[str] = mapped_column(String(36), unique=True, comment="id of the record at its own server")
    tag_name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text, comment="JSON: what the sender says of record and source")
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="durable in the partial file")
    md5: Mapped[str] = mapped_column(String(32), comment="hex, as the sender announced it")
    completed_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was whole and its hash right")
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"))
