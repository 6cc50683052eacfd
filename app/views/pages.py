"""The operator's pages: HTML that says who looks at it; all else scripts ask the API for."""

from pathlib import Path

from flask import Blueprint, Response, current_app, make_response, render_template

from app.access.headers import page_policy
from app.auth import caller

pages = Blueprint("pages", __name__)
# blob: for media alone: what scripts put together from a playlist is played from such an address.
POLICY = page_policy(
    script_src="'self'", img_src="'self' data:", media_src="'self' blob:", connect_src="'self'", manifest_src="'self'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cache-Control": "private, no-cache"}


@pages.get("/")
def show_cameras() -> Response:
    """Show the cameras, what is recorded, and the player."""
    modules = sorted(path.name for path in _scripts().glob("*.js") if path.name != "main.js")
    who = caller()
    page = render_template("page.html", modules=modules, caller=who, may_configure=who.is_admin_of_all)
    response = make_response(page)
    response.headers.update(HEADERS)
    return response


def _scripts() -> Path:
    """Return the folder of the page's scripts: all are named in the page, so that they load at once."""
    return Path(current_app.static_folder or "") / "page"
