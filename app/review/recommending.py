"""Recommendations: what people and the AI said of a file, joined in one row, with the severity of most votes.

Made when it is asked for. From then on every change of a comment changes it in the same transaction, under the lock of
the file's row: it never says anything else than the comments do, and a file has one however many ask at once.
"""

from collections import Counter
from typing import Any

from sqlalchemy import delete, func, select

from app.archive.auditing import audit
from app.archive.paging import AnySelect, Order
from app.errors import NotFound
from app.extensions import AnySession
from app.models import BasisViolation, Comment, File, Recommendation
from app.review.joining import Remark, joined
from app.review.voting import overall

RECOMMENDATION_ORDERS = {"id": Order((Recommendation.id,))}
# With the reference, and the number of findings as it is now: a result may come after the recommendation was made.
RECOMMENDATIONS: AnySelect = select(
    Recommendation.id,
    Recommendation.user_text,
    Recommendation.ai_text,
    Recommendation.severity,
    Recommendation.created_us,
    Recommendation.changed_us,
    File.id.label("file_id"),
    File.refer,
    File.violations_quantity,
).join(File, File.id == Recommendation.file_id)
NAME = func.coalesce(BasisViolation.violations, Comment.violation)
REMARKS: AnySelect = (
    select(Comment.comment, NAME, Comment.start_s, Comment.end_s)
    .outerjoin(BasisViolation, BasisViolation.id == Comment.violation_id)
    .order_by(Comment.id)
    .execution_options(yield_per=200)
)
VOTES: AnySelect = select(Comment.comment_author, Comment.severity, func.count()).group_by(
    Comment.comment_author, Comment.severity
)


def read_recommendation(session: AnySession, recommendation_id: int) -> Any:
    """Return one row of RECOMMENDATIONS. Raises NotFound."""
    row = session.execute(RECOMMENDATIONS.where(Recommendation.id == recommendation_id)).first()
    if row is None:
        raise NotFound(f"there is no recommendation {recommendation_id}", loc=("path", "recommendation_id"))
    return row


def bring_up_to_date(
    session: AnySession, file: File, at_us: int, *, made_by: str | None = None
) -> Recommendation | None:
    """Join the comments of a file anew, where there is a recommendation; `made_by`: make one where there is none.

    Runs within a write transaction that has locked the row of the file.
    """
    row = session.scalar(select(Recommendation).where(Recommendation.file_id == file.id))
    is_new = row is None
    if row is None:
        if made_by is None:
            return None
        row = Recommendation(file_id=file.id, created_us=at_us, changed_us=at_us)
        session.add(row)
    values = {**_join(session, file.id), "violations_quantity": file.violations_quantity}
    if any(getattr(row, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(row, name, value)
        row.changed_us = at_us
    session.flush()
    if is_new and made_by is not None:
        audit(session, made_by, "recommendation.create", str(row.id), file.source_id, file_id=file.id)
    return row


def _join(session: AnySession, file_id: int) -> dict[str, str]:
    """Return the texts of people and of the AI, in the order in which they were written, and the severity of both."""
    quantities: Counter[str] = Counter()
    votes: Counter[str] = Counter()
    for author, severity, quantity in session.execute(VOTES.where(Comment.file_id == file_id)):
        quantities[author] += quantity
        votes[severity] += quantity
    texts = {"user_text": "User", "ai_text": "AI"}
    said = {name: _said(session, file_id, author, quantities[author]) for name, author in texts.items()}
    return {**said, "severity": overall(votes.elements())}


def _said(session: AnySession, file_id: int, author: str, quantity: int) -> str:
    """Return what one of the two said; a file may have more comments than fit into memory."""
    query = REMARKS.where(Comment.file_id == file_id, Comment.comment_author == author)
    with session.execute(query) as rows:
        return joined((Remark(*row) for row in rows), quantity)


def remove_recommendation(session: AnySession, recommendation_id: int, actor: str) -> Any:
    """Remove a recommendation, not its comments; return it as it was. Raises NotFound."""
    file_id = read_recommendation(session, recommendation_id).file_id
    session.execute(select(File.id).where(File.id == file_id).with_for_update())
    found = read_recommendation(session, recommendation_id)
    session.execute(delete(Recommendation).where(Recommendation.id == recommendation_id))
    values = {"file_id": found.file_id, "severity": found.severity}
    audit(session, actor, "recommendation.delete", str(recommendation_id), **values)
    return found
