"""Copying a tag's recordings to another video server (record-api.md, "Copying to another video server")."""

from typing import Annotated, Any, Literal

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, BeforeValidator, Field, StringConstraints
from sqlalchemy import ColumnElement, case, exists, func, select, true

from app.archive import recordings
from app.archive.bounds import Sources, has_job, is_within
from app.auth import actor, sources
from app.errors import Forbidden, Invalid, PlaybackError
from app.extensions import AnySession, db, writing
from app.models import Record, SyncItem, SyncJob, Tag
from app.models.types import now_us
from app.personalulti import (
    Name,
    Parameters,
    check_characters,
    not_found,
    path_uuid,
    read_parameters,
    read_query,
    utc_text,
)
from app.tasks import ask_sync
from app.transfer import jobs
from app.transfer.addresses import FOLDER, MAX_LOCATION, AddressError, Location, NotAllowed, find_location
from app.transfer.folder import has_link
from app.views import PlaybackApi, document

sync = Blueprint("sync", __name__)
namespace = Namespace("sync", "Copying recordings to another place", path="/")
State = Literal["waiting", "running", "done", "failed"]
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
STATES = ("waiting", "running", "done", "failed")
LIST_LIMIT = 1000


class Ask(BaseModel):
    """Which tag's recordings are to be copied where."""

    tag_name: Name
    location: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_LOCATION),
        BeforeValidator(check_characters),
    ] = Field(json_schema_extra={"example": "weekend"})


class JobQuery(BaseModel):
    """How many jobs are listed."""

    limit: Annotated[int, Field(ge=1, le=LIST_LIMIT)] = 100


class SyncCountsObject(BaseModel):
    """How many records are in each state."""

    waiting: int
    running: int
    done: int
    failed: int


class SyncRecordObject(BaseModel):
    """One record of a job: `target` is its final name, `error` one line about the last try that failed."""

    record_id: str
    state: State
    target: str | None
    size: int | None
    copied_bytes: int
    md5: str | None
    error: str | None
    tries: int


class SyncListedObject(BaseModel):
    """A job. `cancelled`: nothing else failed. `bytes_total` is the sum of the sizes known so far."""

    id: str
    state: JobState
    created_utc: str
    ended_utc: str | None
    tag: str
    location: str
    counts: SyncCountsObject
    bytes_total: int
    bytes_copied: int


class SyncObject(SyncListedObject):
    """A job with its records."""

    records: list[SyncRecordObject]


@namespace.route("/sync")
class Jobs(Resource):
    """All jobs of copying."""

    @namespace.doc(
        description="In the background: resumed after a restart, verified by checksum at the target, never visible "
        "there under its final name before it is whole. The answer is the id of the job.",
        vendor={"example": "f2b1d0c4-3e5a-4f6b-8c7d-9e0f1a2b3c4d"},
    )
    @namespace.expect(document(namespace, Ask), validate=False)
    @namespace.response(200, "The id of the job", str)
    @namespace.response(404, "There is no such tag")
    @namespace.response(403, "The location lies outside every root of PLAYBACK_SYNC_TARGETS")
    def post(self) -> str:
        """Start copying the recordings of a tag."""
        parameters = read_parameters()
        values = parameters.checked(Ask)
        location = _location(values.location, parameters)
        asker, seen = actor(), sources()
        tag = recordings.find_tag(db.session, values.tag_name, seen)
        if tag is None:
            not_found("tag_name", values.tag_name, parameters.places["tag_name"])
        job, items = jobs.ask(db.session, tag, values.location, location, now_us(), seen)
        with writing() as session:
            jobs.store(session, {**job, "actor": asker}, items)
        ask_sync()
        return str(job["id"])

    @namespace.doc(description="Without their records; those stand in the job itself.")
    @namespace.param("limit", f"How many, 1 to {LIST_LIMIT}; 100 if left out", type="integer")
    @namespace.response(200, "The jobs, the newest first", [document(namespace, SyncListedObject)])
    def get(self) -> list[dict[str, Any]]:
        """List the jobs of copying, the newest first."""
        limit, seen = read_query().checked(JobQuery).limit, sources()
        query = select(SyncJob).where(has_job(seen)).order_by(SyncJob.created_us.desc(), SyncJob.id)
        return job_objects(db.session, list(db.session.scalars(query.limit(limit))), seen)


@namespace.route("/sync/<sync_id>/")
@namespace.param("sync_id", "The id of a job", _in="path")
class OneJob(Resource):
    """One job of copying."""

    @namespace.doc(description="Progress and outcome of each record.")
    @namespace.response(200, "The job with its records", document(namespace, SyncObject))
    def get(self, sync_id: str) -> dict[str, Any]:
        """Get one job of copying with its records."""
        return with_records(db.session, known_job(db.session, sync_id), sources())

    @namespace.doc(
        description="A file that is being copied is given up; nothing of it stays at the target under its final name."
    )
    @namespace.response(200, "The job as it ended", document(namespace, SyncListedObject))
    def delete(self, sync_id: str) -> dict[str, Any]:
        """Cancel what has not been copied yet; what is copied stays."""
        asker, seen = actor(), sources()
        with writing() as session:
            jobs.cancel(session, known_job(session, sync_id), asker, now_us(), seen)
        return job_objects(db.session, [known_job(db.session, sync_id)], seen)[0]


def _location(text: str, parameters: Parameters) -> Location:
    """Return a location that the settings allow. Raises Invalid, Forbidden."""
    loc = (parameters.places["location"], "location")
    try:
        location = find_location(text, current_app.config["PLAYBACK"].sync_roots)
    except AddressError as error:
        raise Invalid(str(error), loc=loc, kind=error.kind) from None
    except NotAllowed:
        raise _forbidden("it lies outside every root of the setting PLAYBACK_SYNC_TARGETS", loc) from None
    try:
        is_elsewhere = location.root.scheme == FOLDER and has_link(location.root, location.below)
    except OSError as error:
        message = f"the folder cannot be looked at: {error.strerror}; mend it, or choose another"
        raise Invalid(message, loc=loc, kind="folder_unreadable") from None
    if is_elsewhere:
        raise _forbidden(
            "a step of it is a symbolic link or no folder; if the place it leads to is meant, let the setting "
            "PLAYBACK_SYNC_TARGETS name that",
            loc,
        )
    return location


def _forbidden(why: str, loc: tuple[str, ...]) -> PlaybackError:
    return Forbidden(f"recordings may not be copied there: {why}", loc=loc, kind="target_not_allowed")


def known_job(session: AnySession, sync_id: str) -> SyncJob:
    """Return a job. Raises Invalid, NotFound."""
    row = session.get(SyncJob, path_uuid("sync_id", sync_id))
    if row is None:
        not_found("sync_id", sync_id)
    return row


def job_objects(session: AnySession, rows: list[SyncJob], seen: Sources) -> list[dict[str, Any]]:
    """Return each job without its records: as if there were none but those of these cameras."""
    ids = [row.id for row in rows]
    sums = (
        select(
            SyncItem.job_id,
            SyncItem.state,
            func.count(),
            func.sum(SyncItem.size_bytes),
            func.sum(SyncItem.copied_bytes),
            func.sum(case((SyncItem.error.startswith(jobs.CANCELLED), 1), else_=0)),
            func.max(SyncItem.ended_us),
        )
        .where(SyncItem.job_id.in_(ids), _is_seen(seen))
        .group_by(SyncItem.job_id, SyncItem.state)
    )
    found: dict[str, dict[str, Any]] = {number: {} for number in ids}
    for job_id, state, *figures in session.execute(sums):
        found[job_id][state] = [int(figure or 0) for figure in figures]
    tags = session.execute(select(Tag.id, Tag.name).where(Tag.id.in_({row.tag_id for row in rows})))
    names = {tag_id: name for tag_id, name in tags}  # noqa: C416  a row is no plain tuple to the type checker
    return [_job_object(row, names[row.tag_id], found[row.id], is_whole=seen is None) for row in rows]


def _is_seen(seen: Sources) -> ColumnElement[bool]:
    """Return the condition that a record to be copied is of one of these cameras."""
    if seen is None:
        return true()
    return exists().where(Record.id == SyncItem.record_id, is_within(Record.source_id, seen))


def _job_object(row: SyncJob, tag_name: str, sums: dict[str, list[int]], *, is_whole: bool) -> dict[str, Any]:
    counts = {state: sums.get(state, [0])[0] for state in STATES}
    total = [sum(column) for column in zip(*sums.values(), strict=True)] or [0, 0, 0]
    cancelled = sums.get("failed", [0] * 4)[3]
    ended_us = row.ended_us
    if not is_whole:  # the end of the part that is seen: that of the job tells of the rest
        is_going = counts["waiting"] or counts["running"]
        ended_us = None if is_going else max((of_state[4] for of_state in sums.values()), default=None)
    if counts["waiting"] == total[0] and total[0]:
        state = "waiting"
    elif counts["waiting"] or counts["running"]:
        state = "running"
    else:
        state = "failed" if counts["failed"] > cancelled else "cancelled" if cancelled else "done"
    return {
        "id": row.id,
        "state": state,
        "created_utc": utc_text(row.created_us),
        "ended_utc": utc_text(ended_us),
        "tag": tag_name,
        "location": row.location,
        "counts": counts,
        "bytes_total": total[1],
        "bytes_copied": total[2],
    }


def with_records(session: AnySession, row: SyncJob, seen: Sources) -> dict[str, Any]:
    """Return a job with its records of these cameras, in the order in which they are copied."""
    columns = select(
        SyncItem.record_id,
        SyncItem.state,
        SyncItem.target,
        SyncItem.size_bytes.label("size"),
        SyncItem.copied_bytes,
        SyncItem.md5,
        SyncItem.error,
        SyncItem.tries,
    )
    columns = columns.where(SyncItem.job_id == row.id, _is_seen(seen))
    items = session.execute(columns.order_by(SyncItem.due_us, SyncItem.record_id))
    return {**job_objects(session, [row], seen)[0], "records": [dict(item) for item in items.mappings()]}


PlaybackApi(sync).add_namespace(namespace)
