"""The report on a handed file, as JSON, as a page that stands alone, and as a workbook (transfer-api.md)."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from flask import Blueprint, Response, current_app, render_template, request
from flask_restx import Namespace, Resource
from markupsafe import Markup
from pydantic import BaseModel, Field

from app.access.headers import page_policy
from app.archive.handed import MAX_INDEX, find_file
from app.auth import actor
from app.extensions import db
from app.formats.filenames import attachment, clean_name
from app.formats.workbooks import MOST_ROWS
from app.models.result import SEVERITIES
from app.models.types import now_us
from app.personalulti import path_integer, read_query
from app.review.joining import clock_text, span_text
from app.review.report import MOST, file_report
from app.views import PlaybackApi, document
from app.views.listing import query_parameters
from app.views.objects import json_bytes
from app.views.reportobjects import ReportObject

filereport = Blueprint("filereport", __name__)
namespace = Namespace("report", "What was found in a file and said of it", path="/")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {"json": "application/json", "html": "text/html", "xlsx": XLSX}
MOST_SHOWN = 2000  # findings, comments and violations on the page: a browser shows it at once
VERDICTS = {
    "fits": "Fits the target audience",
    "does_not_fit": "Does not fit the target audience",
    "unknown": "Not known whether it fits",
}


class ReportQuery(BaseModel):
    """In which form the report comes."""

    format: Literal["json", "html", "xlsx"] | None = Field(
        None, description="Form of the report; left out: by the header Accept, else JSON", examples=["json"]
    )


@namespace.route("/files/<file_id>/report")
@namespace.param("file_id", "The id of a file", _in="path")
class FileReport(Resource):
    """The report on one file."""

    @namespace.doc(
        description="Violations by severity, what was found and said and where, and the age rating that all of it "
        "needs against the target audience. `format` wins over the header Accept. A file without a result has a "
        "report too, which says so. The page needs nothing but itself; the workbook holds no formulae."
    )
    @query_parameters(namespace, ReportQuery)
    @namespace.produces(list(KINDS.values()))
    @namespace.response(200, "The report", document(namespace, ReportObject))
    @namespace.response(410, "The file was deleted")
    def get(self, file_id: str) -> Response:
        """Report on a file."""
        number = path_integer("file_id", file_id, MAX_INDEX)
        form = read_query().checked(ReportQuery).format or accepted_form()
        who = actor()
        file = find_file(db.session, number)
        report = file_report(db.session, file, who, now_us(), {"html": MOST_SHOWN, "xlsx": MOST_ROWS}.get(form, MOST))
        db.session.remove()  # no connection is held while a page or a workbook is made
        answer = {"json": _json, "html": _page, "xlsx": _workbook}[form](report)
        answer.headers.update({"Cache-Control": "no-store", "Vary": "Accept"})
        return answer


def accepted_form() -> str:
    """Return the form that the client would rather have; JSON where it does not say."""
    kind = request.accept_mimetypes.best_match(list(KINDS.values()), default=KINDS["json"])
    return next(form for form, name in KINDS.items() if name == kind)


def _json(report: dict[str, Any]) -> Response:
    return Response(json_bytes(report) + b"\n", content_type=KINDS["json"])


def _page(report: dict[str, Any]) -> Response:
    style, policy = _style()
    words = {"severities": SEVERITIES, "verdicts": VERDICTS, "most": MOST_SHOWN}
    ways = {"moment": _moment, "clock": _clock, "place": _place}
    return Response(
        render_template("report.html", style=style, **words, **ways, **report),
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": policy},
    )


@cache
def _style() -> tuple[Markup, str]:
    """Return the style of the page, and the policy that allows this style and nothing else."""
    text = (Path(current_app.root_path) / "templates" / "report.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    policy = page_policy(style_src=f"'sha256-{digest}'", img_src="data:", form_action="'none'")
    return Markup(text), policy  # noqa: S704  # nosec B704  our own file


def _workbook(report: dict[str, Any]) -> Response:
    from app.review.reportbook import report_book

    headers = {"Content-Disposition": attachment(f"report-{clean_name(report['file']['name'])[:100]}.xlsx")}
    return Response(report_book(report), content_type=XLSX, headers=headers)


def _moment(text: str | None) -> str | None:
    """Return an instant to the second, as `2026-11-20 22:44:05 UTC`."""
    return None if text is None else f"{text[:10]} {text[11:19]} UTC"


def _clock(value_s: float | None) -> str | None:
    return None if value_s is None else clock_text(value_s)


def _place(row: dict[str, Any]) -> str:
    """Return where a finding or a comment is: span, page, or both."""
    page = row.get("page")
    return ", ".join(part for part in (span_text(row["start"], row["end"]), page and f"p. {page}") if part)


PlaybackApi(filereport).add_namespace(namespace)
