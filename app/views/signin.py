"""Signing in and out: the page of a browser, which needs no script; a program may send the same as JSON."""

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request, url_for
from pydantic import BaseModel, StringConstraints

from app.access import cookies, guesses, steps
from app.errors import CodeNeeded, Invalid, PasswordForOnce, PlaybackError
from app.models import Account
from app.models.types import now_us
from app.personalulti import Parameters, read_parameters

signin = Blueprint("signin", __name__)
PAGE_HEADERS = {"Cache-Control": "no-store"}
Typed = Annotated[str, StringConstraints(max_length=1024)]
SECRETS = ("password", "code", "new_password", "again")


class SignIn(BaseModel):
    """What is typed: all at once, or a step at a time."""

    name: Typed | None = None
    password: Typed | None = None
    code: Typed | None = None
    new_password: Typed | None = None
    again: Typed | None = None


@signin.get("/login")
def get_login() -> Response:
    """Show the form of the next step, or with `again` that of the first."""
    if "again" in request.args:
        steps.begin_again()
    return _form(200)


@signin.post("/login")
def post_login() -> Response:
    """Sign in, or ask for what is wanted next."""
    is_program = wants_json()
    try:
        cookies.refuse_plain_http()
        account = steps.sign_in(_given(), now_us())
    except (CodeNeeded, PasswordForOnce) as wanted:
        # A page that is loaded again must not send the password again.
        if is_program or _is_shown(wanted):
            return _refused(wanted, is_program=is_program)
        return _plain(redirect(url_for("signin.get_login", next=next_path()), 303))
    except PlaybackError as error:
        return _refused(error, is_program=is_program)
    answer = jsonify(_shown(account)) if is_program else redirect(next_path(), 303)
    answer = _plain(answer)
    guesses.remember_device(answer, account.name)
    return answer


@signin.post("/logout")
def post_logout() -> Response:
    """Sign out: no copy of the cookie opens anything any more."""
    steps.sign_out(now_us())
    answer = Response(status=204) if wants_json() else redirect(url_for("signin.get_login"), 303)
    return make_response(cookies.forget(answer))


def wants_json() -> bool:
    """Tell whether a program asks: it sends JSON, or takes that before a page."""
    accepted = request.accept_mimetypes
    takes_json = accepted["application/json"] > accepted["text/html"]
    return request.is_json or takes_json


def next_path() -> str:
    """Return the page to go on to: a path of ours, never another site."""
    path = request.values.get("next", "/")
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else "/"


def refuse_secrets_in_address(parameters: Parameters, names: tuple[str, ...] = SECRETS) -> None:
    """Raise Invalid for a secret in the query: addresses are written down by logs and kept by browsers."""
    for name in names:
        if parameters.places.get(name) == "query":
            raise Invalid(f"{name} must be in the body, never in the address", loc=("query", name), kind="secret")


def _given() -> steps.Given:
    parameters = read_parameters()
    refuse_secrets_in_address(parameters)
    typed = parameters.checked(SignIn)
    if typed.again is not None and typed.again != typed.new_password:
        raise Invalid("the new password was typed in two ways", loc=("body", "again"), kind="again")
    return steps.Given(typed.name, typed.password, typed.code, typed.new_password)


def _shown(account: Account) -> dict[str, Any]:
    return {"id": account.id, "name": account.name, "role": account.role}


def _is_shown(wanted: PlaybackError) -> bool:
    """Tell whether the browser sees the form of this step already, and has sent it empty."""
    return not request.form.get("password") and request.form.get(str(wanted.loc[-1])) is not None


def _refused(error: PlaybackError, *, is_program: bool) -> Response:
    if is_program:
        raise error
    answer = _form(error.status, str(error.detail[0]["msg"]))
    if error.retry_after_s is not None:
        answer.headers["Retry-After"] = str(error.retry_after_s)
    return answer


def _form(status: int, problem: str = "") -> Response:
    name = request.form.get("name", "")[:255] if status != 200 else ""
    said = problem or cookies.plain_http_problem()
    page = render_template("login.html", step=steps.step_word(), problem=said, next=next_path(), name=name)
    return make_response(page, status, PAGE_HEADERS)


def _plain(answer: Any) -> Response:
    """Let no cache keep an answer that sets or ends a session."""
    response: Response = make_response(answer)
    response.headers["Cache-Control"] = "no-store"
    return response
