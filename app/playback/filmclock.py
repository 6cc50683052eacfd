"""When each second of a handed film was recorded: the film's own map of its media time to the wall clock, kept."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from flask import current_app

from app.errors import PlaybackError
from app.instants import utc_text
from app.models import File
from app.playback.handedfilm import HandedSpan, map_handed
from app.playback.timing import MapPiece
from app.playback.unbroken import find_unbroken

T = TypeVar("T")
KEPT_FILMS = 4096
EDGE_US = 2_000_000  # so near to the end of a film the last frame says where it ends
Pieces = Sequence[MapPiece]


class FilmClock:
    """The maps of films that were handed over. What a file was made of is pinned, so its map stays."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Pieces] = OrderedDict()
        self._unbroken: OrderedDict[int, bool] = OrderedDict()
        self._lock = threading.Lock()

    def learn(self, rows: Iterable[File]) -> None:
        """Ask of many films at once which need no map, before their instants are asked for one by one."""
        with self._lock:
            unknown = {row.id for row in rows} - self._known.keys() - self._unbroken.keys()
        if unknown:
            found = find_unbroken(sorted(unknown))
            with self._lock:
                _keep(self._unbroken, {file_id: file_id in found for file_id in unknown})

    def instant_us(self, row: File, media_s: float) -> int:
        """Return the wall clock of a second of a file of footage; by its begin alone where the footage is lost."""
        begin_us, end_us = row.begin_us or 0, row.end_us or 0
        since_begin_us = begin_us + round(media_s * 1_000_000)
        if self.is_unbroken(row.id) and since_begin_us < end_us - EDGE_US:
            return since_begin_us
        for piece in reversed(self._pieces(row)):
            if piece.media_s <= media_s:
                at_us = piece.begin_us + round((media_s - piece.media_s) * 1_000_000)
                return min(at_us, max(piece.end_us, piece.begin_us))
        return since_begin_us

    def is_unbroken(self, file_id: int) -> bool:
        """Tell whether a film is known to be of footage without a break."""
        return self._unbroken.get(file_id, False)

    def _pieces(self, row: File) -> Pieces:
        with self._lock:
            pieces = self._known.get(row.id)
            if pieces is not None:
                self._known.move_to_end(row.id)
                return pieces
        assert row.source_id is not None  # a file of footage: see the constraint of the table
        assert row.begin_us is not None
        assert row.end_us is not None
        span = HandedSpan(row.source_id, row.begin_us, row.end_us, row.rev)
        try:
            pieces = map_handed(span, utc_text, ("query", "kinds"))
        except PlaybackError:
            return ()  # asked again next time: its disk may be away for a while
        with self._lock:
            _keep(self._known, {row.id: pieces})
        return pieces


def _keep(kept: OrderedDict[int, T], found: Mapping[int, T]) -> None:
    """Keep what was found of films, and forget what was found first where it is too much."""
    kept.update(found)
    while len(kept) > KEPT_FILMS:
        kept.popitem(last=False)


def film_clock() -> FilmClock:
    """Return what this app's process keeps."""
    kept: FilmClock = current_app.extensions.setdefault("playback_film_clock", FilmClock())
    return kept
