"""No page of another site makes a browser of ours do anything (CSRF): two checks, of which each alone would do.

Where it came from   A browser says so itself: `Origin`, `Sec-Fetch-Site`, which no page can change. Since pages send no
                     referrer, Chromium names `null` as the origin of a form of our own; `Sec-Fetch-Site` tells it from
                     a stranger's. Whoever says nothing of the kind is no browser, or has a token to show.
The token            One text in the cookie `csrftoken` and in the header `X-CSRFToken` or a form's field `csrf_token`.
                     It is signed, ends after 30 days, and belongs to the sign-in that it was made for: nobody can
                     make one up, or lend his own. Whoever is known by a cookie must show it, and so must every form
                     of a page, signed in or not.

Neither is asked of who sends `Authorization: Bearer`: no page can send that for somebody else.
"""

import hashlib
import hmac
import secrets

from flask import Flask, Response, current_app, request, session
from itsdangerous import BadData
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from app.access import cookies, crossorigin
from app.access.caller import Caller
from app.access.hosts import own_origins, plain_origin
from app.access.signatures import signing_with_time
from app.errors import Forbidden
from app.personalulti import FORM_TOKEN, FORM_TYPES, whole_body

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
HEADER, FIELD = "X-CSRFToken", FORM_TOKEN
TOKEN_S = 30 * 86_400
# The blueprints whose pages have forms: their bodies are small, so that a field can be looked for in any of them.
FORMS = {"signin", "accountpage", "administration", "sharepage"}
KIND, SALT = "csrf_token", "csrf token"
BROWSERS = {"Origin", "Referer", "Sec-Fetch-Site"}
_GIVEN = "playback.csrf"


def begin(app: Flask) -> None:
    """Let templates write the token into forms, with the cookie that belongs to it."""
    app.jinja_env.globals["csrf_field"] = csrf_field
    app.after_request(send_cookie)


def check_site() -> bool:
    """Tell whether it is sure that no page of another site made this request; where not, the token must show it.

    Raises Forbidden when the browser says that one did.
    """
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    if _is_listed(origin):
        return True
    if site in ("cross-site", "same-site"):
        raise _foreign("a page of another site may not do this")
    if origin == "null":  # a form of a page that sends no referrer, of ours or of anybody
        return site == "same-origin"
    if origin is not None and origin not in _own():
        raise _foreign(
            f"a page of {origin[:100]} may not do this; if that is this service behind a proxy, PLAYBACK_PROXY_HOPS "
            "and PLAYBACK_PUBLIC_URL must say so"
        )
    referrer = request.headers.get("Referer")
    if origin is None and site is None and referrer and plain_origin(referrer) not in _own():
        raise _foreign("a page of another site may not do this", "Referer")
    return True


def is_needed(caller: Caller | None) -> bool:
    """Tell whether a change needs the token: of whoever is known by a cookie, and of the form of any page."""
    if caller is not None and caller.how == "cookie" and request.cookies:
        return True
    # No page of another site can send JSON unasked; who sends neither a form nor what browsers add is a program.
    is_program = request.mimetype == "application/json" or not (
        request.mimetype or BROWSERS & set(request.headers.keys())
    )
    return request.blueprint in FORMS and not is_program


def check_token(*, is_needed: bool) -> None:
    """Raise Forbidden for a change without the token where one is needed, and for a wrong one in any case."""
    if request.method in SAFE_METHODS:
        return
    given, place = _given_token() if is_needed else (request.headers.get(HEADER), ("header", HEADER))
    if given is None:
        if is_needed:
            raise Forbidden(_missing(), loc=("header", HEADER), kind=KIND)
        return
    if not hmac.compare_digest(given.encode(), request.cookies.get(cookies.CSRF, "").encode()) or not is_ours(given):
        raise Forbidden(
            f"the {place[0]}'s {place[1]} is not what the cookie {cookies.CSRF} has, or it has run out: "
            f"GET /csrftoken/ gives both; load the page again. {cookies.plain_http_problem()}".rstrip(),
            loc=place,
            kind=KIND,
        )


def _missing() -> str:
    return (
        f"this changes something and carries no token: send what GET /csrftoken/ gives in the header {HEADER}, with "
        "its cookie; programs send Authorization: Bearer instead"
    )


def _given_token() -> tuple[str | None, tuple[str, str]]:
    """Return the token of the request and where it stands. Nothing is read of a body that is taken as it comes."""
    given = request.headers.get(HEADER)
    if given is None and (
        request.mimetype == FORM_TYPES[0] or (request.mimetype in FORM_TYPES and request.blueprint in FORMS)
    ):
        whole_body()  # kept: who reads it afterwards finds it
        given = request.form.get(FIELD)
        return given, ("body", FIELD)
    return given, ("header", HEADER)


def is_ours(token: str) -> bool:
    """Tell whether a token was made by us, for the sign-in of this request, and has not run out."""
    try:
        value = signing_with_time(SALT).loads(token, max_age=TOKEN_S)
    except BadData:
        return False
    return isinstance(value, list) and len(value) == 2 and value[1] == _sign_in()


def token() -> str:
    """Return the token of this browser: that of its cookie while it is good, else a new one for this answer."""
    made = request.environ.get(_GIVEN)
    if made is None:
        kept = request.cookies.get(cookies.CSRF, "")
        made = kept if is_ours(kept) else signing_with_time(SALT).dumps([secrets.token_urlsafe(16), _sign_in()])
        request.environ[_GIVEN] = made
    return str(made)


def csrf_field() -> Markup:
    """Return the hidden field of a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token())


def send_cookie(response: Response) -> BaseResponse:
    """Send the cookie of a token that this answer holds."""
    made = request.environ.pop(_GIVEN, None)
    if made is not None and made != request.cookies.get(cookies.CSRF):
        cookies.set_csrf(response, made, TOKEN_S)
    return response


def _own() -> set[str]:
    return own_origins(current_app.config["PLAYBACK"])


def _is_listed(origin: str | None) -> bool:
    """Tell whether a page of another site may do this: in development, of the list, and never with our cookie."""
    config = current_app.config["PLAYBACK"]
    return config.ENVIRONMENT != "production" and not session and crossorigin.is_listed(config, origin)


def _foreign(message: str, header: str = "Origin") -> Forbidden:
    return Forbidden(message, loc=("header", header), kind="cross_site")


def _sign_in() -> str:
    """Return what stands for the sign-in of the session, of which the token tells nothing."""
    mark = cookies.sign_in_mark()
    return hashlib.sha256(mark.encode()).hexdigest()[:32] if mark else ""
