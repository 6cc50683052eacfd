"""What signing in does to an account's rows: the right code taken once, sessions begun and ended, failures counted.

Everything here runs within a write transaction of the caller's. Passwords are looked at before it begins: a hash takes
longer than anybody else should wait for the database.
"""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Select, delete, func, or_, select, update

from app.archive import totp
from app.archive.accountnames import name_key
from app.extensions import AnySession
from app.models import Account, AccountSession, RecoveryCode
from app.models.types import new_uuid

AUTHENTICATOR = "authenticator"
AHEAD_STEPS = 30  # a quarter of an hour
ADDRESS_LENGTH, AGENT_LENGTH = 64, 200
BATCH = 500  # accounts that a query names


def account_of_name(session: AnySession, typed: str) -> Account | None:
    """Return the active account of a name, however it is spelt."""
    key = name_key(typed)
    found = None if key is None else session.scalar(select(Account).where(Account.name_key == key))
    return found if found is not None and found.active else None


def account_of_session(session: AnySession, uniquifier: str, session_id: str, at_us: int) -> Account | None:
    """Return the account whose session a cookie names, as long as it goes on; one query."""
    return session.scalar(_living(session_id, at_us).where(Account.fs_uniquifier == uniquifier))


def account_of_living(session: AnySession, session_id: str, at_us: int) -> Account | None:
    """Return the same of the session of an id, for an answer without end that its cookie began."""
    return session.scalar(_living(session_id, at_us))


def _living(session_id: str, at_us: int) -> Select[Account]:
    goes_on = Account.active & ~Account.is_once & (AccountSession.expires_us > at_us)
    query = select(Account).join(AccountSession, AccountSession.account_id == Account.id)
    return query.where(AccountSession.id == session_id, goes_on)


def has_totp(account: Account) -> bool:
    """Tell whether a code is asked for after the password."""
    return account.tf_primary_method == AUTHENTICATOR


def take_code(session: AnySession, account: Account, code: str, at_us: int) -> bool:
    """Use a code of the authenticator, or else a recovery code; False for a wrong one, and for one that was used.

    A code is worth nothing once a code of its half minute, or of a later one, was used, by whomever. One that was used
    far ahead of now was used before the clock was set back, and holds nobody out until then.
    """
    step = totp.matching_step(account.tf_totp_secret or "", code, at_us) if account.tf_totp_secret else None
    if step is not None:
        last = Account.tf_last_step
        is_newer = or_(last.is_(None), last < step, last > step + AHEAD_STEPS)
        query = update(Account).where(Account.id == account.id, is_newer).values(tf_last_step=step)
        return _count(session, query) == 1
    digest = totp.recovery_hash(code)
    used = delete(RecoveryCode).where(RecoveryCode.account_id == account.id, RecoveryCode.code_sha256 == digest)
    return _count(session, used) == 1


def _count(session: AnySession, statement: Any) -> int:
    return cast(
        "CursorResult[Any]", session.execute(statement, execution_options={"synchronize_session": False})
    ).rowcount


def begin_session(session: AnySession, account: Account, place: tuple[str, str], at_us: int, hours: int) -> str:
    """Begin a session from a place (its address, what the browser calls itself), and return its id."""
    session.execute(delete(AccountSession).where(AccountSession.expires_us <= at_us))
    address, agent = place
    row = AccountSession(
        id=new_uuid(),
        account_id=account.id,
        begun_us=at_us,
        expires_us=at_us + hours * 3_600_000_000,
        address=address[:ADDRESS_LENGTH],
        agent=agent[:AGENT_LENGTH],
    )
    session.add(row)
    account.last_sign_in_us = at_us
    return row.id


def sessions_of(session: AnySession, account_id: str, at_us: int) -> list[AccountSession]:
    """Return the sessions of an account that go on, the newest first."""
    query = select(AccountSession).where(AccountSession.account_id == account_id, AccountSession.expires_us > at_us)
    return list(session.scalars(query.order_by(AccountSession.begun_us.desc(), AccountSession.id)))


def count_sessions(session: AnySession, account_ids: Sequence[str], at_us: int) -> dict[str, int]:
    """Return how many sessions of each of these accounts go on; of which there are none, it is left out."""
    found: dict[str, int] = {}
    for first in range(0, len(account_ids), BATCH):
        of_these = AccountSession.account_id.in_(account_ids[first : first + BATCH])
        query = select(AccountSession.account_id, func.count()).where(of_these, AccountSession.expires_us > at_us)
        found.update({row[0]: row[1] for row in session.execute(query.group_by(AccountSession.account_id))})
    return found


def end_session(session: AnySession, account_id: str, session_id: str) -> bool:
    """End one session of an account; False where there is none."""
    mine = (AccountSession.account_id == account_id) & (AccountSession.id == session_id)
    return _count(session, delete(AccountSession).where(mine)) == 1


def end_sessions(session: AnySession, account: Account) -> int:
    """End all sessions of an account, and every sign-in that is half done; returns how many went on."""
    account.fs_uniquifier = new_uuid()
    session.flush()
    return _count(session, delete(AccountSession).where(AccountSession.account_id == account.id))


def set_password(session: AnySession, account: Account, stored: str, *, is_once: bool) -> None:
    """Store the hash of a new password; all sessions end."""
    account.password, account.is_once = stored, is_once
    end_sessions(session, account)


def begin_totp(account: Account) -> str:
    """Give an account a new secret, and return it; it counts from the first right code on."""
    secret = totp.new_secret()
    account.tf_totp_secret, account.tf_primary_method, account.tf_last_step = secret, None, None
    return secret


def confirm_totp(session: AnySession, account: Account, code: str, at_us: int) -> list[str] | None:
    """Ask for codes from now on, and return the recovery codes; None for a wrong code."""
    step = totp.matching_step(account.tf_totp_secret, code, at_us) if account.tf_totp_secret else None
    if step is None:
        return None
    account.tf_primary_method, account.tf_last_step = AUTHENTICATOR, step
    codes = totp.new_recovery_codes()
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    session.add_all(RecoveryCode(account_id=account.id, code_sha256=totp.recovery_hash(code)) for code in codes)
    return codes


def end_totp(session: AnySession, account: Account) -> bool:
    """Ask for no code any more; False where none was asked for."""
    was_on = has_totp(account)
    account.tf_totp_secret = account.tf_primary_method = account.tf_last_step = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))
    return was_on
