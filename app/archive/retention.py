"""The pass of retention: deletes what the rules no longer keep, and makes room before a storage is full.

Repeated every half minute by the worker; each pass finds in the database what is due. First footage beyond its maximal
age, then the oldest of each rule that has more than its max_bytes, then the oldest of each storage that comes near its
budget or its reserve. Minima and pins are kept by all of these; only `app.archive.evicting.evict` breaks a minimum.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from app.archive import guards
from app.archive.believing import Believed, Host, advance, this_host
from app.archive.deletion import Act
from app.archive.forecast import growth_by_storage
from app.archive.keeping import NEVER_US, Days, Rows, read_keeping
from app.archive.notices import note
from app.archive.ruling import BYTE_UNITS, EXPIRED, S_US, SPARE_SHARE, Mask, Rule, in_units
from app.archive.storagefigures import used_bytes
from app.archive.sweeping import ACTOR, Need, Sweep, act_of
from app.archive.unlinking import has_doomed, leaving_bytes, mounted_roots, unlink_doomed
from app.extensions import db, writing
from app.models import Storage
from app.models.types import now_us

log = logging.getLogger(__name__)

KIND = "retention"
PAUSE_S = 0.12  # SQLite asks for its turn every 100 ms: a shorter pause can be missed again and again
PASS_S = 20.0
LOOK_S = 3600.0  # how often a storage that was found known is compared with the database again
AHEAD_S = 600  # room is made for so many seconds of recording, for twice as many at a time
DOOMED_LIMIT = 2000
KEPT = (
    "all else is pinned or kept by a minimum. Lower the minima, release pins, or give it more room "
    "(flask retention forecast)"
)
STUCK = "files of deleted footage cannot be removed from it, so no more is deleted: is it read-only? The log says why"
LATE_SHARE, LATE_US = 100, 3_600_000_000  # by how much expired footage may gather: a part of its age, at most an hour


@dataclass
class Outcome:
    """What a pass has done; `is_done` where nothing is left for the next one; and what an operator is to be told."""

    segments: int = 0
    size_bytes: int = 0
    is_done: bool = True
    refusals: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Finding:
    """A state that the pass has found; `text` says what of, where it is bad."""

    subject: str
    text: str | None
    storage_id: str | None = None


class Retention:
    """Deletes what is not kept; remembers what days come to. Used by one thread at a time; needs an app context."""

    def __init__(self, *, pause_s: float = PAUSE_S, pass_s: float = PASS_S) -> None:
        self._days = Days()
        self._pause_s, self._pass_s = pause_s, pass_s
        self._known: dict[str, float] = {}  # storages that were found known, and when (monotonic)
        self._until_s = 0.0
        self._told: dict[str, str | None] = {}
        self._findings: list[_Finding] = []
        self._outcome = Outcome()

    def run(
        self,
        *,
        is_confirmed: bool = False,
        is_eager: bool = False,
        clock_us: int | None = None,
        host: Host | None = None,
    ) -> Outcome:
        """Do one pass.

        With `is_eager` what has expired does not gather first; with `is_confirmed` the clock is right.
        """
        self._outcome, self._findings = Outcome(), []
        self._until_s = time.monotonic() + self._pass_s
        clock_us = now_us() if clock_us is None else clock_us
        with writing() as session:
            believed = advance(session, clock_us, host or this_host(), is_confirmed=is_confirmed)
        roots = self._usable_roots()
        refusal = None if is_confirmed else guards.why_not_now(db.session, clock_us, believed)
        db.session.rollback()
        self._tell("clock", refusal or guards.how_it_lags(believed), is_refusal=refusal is not None)
        if refusal is None and roots:
            self._by_age(believed, roots, is_eager=is_eager)
            self._by_bytes(believed, roots)
            for storage_id, root in roots.items():
                self._by_room(believed, storage_id, root)
        self._write_notices()
        return self._outcome

    def _sweep(self, believed: Believed, storage_ids: set[str]) -> Sweep:
        keeping = read_keeping(db.session, believed.at_us)
        db.session.rollback()
        self._days.forget_others(keeping)
        return Sweep(keeping, self._days, storage_ids, until_s=self._until_s, pause_s=self._pause_s)

    def _end(self, sweep: Sweep) -> None:
        sweep.unlink()
        self._outcome.segments += sweep.segments
        self._outcome.size_bytes += sweep.size_bytes
        self._outcome.is_done &= sweep.is_done

    def _usable_roots(self) -> dict[str, Path]:
        """Return the storages that are there, by their markers, and whose files the database knows."""
        usable = {}
        for storage_id, root in mounted_roots().items():
            refusal = None
            if time.monotonic() - self._known.get(storage_id, -LOOK_S) >= LOOK_S:
                refusal = guards.why_not_there(db.session, storage_id, root)
                db.session.rollback()
                self._known[storage_id] = time.monotonic()
            if refusal is None:
                usable[storage_id] = root
            else:
                del self._known[storage_id]
            self._tell(f"known {storage_id}", refusal, storage_id, is_refusal=True)
        return usable

    def _by_age(self, believed: Believed, roots: dict[str, Path], *, is_eager: bool) -> None:
        """Delete what is beyond its maximal age."""
        sweep = self._sweep(believed, set(roots))
        keeping = sweep.keeping
        ages = [rule.max_age_s * S_US for rule in keeping.rules if rule.max_age_s is not None]
        late_us = 0 if is_eager or not ages else min(LATE_US, min(ages) // LATE_SHARE)
        for source_id, revisions in keeping.days.items() if ages else ():
            due = {day: self._days.of(db.session, keeping, source_id, day).due_us for day in sorted(revisions)}
            db.session.rollback()
            if min(due.values(), default=NEVER_US) + late_us > keeping.now_us:
                continue
            for day in (day for day, due_us in due.items() if due_us <= keeping.now_us):
                rows = sweep.rows(source_id, day)
                for rule, mask in keeping.limits("max_age_s", source_id, rows):
                    sweep.remove(sweep.victims(source_id, rows, mask, (EXPIRED,)), act_of(rule, "max_age_s"))
        self._end(sweep)

    def _by_bytes(self, believed: Believed, roots: dict[str, Path]) -> None:
        """Delete the oldest of each rule that has more than its max_bytes."""
        sweep = self._sweep(believed, set(roots))
        for rule in sweep.keeping.rules:
            if rule.max_bytes is None:
                continue
            held = self._held(sweep, ("max_bytes", rule.id))
            excess = sum(held.values()) - rule.max_bytes
            if excess > 0:
                spare = rule.max_bytes // SPARE_SHARE
                need = Need(excess + spare, held, _of_rule(sweep, rule), act_of(rule, "max_bytes"))
                excess -= sweep.free(need)
            text = (
                f"{rule.words('max_bytes')} cannot be met: {in_units(excess, BYTE_UNITS)} more are pinned, kept by a "
                "minimum, or in a storage that is not there"
            )
            self._tell(f"rule {rule.id}", text if excess > 0 and sweep.is_done else None)
        self._end(sweep)

    def _held(self, sweep: Sweep, key: tuple[str, str]) -> dict[tuple[int, int], int]:
        """Return how many bytes of a rule each camera-day holds."""
        found = {}
        for source_id, revisions in sweep.keeping.days.items():
            for day in revisions:
                size = self._days.of(db.session, sweep.keeping, source_id, day).by_rule.get(key, 0)
                if size:
                    found[source_id, day] = size
        db.session.rollback()
        return found

    def _by_room(self, believed: Believed, storage_id: str, root: Path) -> None:
        """Delete the oldest of a storage that comes near its budget or its reserve."""
        sweep = self._sweep(believed, {storage_id})
        row = db.session.get(Storage, storage_id)
        growth = growth_by_storage(db.session, now_us()).get(storage_id, 0.0)
        used = used_bytes(db.session).get(storage_id, 0)
        budget, reserve = (row.budget_bytes, row.reserve_bytes) if row is not None else (None, 0)
        leaving = leaving_bytes(db.session, storage_id)
        db.session.rollback()
        try:
            free = shutil.disk_usage(root).free
        except OSError as error:
            log.error("the room of the storage %s cannot be measured: %s", root.name, error.strerror)
            return
        ahead = int(growth * AHEAD_S)
        over, why = {"reserve": reserve + ahead - free - leaving}, KEPT
        if budget is not None:
            over["budget"] = used + ahead - budget
        excess = max(over.values())
        if excess > 0:
            word = max(over, key=lambda name: over[name])
            value = in_units(reserve if word == "reserve" else budget or 0, BYTE_UNITS)
            act = Act(ACTOR, f"{word} of storage {root.name[:32]}: {value}")
            days = {(source_id, day) for source_id, found in sweep.keeping.days.items() for day in found}
            is_stuck = word == "reserve" and _is_stuck(storage_id, root)
            excess -= 0 if is_stuck else sweep.free(Need(excess + ahead, days, _everything, act))
            why = STUCK if is_stuck else KEPT
        text = (
            f"the storage {root.name!r} holds {in_units(used, BYTE_UNITS)} and has {in_units(free, BYTE_UNITS)} free; "
            f"{in_units(max(excess, 0), BYTE_UNITS)} cannot be freed: {why}"
        )
        self._tell(f"room {storage_id}", text if excess > 0 and sweep.is_done else None, storage_id)
        self._end(sweep)

    def _tell(self, subject: str, text: str | None, storage_id: str | None = None, *, is_refusal: bool = False) -> None:
        """Note a state: in the log where it is new, and for the notices; `text` where it is bad."""
        if text is not None:
            (self._outcome.refusals if is_refusal else self._outcome.warnings).append(text)
            if self._told.get(subject) is None:
                log.error("retention: %s", text)
        elif self._told.get(subject) is not None:
            log.info("retention: well again: %s", subject)
        self._told[subject] = text
        self._findings.append(_Finding(subject, text, storage_id))

    def _write_notices(self) -> None:
        with writing() as session:
            for found in self._findings:
                text = found.text or "nothing stands in the way of retention any more"
                is_bad = found.text is not None
                note(session, KIND, found.subject[:64], is_bad=is_bad, text=text, storage_id=found.storage_id)


def _of_rule(sweep: Sweep, rule: Rule) -> Callable[[int, Rows], Mask]:
    """Return what tells for which segments the max_bytes of a rule holds."""

    def mask(source_id: int, rows: Rows) -> Mask:
        found = sweep.keeping.limits("max_bytes", source_id, rows)
        return next((mask for one, mask in found if one.id == rule.id), ~_everything(source_id, rows))

    return mask


def _is_stuck(storage_id: str, root: Path) -> bool:
    """Tell whether deleting would give a disk no room: what was deleted before cannot be removed from it either."""
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        return True
    unlink_doomed(DOOMED_LIMIT, storage_id=storage_id)
    return has_doomed(storage_id)


def _everything(source_id: int, rows: Rows) -> Mask:
    return np.ones(len(rows.pieces), np.bool_)
