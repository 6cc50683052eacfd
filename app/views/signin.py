"""The sign-in page of a browser: it takes the token of an account and sets a cookie in its place."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app import auth
from app.access import cookies

signin = Blueprint("signin", __name__)
NO_STORE = {"Cache-Control": "no-store"}


@signin.get("/login")
def get_login() -> tuple[str, int, dict[str, str]]:
    """Show the form that takes the token."""
    return _form(200)


@signin.post("/login")
def post_login() -> Response | tuple[str, int, dict[str, str]]:
    """Set the cookie for a right token and go on to the page that was asked for."""
    if not auth.sign_in(request.form.get("token", "").strip()):
        return _form(401, "This is no token of an account here.")
    return redirect(_next_path(), 303)


@signin.post("/logout")
def post_logout() -> Response:
    """Forget the cookie."""
    return cookies.forget(redirect(url_for("signin.get_login"), 303))


def _form(status: int, problem: str = "") -> tuple[str, int, dict[str, str]]:
    return (
        render_template("login.html", problem=problem or cookies.plain_http_problem(), next=_next_path()),
        status,
        NO_STORE,
    )


def _next_path() -> str:
    """Return the page to go on to: a path of ours, never another site."""
    path = request.values.get("next", "/")
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else "/"
