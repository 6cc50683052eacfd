"""Where everything lies below a storage's root. Paths are derived from ids and instants, never stored.

storage.id                              marker: the storage's UUID
.ballast                                room that is given up when the disk is full (capture.ballast)
live/SOURCE/RUN-000000.mp4              the open segment, written by ffmpeg; RUN.csv and RUN.log beside it
rec/SOURCE/YYYYMMDD/HH/SEGMENT.mp4      closed segments, by the UTC hour of their start
idx/SOURCE/YYYYMMDD.sidx                sample indexes of that UTC day, appended
records/RECORD.m3u8                     a record's `location`
copies/RECORD.mp4                       what another server of this kind copied to this one; .part until it is whole
files/FILE                              a file that was uploaded; .part until it is whole, .result what an analyser sent
salvage/SOURCE/RUN-000000.tail          bytes cut off a segment that a crash left incomplete
"""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
LIVE, CLOSED, INDEX, RECORDS, SALVAGE, COPIES = "live", "rec", "idx", "records", "salvage", "copies"
FILES = "files"
MARKER = "storage.id"
BALLAST = ".ballast"
MOVING = ".{}.mp4"  # the name of a segment's copy in another storage until it is whole


def live_folder(root: Path, source_id: int) -> Path:
    """Return the folder that the source's ffmpeg writes into."""
    return root / LIVE / str(source_id)


def live_path(root: Path, source_id: int, run_id: str, sequence: int) -> Path:
    """Return the path of a segment while it is open."""
    return live_folder(root, source_id) / f"{run_id}-{sequence:06d}.mp4"


def closed_path(root: Path, source_id: int, start_us: int, segment_id: str) -> Path:
    """Return the path of a closed segment."""
    return Path(closed_path_text(root, source_id, start_us, segment_id))


def closed_path_text(root: Path, source_id: int, start_us: int, segment_id: str) -> str:
    """Return the same as text: readers ask for thousands."""
    return f"{_hour_folder(root, source_id, start_us // HOUR_US)}/{segment_id}.mp4"


@lru_cache(4096)
def _hour_folder(root: Path, source_id: int, hour: int) -> str:
    """Return the folder of the closed segments that start in an hour."""
    start = datetime.fromtimestamp(hour * 3600, UTC)
    return str(root / CLOSED / str(source_id) / f"{start:%Y%m%d}" / f"{start:%H}")


def index_path(root: Path, source_id: int, start_us: int) -> Path:
    """Return the path of the file that holds the sample index of a segment that starts at this instant."""
    return _day_index(root, source_id, start_us // DAY_US)


@lru_cache(1024)
def _day_index(root: Path, source_id: int, day: int) -> Path:
    """Return the path of the sample indexes of the segments that start on a day."""
    start = datetime.fromtimestamp(day * 86_400, UTC)
    return root / INDEX / str(source_id) / f"{start:%Y%m%d}.sidx"


def salvage_path(root: Path, source_id: int, run_id: str, sequence: int) -> Path:
    """Return where the incomplete tail of a segment is kept."""
    return root / SALVAGE / str(source_id) / f"{run_id}-{sequence:06d}.tail"


def copy_path(root: Path, copy_id: str, *, is_whole: bool) -> Path:
    """Return the path of a recording that another server copied to this one."""
    return root / COPIES / f"{copy_id}.{'mp4' if is_whole else 'part'}"


def file_path(root: Path, file_id: int, *, is_whole: bool) -> Path:
    """Return the path of an uploaded file."""
    return root / FILES / (str(file_id) if is_whole else f"{file_id}.part")


def result_path(root: Path, file_id: int) -> Path:
    """Return the path of the file that an analyser sent as its result."""
    return root / FILES / f"{file_id}.result"


def record_location(record_id: str) -> str:
    """Return a record's `location`, relative to the root of the storage."""
    return f"{RECORDS}/{record_id}.m3u8"
