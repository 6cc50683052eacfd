"""Recording: starting and stopping by tag, and what was recorded (record-api.md, "Recording")."""

from typing import Any, Literal

from flask import Blueprint, Response, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive import groups, recordings
from app.archive.auditing import audit
from app.archive.bounds import Sources, sees
from app.archive.storages import check_room
from app.auth import actor, sources
from app.capture.sources import startable_problem
from app.capture.wake import wake
from app.errors import Conflict, Invalid
from app.extensions import db, writing
from app.models import Group, Record
from app.models.types import now_us
from app.personalulti import Name, not_found, path_uuid, read_parameters, read_query, utc_text
from app.tasks import ask_lists
from app.views import PlaybackApi, document
from app.views.documenting import sends_list
from app.views.health import has_recorder
from app.views.listing import answer_bytes, ask_list, query_parameters
from app.views.objects import ListedRecordObject, OpenRecordObject, RecordObject, json_bytes, record_objects
from app.views.recordlist import RecordFilters, listed_records

record = Blueprint("record", __name__)
namespace = Namespace("record", "Starting, stopping and listing recordings", path="/")
Model = Literal["Source", "PictureSource"]


class TagQuery(BaseModel):
    """The name of a tag, or else its id."""

    tag_name: Name


class RecordsQuery(RecordFilters):
    """Which records of which tag are listed, and in which order."""

    tag_name: Name = Field(description="The name of the tag, or else its id")


class Start(BaseModel):
    """Which group records under which tag; `model` is that of the group."""

    model: Model
    tag_name: Name
    group_name: Name


class Stop(BaseModel):
    """Which tag stops; with `model` only its sources of that model."""

    model: Model | None = None
    tag_name: Name


@namespace.route("/record")
class Records(Resource):
    """The recordings of a tag."""

    @namespace.doc(
        description="In the order in which they began; `source` is a list with the one camera. A tag that nobody "
        "knows has none: an empty list."
    )
    @query_parameters(namespace, RecordsQuery)
    @sends_list(namespace)
    @namespace.response(200, "The records of the tag", [document(namespace, ListedRecordObject)])
    def get(self) -> Response:
        """List the recordings of a tag."""
        asked = ask_list(RecordsQuery)
        tag = recordings.find_tag(db.session, asked.tag_name, sources())
        items, next_page = listed_records(tag, asked)
        return answer_bytes(json_bytes([{**item, "source": [item["source"]]} for item in items]), next_page)

    @namespace.doc(
        description="The tag comes into being with its first start. Sources that record under it already go on, the "
        "others are added; one that cannot be reached is started and waits. 422 names each source that "
        "could not be started, and the others are started all the same. Of a group only the cameras are started that "
        "the caller has a right to."
    )
    @namespace.expect(document(namespace, Start), validate=False)
    @namespace.response(204, "Every source of the group records, or waits for its camera")
    @namespace.response(404, "There is no such group")
    @namespace.response(409, "The group is empty")
    @namespace.response(507, "The storage is full")
    def post(self) -> Response:
        """Start recording every source of a group under a tag."""
        values, who, seen = read_parameters().checked(Start), actor(), sources()
        group = _startable_group(values, seen)
        check_room(current_app.config["PLAYBACK"])
        problems = {member.id: startable_problem(member) for member in group.sources if sees(seen, member.id)}
        startable = [source_id for source_id, problem in problems.items() if problem is None]
        with writing() as session:
            is_known = recordings.find_tag(session, values.tag_name) is not None
            tag = recordings.make_tag(session, values.tag_name, now_us(), seen)
            if not is_known:
                audit(session, who, "tag.create", tag.id, name=tag.name)
            started = recordings.start(session, startable, tag, now_us())
            recordings.note_acts(session, who, "record.start", tag.id, started, tag=tag.name, group_id=group.id)
        wake(current_app.config["PLAYBACK"])
        ask_lists()
        _raise_problems({source_id: problem for source_id, problem in problems.items() if problem})
        return Response(status=204)

    @namespace.doc(
        description="Those of `model` alone where it is given; other tags of the same cameras go on, and so do "
        "cameras that the caller has no right to. Stopping what does not record changes nothing."
    )
    @namespace.expect(document(namespace, Stop), validate=False)
    @namespace.response(204, "They stopped, or did not record")
    @namespace.response(404, "There is no such tag")
    def put(self) -> Response:
        """Stop the recordings of a tag."""
        values, who, seen = read_parameters().checked(Stop), actor(), sources()
        with writing() as session:
            tag = recordings.find_tag(session, values.tag_name, seen)
            if tag is None:
                not_found("tag_name", values.tag_name, "body")
            stopped = recordings.stop(session, tag, values.model, now_us(), seen)
            recordings.note_acts(session, who, "record.stop", tag.id, stopped, tag=tag.name)
        wake(current_app.config["PLAYBACK"])
        ask_lists()
        return Response(status=204)


def _startable_group(values: Start, seen: Sources) -> Group:
    """Return the group to start. Raises NotFound, Invalid for another model, Conflict when it is empty."""
    group = groups.find_named(db.session, values.group_name, seen)
    if group.model != values.model:
        message = f"the group {group.name!r} has sources of model {group.model}, not {values.model}"
        raise Invalid(message, loc=("body", "model"), kind="other_model")
    if not group.sources:
        message = f"the group {group.name!r} is empty: add a source to it first"
        raise Conflict(message, loc=("body", "group_name"), kind="group_empty")
    return group


def _raise_problems(problems: dict[int, str]) -> None:
    """Raise Invalid with an entry for each source that could not be started."""
    if problems:
        details = [
            {"loc": ["body", "group_name", str(source_id)], "msg": problem, "type": "not_started"}
            for source_id, problem in problems.items()
        ]
        raise Invalid("not every source could be started", details=details)


@namespace.route("/record/open")
class OpenRecords(Resource):
    """What records under any tag."""

    @namespace.doc(
        description="The records of all tags that go on, by tag and in the order in which they began: what a page that "
        "shows all cameras asks again and again."
    )
    @sends_list(namespace)
    @namespace.response(200, "The records that go on", [document(namespace, OpenRecordObject)])
    def get(self) -> Response:
        """List the recordings that go on."""
        found = recordings.open_records(db.session, sources())
        words = recordings.statuses(db.session, [row for _, row in found], now_us())
        is_attended = "waiting" not in words.values() or has_recorder()
        rows = [
            {
                "record_id": row.id,
                "tag": name,
                "source_id": row.source_id,
                "status": words[row.id],
                "has_recorder": is_attended or words[row.id] == "recording",
                "begin_utc": utc_text(row.begin_us),
            }
            for name, row in found
        ]
        return answer_bytes(json_bytes(rows))


@namespace.route("/record/runing")
class Running(Resource):
    """Whether a tag records."""

    @namespace.doc(
        description="`false` too for a tag that nobody knows. The address is spelt as the contract spells it."
    )
    @namespace.param("tag_name", "The name of the tag, or else its id", required=True)
    @namespace.response(200, "Is anything recording?", bool)
    def get(self) -> bool:
        """Tell whether anything is recording under a tag."""
        asked, seen = read_query().checked(TagQuery), sources()
        tag = recordings.find_tag(db.session, asked.tag_name, seen)
        return tag is not None and recordings.is_running(db.session, tag, seen)


@namespace.route("/record/<record_id>/")
@namespace.param("record_id", "The id of a record", _in="path")
class OneRecord(Resource):
    """One recording."""

    @namespace.doc(
        description="`hash_md5` is null until it is computed after the end; `status` is `deleted` once its file was "
        "deleted."
    )
    @namespace.response(200, "The record", document(namespace, RecordObject))
    def get(self, record_id: str) -> dict[str, Any]:
        """Get one record."""
        row = db.session.get(Record, path_uuid("record_id", record_id))
        if row is None:
            not_found("record_id", record_id)
        return record_objects(db.session, [row])[0]


PlaybackApi(record).add_namespace(namespace)
