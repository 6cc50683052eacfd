"""The CSRF token of browser clients: one text in a cookie and in a header, which no page of another site can read.

`GET /csrftoken/` gives it out: in the answer, and as the cookie `csrftoken`. A request that changes something and
carries the header `X-CSRFToken` must carry the cookie with the same text; it is signed, ends after 30 days, and belongs
to the sign-in it was made for: nobody can make one up, or lend his own.
"""

import hashlib
import hmac
import secrets
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request, session
from flask_restx import Namespace, Resource
from itsdangerous import BadData, URLSafeTimedSerializer
from pydantic import BaseModel

from app.auth import SAFE_METHODS, SESSION_S
from app.errors import Forbidden
from app.views import PlaybackApi, document

csrf = Blueprint("csrf", __name__)
namespace = Namespace("csrf", "The CSRF token of browser clients", path="/")
COOKIE, HEADER = "csrftoken", "X-CSRFToken"


class CsrfObject(BaseModel):
    """The token that a browser's page sends in the header X-CSRFToken."""

    csrfToken: str  # noqa: N815  the contract's name


def begin(app: Flask) -> None:
    """Refuse every request that carries a wrong token."""
    app.before_request(check_token)


def check_token() -> None:
    """Raise Forbidden for a change whose header X-CSRFToken is not the token of its cookie."""
    given = request.headers.get(HEADER)
    if given is None or request.method in SAFE_METHODS:
        return
    if not hmac.compare_digest(given.encode(), request.cookies.get(COOKIE, "").encode()) or not is_ours(given):
        raise Forbidden(
            f"the header {HEADER} is not what the cookie {COOKIE} has, or it has run out: GET /csrftoken/ gives both",
            loc=("header", HEADER),
            kind="csrf_token",
        )


def is_ours(token: str) -> bool:
    """Tell whether a token was made by us, for the sign-in of this request, and has not run out."""
    try:
        value = _signer().loads(token, max_age=SESSION_S)
    except BadData:
        return False
    return isinstance(value, list) and len(value) == 2 and value[1] == _sign_in()


def _sign_in() -> str:
    """Return what stands for the cookie of /login; empty without one."""
    return str(session.get("sign_in", ""))


def _signer() -> URLSafeTimedSerializer:
    kind = {"digest_method": hashlib.sha256}
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="csrf token", signer_kwargs=kind)


@namespace.route("/csrftoken/")
class CsrfToken(Resource):
    """The token."""

    @namespace.doc(
        description="The cookie `csrftoken` comes with it. What changes something may carry the token in the header "
        "X-CSRFToken; a wrong one is refused with 403. Asked again with the cookie it is the same.",
        security=[],
    )
    @namespace.response(200, "The token", document(namespace, CsrfObject), headers={"Set-Cookie": "`csrftoken`"})
    def get(self) -> Response:
        """Get a CSRF token."""
        kept = request.cookies.get(COOKIE, "")
        token = kept if is_ours(kept) else _signer().dumps([secrets.token_urlsafe(16), _sign_in()])
        response = jsonify(csrfToken=token)
        response.headers["Cache-Control"] = "no-store"
        how: dict[str, Any] = {"secure": request.is_secure, "samesite": "Strict", "max_age": SESSION_S}
        response.set_cookie(COOKIE, token, httponly=False, **how)  # scripts of our pages read it
        return response


PlaybackApi(csrf).add_namespace(namespace)
