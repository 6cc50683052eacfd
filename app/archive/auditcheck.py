"""Checking the audit log: every row against its seal, every seal against the one before, the end against anchors.

Read in batches in the order of the chain: memory does not grow with it. What anchors tell is held, of each position
once however many places tell it: one an hour, 4 MB a year.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.archive.anchoring import Found
from app.archive.sealing import BATCH, BEGIN, KINDS, Unsealed, fields_of, find_unsealed, sealed
from app.extensions import AnySession
from app.formats.auditchain import NO_SHA256, Head, follow, is_sha256
from app.instants import utc_text
from app.models import AuditSeal, ClockStep

Rows = dict[tuple[str, str], Any]  # by kind and id, as seals name them
OVERDUE_US = 2 * 3_600_000_000  # an anchor is written each hour
START = Head(0, NO_SHA256)
NUMBER = re.compile("[1-9][0-9]{0,17}", re.ASCII)  # an id, as seals write it
TRIGGERS = {
    "sqlite": [f"{table}_keep_{verb}" for table in (*KINDS, "audit_seal") for verb in ("update", "delete", "insert")],
    "postgresql": [f"{table}_keep" for table in (*KINDS, "audit_seal")],
}
TRIGGERS_OF = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')",
}


class Finding(NamedTuple):
    """Something that is not as it was written: where in the chain, None outside of it; a word; what it is."""

    position: int | None
    word: str
    text: str


@dataclass
class Check:
    """One check. `anchors` are what is read of them, once; `heads` what was kept elsewhere, by where."""

    session: AnySession
    anchors: Iterable[Found]
    heads: Mapping[str, Head]
    at_us: int
    late_us: int
    rows: int = 0
    last: Head = START
    _expected: dict[int, list[tuple[str, str]]] = field(default_factory=dict)  # position: SHA-256, who says so
    # Of keys that are not set: true ones of years ago. They prove nothing, and say nothing else than the chain does.
    _strange: dict[int, list[Found]] = field(default_factory=dict)
    _newest_us: int = 0
    _has_begun: bool = False
    _known: int = 0  # the newest position that an anchor tells of
    _aged: int = 0  # the newest position that an anchor should know
    _steps: list[tuple[int, int]] = field(default_factory=list)

    def overdue(self) -> Iterator[Finding]:
        """Yield the rows that should have been sealed long ago; to be asked before what is left is sealed."""
        above = dict.fromkeys(KINDS, 0)
        while found := find_unsealed(self.session, above, BATCH):
            for row in found:
                if row.at_us < self.at_us - self.late_us:
                    yield Finding(
                        None, "unsealed", f"{_name(row)} was written at {utc_text(row.at_us)} and has no seal"
                    )
                above[row.kind] = max(above[row.kind], row.id)
            if len(found) < BATCH:
                break
        self.session.rollback()

    def run(self, tell: Callable[[], None] = lambda: None) -> Iterator[Finding]:
        """Yield what is wrong, in the order of the chain; then what is wrong at its end and around it.

        `tell` is called after each batch.
        """
        self._steps = _backward_steps(self.session)
        yield from self._take_anchors()
        for seals, rows in read_batches(self.session):
            for seal in seals:
                yield from self._judge(seal, rows.get((seal.kind, seal.row_id)))
            tell()
        yield from self._judge_end()
        yield from _doubles(self.session)
        yield from _missing_triggers(self.session)
        self.session.rollback()

    def _take_anchors(self) -> Iterator[Finding]:
        for found in self.anchors:
            if found.anchor is None:
                yield Finding(None, "anchor", _where(found))
            elif found.problem is not None:
                self._strange.setdefault(found.anchor.head.position, []).append(found)
            else:
                self._known = max(self._known, found.anchor.head.position)
                self._expect(found.anchor.head, f"{found.path} of {utc_text(found.anchor.at_us)}")
        for who, head in self.heads.items():
            self._expect(head, who)

    def _expect(self, head: Head, who: str) -> None:
        told = self._expected.setdefault(head.position, [])
        if all(sha256 != head.sha256 for sha256, _ in told):
            told.append((head.sha256, who))

    def _judge(self, seal: Any, row: Any) -> Iterator[Finding]:
        self.rows += 1
        if type(seal.position) is not int:
            yield Finding(None, "seal", f"the position of a seal of {seal.kind} {seal.row_id} is no integer")
            return
        position, is_next = seal.position, seal.position == self.last.position + 1
        if not is_next:
            first, last = self.last.position + 1, position - 1
            gone = f"seal {first} is" if first == last else f"the seals {first} to {last} are"
            yield Finding(position, "seal", f"{gone} not there" if first <= last else "there is no such position")
        if row is None:
            yield Finding(
                position, "gone", f"the row {seal.kind} {seal.row_id} is not there any more, or cannot be read"
            )
        else:
            yield from self._judge_row(seal, row, is_next=is_next)
        yield from self._judge_head(Head(position, seal.sha256))
        if type(seal.sealed_us) is int and seal.sealed_us < self.at_us - OVERDUE_US:
            self._aged = position
        self.last = Head(position, seal.sha256)

    def _judge_head(self, head: Head) -> Iterator[Finding]:
        for sha256, who in self._expected.pop(head.position, []):
            if sha256 != head.sha256:
                yield Finding(head.position, "recomputed", f"the chain is another than the one that {who} tells of")
        for found in self._strange.pop(head.position, []):
            if found.anchor is not None and found.anchor.head != head:
                yield Finding(head.position, "anchor", _where(found))

    def _judge_row(self, seal: Any, row: Any, *, is_next: bool) -> Iterator[Finding]:
        fields = fields_of(seal.kind, row)
        name = f"{seal.kind} {seal.row_id}"
        if is_next:
            previous = self.last.sha256 if is_sha256(self.last.sha256) else NO_SHA256
            if _hash(previous, sealed(seal.position, seal.kind, seal.sealed_us, fields)) != seal.sha256:
                yield Finding(
                    seal.position, "changed", f"{name}, its seal, or their order was changed: {_told(fields)}"
                )
        if type(row.at_us) is not int:
            return
        if fields.get("action") == BEGIN:
            if self._has_begun:
                yield Finding(seal.position, "begun", "the chain was begun anew here: seals before were taken away")
            self._has_begun, self._newest_us = True, row.at_us
        if self._has_begun and row.at_us < self._newest_us - self.late_us and not self._was_set_back(row.at_us):
            before = f"{(self._newest_us - row.at_us) // 1_000_000} s before that of a row sealed before it"
            yield Finding(seal.position, "inserted", f"{name}: its time, {utc_text(row.at_us)}, lies {before}")
        self._newest_us = max(self._newest_us, row.at_us)

    def _was_set_back(self, at_us: int) -> bool:
        """Tell whether this time was lived twice: a recorder saw the clock set back."""
        return any(begin_us <= at_us <= end_us for begin_us, end_us in self._steps)

    def _judge_end(self) -> Iterator[Finding]:
        for position, told in sorted(self._expected.items()):
            for _, who in told:
                text_ = f"{who} tells of seal {position}, but the chain ends at {self.last.position}"
                yield Finding(position, "cut", text_)
        for position, strange in sorted(self._strange.items()):
            yield from (Finding(position, "anchor", _where(found)) for found in strange)
        if self._aged > self._known:
            until = f"until seal {self._known}" if self._known else "at all"
            yield Finding(
                self._aged, "anchor", f"no anchor tells of the chain {until}, though this is over 2 hours old"
            )


def _where(found: Found) -> str:
    return f"{found.path}, line {found.number}: {found.problem}"


def _name(row: Unsealed) -> str:
    return f"{row.kind} {row.id}"


def _hash(previous: str, fields: Mapping[str, Any]) -> str | None:
    """Return the hash of a seal; None of values that no row of ours has: SQLite takes anything in any column."""
    try:
        return follow(previous, fields)
    except (TypeError, ValueError):
        return None


def _told(fields: Mapping[str, Any]) -> str:
    """Return what a person needs to find a row's place: when, who, what."""
    at_us = fields["at_us"]
    instant = utc_text(at_us) if type(at_us) is int and abs(at_us) < 2**57 else at_us
    return f"{instant} {fields['actor']} {fields.get('action', 'deletion of footage')}"


def read_batches(session: AnySession, after: int | None = None) -> Iterator[tuple[Sequence[Any], Rows]]:
    """Yield the seals behind a position in the order of the chain, BATCH at a time, and the rows that they are of."""
    query = select(*AuditSeal.__table__.columns).order_by(AuditSeal.position).limit(BATCH)
    while seals := session.execute(query if after is None else query.where(AuditSeal.position > after)).all():
        after = seals[-1].position
        yield seals, _rows_of(session, seals)
        session.rollback()


def _rows_of(session: AnySession, seals: Sequence[Any]) -> Rows:
    """Return the rows of seals by kind and id, as the seals name them."""
    found: Rows = {}
    for kind, model in KINDS.items():
        ids = [seal.row_id for seal in seals if seal.kind == kind]
        numbers = [int(one) for one in ids if isinstance(one, str) and NUMBER.fullmatch(one)]
        if numbers:
            query = select(*model.__table__.columns).where(model.id.in_(numbers))
            found |= {(kind, str(row.id)): row for row in _readable(session, query, model, numbers)}
    return found


def _readable(session: AnySession, query: Any, model: Any, ids: Sequence[int]) -> Sequence[Any]:
    """Return the rows, without those that cannot be read as text: of SQLite, where somebody has put other bytes."""
    try:
        return session.execute(query).all()
    except (DBAPIError, UnicodeDecodeError):
        session.rollback()
        if len(ids) == 1:
            return []
    middle = len(ids) // 2
    halves = (ids[:middle], ids[middle:])
    columns = select(*model.__table__.columns)
    return [row for half in halves for row in _readable(session, columns.where(model.id.in_(half)), model, half)]


def _backward_steps(session: AnySession) -> list[tuple[int, int]]:
    """Return the times that were lived twice."""
    steps = session.execute(select(ClockStep.at_us, ClockStep.step_us).where(ClockStep.step_us < 0)).all()
    return [(at_us, at_us - step_us) for at_us, step_us in steps]


def _doubles(session: AnySession) -> Iterator[Finding]:
    names = (AuditSeal.kind, AuditSeal.row_id)
    query = select(*names, func.max(AuditSeal.position)).group_by(*names).having(func.count() > 1).limit(BATCH)
    for kind, row_id, position in session.execute(query):
        yield Finding(position, "double", f"{kind} {row_id} has more than one seal")


def _missing_triggers(session: AnySession) -> Iterator[Finding]:
    dialect = session.get_bind().dialect.name
    there = set(session.scalars(text(TRIGGERS_OF[dialect])))
    for name in TRIGGERS[dialect]:
        if name not in there:
            yield Finding(None, "trigger", f"the trigger {name}, which refuses changes, is not there or does nothing")
