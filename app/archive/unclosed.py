"""What is known of a file that ffmpeg writes, or has written, and that is not closed yet."""

from dataclasses import dataclass, field
from pathlib import Path

from app.archive.livefile import LiveFile, ticks_us
from app.models.types import new_uuid


@dataclass(slots=True)
class Place:
    """Where an ffmpeg's files are written. `run_id` is in their names: its first run's, and `capture_id` of others."""

    root: Path
    storage_id: str
    source_id: int
    run_id: str


@dataclass(slots=True)
class OpenSegment:
    """The segment of a run that is being written: its file and, once published, what its row says."""

    sequence: int
    file: LiveFile
    run_id: str
    id: str = field(default_factory=new_uuid)
    start_us: int = 0
    end_us: int = 0  # known once the next has begun
    slew_ppm: int = 0
    shift_ticks: int = 0

    def wall_us(self, ticks: int) -> int:
        """Return the wall clock of a decode time of the file's own timeline."""
        media_us = ticks_us(ticks - self.file.begin_ticks, self.file.timescale)
        return self.start_us + media_us + media_us * self.slew_ppm // 1_000_000
