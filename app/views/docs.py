"""The documentation of the API: `/swagger/`, `/swagger.json`, `/swagger.yaml`; one document over all blueprints.

Flask-RESTX brings Swagger UI along and serves its files below `/swaggerui`; nothing comes from the internet.
"""

from collections.abc import Callable

from flask import Blueprint, Response, current_app, render_template, request

from app.access.headers import page_policy
from app.views.compression import compress_well
from app.views.openapi import kept_document, openapi_document
from app.views.yamltext import yaml_text

docs = Blueprint("docs", __name__)
docs.after_request(compress_well)
# Swagger UI writes styles into its markup, and draws arrows from data: addresses.
SWAGGER = {
    "Content-Security-Policy": page_policy(
        script_src="'self'",
        style_src="'self' 'unsafe-inline'",
        img_src="'self' data:",
        font_src="'self'",
        connect_src="'self'",
        form_action="'none'",
    )
}
REDOC = {"Content-Security-Policy": page_policy(form_action="'none'")}


@docs.get("/swagger/")
def get_swagger() -> tuple[str, int, dict[str, str]]:
    """Show Swagger UI."""
    return render_template("swagger.html"), 200, SWAGGER


@docs.get("/redoc/")
def get_redoc() -> Response:
    """Show the document as one page to read and print."""
    page = _kept("html", lambda: render_template("reference.html", document=openapi_document()))
    response = _sent(page, "text/html")
    response.headers.update(REDOC)
    return response


@docs.get("/swagger.json")
def get_json() -> Response:
    """Get the document as JSON."""
    return _sent(kept_document().text, "application/json")


@docs.get("/swagger.yaml")
def get_yaml() -> Response:
    """Get the document as YAML."""
    return _sent(_kept("yaml", lambda: yaml_text(openapi_document())), "application/yaml")


def _kept(form: str, make: Callable[[], str]) -> bytes:
    """Return the document in another form; that takes a tenth of a second, so it is made once."""
    forms: dict[str, bytes] = current_app.extensions.setdefault("playback_document_forms", {})
    if form not in forms:
        forms[form] = make().encode()
    return forms[form]


def _sent(text: bytes, kind: str) -> Response:
    """Return the document, or 304 to who has it already: it changes with a new version only."""
    response = Response(text, mimetype=kind, headers={"Cache-Control": "private, no-cache"})
    response.add_etag()
    response.make_conditional(request)
    return response
