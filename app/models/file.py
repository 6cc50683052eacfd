"""Files that are handed over for analysis and review: uploaded ones, and spans of recorded footage."""

import secrets

from sqlalchemy import BigInteger, CheckConstraint, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import now_us

STATUSES = ("--------", "processing", "ready", "error", "db_ready")
ANNOUNCED, PROCESSING, READY, ERROR, DB_READY = STATUSES
UPLOAD, FOOTAGE = "upload", "footage"
FORM, TUS = "multipart", "tus"
BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up an INTEGER only


def new_hex() -> str:
    """Return 128 random bits in hex."""
    return secrets.token_hex(16)


class File(Model):
    """One file; `refer` names it for ever, the keys that open a download are in `refer_key`. The row stays."""

    __tablename__ = "file"
    __table_args__ = (
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint(f"kind IN {(UPLOAD, FOOTAGE)}", name="kind"),
        CheckConstraint(
            "kind = 'upload' OR (source_id IS NOT NULL AND begin_us IS NOT NULL AND end_us > begin_us)", name="span"
        ),
        CheckConstraint("size_bytes IS NULL OR received_bytes <= size_bytes", name="received"),
        Index("ix_file_status_id", "status", "id"),
        Index("ix_file_expires_us", "expires_us"),
        Index("ix_file_next_us", "next_us"),
        Index("ix_file_owner", "owner"),
        Index("ix_file_pin_id", "pin_id"),
        Index("ix_file_source_id_begin_us", "source_id", "begin_us"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    refer: Mapped[str] = mapped_column(String(32), unique=True, default=new_hex, comment="hex; the lasting reference")
    name: Mapped[str] = mapped_column(String(255), comment="as the sender named it, cleaned; never part of a path")
    kind: Mapped[str] = mapped_column(String(8), default=UPLOAD, comment="upload, or footage: a view of the archive")
    how: Mapped[str | None] = mapped_column(String(16), comment="multipart or tus")
    status: Mapped[str] = mapped_column(String(16), default=ANNOUNCED, comment="a word of STATUSES")
    size_bytes: Mapped[int | None] = mapped_column(BigInteger, comment="null until it is known")
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="what is durable on the disk")
    sha256: Mapped[str | None] = mapped_column(String(64), comment="hex; null until it is complete")
    media_type: Mapped[str | None] = mapped_column(String(127), comment="found from the content")
    duration_s: Mapped[float | None] = mapped_column(Float, comment="of footage and films; null for none known")
    error: Mapped[str | None] = mapped_column(Text, comment="one line: what failed")
    upload_metadata: Mapped[str | None] = mapped_column(Text, comment="tus header Upload-Metadata, as sent")
    writer: Mapped[str | None] = mapped_column(String(36), comment="UUID of the request that may write")
    writer_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it began")
    owner: Mapped[str] = mapped_column(String(255), comment="account that announced it")
    storage_id: Mapped[str | None] = mapped_column(ForeignKey("storage.id"))
    created_us: Mapped[int] = mapped_column(BigInteger, default=now_us, comment="instant, us since the epoch")
    completed_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant it was complete on the disk")
    expires_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant an unfinished upload is given up")
    next_us: Mapped[int | None] = mapped_column(
        BigInteger, comment="instant the worker does what is left to do: type, length, removing bytes; null for nothing"
    )
    tries: Mapped[int] = mapped_column(Integer, default=0, comment="of that, which failed")
    deleted_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant its bytes were removed")
    deleted_by: Mapped[str | None] = mapped_column(String(255), comment="account that deleted it")
    salt: Mapped[str] = mapped_column(String(32), default=new_hex, comment="hex; goes into its keys")
    generation: Mapped[int] = mapped_column(Integer, default=-1, comment="of the last key issued; -1 for none")
    event_id: Mapped[int] = mapped_column(BigInteger, default=0, comment="its newest event")
    downloads: Mapped[int] = mapped_column(Integer, default=0, comment="that were begun")
    users: Mapped[int] = mapped_column(Integer, default=0, comment="different ones that began a download")
    violations_quantity: Mapped[int] = mapped_column(Integer, default=0, comment="findings of its result")
    source_id: Mapped[int | None] = mapped_column(ForeignKey("source.id"), comment="of footage")
    record_id: Mapped[str | None] = mapped_column(ForeignKey("record.id"), comment="that was asked for, if any")
    begin_us: Mapped[int | None] = mapped_column(BigInteger, comment="of footage: instant, us since the epoch")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="of footage: instant, us since the epoch")
    rev: Mapped[str | None] = mapped_column(String(64), comment="of footage: pins an end in what was yet being written")
    pin_id: Mapped[str | None] = mapped_column(ForeignKey("pin.id"), comment="what keeps its footage")

    def __repr__(self) -> str:
        """Name the file by its id: its salt is nobody's business."""
        return f"<File {self.id} {self.status}>"
