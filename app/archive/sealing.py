"""Sealing the audit log: each row of `audit` and `deletion` gets its place in one chain of hashes (AuditSeal).

Who writes a row waits for nobody: rows are sealed after their commit, seconds later, by one sealer at a time. So the
order of the chain is that in which rows became visible. On PostgreSQL a row may become visible after others with higher
ids: those near the newest are looked for each time, and all of them at the begin of a process and each hour.
"""

import logging
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import String, cast, exists, func, insert, select

from app.archive.auditing import audit
from app.extensions import AnySession, db, writing
from app.formats.auditchain import NO_SHA256, Head, follow
from app.models import Audit, AuditSeal, Deletion
from app.models.types import now_us

log = logging.getLogger(__name__)

KINDS: dict[str, type[Audit] | type[Deletion]] = {"audit": Audit, "deletion": Deletion}
COLUMNS = {kind: [column.name for column in model.__table__.columns] for kind, model in KINDS.items()}
BATCH = 1000  # rows a transaction
LATE_IDS = 2000  # below the highest sealed id: looked at each time
WHOLE_S = 3600.0  # all ids are looked at so often
BEGIN = "audit.begin"
SEALER = "sealing"
LOCK = 7_216_002  # of PostgreSQL: any number that nothing else in this database locks


class Unsealed(NamedTuple):
    """A row that has no seal yet."""

    kind: str
    id: int
    at_us: int
    fields: dict[str, Any]


def fields_of(kind: str, row: Any) -> dict[str, Any]:
    """Return what of a row is sealed: all of its columns, by name."""
    return {name: getattr(row, name) for name in COLUMNS[kind]}


def sealed(position: int, kind: str, sealed_us: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the object that a seal is the hash of."""
    return {**fields, "kind": kind, "position": position, "sealed_us": sealed_us}


def read_head(session: AnySession) -> Head | None:
    """Return the newest seal, None before the first."""
    newest = select(AuditSeal.position, AuditSeal.sha256).order_by(AuditSeal.position.desc()).limit(1)
    found = session.execute(newest).first()
    return None if found is None else Head(*found)


def find_unsealed(session: AnySession, above: dict[str, int], most: int) -> list[Unsealed]:
    """Return rows without a seal whose ids are above those given, at most so many of each table, by their instants."""
    found: list[Unsealed] = []
    for kind, model in KINDS.items():
        has_seal = exists().where(AuditSeal.kind == kind, AuditSeal.row_id == cast(model.id, String(36)))
        query = select(*model.__table__.columns).where(model.id > above.get(kind, 0), ~has_seal)
        for row in session.execute(query.order_by(model.id).limit(most)):
            found.append(Unsealed(kind, row.id, row.at_us, dict(row._mapping)))
    found.sort(key=lambda row: (row.at_us, row.kind, row.id))
    return found


class Sealer:
    """Seals what is there; remembers how far it came, so that looking costs little."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._highest: dict[str, int] = {}
        self._whole_at_s = 0.0
        self._passed: dict[str, int] = {}  # by the batch before: of lower ids none is left

    def run(self, *, is_whole: bool = False, must: bool = False) -> int:
        """Seal all rows that are visible now; return how many.

        With `is_whole` every id is looked at. Another process that is at it now does the work; with `must` it is
        waited for.
        """
        is_whole = is_whole or time.monotonic() >= self._whole_at_s
        above = {} if is_whole else {kind: highest - LATE_IDS for kind, highest in self._highest.items()}
        newest = {kind: db.session.scalar(select(func.max(model.id))) or 0 for kind, model in KINDS.items()}
        count = 0
        while True:
            found = find_unsealed(db.session, above, BATCH)
            db.session.rollback()
            if not found:
                break
            done = self._seal(found, must=must)
            if done is None:
                return count
            count += done
            above = {kind: max(above.get(kind, 0), self._passed.get(kind, 0)) for kind in KINDS}
        if is_whole:
            self._whole_at_s = time.monotonic() + WHOLE_S
            self._highest = newest
        return count

    def _seal(self, found: Sequence[Unsealed], *, must: bool) -> int | None:
        """Seal the first BATCH; None where another process does. Under the lock only these are asked for once more."""
        rows = found[:BATCH]
        with writing() as session:
            if not _lock(session, must=must):
                return None
            head = read_head(session)
            rows = _still_unsealed(session, rows)
            if head is None and rows:
                _begin(session)
            _append(session, head or Head(0, NO_SHA256), rows)
        self._passed = _passed(found, BATCH)
        for row in rows:
            self._highest[row.kind] = max(row.id, self._highest.get(row.kind, 0))
        return len(rows)


def _lock(session: AnySession, *, must: bool) -> bool:
    """Let no other process seal until the transaction ends; SQLite's write lock does so by itself."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    if must:
        session.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return True
    return bool(session.scalar(select(func.pg_try_advisory_xact_lock(LOCK))))


def _still_unsealed(session: AnySession, rows: Sequence[Unsealed]) -> Sequence[Unsealed]:
    """Return those that no other process has sealed since they were found."""
    done: set[tuple[str, str]] = set()
    for kind in KINDS:
        ids = [str(row.id) for row in rows if row.kind == kind]
        query = select(AuditSeal.kind, AuditSeal.row_id).where(AuditSeal.kind == kind, AuditSeal.row_id.in_(ids))
        done |= {(sealed_kind, row_id) for sealed_kind, row_id in session.execute(query)}
    return [row for row in rows if (row.kind, str(row.id)) not in done]


def _begin(session: AnySession) -> None:
    """Write down that the chain begins, and with how many rows that were there before it."""
    counts = {kind: session.scalar(select(func.count()).select_from(model)) or 0 for kind, model in KINDS.items()}
    audit(session, SEALER, BEGIN, "audit", None, **counts)
    session.flush()


def _passed(found: Sequence[Unsealed], taken: int) -> dict[str, int]:
    """Return up to which id of each table all that was found is taken: the first so many."""
    highest: dict[str, int] = {}
    for row in found[:taken]:
        highest[row.kind] = max(row.id, highest.get(row.kind, 0))
    for row in found[taken:]:
        highest[row.kind] = min(row.id - 1, highest.get(row.kind, 0))
    return highest


def _append(session: AnySession, head: Head, rows: Sequence[Unsealed]) -> None:
    seals, at_us, (position, sha256) = [], now_us(), head
    for row in rows:
        position += 1
        sha256 = follow(sha256, sealed(position, row.kind, at_us, row.fields))
        values = {"position": position, "kind": row.kind, "row_id": str(row.id), "sha256": sha256, "sealed_us": at_us}
        seals.append(values)
    if seals:
        session.execute(insert(AuditSeal), seals)


def count_unsealed(session: AnySession) -> int:
    """Return how many rows have no seal yet, of those with the newest BATCH ids of each table."""
    count = 0
    for kind, model in KINDS.items():
        newest = session.scalar(select(func.max(model.id))) or 0
        has_seal = exists().where(AuditSeal.kind == kind, AuditSeal.row_id == cast(model.id, String(36)))
        count += session.scalar(select(func.count(model.id)).where(model.id > newest - BATCH, ~has_seal)) or 0
    return count
