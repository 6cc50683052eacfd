"""Finding footage: the segments of a source within a range of wall clock, in order, as far as readable.

One bounded query by the primary key (source, start): no segment is longer than 600 s, so that the cost
depends on the answer and not on the archive. A file that is missing or altered counts as a gap.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, bindparam, or_, select

from app.archive import places, sidecar
from app.archive.opensegment import read_open
from app.extensions import db
from app.formats.boxes import FormatError
from app.formats.sampleindex import ROW_COUNTERS, SampleIndex
from app.models import Segment, Storage
from app.models.segment import CLOSED, MAX_SEGMENT_US, OPEN

log = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
FOUND_COLUMNS = (
    "id", "source_id", "run_id", "sequence", "start_us", "end_us", "slew_ppm", "shift_ticks",
    "video_entry_id", "audio_entry_id", "generation", "body_begin_bytes", "body_end_bytes",
    "index_offset_bytes", "index_size_bytes",
)  # fmt: skip
CHECKED_COLUMNS = ("state", "storage_id", "size_bytes", "mtime_ns")  # what only checking a row needs
COUNTS_AT = len(FOUND_COLUMNS)
CHECKED_AT = COUNTS_AT + len(ROW_COUNTERS)
# Plain columns: mapped ones cost 20 µs a row.
SELECTED = [Segment.__table__.c[name] for name in (*FOUND_COLUMNS, *ROW_COUNTERS, *CHECKED_COLUMNS)]
# Made once: making and hashing a statement of 40 columns takes longer than running it for an hour of footage.
WITHIN = (
    select(*SELECTED)
    .where(Segment.source_id == bindparam("source_id"))
    .where(Segment.start_us > bindparam("earliest_us"), Segment.start_us < bindparam("end_us"))
    .where(or_(Segment.end_us > bindparam("begin_us"), Segment.state == OPEN))
    .order_by(Segment.start_us)
)
STORAGE = (Storage.__table__.c.id, Storage.__table__.c.path)

# Called with the number of segments that could not be read: the metric.
unreadable_hooks: list[Callable[[int], None]] = []


@dataclass(slots=True)
class Found:
    """One readable segment; `counts` are the counters of its sample index. Never changed once made.

    Its first fields are FOUND_COLUMNS in their order. The open file moves to `other_path` when it is closed.
    """

    id: str
    source_id: int
    run_id: str
    sequence: int
    start_us: int
    end_us: int
    slew_ppm: int
    shift_ticks: int
    video_entry_id: int | None
    audio_entry_id: int | None
    generation: int
    body_begin_bytes: int
    body_end_bytes: int
    index_offset_bytes: int
    index_size_bytes: int
    counts: dict[str, int]
    root: Path = field(repr=False)
    path: str
    other_path: str
    is_open: bool = False
    known_index: SampleIndex | None = field(default=None, repr=False)

    def load_index(self) -> SampleIndex:
        """Return the sample index: from the sidecar, else from the media file. Raises FormatError, OSError."""
        if self.known_index is not None:
            return self.known_index
        if self.index_size_bytes:
            place = (self.root, self.source_id, self.start_us, self.index_offset_bytes, self.index_size_bytes)
            try:
                return self._checked(sidecar.read_index(*place))
            except (FormatError, OSError) as error:
                log.warning("the index of segment %s is unusable (%s): reading its file", self.id, error)
        return self._checked(sidecar.index_media(self.path, self.shift_ticks))

    def _checked(self, index: SampleIndex) -> SampleIndex:
        """Return the index. Raises FormatError when it is not the one that the row counts."""
        if index.counters() != self.counts:
            raise FormatError(f"the index of segment {self.id} does not have the samples of its row")
        return index

    @property
    def v_first_pts(self) -> int:
        """Presentation time of the first video sample, in ticks: the one that was shown at `start_us`."""
        return self.counts["v_t0"] + self.counts["v_c0"]

    def ticks_at(self, instant_us: int, timescale: int) -> int:
        """Return the media time at an instant of wall clock, in ticks, rounded up."""
        media = (instant_us - self.start_us) * timescale
        return self.v_first_pts - (-media // (1_000_000 + self.slew_ppm))

    def instant_at(self, ticks: int, timescale: int) -> int:
        """Return the wall clock at a media time in ticks; rounded down."""
        media = (ticks - self.v_first_pts) * (1_000_000 + self.slew_ppm)
        return self.start_us + media // timescale

    def follows(self, before: "Found") -> bool:
        """Tell whether this is the next file of the run of `before`."""
        return self.run_id == before.run_id and self.sequence == before.sequence + 1

    def cut_at(self, end_bytes: int) -> "Found":
        """Return the segment as it was when its last complete fragment ended at `end_bytes`.

        The same for the open file and for the closed one. Raises FormatError, OSError.
        """
        return _with_index(self, sidecar.index_media(self.path, self.shift_ticks, end_bytes))


def find_segments(source_id: int, begin_us: int, end_us: int) -> list[Found]:
    """Return the readable segments that touch [begin_us, end_us), by start."""
    values = {"source_id": source_id, "earliest_us": begin_us - MAX_SEGMENT_US, "begin_us": begin_us, "end_us": end_us}
    found = _readable(db.session.execute(WITHIN, values).all())
    return [segment for segment in found if segment.end_us > begin_us]


def find_segment(source_id: int, segment_id: str) -> Found | None:
    """Return a segment of a source by its id, or None where there is none or it cannot be read."""
    query = select(*SELECTED).where(Segment.id == segment_id, Segment.source_id == source_id)
    return next(iter(_readable(db.session.execute(query).all())), None)


def find_open(source_id: int) -> list[Found]:
    """Return the segments of a source that are being written."""
    query = select(*SELECTED).where(Segment.source_id == source_id, Segment.state == OPEN).order_by(Segment.start_us)
    return _readable(db.session.execute(query).all())


def find_neighbours(source_id: int, begin_us: int, end_us: int) -> tuple[int | None, int | None]:
    """Return where the footage before a range ends and where that after it begins; None for none."""
    before = _nearest(source_id, Segment.start_us < begin_us, is_backwards=True)
    after = _nearest(source_id, Segment.start_us >= end_us, is_backwards=False)
    return min(before.end_us, begin_us) if before else None, after.start_us if after else None


def _nearest(source_id: int, condition: ColumnElement[bool], *, is_backwards: bool) -> Found | None:
    """Return the readable segment nearest to a range; of 16 rows, so that a lost archive stays cheap."""
    order = Segment.start_us.desc() if is_backwards else Segment.start_us.asc()
    query = select(*SELECTED).where(Segment.source_id == source_id, condition).order_by(order).limit(16)
    return next(iter(_readable(db.session.execute(query).all())), None)


def _readable(rows: Sequence[Any]) -> list[Found]:
    """Return the segments whose files are what the rows say; the log and the metric get the others."""
    roots = {row.id: Path(row.path) for row in db.session.execute(select(*STORAGE))}
    found = []
    folders: dict[tuple[str, int, int], str] = {}  # of the hours that the rows are of
    for row in rows:
        root = roots[row.storage_id]
        hour = (row.storage_id, row.source_id, row.start_us // HOUR_US)
        if hour not in folders:
            folders[hour] = str(places.closed_path(root, row.source_id, row.start_us, row.id).parent)
        segment = _from_row(row, root, folders[hour])
        if segment is not None:
            found.append(segment)
        elif row.state == CLOSED:
            for hook in unreadable_hooks:
                hook(1)
    return found


def _from_row(row: Any, root: Path, folder: str) -> Found | None:
    """Return the segment of a row, or None where its file cannot be used."""
    closed = f"{folder}/{row.id}.mp4"
    if row.state not in (OPEN, CLOSED) or (row.state == CLOSED and not _is_unaltered(row, closed)):
        return None
    counts = dict(zip(ROW_COUNTERS, row[COUNTS_AT:CHECKED_AT], strict=True))
    segment = Found(*row[:COUNTS_AT], counts=counts, root=root, path=closed, other_path=closed)  # type: ignore[misc]
    if row.state == OPEN:
        return _from_open(segment, str(places.live_path(root, row.source_id, row.run_id, row.sequence)), closed)
    return segment


def _from_open(segment: Found, live: str, closed: str) -> Found | None:
    """Return an open segment up to its last complete fragment; it may be renamed at any moment."""
    for path in (live, closed, live):
        try:
            index = read_open(path, segment.shift_ticks)
        except FileNotFoundError:
            continue
        except (FormatError, OSError):
            return None
        return _with_index(replace(segment, is_open=True, path=path, other_path=closed), index)
    return None


def _with_index(segment: Found, index: SampleIndex) -> Found:
    """Return a segment that consists of what an index holds."""
    counts = index.counters()
    media_us = counts["v_dur"] * (1_000_000 + segment.slew_ppm) // index.counts["v_timescale"]
    return replace(
        segment,
        counts=counts,
        known_index=index,
        body_begin_bytes=int(index.fragments["offset"][0]),
        body_end_bytes=int(index.fragments["end"][-1]),
        end_us=segment.start_us + max(media_us, 1),
    )


def _is_unaltered(row: Any, path: str) -> bool:
    """Tell whether a closed file is there with the size and mtime of its row."""
    try:
        status = os.stat(path)  # noqa: PTH116 (done for every file of a range)
    except OSError as error:
        log.warning("segment %s cannot be read: %s", row.id, error.strerror)
        return False
    if status.st_size != row.size_bytes or (row.mtime_ns and status.st_mtime_ns != row.mtime_ns):
        log.warning("segment %s was altered: its size or mtime is not that of its row", row.id)
        return False
    return True
