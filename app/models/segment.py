"""A segment: one media file on disk, of one source and one run."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model

OPEN, CLOSED, MISSING = 0, 1, 2
MAX_SEGMENT_US = 600_000_000
HAS_FAULT = "fault IS NOT NULL"  # of millions of rows the few that are counted at each scrape


class Segment(Model):
    """Found by source and start; the counters let a header be sized without reading an index (docs/design/playback.md).

    While `state` is OPEN only the columns up to `video_entry_id` mean something: the file itself says the rest.
    """

    __tablename__ = "segment"
    __table_args__ = (
        CheckConstraint("end_us >= start_us", name="span"),
        CheckConstraint(f"end_us - start_us <= {MAX_SEGMENT_US}", name="longest"),
        Index("ix_segment_run_id_sequence", "run_id", "sequence", unique=True),
        Index("ix_segment_state", "state"),
        Index("ix_segment_storage_id_start_us", "storage_id", "start_us"),
        Index("ix_segment_verified_us_start_us", "verified_us", "start_us"),
        Index("ix_segment_fault", "fault", sqlite_where=text(HAS_FAULT), postgresql_where=text(HAS_FAULT)),
    )

    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True, autoincrement=False)
    start_us: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="wall clock of the first shown sample"
    )
    id: Mapped[str] = mapped_column(String(36), unique=True, comment="UUID; part of the file's name when closed")
    end_us: Mapped[int] = mapped_column(BigInteger, comment="wall clock after the last sample; start_us while open")
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"))
    sequence: Mapped[int] = mapped_column(Integer, comment="number of the file within its run, from 0")
    storage_id: Mapped[str] = mapped_column(ForeignKey("storage.id"))
    state: Mapped[int] = mapped_column(SmallInteger, comment="0 open, 1 closed, 2 missing")
    slew_ppm: Mapped[int] = mapped_column(Integer, default=0, comment="wall seconds a media second, minus 1, times 1e6")
    shift_ticks: Mapped[int] = mapped_column(Integer, default=0, comment="added to every video dts in the file")
    video_entry_id: Mapped[int | None] = mapped_column(ForeignKey("sample_entry.id"))
    audio_entry_id: Mapped[int | None] = mapped_column(ForeignKey("sample_entry.id"))
    generation: Mapped[int] = mapped_column(Integer, default=0, comment="counts rewrites of the file")
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    mtime_ns: Mapped[int] = mapped_column(BigInteger, default=0, comment="of the file when the row was written")
    body_begin_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="offset of the first fragment")
    body_end_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="offset after the last whole fragment")
    sha256: Mapped[str | None] = mapped_column(String(64), comment="hex, of the bytes before the closing uuid box")
    chain: Mapped[str | None] = mapped_column(String(64), comment="hex SHA-256 over the closing box; null of old files")
    verified_us: Mapped[int | None] = mapped_column(BigInteger, comment="instant its file was last read and judged")
    fault: Mapped[str | None] = mapped_column(
        String(24), comment="what was found wrong with the file; null for nothing"
    )
    v_t0: Mapped[int] = mapped_column(BigInteger, default=0, comment="first video dts, ticks, shift applied")
    v_dur: Mapped[int] = mapped_column(BigInteger, default=0, comment="sum of video durations, ticks")
    v_n: Mapped[int] = mapped_column(Integer, default=0, comment="video samples")
    v_sync: Mapped[int] = mapped_column(Integer, default=0, comment="video key samples")
    v_runs: Mapped[int] = mapped_column(Integer, default=0, comment="stts entries of video")
    v_cruns: Mapped[int] = mapped_column(Integer, default=0, comment="ctts entries of video, 0 without B-frames")
    v_c0: Mapped[int] = mapped_column(Integer, default=0, comment="composition offset of the first video sample, ticks")
    v_last: Mapped[int] = mapped_column(BigInteger, default=0, comment="duration of the last video sample, ticks")
    v_longest: Mapped[int] = mapped_column(
        BigInteger,
        default=0,
        comment="longest duration before the last sample, ticks: a hole within the file",
    )
    v_chunks: Mapped[int] = mapped_column(Integer, default=0, comment="fragments with video")
    a_t0: Mapped[int] = mapped_column(BigInteger, default=0, comment="first audio dts, ticks")
    a_dur: Mapped[int] = mapped_column(BigInteger, default=0, comment="sum of audio durations, ticks")
    a_n: Mapped[int] = mapped_column(Integer, default=0, comment="audio samples")
    a_runs: Mapped[int] = mapped_column(Integer, default=0, comment="stts entries of audio")
    a_last: Mapped[int] = mapped_column(BigInteger, default=0, comment="duration of the last audio sample, ticks")
    a_chunks: Mapped[int] = mapped_column(Integer, default=0, comment="fragments with audio")
    n_frag: Mapped[int] = mapped_column(Integer, default=0, comment="fragments")
    index_offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0, comment="in the day's .sidx file")
    index_size_bytes: Mapped[int] = mapped_column(Integer, default=0, comment="0: no index, read the media file")
