"""The HTTP layer: one blueprint a module; here what they share: routing, the errors' shape, documentation.

Every error leaves as `{"detail": [{"loc", "msg", "type"}]}` (record-api.md, "General rules"), whatever raised
it: our own tree, werkzeug's HTTP errors, or a fault nobody foresaw.
"""

import logging
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, jsonify
from flask.blueprints import BlueprintSetupState
from flask_restx import Api, Namespace
from flask_restx.model import SchemaModel
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app.errors import PlaybackError
from app.models.types import UndecipherableSecret

API_PREFIX = "/api/v1"
log = logging.getLogger(__name__)

KINDS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    429: "too_many_requests",
    500: "internal_error",
}
PLACES: dict[int, list[str]] = {
    404: ["path"],
    405: ["method"],
    413: ["body"],
    415: ["header", "Content-Type"],
}
MESSAGES = {
    404: "there is nothing at this address; /swagger/ lists what there is",
    405: "this method is not allowed here; the header Allow names those that are",
    413: "the body is larger than is taken here",
    500: "the server failed; its log says why",
}


class PlaybackApi(Api):
    """Routes and documents the endpoints of one blueprint; leaves every error to the handlers of the app."""

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        self.init_app(blueprint, add_specs=False)

    @property
    def base_path(self) -> str:
        """Return the prefix of the blueprint's addresses."""
        return self.blueprint_setup.url_prefix or "/"

    def error_router(self, original_handler: Any, e: Exception) -> Any:
        """Hand the error to the app."""
        return original_handler(e)

    def _register_doc(self, app_or_blueprint: Blueprint) -> None:
        """Serve no page of its own: `/swagger/` has one document for all."""

    def _deferred_blueprint_init(self, setup_state: BlueprintSetupState) -> None:
        super()._deferred_blueprint_init(setup_state)
        setup_state.app.extensions.setdefault("playback_apis", []).append(self)


class PydanticSchema(SchemaModel):
    """A pydantic model in the documentation. Its schema is made when it is read: start-up need not wait for it."""

    def __init__(self, model: type[BaseModel]) -> None:
        super().__init__(model.__name__)
        self._model = model

    @property
    def _schema(self) -> dict[str, Any]:
        """Return the JSON schema; `$defs` in it holds the models within this one (app/views/openapi.py)."""
        return self._model.model_json_schema(ref_template="#/definitions/{model}")

    @_schema.setter
    def _schema(self, schema: dict[str, Any]) -> None:
        """Take no other."""


def document(namespace: Namespace, model: type[BaseModel]) -> SchemaModel:
    """Register a pydantic model for the documentation."""
    return namespace.add_model(model.__name__, PydanticSchema(model))


def begin(app: Flask) -> None:
    """Bind the error handlers and set the rules of routing; before any blueprint is registered."""
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["RESTX_INCLUDE_ALL_MODELS"] = True
    app.register_error_handler(PlaybackError, render_error)
    app.register_error_handler(HTTPException, render_http_exception)
    app.register_error_handler(UndecipherableSecret, render_undecipherable)
    app.register_error_handler(OperationalError, render_database_error)


def blueprints(environment: str) -> Iterator[tuple[Blueprint, str | None]]:
    """Yield every blueprint but the playback one, with its URL prefix; examples only outside production."""
    from app.views.checks import checks
    from app.views.copies import copies
    from app.views.docs import docs
    from app.views.group import group
    from app.views.health import health
    from app.views.metrics import metrics
    from app.views.pages import pages
    from app.views.record import record
    from app.views.signin import signin
    from app.views.source import source
    from app.views.sync import sync
    from app.views.tag import tag

    for blueprint in (source, record, group, tag, sync, copies):
        yield blueprint, API_PREFIX
    for blueprint in (health, metrics, signin, docs, checks):
        yield blueprint, None
    yield pages, None
    if environment != "production":
        from app.views.restplusexampleapi import restplusexampleapi

        yield restplusexampleapi, API_PREFIX


def render_error(error: PlaybackError) -> tuple[Response, int]:
    """Return the contract's error answer: `{"detail": [...]}` and what stands beside it."""
    response = jsonify(detail=error.detail, **error.extra)
    if error.retry_after_s is not None:
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response, error.status


def render_http_exception(error: HTTPException) -> BaseResponse:
    """Return werkzeug's error in the contract's shape; its headers (Allow, Retry-After ...) stay."""
    status = error.code or 500
    response = error.get_response()
    if status < 400:
        return response
    message = MESSAGES.get(status) or error.description or error.name
    detail = {"loc": PLACES.get(status, []), "msg": message, "type": KINDS.get(status, "http_error")}
    response.data = jsonify(detail=[detail]).data
    response.content_type = "application/json"
    return response


def render_undecipherable(error: UndecipherableSecret) -> tuple[Response, int]:
    """Tell that the secret key is not the one that the addresses were stored with."""
    log.error("%s", error)
    return jsonify(detail=[{"loc": [], "msg": str(error), "type": "undecipherable_secret"}]), 500


def render_database_error(error: OperationalError) -> tuple[Response, int]:
    """Tell that the database cannot be used now; the log has the reason, the answer no SQL."""
    log.error("the database cannot be used: %s", error.orig)
    message = "the database cannot be used now; the server's log says why"
    return jsonify(detail=[{"loc": [], "msg": message, "type": "database_unavailable"}]), 503
