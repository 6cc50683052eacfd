"""The report on one file: what was found and said, how often and how grave, and the age rating that it needs.

report
├── file, form, result     what was looked at, for whom it is meant, who looked
├── rating                 the age that is needed against the one wanted, labels, the verdict and why
├── matrix, counts         violations × severity, of findings and of comments
├── recommendation         the comments joined, where it was asked for
└── findings, comments     one by one, with where they are

A file without a result has a report too, which says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import func, select

from app.archive.paging import AnySelect
from app.extensions import AnySession
from app.instants import utc_text
from app.models import BasisViolation, Cinema, Comment, File, Finding, Result, Source
from app.models.file import ERROR
from app.models.result import SEVERITIES
from app.review.counting import Named, Tally, tallies
from app.review.rating import NO_RATING, Judged, judge, rate
from app.review.recommending import RECOMMENDATIONS
from app.review.voting import overall

MOST = 10_000  # findings, and comments, that are listed one by one; all are counted
MOST_CHARACTERS, AT_ONCE = 4_000_000, 200  # of quotations, and of comments: each is held some ten times over
FILE_WORDS = ("refer", "name", "kind", "status", "error", "owner", "size_bytes", "sha256", "media_type", "duration_s")
RESULT_WORDS = ("kind", "name", "media_type", "size_bytes", "content_sha256", "actor")


def file_report(session: AnySession, file: File, actor: str, at_us: int, most: int = MOST) -> dict[str, Any]:
    """Return the report as JSON has it; of findings and of comments at most so many one by one, and MOST_CHARACTERS."""
    spellings: dict[str, str] = {}
    found, said = (tallies(session, model, file.id, spellings) for model in (Finding, Comment))
    form, result = session.get(Cinema, file.id), session.get(Result, file.id)
    lists = {"findings": _findings(session, file.id, most), "comments": _comments(session, file.id, most)}
    counts = _counts(session, file.id, found, said)
    return {
        "created_utc": utc_text(at_us),
        "created_by": actor,
        "file": _file_object(session, file),
        "form": None if form is None else _form_object(form),
        "result": None if result is None else _result_object(result),
        "rating": _rating(file, form, result, found, said),
        "counts": counts,
        "matrix": _matrix(found, said),
        "recommendation": _recommendation(session, file.id),
        **lists,
        "findings_left_out": counts["findings"] - len(lists["findings"]),
        "comments_left_out": counts["comments"] - len(lists["comments"]),
    }


def _file_object(session: AnySession, file: File) -> dict[str, Any]:
    source = session.get(Source, file.source_id) if file.source_id is not None else None
    return {
        "id": file.id,
        **{name: getattr(file, name) for name in FILE_WORDS},
        "source_id": file.source_id,
        "source_description": None if source is None else source.description,
        "record_id": file.record_id,
        "begin_utc": utc_text(file.begin_us),
        "end_utc": utc_text(file.end_us),
        "created_utc": utc_text(file.created_us),
        "completed_utc": utc_text(file.completed_us),
    }


def _form_object(form: Cinema) -> dict[str, Any]:
    return {
        "target_audience": form.target_audience,
        "comment": form.comment,
        "actor": form.actor,
        "changed_utc": utc_text(form.changed_us),
    }


def _result_object(result: Result) -> dict[str, Any]:
    return {**{name: getattr(result, name) for name in RESULT_WORDS}, "created_utc": utc_text(result.created_us)}


def _rating(
    file: File, form: Cinema | None, result: Result | None, found: Sequence[Tally], said: Sequence[Tally]
) -> dict[str, Any]:
    """Return what is needed of findings and comments together, and of each alone."""
    target = NO_RATING if form is None else form.target_audience
    rating = rate(_judged([*found, *said]))
    verdict, reason = judge(rating, target, _missing(file, result))
    return {
        "target_audience": target,
        "needed": rating.needed,
        "needed_by_findings": rate(_judged(found)).needed,
        "needed_by_comments": rate(_judged(said)).needed,
        "verdict": verdict,
        "reason": reason,
        "labels": rating.labels,
        "because": [{"violation": one.violation, "severity": one.severity, "age": one.age} for one in rating.because],
        "unsure": rating.unsure,
    }


def _judged(rows: Iterable[Tally]) -> list[Judged]:
    return [
        Judged(named.violation, severity, named.age, named.mark, named.violation_id is not None)
        for named, severity, _ in rows
    ]


def _missing(file: File, result: Result | None) -> list[str]:
    """Return why the findings are not all that there is to know."""
    if result is None and file.status == ERROR:
        return [f"there is no result: {file.error or 'it failed'}"]
    if result is None:
        return ["there is no result yet"]
    return ["the result is a file, which is not read here"] if result.kind == "file" else []


def _matrix(found: Sequence[Tally], said: Sequence[Tally]) -> list[dict[str, Any]]:
    """Return a row a violation with its counts by severity; the gravest first, of these the most frequent."""
    cells: dict[Named, dict[str, dict[str, int]]] = {}
    for kind, rows in (("findings", found), ("comments", said)):
        for named, severity, quantity in rows:
            empty = {name: dict.fromkeys(SEVERITIES, 0) for name in ("findings", "comments")}
            cells.setdefault(named, empty)[kind][severity] += quantity

    def gravity(entry: tuple[Named, dict[str, dict[str, int]]]) -> tuple[int, int, str]:
        sums = {severity: sum(counts[severity] for counts in entry[1].values()) for severity in SEVERITIES}
        gravest = max(SEVERITIES.index(severity) for severity, quantity in sums.items() if quantity)
        return -gravest, -sum(sums.values()), entry[0].violation

    ordered = sorted(cells.items(), key=gravity)
    return [{**named._asdict(), **counts, "total": _total(counts)} for named, counts in ordered]


def _total(counts: dict[str, dict[str, int]]) -> int:
    return sum(quantity for row in counts.values() for quantity in row.values())


def _counts(session: AnySession, file_id: int, found: Sequence[Tally], said: Sequence[Tally]) -> dict[str, Any]:
    """Return how much there is of everything; `severity` is that of most votes of the comments."""
    columns = (Comment.comment_author, Comment.severity)
    query = select(*columns, func.count()).where(Comment.file_id == file_id).group_by(*columns)
    authors, votes = {"User": 0, "AI": 0}, dict.fromkeys(SEVERITIES, 0)
    for author, severity, quantity in session.execute(query):
        authors[author] += quantity
        votes[severity] += quantity
    by_severity = dict.fromkeys(SEVERITIES, 0)
    for _, severity, quantity in found:
        by_severity[severity] += quantity
    return {
        "findings": sum(by_severity.values()),
        "violations": len({tally.named for tally in (*found, *said)}),
        "comments": sum(authors.values()),
        "comments_of_people": authors["User"],
        "comments_of_ai": authors["AI"],
        "findings_by_severity": by_severity,
        "comments_by_severity": votes,
        "severity": overall(severity for severity, quantity in votes.items() for _ in range(quantity)),
    }


def _recommendation(session: AnySession, file_id: int) -> dict[str, Any] | None:
    row = session.execute(RECOMMENDATIONS.where(File.id == file_id)).first()
    if row is None:
        return None
    words = {"id": row.id, "user": row.user_text, "ai": row.ai_text, "severity": row.severity}
    return {**words, "changed_utc": utc_text(row.changed_us)}


def _findings(session: AnySession, file_id: int, most: int) -> list[dict[str, Any]]:
    columns = (
        Finding.violation,
        Finding.violation_id,
        BasisViolation.code,
        BasisViolation.violations,
        Finding.severity,
        Finding.start_s,
        Finding.end_s,
        Finding.page,
        Finding.quotation,
        Finding.confidence,
    )
    query: AnySelect = select(*columns).outerjoin(BasisViolation, BasisViolation.id == Finding.violation_id)
    query = query.where(Finding.file_id == file_id).order_by(Finding.position).limit(most)
    return [
        {
            "violation": row.violations or row.violation,
            "violation_id": row.violation_id,
            "code": row.code or "",
            "severity": row.severity,
            "start": row.start_s,
            "end": row.end_s,
            "page": row.page,
            "quotation": row.quotation,
            "confidence": row.confidence,
        }
        for row in _listed(session, query, "quotation")
    ]


def _comments(session: AnySession, file_id: int, most: int) -> list[dict[str, Any]]:
    query: AnySelect = select(*Comment.__table__.columns, BasisViolation.code, BasisViolation.violations)
    query = query.outerjoin(BasisViolation, BasisViolation.id == Comment.violation_id)
    query = query.where(Comment.file_id == file_id).order_by(Comment.id).limit(most)
    return [
        {
            "id": row.id,
            "comment": row.comment,
            "comment_author": row.comment_author,
            "actor": row.actor,
            "severity": row.severity,
            "violation": row.violations or row.violation,
            "violation_id": row.violation_id,
            "code": row.code or "",
            "start": row.start_s,
            "end": row.end_s,
            "created_utc": utc_text(row.created_us),
        }
        for row in _listed(session, query, "comment")
    ]


def _listed(session: AnySession, query: AnySelect, text: str) -> Iterator[Any]:
    """Yield rows while their texts are no more than MOST_CHARACTERS together."""
    room = MOST_CHARACTERS
    with session.execute(query.execution_options(yield_per=AT_ONCE)) as rows:
        for row in rows:
            room -= len(getattr(row, text) or "")
            if room < 0:
                return
            yield row
