"""How an error leaves: as `{"detail": [{"loc", "msg", "type"}]}` (record-api.md, "General rules"), but for pages.

A browser that sent a form of one of our pages, or opened an address at which there is no page, is shown a page that
says so.

Whatever raised it: our own tree, werkzeug's HTTP errors, a body that breaks off in the middle, the database, or a
fault nobody foresaw. What gunicorn refuses before the app sees it is answered in gunicorn/config.py, in the same shape.
"""

import logging
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as BaseResponse

from app.access.csrf import FORMS
from app.errors import PlaybackError
from app.logs import mask_secrets
from app.personalulti import is_page_wanted

log = logging.getLogger(__name__)

KINDS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    411: "length_required",
    413: "too_large",
    414: "uri_too_long",
    415: "unsupported_media_type",
    416: "range_unsatisfiable",
    417: "expectation_failed",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal_error",
    501: "not_implemented",
}
PLACES: dict[int, list[str]] = {
    404: ["path"],
    405: ["method"],
    413: ["body"],
    415: ["header", "Content-Type"],
    416: ["header", "Range"],
}
PROGRAMS = ("/api/", "/playbackapi/", "/static/", "/swaggerui/")  # addresses that only programs ask for
MESSAGES = {
    404: "there is nothing at this address; /swagger/ lists what there is",
    405: "this method is not allowed here; the header Allow names those that are",
    413: "the body is larger than is taken here",
    500: "the server failed; its log says why",
}


def begin(app: Flask) -> None:
    """Bind the handlers of all errors."""
    app.register_error_handler(PlaybackError, render_error)
    app.register_error_handler(HTTPException, render_http_exception)
    app.register_error_handler(ParseException, render_broken_body)
    app.register_error_handler(OperationalError, render_database_error)


def _detail(loc: list[Any], message: str, kind: str) -> dict[str, Any]:
    return {"loc": loc, "msg": message, "type": kind}


def render_error(error: PlaybackError) -> tuple[Response, int]:
    """Return the contract's error answer: `{"detail": [...]}` and what stands beside it.

    A message may repeat what was sent; were there an address in it, its password is masked.
    """
    detail = [{**entry, "msg": mask_secrets(entry["msg"])} for entry in error.detail]
    if error.status == 404 and _is_lost():
        return _lost_page(), 404
    response = _page(error.status, detail) if _wants_page() else jsonify(detail=detail, **error.extra)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response, error.status


def _wants_page() -> bool:
    """Tell whether a browser is to be shown the error: it sent a form of one of our pages."""
    return request.blueprint in FORMS and is_page_wanted()


def _is_lost() -> bool:
    """Tell whether a browser opens an address at which there is no page; what programs ask for is never one."""
    is_known = request.url_rule is not None and request.blueprint != "pages"
    return (
        request.method in ("GET", "HEAD")
        and not is_known
        and not request.path.startswith(PROGRAMS)
        and is_page_wanted()
    )


def _lost_page() -> Response:
    return Response(render_template("nosuchpage.html"), 404)


def _page(status: int, detail: list[dict[str, Any]]) -> Response:
    words = HTTP_STATUS_CODES.get(status, "Error")
    messages = [entry["msg"] for entry in detail]
    return Response(render_template("refused.html", status=status, words=words, messages=messages))


def render_http_exception(error: HTTPException) -> BaseResponse:
    """Return werkzeug's error in the contract's shape; its headers (Allow, Retry-After ...) stay."""
    status = error.code or 500
    response = error.get_response()
    if status < 400:
        return response
    if status == 404 and _is_lost():
        return _lost_page()
    message = MESSAGES.get(status) or error.description or error.name
    response.data = jsonify(detail=[_detail(PLACES.get(status, []), message, KINDS.get(status, "http_error"))]).data
    response.content_type = "application/json"
    return response


def render_broken_body(error: ParseException) -> tuple[Response, int]:
    """Tell that the body's chunks are malformed: gunicorn notices when the app reads them."""
    log.debug("a body that cannot be read: %s", error)
    response = jsonify(detail=[_detail(["body"], "the body's chunks are malformed", "bad_request")])
    response.headers["Connection"] = "close"  # where the next request begins is unknown
    return response, 400


def render_database_error(error: OperationalError) -> tuple[Response, int]:
    """Tell that the database cannot be used now; the log has the reason, the answer no SQL."""
    log.error("the database cannot be used: %s", error.orig)
    message = "the database cannot be used now; the server's log says why"
    return jsonify(detail=[_detail([], message, "database_unavailable")]), 503
