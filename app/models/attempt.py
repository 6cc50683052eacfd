"""Every attempt to record a source, with begin, end and reason: the other half of the ledger of missing seconds."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

REASONS = (
    "stopped",  # asked for
    "recorder_stopped",
    "camera_unreachable",
    "wrong_password",
    "no_video",
    "no_key_frame",
    "silent",
    "stream_ended",
    "crashed",
    "disk_full",
    "storage_unusable",
    "bad_template",
    "throttled",
    "clock_jump",
    "clock_step",
    "audio",  # begun again at once with the audio transcoded
)


class Attempt(Model):
    """One ffmpeg process (or one picture poller). `end_us` is null while it lives."""

    __tablename__ = "attempt"
    __table_args__ = (
        CheckConstraint("end_us IS NULL OR end_us >= begin_us", name="span"),
        Index("ix_attempt_source_id_begin_us", "source_id", "begin_us"),
        Index(
            "ix_attempt_living",  # the few of many
            "source_id",
            sqlite_where=text("end_us IS NULL"),
            postgresql_where=text("end_us IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    run_id: Mapped[str | None] = mapped_column(String(36), comment="the run of its files; null where none was begun")
    recorder_id: Mapped[str] = mapped_column(String(36), comment="the recorder that began it")
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="instant, us since the epoch")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="null while it lives")
    reason: Mapped[str | None] = mapped_column(String(24), comment="why it ended: a word of REASONS")
    detail: Mapped[str | None] = mapped_column(Text, comment="one line, without secrets")
