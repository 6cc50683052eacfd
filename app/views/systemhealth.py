"""How the service is, for people: what `/metrics` tells machines, with words for what is wrong."""

import platform
from typing import Annotated, Any

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field
from sqlalchemy import select

from app.archive.figures import Figures
from app.archive.health import (
    LastFailure,
    RecorderState,
    read_audit_state,
    read_failures,
    read_last_step,
    read_oldest,
    read_recorders,
)
from app.archive.machineclock import reads_unset
from app.archive.sourcefigures import SourceFigures
from app.archive.vitals import SEEN_US
from app.auth import caller, sources
from app.extensions import db
from app.locks import lock_holder
from app.models import Lease, Source
from app.models.types import now_us
from app.personalulti import utc_text
from app.views import PlaybackApi, document
from app.views.health import check
from app.views.metrics import kept_figures
from app.views.objects import shown_status
from app.views.openapi import VERSION

systemhealth = Blueprint("systemhealth", __name__)
namespace = Namespace("health", "Is the service alive and able to work", path="/")
ROLES = ("recorder", "worker", "web")
INSTANT = "2026-11-20T22:44:05.123456Z"
Seconds = float | None


class PartsObject(BaseModel):
    """What recording needs, as `/readyz` asks for it."""

    database: Annotated[bool, Field(description="The database answers and is migrated", examples=[True])]
    broker: Annotated[bool, Field(description="The worker can be asked for things", examples=[True])]
    storage: Annotated[bool, Field(description="A storage takes files", examples=[True])]
    recorder: Annotated[bool, Field(description="A recorder lives", examples=[True])]


class ProcessObject(BaseModel):
    """A process of this machine."""

    role: Annotated[str, Field(description="recorder, worker or web", examples=["recorder"])]
    pid: Annotated[int | None, Field(description="Its number; null where none runs on this machine", examples=[4711])]


class RecorderObject(BaseModel):
    """A recorder that was seen within a day."""

    id: str
    host: Annotated[str, Field(description="The machine it runs on", examples=["nvr-1"])]
    pid: Annotated[int, Field(description="The number of its process there", examples=[4711])]
    is_seen: Annotated[bool, Field(description="Whether it gave a sign of life within 15 s", examples=[True])]
    seen_utc: Annotated[str, Field(description="Its last sign of life", examples=[INSTANT])]
    source_ids: Annotated[list[int], Field(description="The cameras that it holds", examples=[[1]])]


class BehindObject(BaseModel):
    """What waits to be done; each is 0 or small where all is well."""

    unhashed_records: Annotated[int, Field(description="Recordings whose MD5 is to be computed", examples=[0])]
    doomed_files: Annotated[int, Field(description="Files of deleted footage that are to be removed", examples=[0])]
    sync_waiting: Annotated[int, Field(description="Recordings that are to be copied elsewhere", examples=[0])]
    untold_notices: Annotated[int, Field(description="Notices that a webhook does not know yet", examples=[0])]
    ledger_s: Annotated[Seconds, Field(description="How far the ledger of losses is behind, of the slowest camera",
                                       examples=[64.2])]  # fmt: skip
    verified_age_s: Annotated[Seconds, Field(description="Since when the file read longest ago was not verified",
                                             examples=[86_400.0])]  # fmt: skip
    missing_segments: Annotated[int, Field(description="Files known to be lost from the disk", examples=[0])]
    faulty_segments: Annotated[int, Field(description="Files that were found damaged", examples=[0])]


class ClockObject(BaseModel):
    """The clock of the machine."""

    is_set: Annotated[bool, Field(description="Whether the machine knows the time", examples=[True])]
    step_utc: Annotated[str | None, Field(description="When a recorder last saw it set; null for never",
                                          examples=[None])]  # fmt: skip
    step_s: Annotated[Seconds, Field(description="By how much it was set then", examples=[None])]


class AuditStateObject(BaseModel):
    """The chain of the audit log. `flask audit verify` checks it."""

    position: Annotated[int, Field(description="How many rows are sealed", examples=[1204])]
    sealed_utc: Annotated[str | None, Field(description="When the last one was", examples=[INSTANT])]
    unsealed: Annotated[int, Field(description="Rows that wait for their seal", examples=[0])]
    anchored_utc: Annotated[str | None, Field(description="When its end was last written outside the database",
                                              examples=[INSTANT])]  # fmt: skip


class ServiceObject(BaseModel):
    """The service as a whole."""

    version: Annotated[str, Field(description="Of flask-playback", examples=["0.1.0"])]
    python: Annotated[str, Field(description="Of Python", examples=["3.11.2"])]
    database: Annotated[str, Field(description="Kind and version of the database", examples=["sqlite 3.40.1"])]
    parts: PartsObject = Field(description="What recording needs")
    processes: list[ProcessObject] = Field(description="The processes of this machine")
    recorders: list[RecorderObject] = Field(description="The recorders of all machines")
    behind: BehindObject = Field(description="What waits to be done")
    clock: ClockObject = Field(description="The clock of this machine")
    audit: AuditStateObject | None = Field(description="The audit log; null for who is no admin")


class SourceHealthObject(BaseModel):
    """One camera."""

    source_id: int
    description: str | None
    status: Annotated[str, Field(description="Measured availability", examples=["online"])]
    status_detail: Annotated[str | None, Field(description="The cause and the way out, one line", examples=[None])]
    status_utc: Annotated[str | None, Field(description="When it was measured", examples=[INSTANT])]
    is_wanted: Annotated[bool, Field(description="Whether it is to be recorded now", examples=[True])]
    recorder_id: Annotated[str | None, Field(description="Which recorder holds it; null for none", examples=[None])]
    lag_s: Annotated[Seconds, Field(description="Age of its newest footage, where it is to be recorded",
                                    examples=[1.2])]  # fmt: skip
    bytes_s: Annotated[Seconds, Field(description="Bytes a second of its newest file", examples=[250_000.0])]
    clock_offset_s: Annotated[Seconds, Field(description="Its clock minus ours, where it told", examples=[0.1])]
    kept_s: Annotated[float, Field(description="Seconds of footage that are kept", examples=[86_400.0])]
    oldest_utc: Annotated[str | None, Field(description="When its oldest footage begins; null for none",
                                            examples=[INSTANT])]  # fmt: skip
    kept_bytes: Annotated[int, Field(description="Bytes of it", examples=[21_600_000_000])]
    reconnects_day: Annotated[int, Field(description="Attempts to record it that ended within a day", examples=[0])]
    last_reason: Annotated[str | None, Field(description="Why the last one ended: a cause of gaps", examples=[None])]
    last_detail: Annotated[str | None, Field(description="The same in words", examples=[None])]
    last_utc: Annotated[str | None, Field(description="When it ended", examples=[None])]


class HealthObject(BaseModel):
    """How the service and the caller's cameras are."""

    at_utc: Annotated[str, Field(description="Now, by the clock of the service", examples=[INSTANT])]
    service: ServiceObject | None = Field(description="The whole; null for who is no operator of all cameras")
    sources: list[SourceHealthObject] = Field(description="The caller's cameras by id")


@namespace.route("/health")
class Health(Resource):
    """How the service is."""

    @namespace.doc(
        description="For people. An operator who sees all cameras is told of the service as a whole. Figures that are "
        "dear to read are those of `/metrics`, and as old."
    )
    @namespace.response(200, "How it is", document(namespace, HealthObject))
    @namespace.response(503, "The database cannot be used now")
    def get(self) -> dict[str, Any]:
        """Tell how the service and its cameras are."""
        at_us, who, seen = now_us(), caller(), sources()
        figures = kept_figures()
        shown = _sources(figures, seen, at_us)
        is_whole = seen is None and who.has_role("operator")
        service = _service(figures, at_us, is_admin=who.is_admin_of_all) if is_whole and figures is not None else None
        return {"at_utc": utc_text(at_us), "service": service, "sources": shown}


def _sources(figures: Figures | None, seen: frozenset[int] | None, at_us: int) -> list[dict[str, Any]]:
    known = {one.id: one for one in (figures.by_source if figures is not None else [])}
    query = select(Source).where(Source.deleted_us.is_(None)).order_by(Source.id)
    rows = list(db.session.scalars(query if seen is None else query.where(Source.id.in_(sorted(seen)))))
    failures = read_failures(db.session, [row.id for row in rows], at_us)
    held = {
        lease.source_id: lease.recorder_id for lease in db.session.scalars(select(Lease)) if lease.expires_us > at_us
    }
    nothing, oldest = SourceFigures(0, is_wanted=False), read_oldest(db.session)
    return [
        {
            **_source(row, known.get(row.id, nothing), failures.get(row.id)),
            "recorder_id": held.get(row.id),
            "oldest_utc": utc_text(oldest.get(row.id)),
        }
        for row in rows
    ]


def _source(row: Source, found: SourceFigures, last: LastFailure | None) -> dict[str, Any]:
    status, detail = shown_status(row)
    return {
        "source_id": row.id,
        "description": row.description,
        "status": status,
        "status_detail": detail,
        "status_utc": utc_text(row.status_us),
        "is_wanted": found.is_wanted,
        "lag_s": found.newest_age_s,
        "bytes_s": found.bytes_s,
        "clock_offset_s": found.clock_offset_s,
        "kept_s": found.kept_s,
        "kept_bytes": found.size_bytes,
        "reconnects_day": 0 if last is None else last.ended_day,
        "last_reason": None if last is None else last.reason,
        "last_detail": None if last is None else last.detail,
        "last_utc": None if last is None else utc_text(last.end_us),
    }


def _service(figures: Figures, at_us: int, *, is_admin: bool) -> dict[str, Any]:
    config = current_app.config["PLAYBACK"]
    step = read_last_step(db.session)
    recorders = read_recorders(db.session, at_us)
    found = {
        "version": VERSION,
        "python": platform.python_version(),
        "database": _database(),
        "processes": [{"role": role, "pid": lock_holder(config.run_path / f"{role}.lock")} for role in ROLES],
        "recorders": [_recorder(one, at_us) for one in recorders],
        "behind": _behind(figures, at_us),
        "clock": {
            "is_set": not reads_unset(config.run_path),
            "step_utc": None if step is None else utc_text(step.at_us),
            "step_s": None if step is None else step.step_us / 1e6,
        },
        "audit": _audit() if is_admin else None,
    }
    return {**found, "parts": check()}  # last: it ends the transaction


def _database() -> str:
    dialect = db.engine.dialect
    version = ".".join(str(part) for part in getattr(dialect, "server_version_info", None) or ())
    return f"{dialect.name} {version}".strip()


def _recorder(found: RecorderState, at_us: int) -> dict[str, Any]:
    return {
        "id": found.id,
        "host": found.host_id.rpartition(":")[2],
        "pid": found.pid,
        "is_seen": found.ended_us is None and found.seen_us > at_us - SEEN_US,
        "seen_utc": utc_text(found.seen_us),
        "source_ids": found.source_ids,
    }


def _behind(figures: Figures, at_us: int) -> dict[str, Any]:
    settled = [one.settled_us for one in figures.by_source if one.is_wanted and one.settled_us is not None]
    return {
        "unhashed_records": figures.unhashed_records,
        "doomed_files": figures.doomed_files,
        "sync_waiting": sum(count for state, count in figures.sync_items.items() if state in ("waiting", "running")),
        "untold_notices": max(figures.untold.values(), default=0),
        "ledger_s": max((at_us - one) / 1e6 for one in settled) if settled else None,
        "verified_age_s": figures.verified_age_s,
        "missing_segments": figures.missing_segments,
        "faulty_segments": sum(figures.faults.values()),
    }


def _audit() -> dict[str, Any]:
    found = read_audit_state(db.session, current_app.config["PLAYBACK"])
    return {
        "position": found.position,
        "sealed_utc": utc_text(found.sealed_us),
        "unsealed": found.unsealed,
        "anchored_utc": utc_text(found.anchored_us),
    }


PlaybackApi(systemhealth).add_namespace(namespace)
