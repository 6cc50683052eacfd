"""Flask-Security on our accounts: only what signing in needs of it (docs/design/access.md).

Imported when somebody first signs in, or comes with a cookie: it brings forms, which no program needs. It is bound to
an app of its own that serves nothing: neither its addresses, commands and hooks, nor its own tokens exist in ours.
"""

import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, session
from flask_security import RoleMixin, Security, UserDatastore, UserMixin

from app.access.cookies import SESSION_KEY
from app.archive.signingin import account_of_session
from app.extensions import db
from app.models import Account
from app.models.types import now_us

SETTINGS = {
    "SECURITY_PASSWORD_HASH": "argon2",  # nosec B105  the name of a scheme
    "SECURITY_PASSWORD_SALT": secrets.token_hex(32),  # of hashes that are not used
    "SECURITY_CLI_USERS_NAME": None,
    "SECURITY_CLI_ROLES_NAME": None,
    "SECURITY_FRESHNESS": timedelta(minutes=-1),
    "SESSION_PROTECTION": None,
    "WTF_CSRF_ENABLED": False,
}


class Person(UserMixin):
    """Who is signed in, as Flask-Login and Flask-Security want to have him: no row of a session of the database."""

    fs_uniquifier: str = ""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.fs_uniquifier = account.fs_uniquifier
        self.active = account.active


class People(UserDatastore):
    """The accounts, read as Flask-Security asks for them: by what a cookie names. It writes none."""

    def find_user(self, case_insensitive: bool = False, **asked: Any) -> Person | None:
        """Return who has this fs_uniquifier and the session of the request's cookie."""
        session_id = session.get(SESSION_KEY)
        if set(asked) != {"fs_uniquifier"} or not isinstance(session_id, str):
            return None
        account = account_of_session(db.session, str(asked["fs_uniquifier"]), session_id, now_us())
        return None if account is None else Person(account)


def make_security(app: Flask) -> Security:
    """Bind Flask-Security to a bare app, and let ours use its sessions alone."""
    bare = Flask("flask-security", root_path=app.root_path, static_folder=None)
    bare.config.update(SETTINGS, SECRET_KEY=secrets.token_hex(32))  # what it signs by itself is valid nowhere
    security = Security(bare, People(Person, RoleMixin), register_blueprint=False)
    security.login_manager._request_callback = None  # nor are tokens of its own read, from headers, queries or bodies
    app.config.update({name: value for name, value in bare.config.items() if name.startswith("SECURITY_")})
    app.config["SESSION_PROTECTION"] = None
    app.login_manager = security.login_manager  # type: ignore[attr-defined]
    app.extensions["security"] = security
    return security
