"""Segments as readers see them: one (`Found`), and many as columns (`Segments`), of which one is made when asked for.

A day of one camera has 1,440 segments of some 40 numbers each. As objects they cost 5 ms to make and 3 MB; as one
matrix of 64-bit numbers they are copied in 0.05 ms, and plans are sums over its columns.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from app.archive import places, sidecar
from app.formats.boxes import FormatError
from app.formats.indexcut import clip_index, touching_index
from app.formats.sampleindex import ROW_COUNTERS, SampleIndex
from app.models.segment import OPEN

log = logging.getLogger(__name__)

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
# Columns of a row of the matrix; the first ones and ROW_COUNTERS are columns of the table, null entries are 0.
FACTS = (
    "start_us", "end_us", "sequence", "slew_ppm", "shift_ticks", "video_entry_id", "audio_entry_id", "generation",
    "body_begin_bytes", "body_end_bytes", "index_offset_bytes", "index_size_bytes", "state", "size_bytes", "mtime_ns",
)  # fmt: skip
OWN = ("run_key", "storage")  # a number for the run; which storage it is in, by its place among the roots
COLUMNS = (*FACTS, *ROW_COUNTERS, *OWN)
AT = {name: number for number, name in enumerate(COLUMNS)}
COUNTERS_AT = slice(len(FACTS), len(FACTS) + len(ROW_COUNTERS))
FOUND_FACTS = FACTS[:12]
REMEMBERED = 16  # the same few are asked for again and again while a range is planned
ENTRIES_AT = [AT["video_entry_id"], AT["audio_entry_id"]]


@dataclass(slots=True)
class Found:
    """One readable segment; `counts` are the counters of its sample index. Never changed once made.

    The open file moves to `other_path` when it is closed.
    """

    id: str
    source_id: int
    run_id: str
    start_us: int
    end_us: int
    sequence: int
    slew_ppm: int
    shift_ticks: int
    video_entry_id: int
    audio_entry_id: int
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
    whole: Found | None = field(default=None, repr=False)  # of one that was clipped: what it is a part of
    limits: tuple[int, int, bool] | None = None  # between which instants, and whether whole at the edges

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

    def load_column(self, name: str) -> npt.NDArray[Any]:
        """Return one column of the sample index without reading the others. Raises FormatError, OSError."""
        if self.known_index is None and self.index_size_bytes:
            try:
                return sidecar.read_index_column(
                    self.root, self.source_id, self.start_us, self.index_offset_bytes, self.counts, name
                )
            except (FormatError, OSError) as error:
                log.warning("the index of segment %s is unusable (%s): reading its file", self.id, error)
        column: npt.NDArray[Any] = getattr(self.load_index(), name)
        return column

    def _checked(self, index: SampleIndex) -> SampleIndex:
        """Return the index. Raises FormatError when it is not the one that the row counts."""
        # Rows of earlier versions have the offset of the first sample instead of that of the first one shown.
        if {**index.counters(), "v_c0": self.counts["v_c0"]} != self.counts:
            raise FormatError(f"the index of segment {self.id} does not have the samples of its row")
        return index

    @property
    def hidden_bytes(self) -> int:
        """How many of the first bytes of the file may not be given out: what was clipped off before the body."""
        is_cut = self.whole is not None and self.body_begin_bytes > self.whole.body_begin_bytes
        return self.body_begin_bytes if is_cut else 0

    @property
    def v_first_pts(self) -> int:
        """Presentation time of the first picture shown, in ticks: it was shown at `start_us`."""
        return self.counts["v_t0"] + self.counts["v_c0"]

    def ticks_at(self, instant_us: int, timescale: int) -> int:
        """Return the media time at an instant of wall clock, in ticks, rounded up."""
        media = (instant_us - self.start_us) * timescale
        return self.v_first_pts - (-media // (1_000_000 + self.slew_ppm))

    def instant_at(self, ticks: int, timescale: int) -> int:
        """Return the wall clock at a media time in ticks; rounded down."""
        media = (ticks - self.v_first_pts) * (1_000_000 + self.slew_ppm)
        return self.start_us + media // timescale

    def follows(self, before: Found) -> bool:
        """Tell whether this is the next file of the run of `before`."""
        return self.run_id == before.run_id and self.sequence == before.sequence + 1

    def cut_at(self, end_bytes: int) -> Found:
        """Return the segment as it was when its last complete fragment ended at `end_bytes`.

        The same for the open file and for the closed one. What was clipped stays so. Raises FormatError, OSError.
        """
        if self.whole is not None and self.limits is not None:
            part = self.whole.cut_at(end_bytes).clipped(*self.limits)
            if part is None:
                raise FormatError(f"nothing of segment {self.id} lay within the window then")
            return part
        return self.with_index(sidecar.index_media(self.path, self.shift_ticks, end_bytes))

    def clipped(self, begin_us: int, end_us: int, is_wide: bool = False) -> Found | None:
        """Return the segment without each fragment that holds anything from outside of [begin_us, end_us).

        With `is_wide` those stay that are needed to show each picture of the range, and the others go. None where
        nothing is left. It is another file to whoever remembers files: `generation` is its own. Raises FormatError,
        OSError.
        """
        index = self.load_index()
        rate = index.counts["v_timescale"]
        clip = touching_index if is_wide else clip_index
        part = clip(index, self.ticks_at(begin_us, rate), self.ticks_at(end_us, rate))
        if part is None or part.counts["n_frag"] == index.counts["n_frag"]:
            return None if part is None else self
        first = part.counts["v_t0"] + part.counts["v_c0"]
        found = replace(self, start_us=self.instant_at(first, rate), whole=self, limits=(begin_us, end_us, is_wide))
        found = found.with_index(part)
        place = hashlib.blake2b(repr((self.generation, begin_us, end_us, is_wide)).encode(), digest_size=7).digest()
        found.generation, found.end_us = -1 - int.from_bytes(place), min(found.end_us, self.end_us)
        if not is_wide:
            found.end_us = min(found.end_us, end_us)
        return found

    def with_index(self, index: SampleIndex) -> Found:
        """Return the segment as one that consists of what an index holds."""
        counts = index.counters()
        media_us = counts["v_dur"] * (1_000_000 + self.slew_ppm) // index.counts["v_timescale"]
        return replace(
            self,
            counts=counts,
            known_index=index,
            body_begin_bytes=int(index.fragments["offset"][0]),
            body_end_bytes=int(index.fragments["end"][-1]),
            end_us=self.start_us + max(media_us, 1),
        )


class Segments(Sequence[Found]):
    """Segments of one source by start. Never changed once made."""

    def __init__(
        self,
        source_id: int,
        rows: Ints,
        ids: Texts,
        run_ids: Texts,
        roots: Mapping[int, Path],
        changed: Mapping[str, Found] | None = None,
    ) -> None:
        """Take over rows of COLUMNS, their ids and those of their runs.

        `changed` are those that are not what their rows say: open or cut, by id.
        """
        self.source_id = source_id
        self.rows = rows
        self.ids = ids
        self.run_ids = run_ids
        self._roots = roots
        self._changed = changed or {}
        self._made: dict[int, Found] = {}
        self.lost: Sequence[tuple[int, int]] = ()  # [begin, end) in µs of what is beside them and cannot be read

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, number: int) -> Found: ...

    @overload
    def __getitem__(self, number: slice) -> Segments: ...

    def __getitem__(self, number: int | slice) -> Found | Segments:
        if isinstance(number, slice):
            return self._some(number)
        found = self._made.get(number) or self._changed.get(self.ids[number]) or self._make(number)
        if len(self._made) >= REMEMBERED:  # 2 KB each
            self._made.clear()
        self._made[number] = found
        return found

    def __iter__(self) -> Iterator[Found]:
        return (self[number] for number in range(len(self)))

    def _some(self, numbers: slice | npt.NDArray[Any]) -> Segments:
        rows, ids, run_ids = self.rows[numbers], self.ids[numbers], self.run_ids[numbers]
        if isinstance(numbers, slice):  # a view would keep all of the rows in memory
            rows, ids, run_ids = rows.copy(), ids.copy(), run_ids.copy()
        return Segments(self.source_id, rows, ids, run_ids, self._roots, self._changed)

    def _make(self, number: int) -> Found:
        row: list[int] = self.rows[number].tolist()
        root = self._roots[row[AT["storage"]]]
        path = self.path(number)
        facts: dict[str, Any] = dict(zip(FOUND_FACTS, row, strict=False))
        facts |= {"root": root, "path": path, "other_path": path}
        counts = dict(zip(ROW_COUNTERS, row[COUNTERS_AT], strict=True))
        ids = {"id": self.ids[number], "source_id": self.source_id, "run_id": self.run_ids[number]}
        return Found(**ids, counts=counts, **facts)

    def root(self, number: int) -> Path:
        """Return the root of the storage that a segment is in."""
        return self._roots[int(self.rows[number, AT["storage"]])]

    def path(self, number: int) -> str:
        """Return where the file of a segment is, or will be once it is closed."""
        root, start_us = self._roots[int(self.rows[number, AT["storage"]])], int(self.rows[number, AT["start_us"]])
        return places.closed_path_text(root, self.source_id, start_us, self.ids[number])

    def column(self, name: str) -> Ints:
        """Return one of COLUMNS for all segments."""
        column: Ints = self.rows[:, AT[name]]
        return column

    def select(self, numbers: npt.NDArray[Any]) -> Segments:
        """Return some of the segments: a mask, or rising numbers."""
        if numbers.dtype == np.bool_ and numbers.all():
            return self
        return self._some(numbers)

    @classmethod
    def joined(cls, parts: Sequence[Segments]) -> Segments:
        """Return at least one row of segments of one source as one."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        known = {key: segment for part in parts for key, segment in part._changed.items()}
        rows, ids, run_ids = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "ids", "run_ids")
        )
        return cls(first.source_id, rows, ids, run_ids, first._roots, known)

    def changed(self, segments: Mapping[int, Found]) -> Segments:
        """Return the segments with some, by number, replaced by what they are now or were once."""
        if not segments:
            return self
        rows = self.rows.copy()
        for number, segment in segments.items():
            rows[number, : len(FOUND_FACTS)] = [getattr(segment, name) for name in FOUND_FACTS]
            rows[number, COUNTERS_AT] = [segment.counts[name] for name in ROW_COUNTERS]
        by_id = {segment.id: segment for segment in segments.values()}
        return Segments(self.source_id, rows, self.ids, self.run_ids, self._roots, {**self._changed, **by_id})

    @cached_property
    def follows(self) -> npt.NDArray[np.bool_]:
        """Tell for each segment whether it is the next file of the run of the one before it here."""
        runs, sequences = self.column("run_key"), self.column("sequence")
        following = np.zeros(len(self), np.bool_)
        following[1:] = (runs[1:] == runs[:-1]) & (sequences[1:] == sequences[:-1] + 1)
        return following

    @cached_property
    def changes_entries(self) -> npt.NDArray[np.bool_]:
        """Tell for each segment whether it has other codec configurations than the one before it here, or is first."""
        entries = self.rows[:, ENTRIES_AT]
        changing = np.ones(len(self), np.bool_)
        changing[1:] = (entries[1:] != entries[:-1]).any(axis=1)
        return changing

    @property
    def is_changed(self) -> npt.NDArray[np.bool_]:
        """Tell for each segment whether it is not what its row says: open, or as it was once."""
        known = self._changed.keys()
        return (
            np.array([segment_id in known for segment_id in self.ids], np.bool_)
            if known
            else np.zeros(len(self), np.bool_)
        )

    @cached_property
    def is_open(self) -> npt.NDArray[np.bool_]:
        """Tell for each segment whether it is still being written."""
        is_open: npt.NDArray[np.bool_] = self.column("state") == OPEN
        return is_open
