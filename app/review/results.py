"""The result of a file: one, of one content, stored with its findings in the transaction that makes it `db_ready`."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import insert, select

from app.archive.auditing import audit
from app.archive.handed import change_status, find_file
from app.archive.outbox import emit
from app.errors import Conflict, Loc, NotFound
from app.extensions import AnySession
from app.instants import utc_text
from app.models import File, Finding, Result
from app.models.file import DB_READY, ERROR
from app.review.counting import counts
from app.review.findings import NewFinding, canonical, check_length, content_hash
from app.review.naming import Names
from app.review.resultfile import Arriving

JSON, FILE = "json", "file"
TOLD_VIOLATIONS = 50  # of an event; the others are in the result


class Posted(NamedTuple):
    """What an analyser has posted: findings, a file, a file that holds findings, or the error that it met."""

    findings: Sequence[NewFinding] | None = None
    error: str | None = None
    file: Arriving | None = None
    name: str | None = None
    media_type: str | None = None

    @property
    def kind(self) -> str:
        """Return the kind of the result."""
        return FILE if self.findings is None else JSON

    @property
    def sha256(self) -> str:
        """Return the hash by which contents are told apart: of the findings where there are any, else of the file."""
        if self.findings is not None:
            return content_hash(self.findings)
        assert self.file is not None
        return self.file.sha256

    @property
    def size_bytes(self) -> int:
        """Return the size of the file, or of the findings in their canonical form."""
        return self.file.size_bytes if self.file is not None else len(canonical(self.findings or ()))


def check_complete(row: File, loc: Loc) -> None:
    """Raise Conflict for a file that is not complete: nobody can have analysed it."""
    if row.completed_us is None:
        message = f"file {row.id} is not complete: {row.received_bytes} bytes have come; it has no result yet"
        raise Conflict(message, loc=loc, kind="not_complete")


def store(session: AnySession, file_id: int, posted: Posted, actor: str, at_us: int, loc: Loc) -> None:
    """Store what was posted, in the caller's write transaction; the same again changes nothing.

    Raises NotFound, Deleted, Conflict where another content is stored or the file is not complete, Invalid.
    """
    row = find_file(session, file_id, loc=loc, is_locked=True)
    check_complete(row, loc)
    known = session.get(Result, file_id, populate_existing=True)
    if known is None and posted.error is not None:
        _fail(session, row, posted.error, actor)
    elif known is None:
        _insert(session, row, posted, actor, at_us)
    elif posted.error is not None or (known.kind, known.content_sha256) != (posted.kind, posted.sha256):
        message = (
            f"file {file_id} has another result already, posted {utc_text(known.created_us)} by {known.actor}: "
            f"GET /files/{file_id}/result shows it"
        )
        raise Conflict(message, loc=loc, kind="result_differs")


def find_result(session: AnySession, file_id: int) -> Result:
    """Return the result of a file. Raises NotFound."""
    found = session.get(Result, file_id)
    if found is None:
        raise NotFound(f"file {file_id} has no result yet", loc=("path", "file_id"), kind="no_result")
    return found


def findings_of(session: AnySession, file_id: int) -> list[Finding]:
    """Return the findings of a file in the order in which they were posted."""
    return list(session.scalars(select(Finding).where(Finding.file_id == file_id).order_by(Finding.position)))


def _fail(session: AnySession, row: File, error: str, actor: str) -> None:
    """Let the file be one whose analysis failed; a result may still come."""
    if (row.status, row.error) == (ERROR, error):
        return
    row.error = error
    change_status(session, row, ERROR, error=error)
    audit(session, actor, "result.error", str(row.id), row.source_id, error=error)


def _insert(session: AnySession, row: File, posted: Posted, actor: str, at_us: int) -> None:
    findings = posted.findings or ()
    check_length(findings, row.duration_s)
    session.add(
        Result(
            file_id=row.id,
            content_sha256=posted.sha256,
            kind=posted.kind,
            name=posted.name,
            media_type=posted.media_type,
            size_bytes=posted.size_bytes,
            actor=actor,
            created_us=at_us,
        )
    )
    if findings:
        names = Names.read(session)
        session.execute(insert(Finding), [_columns(row.id, *entry, names) for entry in enumerate(findings)])
    session.flush()
    _tell(session, row, posted, actor)
    if posted.file is not None:
        row.storage_id = posted.file.target.storage_id  # of footage: where what belongs to it lies
        posted.file.keep()


def _columns(file_id: int, position: int, finding: NewFinding, names: Names) -> dict[str, object]:
    return {
        "file_id": file_id,
        "position": position,
        "violation": finding.violation,
        "violation_id": names.find(finding.violation),
        "severity": finding.severity,
        "start_s": finding.start,
        "end_s": finding.end,
        "page": finding.page,
        "quotation": finding.quotation,
        "confidence": finding.confidence,
    }


def _tell(session: AnySession, row: File, posted: Posted, actor: str) -> None:
    """Count, tell of the result, and only then that the file is done: who listens may leave at that."""
    found = counts(session, row.id)
    row.violations_quantity, row.error = found.quantity, None
    told = {"violations_quantity": found.quantity, "by_severity": found.by_severity}
    most = dict(list(found.by_violation.items())[:TOLD_VIOLATIONS])
    emit(session, row, "result", **told, by_violation=most)
    change_status(session, row, DB_READY)
    audit(session, actor, "result.post", str(row.id), row.source_id, sha256=posted.sha256, **told)


def result_json(session: AnySession, file_id: int) -> bytes:
    """Return the findings of a file as an analyser would post them."""
    names = {"violation": "violation", "severity": "severity", "start_s": "start", "end_s": "end"}
    names |= {"page": "page", "quotation": "quotation", "confidence": "confidence"}
    found = []
    for finding in findings_of(session, file_id):
        values = {shown: getattr(finding, column) for column, shown in names.items()}
        found.append({name: value for name, value in values.items() if value is not None})
    return json.dumps({"findings": found}, ensure_ascii=False, indent=1).encode()
