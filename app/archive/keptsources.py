"""What was made of the rows of sources, kept as long as their revisions are the same.

Decrypting the addresses of a source takes 0.1 ms. A trigger counts the changes of each row, whichever process or hand
makes them: so an unchanged row is known by two numbers, and nothing has to be told to anybody.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import func, select

from app.archive.paging import AnySelect
from app.extensions import AnySession, db
from app.models import Source

Made = TypeVar("Made")
MOST = 10_000
BATCH = 500  # ids a statement
# By the table and made once: as entities, and made each time, it took 0.3 ms more.
_TABLE = Source.__table__.c
_STATE = select(func.count(), func.max(_TABLE.id), func.sum(_TABLE.revision))


def state_of_all() -> tuple[int, ...]:
    """Return what changes with every source that is added, changed or removed.

    Ids are never used again, and revisions only grow: a new row raises the greatest id, or the count where another
    process was quicker, a removed one lowers the count, a changed one raises the sum.
    """
    with db.engine.connect().execution_options(single=True) as connection:
        return tuple(connection.execute(_STATE).one())


def revisions() -> AnySelect:
    """Return the query of ids and revisions of sources, for `KeptSources.of_rows`; `created_us` may be sorted by."""
    return select(Source.id, Source.revision, Source.created_us)


class KeptSources(Generic[Made]):
    """What `make` makes of sources. Used by several threads."""

    def __init__(self, make: Callable[[Source], Made]) -> None:
        self._make = make
        self._kept: dict[int, tuple[int, Made]] = {}

    def of_rows(self, session: AnySession, rows: Sequence[tuple[int, int]]) -> dict[int, Made]:
        """Return what is made of these sources, given by id and revision, in their order by id."""
        kept = self._kept
        found = {number: kept.get(number) for number, _ in rows}
        changed = [number for number, revision in rows if (was := found[number]) is None or was[0] != revision]
        fresh = {source.id: (source.revision, self._make(source)) for source in _read(session, changed)}
        if fresh:
            if len(kept) > MOST:
                kept.clear()
            kept.update(fresh)
            found.update(fresh)
        return {number: one[1] for number, one in found.items() if one is not None}

    def of_ids(self, session: AnySession, ids: Iterable[int]) -> dict[int, Made]:
        """Return what is made of the sources of these ids, by id; deleted ones too."""
        rows: list[tuple[int, int]] = []
        for part in _batches(sorted(set(ids))):
            query = select(Source.id, Source.revision).where(Source.id.in_(part))
            rows += [(number, revision) for number, revision in session.execute(query)]
        return self.of_rows(session, rows)


def _read(session: AnySession, ids: list[int]) -> list[Source]:
    query = select(Source).execution_options(populate_existing=True)
    return [one for part in _batches(ids) for one in session.scalars(query.where(Source.id.in_(part)))]


def _batches(ids: list[int]) -> list[list[int]]:
    return [ids[first : first + BATCH] for first in range(0, len(ids), BATCH)]
