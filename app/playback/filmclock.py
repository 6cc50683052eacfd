"""When each second of a handed film was recorded: the film's own map of its media time to the wall clock, kept."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from flask import current_app

from app.errors import PlaybackError
from app.instants import utc_text
from app.models import File
from app.models.types import now_us
from app.playback.handedfilm import HandedSpan, plan_handed
from app.playback.timing import MapPiece

KEPT_FILMS = 4096


class FilmClock:
    """The maps of films that were handed over. What a file was made of is pinned, so its map stays."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Sequence[MapPiece]] = OrderedDict()
        self._lock = threading.Lock()

    def instant_us(self, row: File, media_s: float) -> int:
        """Return the wall clock of a second of a file of footage; by its begin alone where the footage is lost."""
        begin_us = row.begin_us or 0
        for piece in reversed(self._pieces(row)):
            if piece.media_s <= media_s:
                at_us = piece.begin_us + round((media_s - piece.media_s) * 1_000_000)
                return min(at_us, max(piece.end_us, piece.begin_us))
        return begin_us + round(media_s * 1_000_000)

    def _pieces(self, row: File) -> Sequence[MapPiece]:
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
            pieces = plan_handed(span, now_us(), utc_text, ("query", "kinds")).pieces
        except PlaybackError:
            return ()  # asked again next time: its disk may be away for a while
        with self._lock:
            self._known[row.id] = pieces
            while len(self._known) > KEPT_FILMS:
                self._known.popitem(last=False)
        return pieces


def film_clock() -> FilmClock:
    """Return what this app's process keeps."""
    kept: FilmClock = current_app.extensions.setdefault("playback_film_clock", FilmClock())
    return kept
