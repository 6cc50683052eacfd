"""The closed files of a storage, folder by folder, without the database; and what lies among them and is none."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from app.archive import places

MAX_SOURCE = 2**31 - 1
SUFFIX = ".mp4"


class Hour(NamedTuple):
    """The files of one source that start within one UTC hour: their ids, which are their names without suffix."""

    root: Path
    source_id: int
    hour: int
    ids: list[str]

    @property
    def begin_us(self) -> int:
        """Begin of the hour."""
        return self.hour * places.HOUR_US

    def path(self, segment_id: str) -> str:
        """Return the path of one of the files."""
        return places.closed_path_text(self.root, self.source_id, self.begin_us, segment_id)


class Odd(NamedTuple):
    """Something that is not taken, and why. It stays where it is."""

    path: str
    why: str


def walk_closed(root: Path) -> Iterator[Hour | Odd]:
    """Yield the hours of a storage that hold files: source by source, the newest hour first; and what is odd.

    Symbolic links are never followed. A folder that cannot be read is odd. Names that begin with a dot are files on
    their way in, which another process makes and renames.
    """
    for source, source_id in _numbered(root / places.CLOSED):
        if isinstance(source, Odd):
            yield source
            continue
        for day in _folders(Path(source.path)):
            if isinstance(day, Odd):
                yield day
                continue
            for hour in _folders(Path(day.path)):
                if isinstance(hour, Odd):
                    yield hour
                else:
                    yield from _hour(root, source_id, day.name, hour)


def _numbered(folder: Path) -> Iterator[tuple["os.DirEntry[str] | Odd", int]]:
    """Yield the folders of sources by number; 0 stands beside what is odd."""
    found: list[tuple[os.DirEntry[str] | Odd, int]] = []
    for entry in _folders(folder):
        if isinstance(entry, Odd):
            yield entry, 0
        elif not entry.name.isdecimal() or str(int(entry.name)) != entry.name or not 0 < int(entry.name) <= MAX_SOURCE:
            yield Odd(entry.path, "is not named after a source"), 0
        else:
            found.append((entry, int(entry.name)))
    yield from sorted(found, key=lambda pair: pair[1])


def _folders(folder: Path) -> Iterator["os.DirEntry[str] | Odd"]:
    """Yield what is in a folder by name, the last first; what is no folder is odd."""
    for entry in _entries(folder):
        if isinstance(entry, Odd) or entry.is_dir(follow_symlinks=False):
            yield entry
        elif not entry.name.startswith("."):
            yield Odd(entry.path, "is no folder, or a symbolic link")


def _entries(folder: Path) -> "list[os.DirEntry[str] | Odd]":
    try:
        with os.scandir(folder) as entries:
            return [*sorted(entries, key=lambda entry: entry.name, reverse=True)]
    except FileNotFoundError:  # removed since it was listed, or nothing was ever recorded here
        return []
    except OSError as error:
        return [Odd(str(folder), f"cannot be read: {error.strerror}")]


def _hour(root: Path, source_id: int, day: str, folder: "os.DirEntry[str]") -> Iterator[Hour | Odd]:
    hour = _hour_number(day, folder.name)
    if hour is None:
        yield Odd(folder.path, "is not named after a day and an hour")
        return
    ids = []
    for entry in _entries(Path(folder.path)):
        if isinstance(entry, Odd):
            yield entry
        elif entry.name.startswith("."):
            continue
        elif not entry.is_file(follow_symlinks=False):
            yield Odd(entry.path, "is no file, or a symbolic link")
        elif not is_segment_name(entry.name):
            yield Odd(entry.path, "is not named after a segment")
        else:
            ids.append(entry.name.removesuffix(SUFFIX))
    if ids:
        yield Hour(root, source_id, hour, ids)


def is_segment_name(name: str) -> bool:
    """Tell whether a file is named as a closed segment is: by a UUID in its usual 36 characters."""
    stem = name.removesuffix(SUFFIX)
    try:
        return name == stem + SUFFIX and str(uuid.UUID(stem)) == stem
    except ValueError:
        return False


def _hour_number(day: str, hour: str) -> int | None:
    """Return the hours since the epoch of the folders of a day and an hour."""
    try:
        begin = datetime.strptime(day + hour, "%Y%m%d%H").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(begin.timestamp()) // 3600 if f"{begin:%Y%m%d%H}" == day + hour and len(hour) == 2 else None
