"""Download keys: their rotation, each key's hash and times, and who downloads now."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, db
from app.models.file import BigId
from app.models.types import new_uuid

DOWNLOADED, RAN_OUT, REVOKED, RESTARTED, DELETED = ("downloaded", "ran_out", "revoked", "restarted", "deleted")
END_REASONS = (DOWNLOADED, RAN_OUT, REVOKED, RESTARTED, DELETED)


class Rotation(Model):
    """Ten minutes in which a file gives out keys; at most one of a file is open."""

    __tablename__ = "rotation"
    __table_args__ = (
        CheckConstraint(f"reason IS NULL OR reason IN {END_REASONS}", name="reason"),
        Index(
            "uq_rotation_open",
            "file_id",
            unique=True,
            sqlite_where=db.text("ended_us IS NULL"),
            postgresql_where=db.text("ended_us IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"), index=True)
    started_us: Mapped[int] = mapped_column(BigInteger, comment="instant of its first key")
    first_generation: Mapped[int] = mapped_column(Integer, comment="of its first key")
    ended_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it ended; null while it goes on")
    reason: Mapped[str | None] = mapped_column(String(16), comment="why it ended: a word of END_REASONS")


class ReferKey(Model):
    """A key that was given out, known by its hash alone."""

    __tablename__ = "refer_key"
    __table_args__ = (Index("uq_refer_key_generation", "file_id", "generation", unique=True),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    rotation_id: Mapped[int] = mapped_column(ForeignKey("rotation.id"), index=True)
    generation: Mapped[int] = mapped_column(Integer)
    key_sha256: Mapped[str] = mapped_column(String(64), unique=True, comment="hex, of the key in hex")
    issued_us: Mapped[int] = mapped_column(BigInteger, comment="instant from which it holds")
    superseded_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant of the next key")
    first_used_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant of its first download")
    revoked_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was revoked")

    def __repr__(self) -> str:
        """Name the generation, never the hash."""
        return f"<ReferKey {self.file_id}/{self.generation}>"


class DownloadLease(Model):
    """A place among those who download a file at once."""

    __tablename__ = "download_lease"
    __table_args__ = (Index("ix_download_lease_file_id_ended_us", "file_id", "ended_us"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_uuid)
    file_id: Mapped[int] = mapped_column(ForeignKey("file.id"))
    key_id: Mapped[int] = mapped_column(ForeignKey("refer_key.id"), index=True)
    holder: Mapped[str] = mapped_column(String(255), comment="the account; without one the lease's own id")
    begun_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    beat_us: Mapped[int] = mapped_column(BigInteger, comment="instant of the last progress")
    sent_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    ended_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant the place was given back")
