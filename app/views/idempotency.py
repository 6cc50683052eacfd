"""`Idempotency-Key`: a POST that is sent again gets the first one's answer, and is done once.

Once for all POSTs below `/api/v1`, before and after their views; who may ask has been checked by then. Only a hash of
the request is stored, and the answer hides passwords as always. A body that is streamed in, of none of the types that
parameters are read from, is left alone: reading it here would need room for all of it.
"""

import hashlib
import logging
import re

from flask import Flask, Response, g, request
from sqlalchemy.exc import SQLAlchemyError

from app.access.caller import Caller
from app.access.finding import find_caller
from app.archive import repeats
from app.archive.repeats import HEADER, Claim
from app.errors import Invalid
from app.extensions import writing
from app.models import IdempotentAnswer
from app.models.types import now_us
from app.personalulti import FORM_TYPES, whole_body

log = logging.getLogger(__name__)
NAME = HEADER[1]
KEY = re.compile(r"[\x20-\x7e]{1,255}")
READ_TYPES = {"", "application/json", "text/csv", *FORM_TYPES}
# What may not be stored (Cache-Control) holds a secret, which is told once: this is what a repetition gets.
TOLD_ONCE = (
    b'{"detail": [{"loc": ["header", "Idempotency-Key"], "msg": "this was done, and its answer held a secret that is '
    b'told once only: make another one, and delete that one", "type": "told_once"}]}\n'
)
MOST_BYTES = 8 * 1024 * 1024  # of an answer; a list of 1000 new cameras has 0.5 MB


def begin(app: Flask, prefix: str) -> None:
    """Look at every POST of the app below this prefix; after the check of who may ask."""

    def before() -> Response | None:
        is_meant = request.method == "POST" and NAME in request.headers and request.path.startswith(f"{prefix}/")
        return _answer_repeated() if is_meant and request.url_rule is not None else None

    app.before_request(before)
    app.after_request(_keep_answer)


def _answer_repeated() -> Response | None:
    """Return the first request's answer, or None when this is the first. Raises Invalid, StillRunning."""
    key = request.headers[NAME]
    if not KEY.fullmatch(key):
        message = "the key must have 1 to 255 printable ASCII characters; take a UUID"
        raise Invalid(message, loc=HEADER, kind="idempotency_key")
    if request.mimetype not in READ_TYPES and not request.mimetype.endswith("+json"):
        return None
    found = find_caller()
    claimed = Claim(_owner(found), key, now_us())
    with writing() as session:
        kept = repeats.claim(session, claimed, _request_sha256(found))
    if kept is None:
        g.playback_claim = claimed
        return None
    return _replayed(kept)


def _owner(found: Caller | None) -> str:
    """Return whose a key is: a token's own, for another token of the account may see less; else the account's."""
    if found is None:
        return ""
    return found.token_id or found.account_id or ""


def _replayed(kept: IdempotentAnswer) -> Response:
    answer = Response(kept.body or b"", kept.status)
    answer.headers["Idempotency-Replayed"] = "true"
    if kept.content_type is None:
        answer.headers.pop("Content-Type", None)
    else:
        answer.headers["Content-Type"] = kept.content_type
    return answer


def _rights(caller: Caller | None) -> bytes:
    """Return what an answer may depend on of who asks: with other rights a request is another one."""
    if caller is None:
        return b""
    seen = None if caller.sources is None else sorted(caller.sources)
    return repr((caller.role, seen, caller.begin_us, caller.end_us)).encode()


def _request_sha256(caller: Caller | None) -> str:
    """Return the hash of all that tells this request from another; a form's boundary is new each time.

    Raises Invalid for a body that broke off: sent again whole, it would be another request under the same key.
    """
    boundary = request.mimetype_params.get("boundary", "").encode()
    body = whole_body()
    parts = (
        _rights(caller),
        request.method.encode(),
        request.path.rstrip("/").encode("utf-8", "surrogateescape"),
        request.query_string,
        request.mimetype.encode(),
        body.replace(boundary, b"") if boundary else body,
    )
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()


def _keep_answer(response: Response) -> Response:
    """Keep an answer that would be the same again; a failure of the server is not kept, so that it can be tried again.

    An operator who frees the disk after a 507 sends the same request with the same key.
    """
    claimed: Claim | None = g.pop("playback_claim", None)
    if claimed is None:
        return response
    try:
        _write_down(claimed, response)
    except SQLAlchemyError as error:  # the request has been done: its answer must reach the caller
        log.warning("an answer could not be kept for a repeated request: %s", type(error).__name__)
    return response


def _write_down(claimed: Claim, response: Response) -> None:
    is_kept = response.status_code < 500 and not response.is_streamed
    body = response.get_data() if is_kept else b""
    if is_kept and response.status_code < 400 and response.cache_control.no_store:
        body, response = TOLD_ONCE, Response(status=409, content_type="application/json")
    with writing() as session:
        if is_kept and len(body) <= MOST_BYTES:
            repeats.keep(session, claimed, response.status_code, response.headers.get("Content-Type"), body)
        else:
            repeats.release(session, claimed)
