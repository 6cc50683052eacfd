"""Finding footage: the segments of a source within a range of wall clock, in order, as far as readable.

The cost depends on the range and not on the archive: no segment is longer than 600 s, and rows are remembered by day
(app/archive/catalogue.py). A file that is missing or altered counts as a gap: each is looked at before use, and again
when the last look is older than LOOK_S.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement

from app.archive import places
from app.archive.catalogue import READABLE, WHOLE_ROWS, Rows, catalogue
from app.archive.limits import Window, windows
from app.archive.opensegment import read_open
from app.archive.runs import capture_of
from app.archive.segments import AT, Found, Segments
from app.extensions import db
from app.formats.boxes import FormatError
from app.models import Segment
from app.models.segment import MAX_SEGMENT_US, OPEN

log = logging.getLogger(__name__)

# A lost or altered file is to be a gap within 10 s of being asked for; a plan may be 4 s old besides (playback.plans).
LOOK_S = 5.0
EDGE_US = 2_000_000  # so near to the edge of a window a file is looked into
MTIME_AT, SIZE_AT, STATE_AT, START_AT = AT["mtime_ns"], AT["size_bytes"], AT["state"], AT["start_us"]
STORAGE_AT = AT["storage"]

# Called with the number of segments that could not be read: the metric.
unreadable_hooks: list[Callable[[int], None]] = []


def find_segments(source_id: int, begin_us: int, end_us: int, *, is_fresh: bool = False) -> Segments:
    """Return the readable segments that touch [begin_us, end_us), by start; of the request's window what lies in it.

    Each file was looked at within LOOK_S; with `is_fresh` just now.
    """
    blocks = catalogue().read(source_id, max(begin_us - MAX_SEGMENT_US, 0), end_us)
    roots = catalogue().roots()
    found, lost = [], []
    for rows in blocks:
        starts, ends = rows.numbers[:, START_AT], rows.numbers[:, AT["end_us"]]
        first, last = np.searchsorted(starts, (begin_us - MAX_SEGMENT_US, end_us)).tolist()
        touching = (ends[first:last] > begin_us) | (rows.numbers[first:last, STATE_AT] == OPEN)
        chosen = first + np.flatnonzero(touching)
        if len(chosen):
            found.append(_usable(source_id, rows, chosen, roots, is_fresh=is_fresh))
            lost += [(int(starts[number]), int(ends[number])) for number in chosen[~rows.is_usable[chosen]].tolist()]
    segments = _with_open(_joined(source_id, found, roots))
    segments = segments.select(segments.column("end_us") > begin_us)
    segments.lost = lost
    return _within(segments)


def find_segment(source_id: int, start_us: int) -> Found | None:
    """Return the segment of a source that starts at an instant, or None where there is none that can be read."""
    segments = find_segments(source_id, start_us, start_us + 1, is_fresh=True)
    numbers = np.flatnonzero(segments.column("start_us") == start_us)
    return segments[int(numbers[0])] if len(numbers) else None


def find_open(source_id: int) -> Segments:
    """Return the segments of a source that are being written."""
    # `+ 0` keeps SQLite from walking all rows of the source: the index on the state leads to the few open ones.
    return _from_database(source_id, WHOLE_ROWS.where(Segment.state == OPEN, Segment.source_id + 0 == source_id))


def find_neighbours(source_id: int, begin_us: int, end_us: int) -> tuple[int | None, int | None]:
    """Return where the footage before a range ends and where that after it begins; None for none."""
    before = _nearest(source_id, Segment.start_us < begin_us, is_backwards=True)
    after = _nearest(source_id, Segment.start_us >= end_us, is_backwards=False)
    return min(before.end_us, begin_us) if before else None, after.start_us if after else None


def _nearest(source_id: int, condition: ColumnElement[bool], *, is_backwards: bool) -> Found | None:
    """Return the readable segment nearest to a range; of 16 rows, so that a lost archive stays cheap."""
    order = Segment.start_us.desc() if is_backwards else Segment.start_us.asc()
    query = READABLE.where(Segment.source_id == source_id, condition).order_by(order).limit(16)
    found = _from_database(source_id, query)
    return found[-1 if is_backwards else 0] if len(found) else None


def _from_database(source_id: int, query: Any) -> Segments:
    """Return the readable segments of a statement, by start."""
    rows = catalogue().gather(sorted(db.session.execute(query).all(), key=lambda row: int(row.start_us)))
    roots = catalogue().roots()
    return _within(_with_open(_joined(source_id, [_usable(source_id, rows, np.arange(len(rows.ids)), roots)], roots)))


def _within(segments: Segments) -> Segments:
    """Return what the current request may see of segments: those at the edges of its window without what is outside."""
    for window in windows():
        if len(segments) or segments.lost:
            segments = _within_one(segments, window)
    return segments


def _within_one(segments: Segments, window: Window) -> Segments:
    starts, ends = segments.column("start_us"), segments.column("end_us")
    is_inside = (starts < window.end_us) & (ends > window.begin_us)
    # Sound lies a little before or behind the pictures that it belongs to.
    is_near = (starts < window.begin_us + EDGE_US) | (ends > window.end_us - EDGE_US)
    parts = {number: _clipped(segments[number], window) for number in np.flatnonzero(is_inside & is_near).tolist()}
    is_inside[[number for number, part in parts.items() if part is None]] = False
    found = segments.changed({number: part for number, part in parts.items() if part is not None}).select(is_inside)
    found = found.select(np.argsort(found.column("start_us"), kind="stable"))
    cut = [(max(begin, window.begin_us), min(end, window.end_us)) for begin, end in segments.lost]
    found.lost = [(begin, end) for begin, end in cut if begin < end]
    return found


def _clipped(segment: Found, window: Window) -> Found | None:
    try:
        return segment.clipped(*window)
    except (FormatError, OSError) as error:
        log.warning("segment %s is not shown at the edge of a window: %s", segment.id, error)
        return None


def _joined(source_id: int, found: Sequence[Segments], roots: dict[int, Path]) -> Segments:
    """Return segments of several days as one."""
    return Segments.joined(found or [_nothing(source_id, roots)])


def _nothing(source_id: int, roots: dict[int, Path]) -> Segments:
    none = np.empty(0, np.object_)
    return Segments(source_id, np.empty((0, len(AT)), np.int64), none, none, roots)


def _usable(
    source_id: int, rows: Rows, chosen: npt.NDArray[np.int64], roots: dict[int, Path], *, is_fresh: bool = False
) -> Segments:
    """Return the chosen rows without those of closed segments whose files are not what their rows say."""
    everything = Segments(source_id, rows.numbers, rows.ids, rows.run_ids, roots)
    if not len(chosen):
        return everything.select(chosen)
    first, last = int(chosen[0]), int(chosen[-1]) + 1
    segments = everything[first:last] if last - first == len(chosen) else everything.select(chosen)
    due = chosen if is_fresh else chosen[rows.looked_s[chosen] <= time.monotonic() - LOOK_S]
    if len(due):
        _look(source_id, rows, due, roots)
    return segments if rows.is_usable[chosen].all() else segments.select(rows.is_usable[chosen])


def _look(source_id: int, rows: Rows, due: npt.NDArray[np.int64], roots: dict[int, Path]) -> None:
    """Compare size and mtime of files with their rows; the log and the metric get those that differ."""
    facts = rows.numbers[due][:, (START_AT, STATE_AT, SIZE_AT, MTIME_AT, STORAGE_AT)].tolist()
    verdicts = []
    for segment_id, (start_us, state, size_bytes, mtime_ns, storage) in zip(rows.ids[due], facts, strict=True):
        path = places.closed_path_text(roots[storage], source_id, start_us, segment_id)
        verdicts.append(state == OPEN or _is_unaltered(path, size_bytes, mtime_ns))
    rows.is_usable[due] = verdicts
    rows.looked_s[due] = time.monotonic()
    lost = len(verdicts) - sum(verdicts)
    if lost:
        for hook in unreadable_hooks:
            hook(lost)


def _is_unaltered(path: str, size_bytes: int, mtime_ns: int) -> bool:
    """Tell whether a closed file is there with the size and mtime of its row."""
    try:
        status = os.stat(path)  # noqa: PTH116 (done for every file of a range)
    except OSError as error:
        log.warning("segment %s cannot be read: %s", Path(path).stem, error.strerror)
        return False
    if status.st_size != size_bytes or (mtime_ns and status.st_mtime_ns != mtime_ns):
        log.warning("segment %s was altered: its size or mtime is not that of its row", Path(path).stem)
        return False
    return True


def _with_open(segments: Segments) -> Segments:
    """Return the segments with the open ones up to their last complete fragments; without those that have none."""
    numbers = np.flatnonzero(segments.is_open).tolist()
    if not numbers:
        return segments
    found = {number: _from_open(segments, number) for number in numbers}
    segments = segments.changed({number: item for number, item in found.items() if item is not None})
    kept = np.ones(len(segments), np.bool_)
    kept[[number for number in numbers if found[number] is None]] = False
    return segments.select(kept)


def _from_open(segments: Segments, number: int) -> Found | None:
    """Return an open segment up to its last complete fragment; it may be renamed at any moment."""
    segment = segments[number]
    capture_id = capture_of(segment.run_id)
    live = str(places.live_path(segment.root, segment.source_id, capture_id, segment.sequence))
    closed = segment.path
    for path in (live, closed, live):
        try:
            index = read_open(path, segment.shift_ticks)
        except FileNotFoundError:
            continue
        except (FormatError, OSError):
            return None
        return replace(segment.with_index(index), is_open=True, path=path, other_path=closed)
    return None
