"""The cookies of the sign-in, and what tells whether any cookie of ours is for TLS alone.

    __Host-playback_session   signed in or not, and as whom; no script sees it
    csrftoken                 what scripts of our own pages send back (app/access/csrf.py)

A browser that is known (guesses.py) and an opened share link (sharing.py) have cookies of their own, of their paths.

In production all are `Secure`: a browser sends them over TLS only, and that of the sign-in to this name only
(`__Host-`, RFC 6265bis §4.1.3). PLAYBACK_PLAIN_HTTP gives that up where there is no TLS; development has none, and no
prefix.
"""

from datetime import timedelta

from flask import Flask, Request, Response, current_app, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.wrappers import Response as AnyResponse

from app.errors import Forbidden
from instance.config import Config, is_loopback

SESSION, PREFIX = "playback_session", "__Host-"
CSRF = "csrftoken"
SAMESITE = "Strict"
# What of a session says who is signed in (Flask-Login's name), and since when: the id of its row in account_session.
USER_KEY, SESSION_KEY = "_user_id", "sign_in"


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookie."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session of the cookie; an empty one at once where none came, as from any program."""
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the cookie may be sent over TLS only."""
        return is_secure(app.config["PLAYBACK"])


def begin(app: Flask) -> None:
    """Set how cookies are made, in the names that Flask and Flask-Login read."""
    app.session_interface = SessionInterface()
    app.config.update(
        SESSION_COOKIE_NAME=session_name(app.config["PLAYBACK"]),
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE=SAMESITE,
        SESSION_COOKIE_SECURE=is_secure_only(app.config["PLAYBACK"]),
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=app.config["PLAYBACK"].SESSION_HOURS),
    )


def is_secure_only(config: Config) -> bool:
    """Tell whether no cookie goes over plain HTTP, whatever the request came over."""
    return config.ENVIRONMENT == "production" and not config.PLAIN_HTTP


def is_secure(config: Config) -> bool:
    """Tell whether a cookie of the current answer is marked Secure."""
    return is_secure_only(config) or request.is_secure


def session_name(config: Config) -> str:
    """Return the name of the session's cookie."""
    return f"{PREFIX}{SESSION}" if is_secure_only(config) else SESSION


def set_csrf(response: Response, token: str, most_s: int) -> None:
    """Give a browser the token that scripts of our pages read; none of it goes to another site."""
    secure = is_secure(current_app.config["PLAYBACK"])
    response.set_cookie(CSRF, token, max_age=most_s, path="/", secure=secure, httponly=False, samesite=SAMESITE)


def forget(response: AnyResponse) -> AnyResponse:
    """Let a browser forget who was signed in, and what it has kept of what he saw."""
    session.clear()
    response.delete_cookie(CSRF, path="/", secure=is_secure(current_app.config["PLAYBACK"]), samesite=SAMESITE)
    # Not "cookies": a browser would drop those of every name of the domain, other services' too.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    response.headers["Cache-Control"] = "no-store"
    return response


def sign_in_mark() -> str:
    """Return what stands for the sign-in of the session, another for each; empty where nobody is signed in."""
    marks = [str(session.get(name, "")) for name in (USER_KEY, SESSION_KEY)]
    return "|".join(marks) if any(marks) else ""


def refuse_plain_http() -> None:
    """Raise Forbidden for a sign-in whose cookie would be lost, before a one-time password is used up by it.

    At a name of loopback browsers, curl and their like keep Secure cookies of plain HTTP, too.
    """
    problem = plain_http_problem()
    if problem and not is_loopback(request.host.rpartition(":")[0].strip("[]") or request.host):
        raise Forbidden(problem, loc=(), kind="plain_http")


def plain_http_problem() -> str:
    """Say why nobody can sign in by this page; empty where one can.

    A browser that names `Sec-Fetch-Site` takes the address for trustworthy (TLS, or loopback): it keeps Secure cookies.
    """
    config: Config = current_app.config["PLAYBACK"]
    if not is_secure_only(config) or request.is_secure or "Sec-Fetch-Site" in request.headers:
        return ""
    return (
        "This page came over plain HTTP, and a sign-in is kept over HTTPS only: open it as https://… "
        "(behind a proxy with TLS PLAYBACK_PROXY_HOPS must be set). Where there is no TLS, PLAYBACK_PLAIN_HTTP=true "
        "lets people sign in all the same; whoever can listen on the way can then do what they can."
    )
