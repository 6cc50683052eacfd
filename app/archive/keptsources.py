"""What was made of the rows of sources, kept as long as the rows are the same.

Decrypting the addresses of a source takes 0.1 ms. They are encrypted anew with each change: rows that are equal as they
are stored, cipher and all, are unchanged, whichever process changes them. So nothing has to be told to anybody.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Text, select, type_coerce

from app.archive.paging import AnySelect
from app.extensions import AnySession
from app.models import Source

Made = TypeVar("Made")
MOST = 10_000
_ENCRYPTED = (Source.uri_rtsp, Source.picture_uri, Source.picture_password)
_PLAIN = (
    Source.id,
    Source.model,
    Source.created_us,
    Source.description,
    Source.picture_auth,
    Source.picture_user,
    Source.ffmpeg_cmd,
    Source.status,
)
COLUMNS = (*_PLAIN, *_ENCRYPTED)


def stored() -> AnySelect:
    """Return the query of all rows as they are stored: the id comes first, secrets stay encrypted."""
    return select(*_PLAIN, *(type_coerce(column, Text).label(column.key) for column in _ENCRYPTED))


class KeptSources(Generic[Made]):
    """What `make` makes of sources; it may read no other columns than COLUMNS. Used by several threads."""

    def __init__(self, make: Callable[[Source], Made]) -> None:
        self._make = make
        self._kept: dict[int, tuple[Any, Made]] = {}

    def of_rows(self, session: AnySession, rows: Sequence[Any]) -> list[Made]:
        """Return what is made of each of these rows of `stored()`."""
        kept = self._kept
        found = {row[0]: kept.get(row[0]) for row in rows}
        changed = {row[0]: row for row in rows if (was := found[row[0]]) is None or was[0] != row}
        for fresh in self._read(session, list(changed)):
            found[fresh.id] = (changed[fresh.id], self._make(fresh))
        if changed:
            if len(kept) > MOST:
                kept.clear()
            kept.update({number: one for number, one in found.items() if number in changed and one is not None})
        return [one[1] for one in found.values() if one is not None]

    def of_ids(self, session: AnySession, ids: Iterable[int]) -> dict[int, Made]:
        """Return what is made of the sources of these ids, by id; deleted ones too."""
        rows = [row for part in _batches(sorted(set(ids))) for row in _rows(session, part)]
        return dict(zip((row[0] for row in rows), self.of_rows(session, rows), strict=True))

    def _read(self, session: AnySession, ids: list[int]) -> list[Source]:
        query = select(Source).execution_options(populate_existing=True)
        return [one for part in _batches(ids) for one in session.scalars(query.where(Source.id.in_(part)))]


def _rows(session: AnySession, ids: list[int]) -> list[Any]:
    return [tuple(row) for row in session.execute(stored().where(Source.id.in_(ids)))]


def _batches(ids: list[int]) -> list[list[int]]:
    return [ids[first : first + 500] for first in range(0, len(ids), 500)]
