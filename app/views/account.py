"""Accounts: who may sign in, with which role, and what he may see. Beyond the contract (docs/security.md)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy import select

from app.archive import accountchanges as changes
from app.archive.accountnames import checked_name
from app.archive.paging import Order
from app.archive.passwords import check_password, hash_password, one_time_password
from app.archive.signingin import count_sessions, has_totp
from app.auth import actor
from app.errors import Invalid
from app.extensions import AnySession, db, writing
from app.models import Account
from app.models.types import now_us
from app.personalulti import MAX_ID, Exactly, left_out, path_uuid, read_parameters, utc_text
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.listing import ListQuery, answer_bytes, ask_list, cut, query_parameters
from app.views.objects import json_bytes
from app.views.signin import refuse_secrets_in_address

account = Blueprint("account", __name__)
namespace = Namespace("account", "Who may sign in, and what he may see", path="/")
Role = Literal["viewer", "operator", "admin"]
GivenName = Annotated[str, StringConstraints(max_length=255)]
GivenPassword = Annotated[str, StringConstraints(max_length=1024)]
MOST_IDS = 400  # a form has 1,000 parts at most; more cameras are given by groups
SourceIds = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(max_length=MOST_IDS)]
GroupIds = Annotated[list[Annotated[str, StringConstraints(max_length=36, to_lower=True)]], Field(max_length=MOST_IDS)]


@account.after_request
def keep_out_of_caches(response: Response) -> Response:
    """Let nothing keep these answers: some hold a password, this once (app/views/idempotency.py heeds it too)."""
    response.headers["Cache-Control"] = "no-store"
    return response


class NewAccount(Exactly):
    """An account to be made."""

    name: GivenName
    role: Role
    password: GivenPassword | None = Field(
        None, description="To be changed at the first sign-in; left out: one is made, and answered this once"
    )
    sees_all: bool = left_out(description="All cameras; left out: unless some are given")
    source_ids: SourceIds = Field([], description="Cameras that it may see")
    group_ids: GroupIds = Field([], description="Groups whose cameras it may see, those that join later too")


class AccountChange(Exactly):
    """What of an account may change; what is left out stays. A name stays: the log names people by it."""

    role: Role = left_out()
    is_active: bool = left_out()
    sees_all: bool = left_out()
    source_ids: SourceIds = Field([], description="In place of those it had")
    group_ids: GroupIds = Field([], description="In place of those it had")


class PasswordReset(Exactly):
    """The one-time password of an account."""

    password: GivenPassword | None = Field(None, description="Left out: one is made, and answered this once")


class AccountsQuery(ListQuery):
    """Which accounts are listed, and in which order."""

    ORDERS: ClassVar[Mapping[str, Order]] = changes.ACCOUNT_ORDERS

    sort: Literal["name", "-name", "created", "-created"] = "name"
    role: Role | None = Field(None, description="Only those of this role")
    is_active: bool | None = Field(None, description="Only those that may sign in, or only the others")


class AccountObject(BaseModel):
    """An account. `is_once`: its password must be changed at the next sign-in."""

    id: str
    created_utc: str
    name: str
    role: Role
    is_active: bool
    is_once: bool
    has_password: bool
    has_totp: bool
    sees_all: bool
    source_ids: list[int]
    group_ids: list[str]
    last_sign_in_utc: str | None
    sessions: int


class MadeAccountObject(AccountObject):
    """An account with the one-time password that was made for it; null where one was given."""

    password: str | None


answer = document(namespace, AccountObject)
made = document(namespace, MadeAccountObject)


def account_object(session: AnySession, row: Account) -> dict[str, Any]:
    """Return ACCOUNT."""
    return account_objects(session, [row])[0]


def account_objects(session: AnySession, rows: Sequence[Account]) -> list[dict[str, Any]]:
    """Return ACCOUNT of each row; what stands in other tables is asked for once for all of them."""
    ids = [row.id for row in rows]
    rights, sessions = changes.rights_of(session, ids), count_sessions(session, ids, now_us())
    return [_object(row, rights[row.id], sessions.get(row.id, 0)) for row in rows]


def _object(row: Account, rights: Mapping[str, list[Any]], sessions: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "created_utc": utc_text(row.created_us),
        "name": row.name,
        "role": row.role,
        "is_active": row.active,
        "is_once": row.is_once,
        "has_password": row.password is not None,
        "has_totp": has_totp(row),
        "sees_all": row.sees_all,
        **rights,
        "last_sign_in_utc": utc_text(row.last_sign_in_us),
        "sessions": sessions,
    }


def _one_time(given: str | None, name: str) -> tuple[str | None, str]:
    """Return the password that was made, None where one was given, and the hash of it. Raises Invalid."""
    if given is not None:
        check_password(given, name)
        return None, hash_password(given)
    password = one_time_password()
    return password, hash_password(password)


@namespace.route("/account")
class Accounts(Resource):
    """All accounts."""

    @namespace.doc(description="Those too that were deactivated.")
    @query_parameters(namespace, AccountsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The accounts", [answer])
    def get(self) -> Response:
        """List the accounts."""
        asked = ask_list(AccountsQuery)
        query = select(Account)
        if asked.role is not None:
            query = query.where(Account.role == asked.role)
        if asked.is_active is not None:
            query = query.where(Account.active.is_(asked.is_active))
        rows, next_page = cut(asked, db.session.scalars(asked.page.of(query)).all())
        return answer_bytes(json_bytes(account_objects(db.session, rows)), next_page)

    @namespace.doc(description="Its first sign-in asks for a new password.")
    @namespace.expect(document(namespace, NewAccount), validate=False)
    @namespace.response(200, "The new account, and its password where one was made", made)
    @namespace.response(409, "There is an account of this name")
    def post(self) -> dict[str, Any]:
        """Make an account."""
        parameters = read_parameters()
        refuse_secrets_in_address(parameters)
        given, who = parameters.checked(NewAccount), actor()
        name = checked_name(given.name)
        password, stored = _one_time(given.password, name)
        rights = given.model_dump(include={"sees_all", "source_ids", "group_ids"}, exclude_unset=True)
        with writing() as session:
            row = changes.make_account(session, who, name, given.role, stored, **rights)
        return {**account_object(db.session, row), "password": password}


@namespace.route("/account/<account_id>/")
@namespace.param("account_id", "The id of an account", _in="path")
class OneAccount(Resource):
    """One account."""

    @namespace.doc(description="One that was deactivated too.")
    @namespace.response(200, "The account", answer)
    def get(self, account_id: str) -> dict[str, Any]:
        """Get one account."""
        row = changes.find_account(db.session, path_uuid("account_id", account_id))
        return account_object(db.session, row)

    @namespace.doc(
        description="What is left out stays. It holds from the next request on, for tokens of the account too; "
        "deactivated, its sessions end."
    )
    @namespace.expect(document(namespace, AccountChange), validate=False)
    @namespace.response(200, "The changed account", answer)
    @namespace.response(409, "It is the last active admin who sees all cameras")
    def patch(self, account_id: str) -> dict[str, Any]:
        """Change role, rights or state of an account."""
        row_id, who = path_uuid("account_id", account_id), actor()
        values = read_parameters().checked(AccountChange).model_dump(exclude_unset=True)
        if not values:
            message = "give what is to change: role, is_active, sees_all, source_ids or group_ids"
            raise Invalid(message, loc=("body",), kind="missing")
        if "is_active" in values:
            values["active"] = values.pop("is_active")
        with writing() as session:
            row = changes.change_account(session, who, row_id, values)
        return account_object(db.session, row)

    @namespace.doc(
        description="It is deactivated and stays listed, for what it did stands in the log under its name; nobody else "
        "can take the name. `is_active` makes it active again. Repeating it changes nothing."
    )
    @namespace.response(200, "The deactivated account", answer)
    @namespace.response(409, "It is the last active admin who sees all cameras")
    def delete(self, account_id: str) -> dict[str, Any]:
        """Deactivate an account."""
        row_id, who = path_uuid("account_id", account_id), actor()
        with writing() as session:
            row = changes.change_account(session, who, row_id, {"active": False})
        return account_object(db.session, row)


@namespace.route("/account/<account_id>/password")
@namespace.param("account_id", "The id of an account", _in="path")
class AccountPassword(Resource):
    """The password of an account."""

    @namespace.doc(description="It holds for one sign-in. Sessions of the account end.")
    @namespace.expect(document(namespace, PasswordReset), validate=False)
    @namespace.response(200, "The account, and its password where one was made", made)
    def post(self, account_id: str) -> dict[str, Any]:
        """Give an account a one-time password."""
        row_id, who, parameters = path_uuid("account_id", account_id), actor(), read_parameters()
        refuse_secrets_in_address(parameters)
        given = parameters.checked(PasswordReset)
        password, stored = _one_time(given.password, changes.find_account(db.session, row_id).name)
        with writing() as session:
            row = changes.reset_password(session, who, row_id, stored)
        return {**account_object(db.session, row), "password": password}


@namespace.route("/account/<account_id>/totp")
@namespace.param("account_id", "The id of an account", _in="path")
class AccountTotp(Resource):
    """The authenticator of an account."""

    @namespace.doc(description="For who has lost the app and the recovery codes. Repeating it changes nothing.")
    @namespace.response(200, "The account", answer)
    def delete(self, account_id: str) -> dict[str, Any]:
        """Ask an account for no code any more."""
        row_id, who = path_uuid("account_id", account_id), actor()
        with writing() as session:
            row = changes.take_totp_away(session, who, row_id)
        return account_object(db.session, row)


@namespace.route("/account/<account_id>/session")
@namespace.param("account_id", "The id of an account", _in="path")
class AccountSessions(Resource):
    """The sessions of an account."""

    @namespace.doc(description="Browsers are signed out at once; tokens stay.")
    @namespace.response(200, "The account", answer)
    def delete(self, account_id: str) -> dict[str, Any]:
        """End all sessions of an account."""
        row_id, who = path_uuid("account_id", account_id), actor()
        with writing() as session:
            changes.end_all_sessions(session, who, row_id)
        return account_object(db.session, changes.find_account(db.session, row_id))


PlaybackApi(account).add_namespace(namespace)
