"""One's own account: who am I, a new password, an authenticator app. Beyond the contract (docs/security.md)."""

from typing import Any, TypeVar

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.access import own
from app.archive.accountchanges import find_account
from app.archive.signingin import has_totp
from app.auth import caller
from app.extensions import db
from app.models.types import now_us
from app.personalulti import read_parameters, utc_text
from app.views import PlaybackApi, document
from app.views.account import GivenPassword, keep_out_of_caches
from app.views.signin import refuse_secrets_in_address

Model = TypeVar("Model", bound=BaseModel)
me = Blueprint("me", __name__)
namespace = Namespace("me", "One's own account", path="/")
me.after_request(keep_out_of_caches)


class PasswordChange(BaseModel):
    """A new password in place of the old one."""

    password: GivenPassword = Field(description="The old password")
    new_password: GivenPassword = Field(description="At least 12 characters")


class OwnPassword(BaseModel):
    """The password, once more."""

    password: GivenPassword = Field(description="Your password")


class FirstCode(BaseModel):
    """A code that the app shows."""

    code: GivenPassword = Field(description="Six digits", examples=["287082"])


class MeObject(BaseModel):
    """Who asks, and what he may see: all null or empty that an account alone has, where none is signed in."""

    id: str | None
    name: str
    role: str
    how: str
    has_totp: bool
    sees_all: bool
    source_ids: list[int]
    last_sign_in_utc: str | None


class TotpObject(BaseModel):
    """The secret of an authenticator app, shown this once."""

    key: str
    uri_otpauth: str


class CodesObject(BaseModel):
    """Codes that stand once each in the place of one of the app, shown this once."""

    recovery_codes: list[str]


answer = document(namespace, MeObject)


def _me() -> dict[str, Any]:
    found = caller()
    row = None if found.account_id is None else find_account(db.session, found.account_id)
    return {
        "id": found.account_id,
        "name": found.name,
        "role": found.role,
        "how": found.how,
        "has_totp": row is not None and has_totp(row),
        "sees_all": found.sources is None,
        "source_ids": sorted(found.sources or ()),
        "last_sign_in_utc": utc_text(None if row is None else row.last_sign_in_us),
    }


def _given(model: type[Model]) -> Model:
    parameters = read_parameters()
    refuse_secrets_in_address(parameters)
    return parameters.checked(model)


@namespace.route("/account/me")
class Me(Resource):
    """Who asks."""

    @namespace.doc(description="Of a token the account is its owner; role and cameras are those of the token now.")
    @namespace.response(200, "Who asks", answer)
    def get(self) -> dict[str, Any]:
        """Tell who asks, and what he may see."""
        return _me()

    @namespace.doc(description="All other sessions of the account end. A wrong old password is counted as at /login.")
    @namespace.expect(document(namespace, PasswordChange), validate=False)
    @namespace.response(200, "Who asks", answer)
    @namespace.response(409, "Who asks has no account; or another request changed the password")
    @namespace.response(429, "Too many wrong passwords: `Retry-After` says when to try again")
    def patch(self) -> dict[str, Any]:
        """Change one's own password."""
        given = _given(PasswordChange)
        own.change_own_password(given.password, given.new_password, now_us())
        return _me()


@namespace.route("/account/me/totp")
class OwnTotp(Resource):
    """One's own authenticator app."""

    @namespace.doc(description="Nothing is asked for before PUT has confirmed it with a code.")
    @namespace.expect(document(namespace, OwnPassword), validate=False)
    @namespace.response(200, "What the app must know", document(namespace, TotpObject))
    @namespace.response(409, "Who asks has no account; or an authenticator is in use")
    @namespace.response(429, "Too many wrong passwords: `Retry-After` says when to try again")
    def post(self) -> dict[str, Any]:
        """Ask for the secret of a new authenticator app."""
        secret, address = own.begin_own_totp(_given(OwnPassword).password, now_us())
        return {"key": secret, "uri_otpauth": address}

    @namespace.doc(description="From now on a code is asked for after the password.")
    @namespace.expect(document(namespace, FirstCode), validate=False)
    @namespace.response(200, "Recovery codes, to be kept on paper", document(namespace, CodesObject))
    @namespace.response(409, "Who asks has no account; or no authenticator waits for its first code")
    @namespace.response(429, "Too many wrong codes: `Retry-After` says when to try again")
    def put(self) -> dict[str, Any]:
        """Confirm the authenticator app with its first code."""
        return {"recovery_codes": own.confirm_own_totp(_given(FirstCode).code, now_us())}

    @namespace.doc(description="Codes and recovery codes are worth nothing from now on.")
    @namespace.expect(document(namespace, OwnPassword), validate=False)
    @namespace.response(200, "Who asks", answer)
    @namespace.response(409, "Who asks has no account")
    @namespace.response(429, "Too many wrong passwords: `Retry-After` says when to try again")
    def delete(self) -> dict[str, Any]:
        """Take one's own authenticator app away."""
        own.end_own_totp(_given(OwnPassword).password, now_us())
        return _me()


PlaybackApi(me).add_namespace(namespace)
