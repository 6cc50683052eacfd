"""The steps of signing in: name and password, then a code, then a new password where the old one was for once.

They may all come in one request, or one after the other: then a signed cookie holds for five minutes how far a browser
has come. Such a cookie opens nothing: there is no session before the last step.
"""

import time
from dataclasses import dataclass
from typing import Any

from flask import current_app, session

from app.access import guesses
from app.access.signedin import STEP_KEY, account_of_cookie, forget_session, keep_session, place, session_id
from app.archive import signingin
from app.archive.accountchanges import change_password, find_account
from app.archive.attempts import count_attempt, forgive
from app.archive.auditing import audit
from app.archive.passwords import check_password, hash_password, is_outdated, is_password
from app.auth import actor
from app.errors import CodeNeeded, Invalid, PasswordForOnce, WrongSignIn
from app.extensions import db, writing
from app.models import Account

STEP_S = 300
UNKNOWN = "unknown name"
WRONG = "name or password is wrong"
CODE = "a code of the authenticator app is needed, or one of the recovery codes"
ONCE = "the password holds for one sign-in: choose a new one"


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What came with a request to sign in; None for what did not."""

    name: str | None = None
    password: str | None = None
    code: str | None = None
    new_password: str | None = None


def sign_in(given: Given, at_us: int) -> Account:
    """Sign the browser in, or raise what is wanted next: CodeNeeded, PasswordForOnce.

    Raises WrongSignIn, TooMany, Invalid, Busy. Opens transactions of its own.
    """
    if given.password is not None:
        account, has_code = _of_password(given.name or "", given.password, at_us), False
    else:
        account, has_code = _of_step()
    if signingin.has_totp(account) and not has_code:
        _take_code(account, given.code, at_us)
        has_code = True
    chosen = _new_password(account, given, has_code=has_code) if account.is_once else None
    return _begin(account, given.password, chosen, at_us)


def step_word() -> str:
    """Return what the browser is to give next: password, code or new_password."""
    try:
        account, has_code = _of_step()
    except WrongSignIn:
        return "password"
    return "code" if signingin.has_totp(account) and not has_code else "new_password"


def begin_again() -> None:
    """Forget how far the browser has come."""
    session.pop(STEP_KEY, None)


def sign_out(at_us: int) -> None:
    """End the session of the request's cookie, for all copies of the cookie, and let the browser forget it."""
    account, ended = account_of_cookie(), session_id()
    if account is not None and ended is not None:
        with writing() as database:
            if signingin.end_session(database, account.id, ended):
                audit(database, account.name, "account.sign_out", account.id, name=account.name)
    forget_session()


def check_own_password(account: Account, password: str, at_us: int) -> None:
    """Raise Invalid when it is not the password of who is signed in; as slow to guess as at the sign-in page."""
    budgets, who = guesses.of_own_password(account.id), actor()
    with writing() as database:
        count_attempt(database, budgets, at_us)
    is_right = is_password(account.password, password)
    with writing() as database:
        if is_right:
            forgive(database, budgets, is_all=True)
        else:
            _write_failure(database, who, account, "own password")
    if not is_right:
        raise Invalid("this is not your password", loc=("body", "password"), kind="wrong_password")


def _of_password(name: str, password: str, at_us: int) -> Account:
    """Return the account, or raise WrongSignIn: in as many steps and as much time for a name that nobody has."""
    account, who = _detached(signingin.account_of_name(db.session, name)), actor()
    budgets = guesses.of_name(name, account.fs_uniquifier if account is not None else "")
    with writing() as database:
        count_attempt(database, budgets, at_us)
    is_right = is_password(account.password if account is not None else None, password)
    with writing() as database:
        if account is not None and is_right:
            forgive(database, budgets[:1], is_all=True)
            forgive(database, budgets[1:])
        else:
            _write_failure(database, who, account, "password")
    if account is None or not is_right:
        raise WrongSignIn(WRONG)
    return account


def _take_code(account: Account, code: str | None, at_us: int) -> None:
    if not code:
        _keep_step(account, has_code=False)
        raise CodeNeeded(CODE)
    budgets, who = guesses.of_code(account.id, account.name), actor()
    with writing() as database:
        count_attempt(database, budgets, at_us)
        is_right = signingin.take_code(database, account, code, at_us)
        if is_right:
            forgive(database, budgets, is_all=True)
        else:
            _write_failure(database, who, account, "code")
    if not is_right:
        _keep_step(account, has_code=False)
        raise WrongSignIn("the code is wrong, has run out, or was used already", loc=("body", "code"))


def _new_password(account: Account, given: Given, *, has_code: bool) -> str:
    _keep_step(account, has_code=has_code)
    if not given.new_password:
        raise PasswordForOnce(ONCE)
    check_new_password(account, given.new_password)
    return given.new_password


def check_new_password(account: Account, password: str) -> None:
    """Raise Invalid for what must not be the new password of an account; the old one is none either."""
    check_password(password, account.name, ("body", "new_password"))
    if is_password(account.password, password):
        raise Invalid("this is the old password: choose another", loc=("body", "new_password"), kind="password")


def _begin(seen: Account, password: str | None, chosen: str | None, at_us: int) -> Account:
    """Begin the session, if the account is still what it was when the password was looked at."""
    fresh = hash_password(chosen) if chosen is not None else _rehashed(seen, password)
    hours, whence = current_app.config["PLAYBACK"].SESSION_HOURS, place()
    with writing() as database:
        account = find_account(database, seen.id, is_locked=True)
        is_same = account.fs_uniquifier == seen.fs_uniquifier
        if not account.active or not is_same or signingin.has_totp(account) != signingin.has_totp(seen):
            raise WrongSignIn(WRONG)
        if chosen is not None and fresh is not None:
            change_password(database, account.id, seen.password, fresh)
        elif fresh is not None:
            account.password = fresh
        begun = signingin.begin_session(database, account, whence, at_us, hours)
        has_code = signingin.has_totp(account)
        audit(database, account.name, "account.sign_in", account.id, address=whence[0], has_code=has_code)
    account = _detached(db.session.get(Account, seen.id)) or seen
    keep_session(account, begun)
    return account


def _rehashed(account: Account, password: str | None) -> str | None:
    """Return a hash with the figures of today where the stored one has others."""
    if password is None or account.password is None or not is_outdated(account.password):
        return None
    return hash_password(password)


def _write_failure(database: Any, who: str, account: Account | None, what: str) -> None:
    """Write down an attempt that failed. A name that nobody has is not written down: it may be a password."""
    subject = UNKNOWN if account is None else account.id
    name = UNKNOWN if account is None else account.name
    audit(database, who, "account.sign_in_failed", subject, address=place()[0], name=name, wrong=what)


def _keep_step(account: Account, *, has_code: bool) -> None:
    session.clear()
    session[STEP_KEY] = {"id": account.id, "of": account.fs_uniquifier, "at": int(time.time()), "code": has_code}


def _of_step() -> tuple[Account, bool]:
    """Return the account whose password this browser gave within five minutes, and whether it gave a code too."""
    step = session.get(STEP_KEY)
    if not isinstance(step, dict) or not 0 <= time.time() - step["at"] <= STEP_S:
        raise WrongSignIn("give name and password first")
    account = _detached(db.session.get(Account, step["id"]))
    if account is None or not account.active or account.fs_uniquifier != step["of"]:
        raise WrongSignIn("give name and password again")
    return account, bool(step["code"])


def _detached(account: Account | None) -> Account | None:
    """Return an account as it was read; no transaction stays open."""
    db.session.expunge_all()
    db.session.rollback()
    return account
