"""Who may do what: `development` is open, `production` wants an admin's token (operations.md).

A program sends `Authorization: Bearer TOKEN`. A browser cannot, so `/login` takes the token and sets a signed
cookie that stands for it. A cookie is sent by the browser whatever page asks, therefore a request that changes
something must also come from our own origin. Development has no cookie, but pages of other sites could reach its
port on loopback: the same rule holds there.
"""

import ipaddress
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Request, current_app, redirect, request, session, url_for
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.wrappers import Response

from app.archive.accounts import account_of_token, token_hash
from app.errors import Forbidden, Unauthorised
from app.extensions import db
from app.models import Account
from app.models.types import now_us
from app.transfer.answering import may_answer

OPEN_ENDPOINTS = {
    "static",
    "restx_doc.static",
    "health.healthz",
    "health.readyz",
    "signin.get_login",
    "signin.post_login",
    "download.by_key",  # GET and HEAD: the key is the credential
    "csrf.csrf_csrf_token",
}
RESULT_ENDPOINTS = {"results.by_refer", "results.by_header"}
REFER_HEADER = "X-Refer-Key"
METRICS_ENDPOINT = "metrics.metrics"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SESSION_S = 30 * 86_400
_DIGEST_LENGTH = 16
# Whoever runs a `flask` command can read the database; no client can set this key, nor make this object.
OPERATOR_KEY, TERMINAL = "playback.terminal", object()
ACCOUNT_KEY = "playback.account"


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie, marked secure wherever it is sent over HTTPS."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the cookie; an empty one at once where none came, as from any program."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the request came over HTTPS."""
        return request.is_secure


def begin(app: Flask) -> None:
    """Check every request of the app before it is served."""
    app.session_interface = SessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME="playback_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(seconds=SESSION_S),
    )
    app.before_request(check_request)
    app.after_request(name_scheme)


def check_request() -> Response | None:
    """Let the request pass, or raise Unauthorised or Forbidden; send a browser that opens a page to `/login`."""
    if request.method not in SAFE_METHODS and bearer_token(request) is None:
        check_origin()
    if request.endpoint in OPEN_ENDPOINTS or (request.endpoint in RESULT_ENDPOINTS and may_post_result()):
        return None
    if is_permitted() or (request.endpoint == METRICS_ENDPOINT and is_metrics_network()):
        return None
    if _is_page_load():
        return redirect(url_for("signin.get_login", next=request.full_path.rstrip("?")), 303)
    raise Unauthorised("sign in first: send the header Authorization: Bearer TOKEN, or open /login in a browser")


def name_scheme(response: FlaskResponse) -> FlaskResponse:
    """Say in each 401 how to sign in (RFC 9110 §11.6.1)."""
    if response.status_code == 401:
        response.headers.setdefault("WWW-Authenticate", "Bearer")
    return response


def is_permitted() -> bool:
    """Tell whether the caller may use the service. Raises Forbidden for an account that is no admin."""
    if not _is_production() or request.environ.get(OPERATOR_KEY) is TERMINAL:
        return True
    account = signed_in()
    if account is not None and account.role != "admin":
        raise Forbidden(f"the account {account.name} is a {account.role}; this needs an admin")
    return account is not None


def may_post_result() -> bool:
    """Tell whether the caller may post the result of an analysis: with an account of any role, as analysers have.

    Where PLAYBACK_RESULT_NEEDS_TOKEN is off a download key is enough that is given out now, or that was used.
    """
    if signed_in() is not None:
        return True
    if current_app.config["PLAYBACK"].RESULT_NEEDS_TOKEN:
        return False
    text = (request.view_args or {}).get("refer") or request.headers.get(REFER_HEADER, "")
    try:
        return may_answer(db.session, text, now_us())
    finally:
        db.session.rollback()


def signed_in() -> Account | None:
    """Return the account of the request's token, or else of its cookie; looked up once a request.

    It is kept with the request itself: `g` is that of an outer app context where there is one, as in a command.
    """
    if ACCOUNT_KEY not in request.environ:
        request.environ[ACCOUNT_KEY] = _find_account()
    account: Account | None = request.environ[ACCOUNT_KEY]
    return account


def _find_account() -> Account | None:
    token = bearer_token(request)
    try:
        return account_of_token(db.session, token) if token is not None else _account_of_cookie()
    finally:
        db.session.expunge_all()
        db.session.rollback()  # nothing that follows inherits this transaction


def actor() -> str:
    """Return whose act the current request is, for what is written down of it."""
    if request.environ.get(OPERATOR_KEY) is TERMINAL:
        return "terminal"
    account = signed_in()
    return account.name if account is not None else f"anyone ({current_app.config['PLAYBACK'].ENVIRONMENT})"


def bearer_token(asked: Request) -> str | None:
    """Return the token of the request's header."""
    given = asked.authorization
    return given.token if given is not None and given.type == "bearer" else None


def sign_in(token: str) -> bool:
    """Set the cookie if the token is an account's."""
    account = account_of_token(db.session, token)
    if account is None:
        return False
    session.clear()
    session.permanent = True
    session.update(account=account.id, token=_digest(account), since_s=int(time.time()))
    return True


def check_origin() -> None:
    """Raise Forbidden when the browser says that a page of another site made this request."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.host
    if is_foreign or site in ("cross-site", "same-site"):
        raise Forbidden("a page of another site may not do this", loc=("header", "Origin"), kind="cross_site")
    if origin is None and site is None and _is_production() and "account" in session:
        raise Forbidden(
            "with the cookie of /login a change must carry the header Origin; programs send Authorization: Bearer",
            loc=("header", "Origin"),
            kind="cross_site",
        )


def is_metrics_network() -> bool:
    """Tell whether the caller's address may read the metrics without a token (PLAYBACK_METRICS_NETWORKS)."""
    try:
        address: Any = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:
        return False
    networks = current_app.config["PLAYBACK"].metrics_networks
    return any(address.version == network.version and address in network for network in networks)


def _is_production() -> bool:
    return bool(current_app.config["PLAYBACK"].ENVIRONMENT == "production")


def _account_of_cookie() -> Account | None:
    account_id = session.get("account")
    if account_id is None or time.time() - session.get("since_s", 0) > SESSION_S:
        return None
    account = db.session.get(Account, account_id)
    return account if account is not None and _digest(account) == session.get("token") else None


def _digest(account: Account) -> str:
    """Return what ties a cookie to the account's token, so that a new token ends it."""
    return token_hash(account.token_sha256)[:_DIGEST_LENGTH]


def _is_page_load() -> bool:
    accepted = request.accept_mimetypes
    return request.method == "GET" and accepted.best_match(["application/json", "text/html"]) == "text/html"
