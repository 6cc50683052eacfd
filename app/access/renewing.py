"""Asking again, while an answer without end is being sent, whether who asked for it may still see it."""

import time

from flask import Flask
from sqlalchemy.exc import OperationalError

from app.access.caller import Caller
from app.access.finding import of_account, of_token_row
from app.archive.accounts import account_of_token_id
from app.extensions import AnySession, db
from app.models import Account

AGAIN_S = 10.0


def renewed(session: AnySession, caller: Caller) -> Caller | None:
    """Return what an account or a token may do now; None where it has ended. Others are what they were."""
    kind, _, row_id = caller.key.partition(":")
    if kind == "token":
        found = account_of_token_id(session, row_id)
        return None if found is None else of_token_row(session, *found)
    if kind == "account":
        account = session.get(Account, row_id)
        return of_account(session, account, caller.how) if account is not None and account.active else None
    return caller


class StillSees:
    """Tells whether a caller may still see a camera, asked anew each `again_s` at most. Needs no request."""

    def __init__(self, app: Flask, caller: Caller, source_id: int, again_s: float | None = None) -> None:
        """Begin with what the caller is known to be now."""
        self._app, self._caller, self._source_id = app, caller, source_id
        self._again_s = AGAIN_S if again_s is None else again_s
        self._asked_s = time.monotonic()

    def __call__(self) -> bool:
        """Ask. A database that cannot be used now takes no right away."""
        if time.monotonic() < self._asked_s + self._again_s:
            return True
        self._asked_s = time.monotonic()
        try:
            with self._app.app_context():
                found = renewed(db.session, self._caller)
        except OperationalError:
            return True
        return found is not None and found.has_role("viewer") and found.may_see(self._source_id)
