"""How the current caller came, and from where: for the rows of the audit log."""

import os
import pwd
from collections.abc import Mapping

from flask import has_request_context, request

from app.access.caller import Caller
from app.access.finding import CALLER_KEY

KEY, NOTHING = "key", "nothing"  # how who holds a download key alone came, and who signs in
NAMED = ("account:", "token:", "share:")


def origin() -> Mapping[str, str] | None:
    """Return how, and the address; of an account, a token or a share link its id; None outside of a request.

    It asks no database: it is called within transactions. Who has not been looked for came by a key alone.
    """
    if not has_request_context():
        return None
    found = request.environ.get(CALLER_KEY)
    if not isinstance(found, Caller):
        how = KEY if request.blueprint in ("download", "results") else NOTHING
        return {"how": how, "address": request.remote_addr or ""}
    if found.how == "terminal":
        return {"how": found.how, "user": _user()}
    told = {"how": found.how, "address": request.remote_addr or ""}
    return {**told, "key": found.key} if found.key.startswith(NAMED) else told


def _user() -> str:
    """Return who runs the command, by the operating system."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
