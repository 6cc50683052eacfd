"""Comments of people and of the AI on a file: each its own row; every change is told of, and of removals a line stays.

All writers lock the row of the file first, so that its events, its comments and its recommendation change in one order.
"""

from typing import Any

from sqlalchemy import select

from app.archive.auditing import audit
from app.archive.bounds import Sight
from app.archive.handed import find_by_refer, find_file
from app.archive.outbox import emit
from app.archive.paging import AnySelect, Order
from app.errors import Invalid, NotFound
from app.extensions import AnySession
from app.models import Comment, File
from app.review.naming import Names
from app.review.recommending import bring_up_to_date

COMMENT_ORDERS = {"id": Order((Comment.id,))}
COMMENTS: AnySelect = select(*Comment.__table__.columns, File.refer).join(File, File.id == Comment.file_id)
Named = tuple[str, str]  # a parameter's name, and its text: a reference
ROUNDING_S = 0.1  # players and containers tell lengths that differ by parts of a frame
FIXED = {"comment_author": "the author of a comment does not change: delete it, and let the other one write"}


def read_comment(session: AnySession, comment_id: int) -> Any:
    """Return one row of COMMENTS. Raises NotFound."""
    row = session.execute(COMMENTS.where(Comment.id == comment_id)).first()
    if row is None:
        raise NotFound(f"there is no comment {comment_id}", loc=("path", "comment_id"))
    return row


def add_comment(
    session: AnySession, refer: Named, sight: Sight | None, values: dict[str, Any], actor: str, at_us: int
) -> Any:
    """Add a comment to the file that `refer` names, if it is seen, and return it.

    Runs within a write transaction. Raises NotFound, Deleted, Invalid.
    """
    file = find_by_refer(session, refer[1], ("body", refer[0]), sight=sight, is_locked=True)
    _check_span(file, values.get("start_s"), values.get("end_s"))
    values = _with_violation(session, values)
    row = Comment(file_id=file.id, actor=actor, created_us=at_us, changed_us=at_us, **values)
    session.add(row)
    session.flush()
    said = {name: getattr(row, name) for name in ("comment", "comment_author", "severity", "violation")}
    _write_down(session, file, row.id, actor, "comment.create", after=said)
    _tell(session, file, row, "created", at_us)
    return read_comment(session, row.id)


def change_comment(
    session: AnySession,
    comment_id: int,
    named: tuple[Named | None, Sight | None],
    values: dict[str, Any],
    actor: str,
    at_us: int,
) -> Any:
    """Change what is given of a comment; `named`: the file that it says to be of, and which files are seen.

    Runs within a write transaction.
    Raises NotFound, Deleted for a comment of a deleted file; Invalid where another file or author is given.
    """
    file = find_file(session, read_comment(session, comment_id).file_id, loc=("path", "comment_id"), is_locked=True)
    row = _still_there(session, comment_id)
    refer, sight = named
    if refer is not None and find_by_refer(session, refer[1], ("body", refer[0]), sight=sight).id != file.id:
        raise Invalid("a comment stays with its file: write a new one", loc=("body", refer[0]), kind="fixed")
    for name, message in FIXED.items():
        if values.get(name, getattr(row, name)) != getattr(row, name):
            raise Invalid(message, loc=("body", name), kind="fixed")
    if "violation" in values:
        values = _with_violation(session, values)
    if values.keys() & {"start_s", "end_s"}:  # a length that was found since is no reason to refuse a severity
        _check_span(file, values.get("start_s", row.start_s), values.get("end_s", row.end_s))
    before = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
    if before:
        for name in before:
            setattr(row, name, values[name])
        row.changed_us = at_us
        session.flush()
        after = {name: values[name] for name in before}
        _write_down(session, file, row.id, actor, "comment.change", before=before, after=after)
        _tell(session, file, row, "changed", at_us)
    return read_comment(session, comment_id)


def remove_comment(session: AnySession, comment_id: int, actor: str, at_us: int) -> Any:
    """Remove a comment, also of a deleted file, and return it as it was. Runs within a write transaction.

    What it said stays in the audit. Raises NotFound.
    """
    file_id = read_comment(session, comment_id).file_id
    file = session.scalars(select(File).where(File.id == file_id).with_for_update()).one()
    row, found = _still_there(session, comment_id), read_comment(session, comment_id)
    said = {name: getattr(row, name) for name in ("comment", "comment_author", "severity", "violation")}
    session.delete(row)
    session.flush()
    _write_down(session, file, comment_id, actor, "comment.delete", before={**said, "actor": row.actor})
    _tell(session, file, row, "deleted", at_us)
    return found


def _still_there(session: AnySession, comment_id: int) -> Comment:
    """Return the row as it is now that the file is locked. Raises NotFound where another request was faster."""
    row = session.get(Comment, comment_id, populate_existing=True)
    if row is None:
        raise NotFound(f"there is no comment {comment_id}", loc=("path", "comment_id"))
    return row


def _with_violation(session: AnySession, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with the id of the violation that they name; the text stays as it was given."""
    text = values.get("violation")
    return {**values, "violation_id": Names.read(session).find(text) if text else None}


def _check_span(file: File, start_s: float | None, end_s: float | None) -> None:
    """Raise Invalid for a span that ends before it begins, or lies behind the end of what has a length."""
    if start_s is not None and end_s is not None and start_s > end_s:
        raise Invalid(
            f"the span ends at {end_s:g} s, before it begins: {start_s:g} s", loc=("body", "end"), kind="span"
        )
    if file.duration_s is None:
        return
    for name, at_s in (("start", start_s), ("end", end_s)):
        if at_s is not None and at_s > file.duration_s + ROUNDING_S:
            message = f"{at_s:g} s is behind the end: the file has {file.duration_s:g} s"
            raise Invalid(message, loc=("body", name), kind="span")


def _tell(session: AnySession, file: File, row: Comment, act: str, at_us: int) -> None:
    """Write the event of a change, and let the recommendation follow it."""
    said = {"id": row.id, "comment_author": row.comment_author, "severity": row.severity}
    if act != "deleted":
        said |= {"comment": row.comment, "violation": row.violation, "start": row.start_s, "end": row.end_s}
    if file.deleted_us is None:
        emit(session, file, "comment", act=act, comment=said)
    bring_up_to_date(session, file, at_us)


def _write_down(session: AnySession, file: File, comment_id: int, actor: str, action: str, **detail: Any) -> None:
    audit(session, actor, action, str(comment_id), file.source_id, file_id=file.id, **detail)
