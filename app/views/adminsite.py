"""The app of the administration pages: Flask-Admin twice, with a Content-Security-Policy that lets no text be a script.

Imported by the first request for it (app/views/administration.py). It opens no database connection of its own: lists
are read in a context of the main app that ends before a page is written, changes are made by the functions and the API
that everybody uses (app/views/adminlists.py).
"""

import secrets

from flask import Flask, Response, g, render_template
from flask_admin import Admin, AdminIndexView
from flask_admin.menu import MenuLink
from flask_admin.theme import Bootstrap4Theme
from werkzeug.exceptions import HTTPException

from app.access.cookies import SessionInterface
from app.access.headers import page_policy
from app.views.adminkinds import KINDS

# Where the pages are, their names, and a look of Flask-Admin's whose style sheets ask no other server.
PLACES = (("admin", "Administration", "default"), ("cms", "flask-playback", "litera"))
SCRIPTS = "'self' 'nonce-{0}'"


def make_site(main: Flask) -> Flask:
    """Return the app, with the settings and the session of the main one."""
    site = Flask("app", root_path=main.root_path, static_folder=None, template_folder="templates/administration")
    site.config.update(main.config)
    site.session_interface = SessionInterface()
    site.url_map.strict_slashes = False
    site.after_request(add_headers)
    site.register_error_handler(HTTPException, show_error)
    for place, name, swatch in PLACES:
        admin = Admin(
            site,
            name=name,
            url=f"/{place}",
            endpoint=place,
            index_view=AdminIndexView(name="Home", url=f"/{place}", endpoint=place, template="home.html"),
            theme=Bootstrap4Theme(base_template="base.html", swatch=swatch, fluid=place == "cms"),
            csp_nonce_generator=nonce,
        )
        admin.add_views(*(kind(main, place) for kind in KINDS))
        admin.add_links(MenuLink("Cameras", url="/"), MenuLink("API", url="/swagger/"))
    return site


def nonce() -> str:
    """Return the word of this request that marks our scripts."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    word: str = g.nonce
    return word


def add_headers(response: Response) -> Response:
    """Let a page run our scripts alone, and no cache keep it."""
    if response.mimetype == "text/html":
        ours = SCRIPTS.format(nonce())
        response.headers["Content-Security-Policy"] = page_policy(
            script_src=ours, style_src=ours, img_src="'self' data:", font_src="'self'", connect_src="'self'"
        )
        response.headers["Cache-Control"] = "no-store"
    return response


def show_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    """Show a page; what is no error, as a redirect, passes."""
    status = error.code or 500
    return error if status < 400 else (render_template("error.html", status=status, words=error.name), status)
