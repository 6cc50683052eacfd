"""Results: what an analyser has found in a file, posted under its refer or any key of it (transfer-api.md)."""

from pathlib import Path
from typing import Any, Literal

from flask import Blueprint, Response, current_app, request
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.access.headers import STRANGE_POLICY
from app.archive.handed import find_by_refer, find_file
from app.archive.places import result_path
from app.archive.storages import open_storage
from app.auth import REFER_HEADER, actor, sight
from app.errors import Invalid, Loc, StorageUnusable
from app.extensions import db, writing
from app.formats.filenames import attachment
from app.models import File, Finding, Result, Storage
from app.models.types import now_us
from app.personalulti import read_query, utc_text
from app.playback.delivery import Body, respond
from app.playback.fileparts import FilePart
from app.review import results as review
from app.review.counting import counts
from app.review.findings import NewResult, Severity
from app.review.resultfile import Target
from app.views import PlaybackApi, document
from app.views.documenting import sends_bytes
from app.views.fileobjects import MadeFile, made_file
from app.views.listing import answer_bytes
from app.views.objects import json_bytes
from app.views.resultbody import reading
from app.views.watching import DOWNLOAD, saw

results = Blueprint("results", __name__)
namespace = Namespace("result", "What analysers have found", path="/")
BYTES = "application/octet-stream"
UNKNOWN_REFER = "There is no file of this refer or key"
REFUSALS = {
    409: "The file is not complete yet, or has a result of another content",
    410: "The file was deleted",
    507: "The storage has no room for the file",
}


class CountsObject(MadeFile):
    """What a file's result comes to; `by_violation` and `by_severity` name those that occur."""

    violations_quantity: int
    by_violation: dict[str, int] = Field(examples=[{"Smoking": 2, "Violence": 1}])
    by_severity: dict[str, int] = Field(examples=[{"severe": 1, "mild": 2}])


class FindingObject(BaseModel):
    """One finding, as the analyser told it."""

    violation: str
    violation_id: int | None
    severity: Severity
    start: float | None
    end: float | None
    page: int | None
    quotation: str | None
    confidence: float | None


class ResultObject(CountsObject):
    """The result of a file."""

    kind: Literal["json", "file"]
    name: str | None
    media_type: str | None
    size_bytes: int
    sha256: str
    actor: str
    created_utc: str
    findings: list[FindingObject]


class ResultQuery(BaseModel):
    """As what a result is answered."""

    format: Literal["json", "file"] = Field("json", description="`file`: the file that was posted")


def counts_object(row: File) -> dict[str, Any]:
    """Return what a result comes to."""
    found = counts(db.session, row.id)
    return {
        **made_file(row),
        "violations_quantity": found.quantity,
        "by_violation": found.by_violation,
        "by_severity": found.by_severity,
    }


def _finding_object(finding: Finding) -> dict[str, Any]:
    return {
        "violation": finding.violation,
        "violation_id": finding.violation_id,
        "severity": finding.severity,
        "start": finding.start_s,
        "end": finding.end_s,
        "page": finding.page,
        "quotation": finding.quotation,
        "confidence": finding.confidence,
    }


def _result_object(row: File, result: Result) -> dict[str, Any]:
    return {
        **counts_object(row),
        "kind": result.kind,
        "name": result.name,
        "media_type": result.media_type,
        "size_bytes": result.size_bytes,
        "sha256": result.content_sha256,
        "actor": result.actor,
        "created_utc": utc_text(result.created_us),
        "findings": [_finding_object(finding) for finding in review.findings_of(db.session, row.id)],
    }


def takes_result(view: Any) -> Any:
    """Document what both addresses take and answer."""
    for code, text in REFUSALS.items():
        view = namespace.response(code, text)(view)
    view = namespace.response(200, "What the result comes to", document(namespace, CountsObject))(view)
    view = namespace.expect(document(namespace, NewResult), validate=False)(view)
    return namespace.doc(
        description="Findings as JSON, or as multipart a file of any type under `upload`; one that holds such JSON "
        "counts as findings. The same content again changes nothing, another is refused. With `error` instead of "
        "findings the file's status is `error`; a result may still follow.",
        vendor={"upload": "A file as the result: of any type, or one that holds findings as JSON"},
    )(view)


@namespace.route("/download/<refer:refer>/", endpoint="by_refer")
@namespace.param("refer", "The file's lasting refer, or any key ever given out for it", _in="path")
class ResultByRefer(Resource):
    """The result, by the address that the file came from."""

    @takes_result
    @namespace.response(404, UNKNOWN_REFER)
    def post(self, refer: str) -> dict[str, Any]:
        """Save the result of an analysis."""
        return _take(refer, ("path", "refer"))


@namespace.route("/record/", endpoint="by_header")
class ResultByHeader(Resource):
    """The result, by a header."""

    @takes_result
    @namespace.param(REFER_HEADER, "The file's lasting refer, or any key ever given out for it", _in="header")
    @namespace.response(404, UNKNOWN_REFER)
    def post(self) -> dict[str, Any]:
        """Save the result of an analysis of the file that a header names."""
        loc = ("header", REFER_HEADER)
        refer = request.headers.get(REFER_HEADER)
        if not refer:
            raise Invalid("must be given: the refer of the file, or a key of it", loc=loc, kind="missing")
        return _take(refer, loc)


@namespace.route("/files/<index:file_id>/result")
@namespace.param("file_id", "The id of a file", _in="path", type="integer")
class FileResult(Resource):
    """The result of a file."""

    @namespace.doc(description="With its counts. `format=file` answers as the address `…/result/file`.")
    @namespace.param("format", "`json`, or `file`: the file that was posted", enum=["json", "file"], _in="query")
    @namespace.response(200, "The result", document(namespace, ResultObject))
    @namespace.response(404, "There is no such file, or it has no result yet")
    @namespace.response(410, "The file was deleted")
    def get(self, file_id: int) -> Response:
        """Get what was found in a file."""
        if read_query().checked(ResultQuery).format == "file":
            return _file(file_id)
        row = find_file(db.session, file_id)
        return answer_bytes(json_bytes(_result_object(row, review.find_result(db.session, file_id))))


@namespace.route("/files/<index:file_id>/result/file")
@namespace.param("file_id", "The id of a file", _in="path", type="integer")
class FileResultFile(Resource):
    """The result of a file as a file."""

    @namespace.doc(description="To the byte as it was posted; findings that came without a file as JSON.")
    @sends_bytes(namespace, BYTES, "The file")
    @namespace.response(404, "There is no such file, or it has no result yet")
    @namespace.response(410, "The file was deleted")
    def get(self, file_id: int) -> Response:
        """Get the file that an analyser posted."""
        return _file(file_id)


def _take(refer: str, loc: Loc) -> dict[str, Any]:
    """Store what is posted for the file of a refer; no connection is held while it comes."""
    config, who = current_app.config["PLAYBACK"], actor()
    row = find_by_refer(db.session, refer, loc, sight=sight())
    review.check_complete(row, loc)
    file_id = row.id
    target = Target(*_root(row), file_id, config.RESULT_MAX_BYTES)
    db.session.remove()
    with reading(target) as posted, writing() as session:
        review.store(session, file_id, posted, who, now_us(), loc)
    return counts_object(find_file(db.session, file_id, loc=loc))


def _root(row: File) -> tuple[str, Path]:
    """Return id and folder of the storage of a file; of footage, that of the first. Raises StorageUnusable."""
    if row.storage_id is None:
        storage = open_storage(current_app.config["PLAYBACK"])
        return storage.id, Path(storage.path)
    path = db.session.scalar(select(Storage.path).where(Storage.id == row.storage_id))
    if not path:
        raise StorageUnusable(f"the storage of file {row.id} is not mounted")
    return row.storage_id, Path(path)


def _file(file_id: int) -> Response:
    """Return the file of a result as an attachment that no browser takes for a page."""
    row = find_file(db.session, file_id)
    result = review.find_result(db.session, file_id)
    name = result.name or f"findings-{file_id}.json"
    if result.name is None:
        body = Body([review.result_json(db.session, file_id)])
    else:
        path = str(result_path(_root(row)[1], file_id))
        body = Body([FilePart(path, path, 0, result.size_bytes)])
    etag, modified_us = result.content_sha256, result.created_us
    db.session.remove()
    headers = {
        "Content-Disposition": attachment(name),
        "Content-Security-Policy": STRANGE_POLICY,
        "Cache-Control": "private, no-cache",
    }
    response = respond(body, content_type=BYTES, etag=etag, headers=headers, modified_us=modified_us)
    return saw(response, "result", None, None, action=DOWNLOAD, subject=str(file_id))


PlaybackApi(results).add_namespace(namespace)
