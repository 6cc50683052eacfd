"""What a person does to his own account: a new password, an authenticator, his sessions.

Each needs the password again: a browser that was left open, or a cookie that was stolen, must not become an account.
"""

from flask import current_app

from app.access import guesses
from app.access.signedin import keep_session, place, session_id
from app.access.steps import check_new_password, check_own_password
from app.archive import signingin, totp
from app.archive.accountchanges import change_password, end_all_sessions, find_account
from app.archive.attempts import count_attempt, forgive
from app.archive.auditing import audit
from app.archive.passwords import hash_password
from app.auth import caller
from app.errors import Conflict, Invalid
from app.extensions import db, writing
from app.models import Account


def own_account() -> Account:
    """Return the account of who asks. Raises Conflict for who has none: a terminal, a network, anyone."""
    account_id = caller().account_id
    if account_id is None:
        raise Conflict("nobody is signed in to an account here: open /login", kind="no_account")
    row = find_account(db.session, account_id)
    db.session.expunge_all()
    db.session.rollback()
    return row


def change_own_password(old: str, new: str, at_us: int) -> None:
    """Store a new password. All sessions end; that of the request, where it is one, goes on as a new one.

    Raises Invalid for a wrong old or a bad new one, TooMany, Conflict, Busy.
    """
    seen = own_account()
    check_own_password(seen, old, at_us)
    check_new_password(seen, new)
    stored = hash_password(new)
    with writing() as session:
        row = change_password(session, seen.id, seen.password, stored)
        begun = _begin_again(row, at_us)
    _keep(seen.id, begun)


def begin_own_totp(password: str, at_us: int) -> tuple[str, str]:
    """Return a new secret and its `otpauth://` address. No code is asked for before one was confirmed.

    Raises Invalid for a wrong password; Conflict where an authenticator is in use.
    """
    seen = own_account()
    check_own_password(seen, password, at_us)
    with writing() as session:
        row = find_account(session, seen.id, is_locked=True)
        if signingin.has_totp(row):
            raise Conflict("an authenticator is in use: take it away first", kind="totp_on")
        secret = signingin.begin_totp(row)
    return secret, totp.address(secret, seen.name)


def confirm_own_totp(code: str, at_us: int) -> list[str]:
    """Ask for codes from now on, and return the recovery codes. Raises Invalid for a wrong code, TooMany, Conflict."""
    seen = own_account()
    budgets = guesses.of_code(seen.id, seen.name)
    with writing() as session:
        count_attempt(session, budgets, at_us)
    with writing() as session:
        row = find_account(session, seen.id, is_locked=True)
        if row.tf_totp_secret is None or signingin.has_totp(row):
            raise Conflict("no authenticator waits for its first code: ask for a secret first", kind="totp_missing")
        codes = signingin.confirm_totp(session, row, code, at_us)
        if codes is None:
            raise Invalid("the code is wrong, or has run out", loc=("body", "code"), kind="wrong_code")
        forgive(session, budgets, is_all=True)
        audit(session, row.name, "account.totp_on", row.id, name=row.name)
    return codes


def end_own_totp(password: str, at_us: int) -> None:
    """Ask for no code any more. Raises Invalid for a wrong password, TooMany."""
    seen = own_account()
    check_own_password(seen, password, at_us)
    with writing() as session:
        row = find_account(session, seen.id, is_locked=True)
        if signingin.end_totp(session, row):
            audit(session, row.name, "account.totp_off", row.id, name=row.name)


def end_own_sessions(at_us: int) -> None:
    """End all sessions of who asks but that of the request."""
    seen = own_account()
    with writing() as session:
        end_all_sessions(session, seen.name, seen.id)
        begun = _begin_again(find_account(session, seen.id), at_us)
    _keep(seen.id, begun)


def end_own_session(ended: str) -> None:
    """End one session of who asks; where there is none, nothing happens."""
    seen = own_account()
    with writing() as session:
        if signingin.end_session(session, seen.id, ended):
            audit(session, seen.name, "account.sessions_end", seen.id, name=seen.name, sessions=1)


def _begin_again(row: Account, at_us: int) -> str | None:
    """Begin a session in place of that of the request; None where the request has none."""
    if caller().how != "cookie" or session_id() is None:
        return None
    return signingin.begin_session(db.session, row, place(), at_us, current_app.config["PLAYBACK"].SESSION_HOURS)


def _keep(account_id: str, begun: str | None) -> None:
    if begun is not None:
        account = find_account(db.session, account_id)
        keep_session(account, begun)
        db.session.expunge_all()
        db.session.rollback()
