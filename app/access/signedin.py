"""The session of a browser: begun by the sign-in page, found again by its cookie, ended for all copies of it.

Flask-Login, through Flask-Security, keeps `fs_uniquifier` in Flask's signed cookie; beside it stands the id of a row of
`account_session`. A new uniquifier ends all sessions of an account, a row that is gone ends one.
"""

import threading
from typing import TYPE_CHECKING, Any

from flask import current_app, g, request, session
from flask.globals import app_ctx

from app.access.cookies import SESSION_KEY, USER_KEY
from app.models import Account

if TYPE_CHECKING:
    from flask_security import Security

STEP_KEY = "step"
_making = threading.Lock()


def security() -> "Security":
    """Return Flask-Security, bound to the current app; made once a process and app."""
    app = app_ctx.app
    with _making:
        if "security" not in app.extensions:
            from app.access.flasksecurity import make_security

            make_security(app)
    made: Security = app.extensions["security"]
    return made


def account_of_cookie() -> Account | None:
    """Return the account that the request's cookie is signed in with; one query, none without such a cookie."""
    # Without a cookie the session is not looked at: Flask would say that the answer varies by it.
    if current_app.session_interface.get_cookie_name(current_app) not in request.cookies or USER_KEY not in session:
        return None
    security()
    from flask_security import current_user

    g.pop("_login_user", None)  # `g` is that of an outer app context where there is one, as in a command
    person: Any = current_user._get_current_object()
    return getattr(person, "account", None)


def keep_session(account: Account, session_id: str) -> None:
    """Sign the browser in: all that its cookie held before is dropped."""
    security()
    from flask_security import login_user

    from app.access.flasksecurity import Person

    session.clear()
    session.permanent = True
    session[SESSION_KEY] = session_id
    login_user(Person(account), remember=False)


def forget_session() -> None:
    """Let the browser forget that it was signed in."""
    if USER_KEY in session:
        security()
        from flask_security import logout_user

        logout_user()
    session.clear()


def session_id() -> str | None:
    """Return the id of the session of the request's cookie, whether or not it goes on."""
    found = session.get(SESSION_KEY)
    return found if isinstance(found, str) else None


def place() -> tuple[str, str]:
    """Return from where the request comes: its address, and what the browser calls itself."""
    return request.remote_addr or "", "".join(letter for letter in request.user_agent.string if letter.isprintable())
