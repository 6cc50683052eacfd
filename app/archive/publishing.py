"""Publishing all that a dead run left, before any of it is closed: from here on it plays, and nothing of it is lost.

Closing reads every byte for its hash: an hour of 16 cameras takes a minute or more. What a row needs stands in the
first and the last fragment of each file.
"""

from app.archive.coverage import note_opened
from app.archive.entries import Configuration, configurations, store_configuration
from app.archive.ingest import OpenSegment, Place
from app.archive.leftrun import LeftRun
from app.archive.livefile import GlancedFile, LiveFile
from app.archive.places import DAY_US
from app.extensions import writing

Configurations = tuple[Configuration | None, Configuration | None]


class RunPublisher(LeftRun):
    """Makes the rows of a run whose ffmpeg has ended, all of them open; another `LeftRun` closes its files later."""

    _is_live = False

    def __init__(self, place: Place) -> None:
        self._unwritten: list[tuple[OpenSegment, Configurations]] = []
        super().__init__(place)

    def publish(self) -> bool:
        """Make the rows that are missing; tell whether the run holds any footage.

        The first of them, and the run, have a transaction of their own: after a crash it goes on from there.
        """
        while self.poll() or self._skip_hole():
            pass
        if not self.is_published and self.current.file.pictured:
            self._publish()
        self._write()
        return self.is_published

    def _write(self) -> None:
        if not self._unwritten:
            return
        entries: dict[Configuration | None, int | None] = {None: None}
        with writing() as session:
            for day in sorted({segment.start_us // DAY_US for segment, _ in self._unwritten}):
                note_opened(session, self.place.source_id, day * DAY_US)
            for segment, (video, audio) in self._unwritten:
                for found in (video, audio):
                    if found is not None and found not in entries:
                        entries[found] = store_configuration(session, found)
                self._add_row(session, segment, (entries[video], entries[audio]))
        self._unwritten.clear()

    def _live_file(self, sequence: int) -> LiveFile:
        """Return a file to be looked at; read as a whole are doubtful ones, and a first: its times may be put right."""
        file = super()._live_file(sequence)
        is_whole = file.is_doubtful or sequence == self._first_sequence()
        return file if is_whole else GlancedFile(file.path)

    def _open(self, following: OpenSegment) -> None:
        self._unwritten.append((following, configurations(following.file)))  # read from the disk before the transaction

    def _retry_unclosed(self) -> None:
        """Leave all files open."""
