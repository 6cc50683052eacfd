"""The places in a source's recorded files at which its media can be cut for the grid (app/playback/grid.py)."""

import hashlib
import logging
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from flask import current_app

from app.archive.segments import ENTRIES_AT, Found, Ints, Segments
from app.formats.boxes import FormatError
from app.playback.footage import Footage
from app.playback.grid import Marks
from app.playback.kept import Kept

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Places:
    """Places in recorded files: the number of the segment, the offset in its file, the decode time in its ticks."""

    files: Ints
    offsets: Ints
    dts: Ints


@dataclass(frozen=True, slots=True)
class Cuts:
    """The marks of one source, and its media: `begins` at each mark, `ends` where the media before the next one ends.

    `pieces` are the numbers of the piece that each mark is in.
    """

    segments: Segments
    marks: Marks
    pieces: Ints
    is_key: npt.NDArray[np.bool_]
    begins: Places
    ends: Places


@dataclass(frozen=True, slots=True)
class Fragments:
    """Fragments with video of one file or of many: number of the file, offset of moof, dts of the first sample."""

    files: Ints
    offsets: Ints
    dts: Ints
    is_key: npt.NDArray[np.bool_]

    @property
    def size_bytes(self) -> int:
        """Size in memory."""
        return 3 * self.dts.nbytes + self.is_key.nbytes


def _kept_fragments() -> Kept[Fragments]:
    """Return the fragments of whole ranges that the current app keeps: each playlist in step needs all sources'."""
    kept: Kept[Fragments] | None = current_app.extensions.get("playback_grid")
    if kept is None:
        made = Kept[Fragments](current_app.config["PLAYBACK"].GRID_BYTES, lambda fragments: fragments.size_bytes)
        kept = current_app.extensions.setdefault("playback_grid", made)
    return kept


def read_cuts(footage: Footage) -> Cuts:
    """Read the marks of a source; a file that cannot be read counts as a gap. Needs no database."""
    segments = footage.segments
    # A row says all that a closed file's index follows from, and of an open one how far it was read.
    key = hashlib.blake2b(segments.rows.tobytes() + "".join(segments.ids).encode(), digest_size=16).hexdigest()
    kept = _kept_fragments()
    known = kept.find(key)
    if known is not None:
        return _choose(footage, known)
    read: list[Fragments] = []
    is_read = np.zeros(len(segments), np.bool_)
    for number, segment in enumerate(segments):
        try:
            read.append(_read_fragments(segment, len(read)))
        except (FormatError, OSError) as error:
            log.warning("segment %s cannot be read and counts as a gap: %s", segment.id, error)
        else:
            is_read[number] = True
    fragments = _joined(read)
    if is_read.all():
        kept.keep(key, fragments)
    readable = replace(
        footage,
        segments=segments.select(is_read),
        begins_us=footage.begins_us[is_read],
        ends_us=footage.ends_us[is_read],
    )
    return _choose(readable, fragments)


def _joined(parts: list[Fragments]) -> Fragments:
    """Return the fragments of several files."""
    none = np.empty(0, np.int64)
    files, offsets, dts = (
        np.concatenate([none, *(getattr(part, name) for part in parts)]) for name in ("files", "offsets", "dts")
    )
    return Fragments(files, offsets, dts, np.concatenate([none == 0, *(part.is_key for part in parts)]))


def _read_fragments(segment: Found, number: int) -> Fragments:
    """Return the fragments of a file. Raises FormatError, OSError."""
    table = segment.load_column("fragments")
    pictured = table[table["v_count"] > 0]
    dts = np.maximum.accumulate(pictured["v_tfdt"])
    offsets = pictured["moof"].copy()
    offsets[0] = table["moof"][0]  # a fragment without video belongs to the one before it, the first ones to ours
    return Fragments(np.full(len(dts), number), offsets, dts, pictured["is_key"] != 0)


def _choose(footage: Footage, all_of: Fragments) -> Cuts:
    """Return the marks among fragments, as far as they are shown."""
    files, segments, ends_us = all_of.files, footage.segments, footage.ends_us
    pieces: Ints = np.cumsum(~segments.follows | segments.changes_entries, dtype=np.int64)[files]
    instants_us = _instants_us(footage, segments, all_of)
    is_shown = (instants_us < ends_us[files]) & (instants_us >= footage.begins_us[files])
    # Where the media of each fragment ends: where the next one of its piece begins, which ffmpeg only guesses before.
    body_ends = segments.column("body_end_bytes")[files]
    own_ends = (segments.column("v_t0") + segments.column("v_dur"))[files]
    next_offsets = np.where(_is_same_after(files), np.roll(all_of.offsets, -1), body_ends)
    next_dts = np.where(_is_same_after(pieces), np.roll(all_of.dts, -1), own_ends)
    shown = np.flatnonzero(is_shown)
    is_first = np.append(True, np.diff(pieces[shown]) != 0)[: len(shown)]
    at = np.flatnonzero(all_of.is_key[shown] | is_first)
    begins, ends = shown[at], shown[np.append(at, len(shown))[1:] - 1]
    firsts = np.append(np.flatnonzero(is_first[at]), len(at))
    last_files = files[ends[firsts[1:] - 1]]
    pieces_end_us = np.minimum(segments.column("end_us"), ends_us)[last_files]
    rising_us = _rising(instants_us[begins], firsts)
    return Cuts(
        segments,
        Marks(rising_us, firsts, np.maximum(pieces_end_us, rising_us[firsts[1:] - 1] + 1)),
        pieces[begins],
        all_of.is_key[begins],
        Places(files[begins], all_of.offsets[begins], all_of.dts[begins]),
        Places(files[ends], next_offsets[ends], next_dts[ends]),
    )


def _instants_us(footage: Footage, segments: Segments, fragments: Fragments) -> Ints:
    """Return the wall clock of the first sample of each fragment, as `Found.instant_at`.

    By decode times: all key frames of a file are taken to wait for being shown as long as its first one does. To know
    better, all of the index would have to be read, which takes seven times as long.
    """
    files = fragments.files
    media = fragments.dts - segments.column("v_t0")[files]
    speeds = 1_000_000 + segments.column("slew_ppm")
    return segments.column("start_us")[files] + media * speeds[files] // timescales(footage, segments)[files]


def timescales(footage: Footage, segments: Segments) -> Ints:
    """Return the timescale of the video of each segment."""
    ids = segments.rows[:, ENTRIES_AT[0]]
    return np.array([footage.entries[number].timescale for number in ids.tolist()], np.int64)


def _is_same_after(values: Ints) -> npt.NDArray[np.bool_]:
    """Tell for each value whether the next one is the same; for the last one, that it is not."""
    return np.append(np.diff(values) == 0, False)[: len(values)]


def _rising(instants_us: Ints, firsts: Ints) -> Ints:
    """Return instants such that none within a piece is before another that it follows."""
    if not (np.diff(instants_us) < 0).any():
        return instants_us
    return np.concatenate([np.maximum.accumulate(part) for part in np.split(instants_us, firsts[1:-1])])


def without_footage(footage: Footage) -> Footage:
    """Return footage as it was when there was none yet."""
    return replace(footage, segments=footage.segments[:0], begins_us=footage.begins_us[:0], ends_us=footage.ends_us[:0])
