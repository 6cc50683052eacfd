"""The page of one's own account: password, authenticator app, sessions, tokens. It needs no script."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from pydantic import BaseModel
from sqlalchemy import select

from app.access import own
from app.access.signedin import session_id
from app.archive.signingin import has_totp, sessions_of
from app.archive.tokens import is_living
from app.auth import caller
from app.errors import Invalid, PlaybackError
from app.extensions import db
from app.models import Account, AccountSession, ApiToken
from app.models.types import now_us
from app.personalulti import read_parameters, read_query, utc_text
from app.views.signin import PAGE_HEADERS, Typed, refuse_secrets_in_address

accountpage = Blueprint("accountpage", __name__)
DONE = {
    "password": "Your password is changed, and all other sessions are ended.",  # nosec B105
    "totp_off": "No code is asked for any more.",
    "sessions": "All other sessions are ended.",
    "session": "The session is ended.",
}


class Form(BaseModel):
    """What the forms of the page send; `action` names which one it is."""

    action: Typed
    password: Typed = ""
    new_password: Typed = ""
    again: Typed = ""
    code: Typed = ""
    session: Typed = ""


@accountpage.get("/account")
def get_account() -> Response:
    """Show one's own account."""
    done = str(read_query().values.get("done", ""))
    return _page(200, notice=DONE.get(done, ""))


@accountpage.post("/account")
def post_account() -> Response:
    """Do what a form of the page asks for, and show the page again."""
    try:
        parameters = read_parameters()
        refuse_secrets_in_address(parameters)
        form = parameters.checked(Form)
        if form.action not in ACTIONS:
            raise Invalid("there is no such form", loc=("body", "action"), kind="action")
        return ACTIONS[form.action](form)
    except PlaybackError as error:
        answer = _page(error.status, problem=str(error.detail[0]["msg"]))
        if error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer


def _change_password(form: Form) -> Response:
    if form.again != form.new_password:
        raise Invalid("the new password was typed in two ways", loc=("body", "again"), kind="again")
    own.change_own_password(form.password, form.new_password, now_us())
    return _done("password")


def _begin_totp(form: Form) -> Response:
    secret, address = own.begin_own_totp(form.password, now_us())
    return _page(200, secret=secret, address=address)


def _confirm_totp(form: Form) -> Response:
    return _page(200, codes=own.confirm_own_totp(form.code, now_us()))


def _end_totp(form: Form) -> Response:
    own.end_own_totp(form.password, now_us())
    return _done("totp_off")


def _end_sessions(_form: Form) -> Response:
    own.end_own_sessions(now_us())
    return _done("sessions")


def _end_session(form: Form) -> Response:
    own.end_own_session(form.session)
    return _done("session")


ACTIONS: dict[str, Callable[[Form], Response]] = {
    "password": _change_password,
    "totp_begin": _begin_totp,
    "totp_confirm": _confirm_totp,
    "totp_off": _end_totp,
    "sessions_end": _end_sessions,
    "session_end": _end_session,
}


def _done(word: str) -> Response:
    """Lead back to the page: loaded again, it does nothing twice."""
    return make_response(redirect(url_for("accountpage.get_account", done=word), 303), PAGE_HEADERS)


def _page(status: int, **shown: Any) -> Response:
    found = caller()
    account = None if found.account_id is None else db.session.get(Account, found.account_id)
    told = {} if account is None else _told(account)
    return make_response(render_template("account.html", caller=found, **told, **shown), status, PAGE_HEADERS)


def _told(account: Account) -> dict[str, Any]:
    at_us = now_us()
    tokens = db.session.scalars(select(ApiToken).where(ApiToken.account_id == account.id).order_by(ApiToken.name)).all()
    return {
        "account": account,
        "has_totp": has_totp(account),
        "waits": account.tf_totp_secret is not None and not has_totp(account),
        "sessions": [_session(row) for row in sessions_of(db.session, account.id, at_us)],
        "tokens": [_token(row, at_us) for row in tokens],
    }


def _session(row: AccountSession) -> dict[str, Any]:
    told = {"id": row.id, "address": row.address, "agent": row.agent}
    return told | {"begun": utc_text(row.begun_us), "is_this": row.id == session_id()}


def _token(row: ApiToken, at_us: int) -> dict[str, Any]:
    until = (utc_text(row.expires_us) or "it is revoked") if is_living(row, at_us) else "over"
    return {"name": row.name, "role": row.role, "until": until, "used": utc_text(row.last_used_us) or "never"}
