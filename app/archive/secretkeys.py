"""Which key stored secrets are encrypted with, and encrypting them anew under the key of now.

The columns are found from the models: whoever adds one of `EncryptedText` has it rotated. A row is written only where
its text is still the one that was read, so that a source may be changed, and recorded, meanwhile; each batch is a
transaction of its own, so that a rotation that was broken off is begun again and does what is left.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, and_, column, or_, select, table, tuple_, update

from app.archive.auditing import audit
from app.extensions import AnySession, Model, db, writing
from app.models.types import EncryptedText, UndecipherableSecret, renewed

BATCH = 200


@dataclass(slots=True)
class Counted:
    """Stored secrets of one column: under the key of now, under an earlier one, under none that is set."""

    name: str
    current: int = 0
    old: int = 0
    unreadable: int = 0

    @property
    def is_done(self) -> bool:
        """Tell whether no earlier key is needed for it."""
        return not self.old and not self.unreadable


def secret_columns() -> dict[Table, list[str]]:
    """Return the tables that hold secrets, each with the names of the columns."""
    found: dict[Table, list[str]] = {}
    for each in Model.metadata.sorted_tables:
        names = [one.name for one in each.columns if isinstance(one.type, EncryptedText)]
        if names:
            found[each] = names
    return found


def check() -> list[Counted]:
    """Count what is stored, and change nothing. Reads in a session of its own, batch after batch."""
    return [count for each, names in secret_columns().items() for count in _work(each, names, is_rotating=False)]


def rotate(actor: str) -> list[Counted]:
    """Encrypt anew what earlier keys encrypted; write down that it was done. Returns what was found before."""
    found = [count for each, names in secret_columns().items() for count in _work(each, names, is_rotating=True)]
    with writing() as session:
        told: dict[str, Any] = {one.name: {"rotated": one.old, "unreadable": one.unreadable} for one in found}
        audit(session, actor, "secrets.rotate", "secrets", **told)
    return found


def _work(each: Table, names: list[str], *, is_rotating: bool) -> list[Counted]:
    counts = {name: Counted(f"{each.name}.{name}") for name in names}
    # As plain text: the type of the model would decrypt it.
    keys = [one.name for one in each.primary_key]
    plain = table(each.name, *(column(name) for name in keys), *(column(name, Text) for name in names))
    for rows in _batches(plain, keys, names):
        changes = [
            change for row in rows for name in names if (change := _renewal(row, name, counts[name])) is not None
        ]
        if changes and is_rotating:
            with writing() as session:
                for row, name, fresh in changes:
                    _write(session, plain, keys, row, name, fresh)
    return list(counts.values())


def _batches(plain: Any, keys: list[str], names: list[str]) -> Iterator[list[Any]]:
    """Yield the rows that hold a secret, by key; no transaction is open meanwhile."""
    order = [plain.c[name] for name in keys]
    held = or_(*(plain.c[name].is_not(None) for name in names))
    after: ColumnElement[bool] | None = None
    while True:
        query = select(plain).where(held).order_by(*order).limit(BATCH)
        rows = list(db.session.execute(query if after is None else query.where(after)))
        db.session.rollback()
        if not rows:
            return
        yield rows
        after = tuple_(*order) > tuple_(*(getattr(rows[-1], name) for name in keys))


def _renewal(row: Any, name: str, count: Counted) -> tuple[Any, str, str] | None:
    """Count a secret; return row, column and the text under the key of now where it is under another."""
    stored = getattr(row, name)
    if stored is None:
        return None
    try:
        fresh = renewed(stored)
    except UndecipherableSecret:
        count.unreadable += 1
        return None
    if fresh is None:
        count.current += 1
        return None
    count.old += 1
    return row, name, fresh


def _write(session: AnySession, plain: Any, keys: list[str], row: Any, name: str, fresh: str) -> None:
    is_it = and_(*(plain.c[key] == getattr(row, key) for key in keys), plain.c[name] == getattr(row, name))
    session.execute(update(plain).where(is_it).values({name: fresh}))
