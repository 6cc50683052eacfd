"""Accounts made and changed, each change with its row in the log. One admin who sees all cameras always stays.

Everything here runs within a write transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from app.archive.accountnames import checked_name
from app.archive.auditing import audit
from app.archive.paging import Order
from app.archive.signingin import BATCH, end_sessions, end_totp, set_password
from app.errors import Conflict, Invalid, NameTaken, NotFound
from app.extensions import AnySession
from app.models import Account, AccountRight, Group, Source
from app.models.types import folded_name

ADMIN = "admin"
ACCOUNT_ORDERS = {"name": Order((Account.name_key, Account.id)), "created": Order((Account.created_us, Account.id))}
KINDS = {"source_ids": (AccountRight.source_id, Source), "group_ids": (AccountRight.group_id, Group)}


def find_account(session: AnySession, account_id: str, *, is_locked: bool = False) -> Account:
    """Return an account; locked, no other transaction changes it meanwhile. Raises NotFound."""
    row = session.get(Account, account_id, populate_existing=True, with_for_update=True if is_locked else None)
    if row is None:
        raise NotFound(f"there is no account {account_id}", loc=("path", "account_id"))
    return row


def make_account(session: AnySession, actor: str, name: str, role: str, stored: str | None, **rights: Any) -> Account:
    """Make an account whose password, stored as this hash, must be changed at the first sign-in.

    `rights` are those of `change_account`. Raises Invalid, NameTaken.
    """
    check_rights(rights)
    name = checked_name(name)
    key = folded_name(name)
    taken = session.scalar(select(Account.name).where(Account.name_key == key))
    if taken is not None:
        raise NameTaken(f"there is an account {taken!r} already, which is the same name: choose another")
    row = Account(name=name, name_key=key, role=role, password=stored, is_once=stored is not None)
    row.sees_all = bool(rights.get("sees_all", not (rights.get("source_ids") or rights.get("group_ids"))))
    session.add(row)
    session.flush()
    _set_rights(session, row, rights)
    audit(session, actor, "account.create", row.id, None, name=name, **_told(session, row))
    return row


def check_rights(values: Mapping[str, Any]) -> None:
    """Raise Invalid for all cameras and some of them at once: which was meant is unknown."""
    if values.get("sees_all") and (values.get("source_ids") or values.get("group_ids")):
        message = "sees_all means all cameras: leave it out, or source_ids and group_ids"
        raise Invalid(message, loc=("body", "sees_all"), kind="contradiction")


def change_account(session: AnySession, actor: str, account_id: str, values: Mapping[str, Any]) -> Account:
    """Change role, active, sees_all, source_ids or group_ids of an account; what is left out stays.

    Raises NotFound; Conflict where no active admin who sees all would be left; Invalid.
    """
    check_rights(values)
    lock_admins(session)
    row = find_account(session, account_id, is_locked=True)
    before = _told(session, row)
    for name in ("role", "active", "sees_all"):
        if name in values:
            setattr(row, name, values[name])
    if (values.get("source_ids") or values.get("group_ids")) and "sees_all" not in values:
        row.sees_all = False
    _set_rights(session, row, values)
    session.flush()
    check_admins(session)
    after = _told(session, row)
    if before["active"] and not row.active:
        end_sessions(session, row)
    if before != after:
        changed = {name: [value, after[name]] for name, value in before.items() if value != after[name]}
        audit(session, actor, "account.change", row.id, None, name=row.name, **changed)
    return row


def reset_password(session: AnySession, actor: str, account_id: str, stored: str) -> Account:
    """Store the hash of a one-time password for an account; its sessions end. Raises NotFound."""
    row = find_account(session, account_id, is_locked=True)
    set_password(session, row, stored, is_once=True)
    audit(session, actor, "account.password_reset", row.id, name=row.name)
    return row


def change_password(session: AnySession, account_id: str, seen: str | None, stored: str) -> Account:
    """Store the hash of the password that a person chose. Raises Conflict where it was changed since it was `seen`."""
    row = find_account(session, account_id, is_locked=True)
    if row.password != seen or not row.active:
        raise Conflict("the password was changed by another request: sign in again", loc=("body", "new_password"))
    set_password(session, row, stored, is_once=False)
    audit(session, row.name, "account.password_change", row.id, name=row.name)
    return row


def take_totp_away(session: AnySession, actor: str, account_id: str) -> Account:
    """Ask an account for no code any more. Raises NotFound."""
    row = find_account(session, account_id, is_locked=True)
    if end_totp(session, row):
        audit(session, actor, "account.totp_off", row.id, name=row.name)
    return row


def end_all_sessions(session: AnySession, actor: str, account_id: str) -> int:
    """End all sessions of an account, and return how many there were. Raises NotFound."""
    row = find_account(session, account_id, is_locked=True)
    ended = end_sessions(session, row)
    audit(session, actor, "account.sessions_end", row.id, name=row.name, sessions=ended)
    return ended


def rights_of(session: AnySession, account_ids: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """Return the ids of the cameras and of the groups that each of these accounts was given; one query for BATCH."""
    found: dict[str, dict[str, list[Any]]] = {account_id: {name: [] for name in KINDS} for account_id in account_ids}
    for first in range(0, len(account_ids), BATCH):
        of_these = AccountRight.account_id.in_(account_ids[first : first + BATCH])
        query = select(AccountRight.account_id, AccountRight.source_id, AccountRight.group_id).where(of_these)
        for account_id, *given in session.execute(query.order_by(AccountRight.source_id, AccountRight.group_id)):
            for name, one in zip(KINDS, given, strict=True):
                found[account_id][name] += [] if one is None else [one]
    return found


def lock_admins(session: AnySession) -> None:
    """Let no two transactions take away an admin at once: the second one sees what the first left."""
    session.execute(select(Account.id).where(Account.role == ADMIN).order_by(Account.id).with_for_update()).all()


def check_admins(session: AnySession) -> None:
    """Raise Conflict where no active admin is left who sees all cameras."""
    is_whole = (Account.role == ADMIN) & Account.active & Account.sees_all
    if session.scalar(select(Account.id).where(is_whole).limit(1)) is None:
        raise Conflict(
            "this is the last active admin who sees all cameras: make another first",
            kind="last_admin",
            loc=("body",),
        )


def _set_rights(session: AnySession, row: Account, values: Mapping[str, Any]) -> None:
    for name, (column, model) in KINDS.items():
        if name not in values:
            continue
        wanted = set(values[name] or ())
        _check_known(session, name, model, wanted)
        session.execute(delete(AccountRight).where(AccountRight.account_id == row.id, column.is_not(None)))
        session.add_all(AccountRight(account_id=row.id, **{column.key: each}) for each in sorted(wanted))
        session.flush()


def _check_known(session: AnySession, name: str, model: Any, wanted: Collection[Any]) -> None:
    known = set(session.scalars(select(model.id).where(model.id.in_(wanted)))) if wanted else set()
    if missing := sorted(set(wanted) - known):
        raise Invalid(f"there is no {name.removesuffix('_ids')} {missing[0]}", loc=("body", name), kind="not_found")


def _told(session: AnySession, row: Account) -> dict[str, Any]:
    return {"role": row.role, "active": row.active, "sees_all": row.sees_all, **rights_of(session, [row.id])[row.id]}
