"""A run: an uninterrupted stretch of footage of one connection, on one media timeline."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model


class Run(Model):
    """Exists once its second fragment is on disk; then its clock anchor is fixed for ever."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint("clock IN ('ok', 'unset')", name="clock"),
        Index("ix_run_source_id_anchor_us", "source_id", "anchor_us"),
        Index("ix_run_capture_id", "capture_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, comment="UUID, also in file names and uuid boxes")
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    anchor_us: Mapped[int] = mapped_column(BigInteger, comment="wall clock of media time 0, us since the epoch")
    begin_us: Mapped[int] = mapped_column(BigInteger, comment="wall clock of its first sample")
    end_us: Mapped[int | None] = mapped_column(BigInteger, comment="wall clock after its last sample; null while open")
    clock_offset_us: Mapped[int | None] = mapped_column(BigInteger, comment="camera's clock minus ours, if it told")
    capture_id: Mapped[str | None] = mapped_column(
        String(36), comment="UUID in the names of ffmpeg's files where it is not the run's own"
    )
    clock: Mapped[str] = mapped_column(
        String(8), default="ok", server_default="ok", comment="ok, or unset: the machine did not know the time"
    )
    true_shift_us: Mapped[int | None] = mapped_column(
        BigInteger, comment="to be added to instants of a run of an unset clock; null until the clock was set"
    )
    is_picture: Mapped[bool] = mapped_column(default=False, comment="made of polled pictures")
