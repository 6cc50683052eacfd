"""The form with which a person starts the analysis of a file: for whom the film is meant, and a comment."""

from typing import Any

from sqlalchemy import select

from app.archive.auditing import audit
from app.archive.handed import find_file
from app.archive.paging import Order
from app.errors import Loc, NotFound
from app.extensions import AnySession
from app.models import Cinema, File

CINEMA_ORDERS = {"created": Order((Cinema.created_us, Cinema.file_id)), "id": Order((Cinema.file_id,))}
COLUMNS = (Cinema.file_id, Cinema.target_audience, Cinema.comment, Cinema.created_us, File.refer, File.status)
FORMS = select(*COLUMNS).join(File, File.id == Cinema.file_id).where(File.deleted_us.is_(None))
DEFAULTS = {"target_audience": "----", "comment": ""}
PLACE = ("path", "file_id")


def store_form(session: AnySession, file_id: int, values: dict[str, Any], actor: str, at_us: int, loc: Loc) -> File:
    """Store or change the form of a file and return the file, locked; what `values` leave out stays.

    Runs within a write transaction. Raises NotFound, Deleted.
    """
    row = find_file(session, file_id, loc=loc, is_locked=True)
    form = session.get(Cinema, file_id, populate_existing=True)
    if form is not None:
        _change(session, row, form, values, actor, at_us)
        return row
    given = {**DEFAULTS, **values}
    session.add(Cinema(file_id=file_id, actor=actor, created_us=at_us, changed_us=at_us, **given))
    audit(session, actor, "cinema.create", str(file_id), row.source_id, **given)
    return row


def change_form(session: AnySession, file_id: int, values: dict[str, Any], actor: str, at_us: int) -> None:
    """Change the form of a file, within a write transaction; what is left out stays. Raises NotFound, Deleted."""
    row = find_file(session, file_id, is_locked=True)
    _change(session, row, _form(session, file_id), values, actor, at_us)


def delete_form(session: AnySession, file_id: int, actor: str) -> None:
    """Delete the form of a file, within a write transaction; the file stays. Raises NotFound, Deleted."""
    row = find_file(session, file_id, is_locked=True)
    form = _form(session, file_id)
    before = {"target_audience": form.target_audience, "comment": form.comment}
    session.delete(form)
    audit(session, actor, "cinema.delete", str(file_id), row.source_id, **before)


def find_form(session: AnySession, file_id: int) -> Any:
    """Return the form of a file with the file's columns (COLUMNS). Raises NotFound, Deleted."""
    find_file(session, file_id)
    found = session.execute(FORMS.where(Cinema.file_id == file_id)).first()
    if found is None:
        raise _missing(file_id)
    return found


def _change(session: AnySession, row: File, form: Cinema, values: dict[str, Any], actor: str, at_us: int) -> None:
    before = {name: getattr(form, name) for name, value in values.items() if getattr(form, name) != value}
    if not before:
        return
    after = {name: values[name] for name in before}
    for name, value in after.items():
        setattr(form, name, value)
    form.actor, form.changed_us = actor, at_us
    audit(session, actor, "cinema.change", str(row.id), row.source_id, before=before, after=after)


def _form(session: AnySession, file_id: int) -> Cinema:
    form = session.get(Cinema, file_id, populate_existing=True)
    if form is None:
        raise _missing(file_id)
    return form


def _missing(file_id: int) -> NotFound:
    return NotFound(f"no analysis of file {file_id} was asked for: POST /cinema/ does", loc=PLACE)
