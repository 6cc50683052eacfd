"""A run that an earlier recorder left, its ffmpeg dead: perhaps since a power loss, which takes anything unsynced.

Then a file may be shorter than what was played of it, end in zeros, hold a block that was never written, or be gone
while a later one is there; and a database from a backup may lack the run's rows. What is whole is taken in with its
true times; what was lost between stays a gap; what is behind damage goes to `salvage/`.
"""

from pathlib import Path

from app.archive import places
from app.archive.ingest import OpenSegment, Place, RunWriter
from app.archive.livefile import LiveFile, ticks_us
from app.archive.runs import last_segment
from app.extensions import db
from app.models import Run

UNSYNCED_NS = 60_000_000_000  # what was written so long before the run's end was synced, even on a disk that hung
LOST_US = 250_000


class LeftRun(RunWriter):
    """Takes in what is left of a run: `close_oldest`, then `finish`. Used by one thread, within an app context."""

    _is_live = False

    def __init__(self, place: Place) -> None:
        self._files = _live_files(place)
        written_ns = [path.stat().st_mtime_ns for path in self._files.values()]
        self._doubtful_ns = max(written_ns, default=0) - UNSYNCED_NS
        super().__init__(place)

    def _first_sequence(self) -> int:
        return min(self._files, default=0)

    def _live_file(self, sequence: int) -> LiveFile:
        path = self._files.get(sequence)
        is_doubtful = path is not None and path.exists() and path.stat().st_mtime_ns >= self._doubtful_ns
        return LiveFile(path or super()._live_file(sequence).path, is_doubtful=is_doubtful)

    def _load(self) -> None:
        super()._load()
        if self.is_finished:
            self._reopen()

    def _reopen(self) -> None:
        """Go on behind the last segment that is closed, where later files are there all the same."""
        row = last_segment(self.place.run_id)
        if row is None:
            self.is_finished = self.is_published = not self._files
        elif any(sequence > row.sequence for sequence in self._files):
            self.current = self._from_row(row)
            self.current.file.poll()
            self.is_finished = False
        db.session.rollback()

    def _skip_hole(self) -> bool:
        later = [sequence for sequence in self._files if sequence > self._following.sequence]
        if self._following.file.pictured or not later:
            return False
        self._following = self._at(min(later))
        return True

    def _seam_us(self, before: OpenSegment, following: OpenSegment) -> tuple[int, int]:
        if not before.file.pictured:  # its row is there, its file is not
            return before.start_us, max(self._anchored_us(before.run_id, following.file), before.start_us + 1)
        own_us = self._end_us(before, None)
        begin_ticks = following.file.begin_ticks - before.shift_ticks
        begin_us = before.wall_us(begin_ticks)
        if begin_ticks > before.file.last_ticks and begin_us - own_us > LOST_US and not self._is_picture:
            return own_us, begin_us
        return super()._seam_us(before, following)

    def _anchored_us(self, run_id: str, file: LiveFile) -> int:
        """Return when a file begins, by the first date of a run alone."""
        run = db.session.get(Run, run_id)
        anchor_us = run.anchor_us if run is not None else 0
        db.session.rollback()
        return anchor_us + ticks_us(file.begin_ticks, file.timescale)


def _live_files(place: Place) -> dict[int, Path]:
    """Return the files of the run in the live folder by their number."""
    folder = places.live_folder(place.root, place.source_id)
    found = {path.stem.removeprefix(f"{place.run_id}-"): path for path in folder.glob(f"{place.run_id}-*.mp4")}
    return {int(number): path for number, path in sorted(found.items()) if number.isdigit()}
