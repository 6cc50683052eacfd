"""Noting that a camera is away, or there again: only what lasts, so that one that flaps does not tell of each time."""

import time

from app.archive.notices import note
from app.archive.watch import source_name
from app.extensions import writing
from app.models import Source

LASTING_S = 5.0
SOURCE = "source"


class Steadiness:
    """What was measured of one camera that is recorded. Used by the recorder's main thread, within an app context.

    It is away once it was not there for LASTING_S, good moments that were shorter than that among them.
    """

    def __init__(self, source_id: int) -> None:
        self._source_id = source_id
        self._text = ""
        self._bad_s: float | None = None
        self._good_s: float | None = None
        self._noted: bool | None = None

    def measured(self, status: str, detail: str | None) -> None:
        """Take a status as it was just measured."""
        now_s = time.monotonic()
        if status == "online":
            self._good_s = self._good_s if self._good_s is not None else now_s
        else:
            self._text = f"{status.replace('_', ' ')}: {detail}" if detail else status.replace("_", " ")
            self._bad_s, self._good_s = self._bad_s if self._bad_s is not None else now_s, None

    def note(self) -> None:
        """Write a notice where a state has lasted. Raises OperationalError: call again."""
        now_s = time.monotonic()
        if self._good_s is not None:
            if now_s - self._good_s >= LASTING_S:
                self._bad_s = None
                self._write(is_bad=False)
        elif self._bad_s is not None and now_s - self._bad_s >= LASTING_S:
            self._write(is_bad=True)

    def _write(self, *, is_bad: bool) -> None:
        if self._noted == is_bad:
            return
        with writing() as session:
            row = session.get(Source, self._source_id)
            if row is not None:
                name = source_name(row.id, row.description)
                text = f"{name} is {self._text}" if is_bad else f"{name} is online again"
                note(session, SOURCE, str(row.id), is_bad=is_bad, text=text, source_id=row.id)
        self._noted = is_bad
