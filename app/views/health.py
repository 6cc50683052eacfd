"""Is the process alive, and can it do its work: for load balancers and `make run` (operations.md)."""

from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from app.archive.vitals import is_database_alive, is_storage_writable, seen_recorders
from app.extensions import db
from app.models.types import now_us

health = Blueprint("health", __name__)


@health.get("/healthz")
def get_healthz() -> Response:
    """Tell that the process is alive."""
    return _bare("yes")


@health.get("/readyz")
def get_readyz() -> tuple[Response, int]:
    """Tell whether database, broker, storage and a recorder are there: a bare yes or no, in JSON what is missing."""
    from app.auth import is_permitted

    found = check()
    is_ready = all(found.values())
    status = 200 if is_ready else 503
    wants_json = request.accept_mimetypes.best_match(["text/plain", "application/json"]) == "application/json"
    if wants_json and is_permitted():
        answer = jsonify(ready=is_ready, **found)
        answer.headers["Cache-Control"] = "no-store"
        return answer, status
    return _bare("yes" if is_ready else "no"), status


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
    """Tell whether a recorder was seen lately; one of this machine must also live."""
    from app.capture.processes import is_alive

    try:
        recorders = seen_recorders(db.session, now_us())
    except SQLAlchemyError:
        return False
    return any(is_alive(row.host_id, row.boot_id, row.pid, row.started_ticks) is not False for row in recorders)


def _bare(word: str) -> Response:
    return Response(f"{word}\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})
