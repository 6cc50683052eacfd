"""The documentation of the API: `/swagger/`, `/swagger.json`, `/swagger.yaml`; one document over all blueprints.

Flask-RESTX brings Swagger UI along and serves its files below `/swaggerui`; nothing comes from the internet.
"""

from flask import Blueprint, Response, jsonify, render_template

from app.views.openapi import openapi_document
from app.views.yamltext import yaml_text

docs = Blueprint("docs", __name__)
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
}


@docs.get("/swagger/")
def get_swagger() -> tuple[str, int, dict[str, str]]:
    """Show Swagger UI."""
    return render_template("swagger.html"), 200, PAGE_HEADERS


@docs.get("/redoc/")
def get_redoc() -> tuple[str, int, dict[str, str]]:
    """Show the document as one page to read and print."""
    return render_template("reference.html", document=openapi_document()), 200, PAGE_HEADERS


@docs.get("/swagger.json")
def get_json() -> Response:
    """Get the document as JSON."""
    return jsonify(openapi_document())


@docs.get("/swagger.yaml")
def get_yaml() -> Response:
    """Get the document as YAML."""
    return Response(yaml_text(openapi_document()), mimetype="application/yaml")
