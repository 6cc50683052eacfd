"""The HTTP layer: one blueprint a module; here what they share: routing and documentation.

How errors leave stands in app/views/failures.py, the document that `/swagger.json` answers in app/views/openapi.py.
"""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, request
from flask.blueprints import BlueprintSetupState
from flask_restx import Api, Namespace
from flask_restx.model import SchemaModel
from pydantic import BaseModel

from app.views import failures

API_PREFIX = "/api/v1"


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
    from app.views import converters, idempotency, languages

    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.config["RESTX_INCLUDE_ALL_MODELS"] = True
    app.after_request(leave_out_type)
    converters.begin(app)
    failures.begin(app)
    languages.begin(app)
    idempotency.begin(app, API_PREFIX)


def leave_out_type(response: Response) -> Response:
    """Name no content type where there is no content: 204, and what OPTIONS is answered beside `Allow`."""
    is_answer_to_options = request.method == "OPTIONS" and not response.is_streamed
    if response.status_code == 204 or (is_answer_to_options and not response.get_data()):
        response.headers.pop("Content-Type", None)
    return response


def blueprints(environment: str) -> Iterator[tuple[Blueprint, str | None]]:
    """Yield every blueprint but the playback one, with its URL prefix; examples only outside production."""
    from app.views.audit import audit
    from app.views.checks import checks
    from app.views.copies import copies
    from app.views.deletion import deletion
    from app.views.docs import docs
    from app.views.exports import exports
    from app.views.group import group
    from app.views.health import health
    from app.views.metrics import metrics
    from app.views.notices import notices
    from app.views.pages import pages
    from app.views.pins import pins
    from app.views.record import record
    from app.views.recordfile import recordfile
    from app.views.retention import retention
    from app.views.schedule import schedule
    from app.views.storage import storage
    from app.views.sync import sync
    from app.views.tag import tag

    kept = (exports, record, recordfile, deletion, retention, pins, audit, notices, tag, storage, sync, copies)
    for blueprint in (*source_blueprints(), group, schedule, *kept):
        yield blueprint, API_PREFIX
    yield from ((blueprint, API_PREFIX) for blueprint in system_blueprints())
    yield from people_blueprints()
    for blueprint in (health, metrics, docs, checks, *handed_blueprints(), pages):
        yield blueprint, None
    yield from shared_blueprints()
    if environment != "production":
        from app.views.restplusexampleapi import restplusexampleapi

        yield restplusexampleapi, API_PREFIX


def system_blueprints() -> tuple[Blueprint, ...]:
    """Return the blueprints of how the service is as a whole."""
    from app.views.losses import losses
    from app.views.systemhealth import systemhealth

    return losses, systemhealth


def source_blueprints() -> Iterator[Blueprint]:
    """Yield the blueprints of cameras: what is set of them, what they show and whether they are there."""
    from app.views.activity import activity
    from app.views.availability import availability
    from app.views.live import live
    from app.views.source import source
    from app.views.sourcebulk import sourcebulk
    from app.views.sourcediscovery import sourcediscovery
    from app.views.sourcegaps import sourcegaps
    from app.views.sourcetest import sourcetest

    yield from (source, sourcebulk, sourcetest, sourcediscovery, sourcegaps, activity, availability, live)


def people_blueprints() -> Iterator[tuple[Blueprint, str | None]]:
    """Yield the blueprints of accounts and of signing in, with their URL prefixes."""
    from app.views.account import account
    from app.views.accountpage import accountpage
    from app.views.me import me
    from app.views.signin import signin
    from app.views.tokens import tokens

    yield from ((account, API_PREFIX), (me, API_PREFIX), (tokens, API_PREFIX), (signin, None), (accountpage, None))


def shared_blueprints() -> Iterator[tuple[Blueprint, str | None]]:
    """Yield the blueprints of share links: their list, and what they lead to."""
    from app.views.sharepage import sharepage
    from app.views.shares import shares

    yield from ((shares, API_PREFIX), (sharepage, None))


def handed_blueprints() -> Iterator[Blueprint]:
    """Yield the blueprints of handed files and of what is said of them; their addresses begin at the root."""
    from app.views.administration import administration
    from app.views.cinema import cinema
    from app.views.comments import comments
    from app.views.csrf import csrf
    from app.views.download import download
    from app.views.filecontent import filecontent
    from app.views.fileevents import fileevents
    from app.views.filerefer import filerefer
    from app.views.filereport import filereport
    from app.views.files import files
    from app.views.recommend import recommend
    from app.views.results import results
    from app.views.violations import violations

    yield from (files, filecontent, filerefer, download, fileevents, results, cinema)
    yield from (comments, recommend, filereport, violations, csrf, administration)
