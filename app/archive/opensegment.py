"""The segment that ffmpeg is still writing, as readers see it: up to its last complete fragment.

Each process keeps what it has parsed of an open file and reads on from there: a group of pictures costs some
25 µs, and no process tells another anything.
"""

import os
import threading
from collections import OrderedDict

from flask import current_app

from app.formats.fragments import Fragment, Init, read_init, scan
from app.formats.sampleindex import SampleIndex


class OpenFile:
    """What one process knows of one open file. Used by several threads."""

    def __init__(self, inode: int) -> None:
        self.inode = inode
        self._init: Init | None = None
        self._fragments: list[Fragment] = []
        self._parsed_upto = 0
        self._built: tuple[int, int, SampleIndex] | None = None
        self._lock = threading.Lock()

    def index(self, handle: int, shift_ticks: int) -> SampleIndex:
        """Parse what is new; return the index of all complete fragments. Raises FormatError when none is."""
        with self._lock:
            if self._init is None:
                self._init = read_init(handle)
                self._parsed_upto = self._init.size_bytes
            fresh, self._parsed_upto = scan(handle, self._parsed_upto, self._init)
            self._fragments += fresh
            if self._built is None or self._built[:2] != (len(self._fragments), shift_ticks):
                built = SampleIndex.build(self._init, self._fragments, shift_ticks)
                self._built = (len(self._fragments), shift_ticks, built)
            return self._built[2]


_files: OrderedDict[str, OpenFile] = OrderedDict()
_files_lock = threading.Lock()


def read_open(path: str, shift_ticks: int) -> SampleIndex:
    """Return the index of an open file as it is now. Raises FormatError, FileNotFoundError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _known(path, os.fstat(handle).st_ino).index(handle, shift_ticks)
    finally:
        os.close(handle)


def _known(path: str, inode: int) -> OpenFile:
    """Return what is known of a file, nothing yet where it is another one than before; drop the oldest."""
    with _files_lock:
        found = _files.get(path)
        if found is None or found.inode != inode:
            found = _files[path] = OpenFile(inode)
        _files.move_to_end(path)
        while len(_files) > current_app.config["PLAYBACK"].OPEN_FILES:
            _files.popitem(last=False)
        return found
