"""Is the process alive, and can it do its work: for load balancers and `make run` (operations.md)."""

from flask import Blueprint, Response, current_app, jsonify, request
from flask_restx import Namespace, Resource
from sqlalchemy.exc import SQLAlchemyError

from app.archive.vitals import is_database_alive, is_storage_writable, seen_recorders
from app.extensions import db
from app.models.types import now_us
from app.views import PlaybackApi

health = Blueprint("health", __name__)
namespace = Namespace("health", "Is the service alive and able to work", path="/")
TEXT = ["text/plain"]


@namespace.route("/healthz", endpoint="healthz")
class Alive(Resource):
    """Whether the process is alive."""

    @namespace.doc(
        description="For load balancers: open to everybody, asks nothing else.",
        security=[],
        vendor={"example": "yes\n"},
    )
    @namespace.produces(TEXT)
    @namespace.response(200, "`yes`", str)
    def get(self) -> Response:
        """Tell that the process is alive."""
        return _bare("yes")


@namespace.route("/readyz", endpoint="readyz")
class Ready(Resource):
    """Whether everything that recording needs is there."""

    @namespace.doc(
        description="Open to everybody. Who may use the service and accepts JSON is told which of the four is missing.",
        security=[],
        vendor={"example": "yes\n"},
    )
    @namespace.produces(TEXT)
    @namespace.response(200, "`yes`", str)
    @namespace.response(503, "`no`: database, broker, storage or recorder is missing", str)
    def get(self) -> Response:
        """Tell whether database, broker, storage and a recorder are there."""
        from app.access.finding import find_caller

        found = check()
        is_ready = all(found.values())
        wants_json = request.accept_mimetypes.best_match([*TEXT, "application/json"]) == "application/json"
        if wants_json and find_caller() is not None:  # who may ask is told what is missing
            answer = jsonify(ready=is_ready, **found)
        else:
            answer = _bare("yes" if is_ready else "no")
        answer.status_code = 200 if is_ready else 503
        answer.headers["Cache-Control"] = "no-store"
        return answer


def check() -> dict[str, bool]:
    """Return which of the four things that recording needs are there."""
    from app.tasks.broker import is_broker_reachable

    config = current_app.config["PLAYBACK"]
    has_database = is_database_alive(db.session)
    found = {
        "database": has_database,
        "broker": is_broker_reachable(config),
        "storage": is_storage_writable(config),
        "recorder": has_database and _has_recorder(),
    }
    db.session.rollback()
    return found


def _has_recorder() -> bool:
    try:
        return has_recorder()
    except SQLAlchemyError:
        return False


def has_recorder() -> bool:
    """Tell whether a recorder was seen lately; one of this machine must also live. Raises SQLAlchemyError."""
    from app.capture.processes import is_alive

    recorders = seen_recorders(db.session, now_us())
    return any(is_alive(row.host_id, row.boot_id, row.pid, row.started_ticks) is not False for row in recorders)


def _bare(word: str) -> Response:
    return Response(f"{word}\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})


PlaybackApi(health).add_namespace(namespace)
