"""Films that leave the house as plain MP4 files: told at once, as exports are, and not when somebody stops to look.

Whoever holds a link may ask in a loop, and rows of the audit are never deleted: the same film within a minute is one
download, and of one caller and camera only MOST_A_MINUTE are told. What lies beyond stands in the audit as watched.
"""

import threading
from typing import NamedTuple

from app.archive.auditing import BY
from app.archive.viewings import MOST_OPEN, PAUSE_US, Look
from app.instants import utc_text

MOST_A_MINUTE = 30
CONTENT = "mp4"  # beside what an export may be: files, film


class Download(NamedTuple):
    """A film [begin, end) that was asked for as a file."""

    look: Look
    span: tuple[int, int]
    size_bytes: int
    at_us: int

    def detail(self) -> dict[str, object]:
        """Return what is written down of it, as of an export, and when it was asked for."""
        asked = {"start_utc": utc_text(self.span[0]), "end_utc": utc_text(self.span[1])}
        told = {"content": CONTENT, "size_bytes": self.size_bytes, "asked_utc": utc_text(self.at_us)}
        return {**asked, **told, BY: dict(self.look.by)}


class Downloads:
    """The downloads of one process that are yet to be written, and which came within a minute; used by its threads."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        """Hold nothing yet."""
        self._most = most
        self._due: list[Download] = []
        self._recent: dict[Look, dict[tuple[int, int], int]] = {}
        self._lock = threading.Lock()

    def note(self, look: Look, span: tuple[int, int], size_bytes: int, at_us: int) -> None:
        """Take in a download; one that came within a minute is the same."""
        with self._lock:
            known = self._recent.get(look, {})
            recent = {one: seen_us for one, seen_us in known.items() if _is_recent(seen_us, at_us)}
            if span not in recent:
                if len(recent) >= MOST_A_MINUTE or len(self._recent) >= self._most or len(self._due) >= self._most:
                    return
                self._due.append(Download(look, span, size_bytes, at_us))
            self._recent[look] = {**recent, span: at_us}

    def take(self, at_us: int) -> list[Download]:
        """Return what is to be written now, by camera. What could not be written is given back by `give_back`."""
        with self._lock:
            self._recent = {
                look: recent
                for look, recent in self._recent.items()
                if any(_is_recent(seen_us, at_us) for seen_us in recent.values())
            }
            due, self._due = self._due, []
        return sorted(due, key=lambda one: one.look.source_id or 0)  # the order in which others lock the sources

    def give_back(self, due: list[Download]) -> None:
        """Take back what could not be written: it is due again."""
        with self._lock:
            self._due[:0] = due

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing has to be written, and nothing to be forgotten."""
        with self._lock:
            return not (self._due or self._recent)


def _is_recent(seen_us: int, at_us: int) -> bool:
    return 0 <= at_us - seen_us <= PAUSE_US
