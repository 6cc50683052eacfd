"""Loading the base list of violations: what is missing is added, what was edited by hand stays.

A row is known by its code: the text of the column `id`, or where that is empty a hash of `violations` and `context`. A
row that was loaded before and stands otherwise in the file now is changed, unless somebody changed or removed it in the
administration pages since: only `is_forced` overwrites that. Rows that the file no longer has stay.
"""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.archive.auditing import audit
from app.errors import Invalid
from app.extensions import AnySession, db, writing
from app.models import BasisViolation, LoadedList
from app.models.types import now_us
from app.prepared import LIST_NAME, LIST_PATH, list_hash
from app.review.violationlist import LONGEST, checked, put, row_hash
from app.review.workbook import Line, read_workbook

log = logging.getLogger(__name__)

# Two starts at once add nothing twice: one waits for the other. SQLite has one writer at a time anyway.
ALONE = text("SELECT pg_advisory_xact_lock(7090313)")


@dataclass(slots=True)
class Report:
    """What loading did, or would do: the codes of rows added, changed, and kept as somebody edited them.

    `skipped` has a line for each row of the file that cannot be taken.
    """

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unchanged: int = 0


def load_at_start() -> None:
    """Load the list that came with the project unless that very file was loaded.

    A broken one is a warning, and so is a database that cannot take it, as on a full disk: recording does not wait.
    """
    digest = list_hash()
    loaded = db.session.get(LoadedList, LIST_NAME)
    is_current = digest is None or (loaded is not None and loaded.sha256 == digest)
    db.session.rollback()
    if is_current:
        return
    try:
        report = load_file(LIST_PATH)
    except (Invalid, SQLAlchemyError) as error:
        reason = error.message if isinstance(error, Invalid) else " ".join(str(error).split())[:200]
        log.warning("the list of violations %s was not loaded: %s", LIST_PATH.name, reason)
        return
    counts = len(report.added), len(report.changed), len(report.kept)
    log.info("violations: %d added, %d changed, %d kept as they were edited", *counts)
    for line in report.skipped:
        log.warning("violations: %s", line)


def load_file(path: Path, *, actor: str = "start", is_forced: bool = False, is_dry: bool = False) -> Report:
    """Load a workbook; with `is_dry` only tell what that would do. Raises Invalid for one that cannot be read."""
    digest = list_hash(path)  # before it is read: were it changed meanwhile, the next start would read it again
    sheet = read_workbook(path)
    report = Report(skipped=list(sheet.skipped))
    rows = _checked_rows(sheet.lines, report)
    with writing() as session:
        _apply(session, rows, report, is_forced=is_forced)
        if report.added or report.changed:
            audit(session, actor, "violations.load", path.name, added=report.added, changed=report.changed)
        if path == LIST_PATH and digest is not None:
            session.merge(LoadedList(name=LIST_NAME, sha256=digest, loaded_us=now_us()))
        if is_dry:
            session.rollback()
    return report


def _checked_rows(lines: Iterable[Line], report: Report) -> dict[str, dict[str, str]]:
    """Return the texts of each row by its code; note those that cannot be taken."""
    rows: dict[str, dict[str, str]] = {}
    for line in lines:
        try:
            values = checked(line.texts)
            code = _code(line.texts.get("id", ""), values)
        except Invalid as error:
            report.skipped.append(f"row {line.number}: {error.message}")
            continue
        if code in rows:
            report.skipped.append(f"row {line.number}: the id {code} stands further up already")
        else:
            rows[code] = values
    return rows


def _code(given: str, values: dict[str, str]) -> str:
    if len(given) > LONGEST["code"]:
        raise Invalid(f"id has {len(given)} characters; at most {LONGEST['code']} are taken", loc=("body", "id"))
    words = f"{values['violations']}\x1f{values['context']}".casefold()
    return given or f"text-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def _apply(session: AnySession, rows: dict[str, dict[str, str]], report: Report, *, is_forced: bool) -> None:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(ALONE)
    known = {row.code: row for row in session.scalars(select(BasisViolation))}
    at_us = now_us()
    for code, values in rows.items():
        row, digest = known.get(code), row_hash(values)
        if row is None:
            session.add(BasisViolation(code=code, loaded_sha256=digest, created_us=at_us, changed_us=at_us, **values))
            report.added.append(code)
        elif row.removed_us is None and row_hash({name: getattr(row, name) for name in values}) == digest:
            report.unchanged += 1
        elif row.is_edited and not is_forced:
            report.kept.append(code)
        else:
            put(row, values, at_us)
            row.loaded_sha256, row.is_edited, row.removed_us = digest, False, None
            report.changed.append(code)
