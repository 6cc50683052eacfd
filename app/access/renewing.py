"""Asking again, while an answer without end is being sent, whether who asked for it may still see it."""

import time
from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.access.caller import Caller
from app.access.finding import of_account, of_token_row
from app.archive.accounts import account_of_token_id
from app.archive.signingin import account_of_living
from app.extensions import AnySession, db
from app.models.types import now_us

AGAIN_S = 10.0
ENDING = ("token:", "account:")  # who is told apart so may have ended meanwhile; others are what they were


def renewed(session: AnySession, caller: Caller) -> Caller | None:
    """Return what a token or a session may do now; None where it has ended, or its account has."""
    kind, _, row_id = caller.key.partition(":")
    if kind == "token":
        found = account_of_token_id(session, row_id)
        return None if found is None else of_token_row(session, *found)
    if kind == "account":
        account = None if caller.session_id is None else account_of_living(session, caller.session_id, now_us())
        return None if account is None else of_account(session, account, caller.session_id)
    return caller


class StillMay:
    """Tells whether a caller may still see something, asked anew each `again_s` at most. Needs no request."""

    def __init__(self, app: Flask, caller: Caller, may: Callable[[Caller], bool], again_s: float | None = None) -> None:
        """Begin with what the caller is known to be now; `may` is asked of what he is later, within the app."""
        self._app, self._caller, self._may = app, caller, may
        self._again_s = AGAIN_S if again_s is None else again_s
        self._asked_s = time.monotonic()

    def __call__(self) -> bool:
        """Ask. A database that cannot be used now takes no right away."""
        if not self._caller.key.startswith(ENDING) or time.monotonic() < self._asked_s + self._again_s:
            return True
        self._asked_s = time.monotonic()
        try:
            with self._app.app_context():
                found = renewed(db.session, self._caller)
                return found is not None and self._may(found)
        except SQLAlchemyError:
            return True
