"""Activity of one camera: how much moved, where the next movement is, whether it is looked for. Beyond the contract."""

import json
from typing import Any

from flask import Blueprint, Response
from flask_restx import Namespace, Resource

from app.access.window import check_instant, check_window
from app.archive.activitycells import score_of
from app.archive.activitysettings import THRESHOLD, find_setting, put_setting
from app.archive.limits import limits
from app.auth import actor
from app.errors import Invalid
from app.extensions import db, writing
from app.models import Source
from app.models.types import now_us
from app.personalulti import Parameters, not_found, path_integer, read_parameters, read_query, utc_text
from app.playback.activityanswer import check_cells, find_after, find_before, find_values, render
from app.playback.asked import RangeParameters, check_range
from app.views import PlaybackApi, document
from app.views.activityobjects import (
    ActivityChange,
    ActivityObject,
    ActivityParameters,
    ActivitySettingObject,
    NextActivityObject,
    NextParameters,
    setting_object,
)
from app.views.compression import compress

activity = Blueprint("activity", __name__)
activity.after_request(compress)
namespace = Namespace("activity", "How much moves before a camera", path="/")
COLUMNS = {"since": "since_us"}
LEAST_US = 2_000_000
setting_answer = document(namespace, ActivitySettingObject)


def asked_cells(given: ActivityParameters) -> tuple[int, int, int]:
    """Return begin, end and length of the cells that are asked for. Raises Invalid, Forbidden."""
    parameters = RangeParameters(start=0, gaps="collapse")
    parameters.start, parameters.end, parameters.duration = given.start, given.end, given.duration
    asked = check_range(parameters, now_us())
    check_window(asked.begin_us, asked.end_us)
    resolution_us = given.resolution or max((asked.end_us - asked.begin_us) // 1000, LEAST_US)
    check_cells(asked.begin_us, asked.end_us, resolution_us)
    return asked.begin_us, asked.end_us, resolution_us


def about(begin_us: int, end_us: int, resolution_us: int) -> bytes:
    """Return the begin of an answer in JSON, up to its last member."""
    told = {"start_utc": utc_text(begin_us), "end_utc": utc_text(end_us), "resolution": resolution_us / 1_000_000}
    return json.dumps(told).encode()[:-1]


def _known(source_id: str) -> int:
    number = path_integer("source_id", source_id)
    if db.session.get(Source, number) is None:
        not_found("source_id", source_id)
    return number


@namespace.route("/source/<source_id>/activity")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class SourceActivity(Resource):
    """How much moved."""

    @namespace.doc(
        description="The share of the picture that changed from one key frame to the next, the highest in each cell; "
        "null where nothing is known. At most 10,000 cells."
    )
    @namespace.param("start", "ISO 8601 with an offset or Z, or seconds since the epoch", _in="query", required=True)
    @namespace.param("end", "The same; left out: now", _in="query")
    @namespace.param("duration", "Seconds, instead of end", _in="query", type="number")
    @namespace.param("resolution", "Seconds a cell; left out: a thousandth of the range", _in="query", type="number")
    @namespace.response(200, "The activity", document(namespace, ActivityObject))
    def get(self, source_id: str) -> Response:
        """Tell how much moved before a camera between two instants."""
        number = path_integer("source_id", source_id)
        begin_us, end_us, resolution_us = asked_cells(read_query().checked(ActivityParameters))
        _known(source_id)
        ((_, codes),) = find_values([number], begin_us, end_us, resolution_us)
        body = b'%b, "values": %b}\n' % (about(begin_us, end_us, resolution_us), render(codes))
        return Response(body, mimetype="application/json")


@namespace.route("/source/<source_id>/activity/next")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class NextActivity(Resource):
    """Where the next movement is."""

    @namespace.doc(
        description="The first stretch that begins after an instant, or the last that begins before one. Stretches "
        "less than 6 s apart are one. `searched_utc`: how far a search came that was given up for its length."
    )
    @namespace.param("after", "ISO 8601 with an offset or Z, or seconds since the epoch", _in="query")
    @namespace.param("before", "The same, to search backwards", _in="query")
    @namespace.param("threshold", "Share of the picture; left out: that of the camera", _in="query", type="number")
    @namespace.param("min_s", "Seconds that it must last", _in="query", type="number")
    @namespace.response(200, "The stretch", document(namespace, NextActivityObject))
    def get(self, source_id: str) -> dict[str, Any]:
        """Find the next movement before a camera, or the one before."""
        number = path_integer("source_id", source_id)
        given = read_query().checked(NextParameters)
        at_us = given.after if given.after is not None else given.before or 0
        check_instant(at_us, ("query", "after" if given.after is not None else "before"))
        _known(source_id)
        setting = find_setting(db.session, number)
        threshold = given.threshold or (setting.threshold if setting is not None else THRESHOLD)
        window = limits()
        first_us, last_us = (0, max(now_us(), at_us)) if window is None else window
        if given.after is not None:
            search = find_after(number, at_us, last_us, threshold, given.min_s or 0)
        else:
            search = find_before(number, at_us, first_us, threshold, given.min_s or 0)
        found = search.found
        return {
            "start_utc": utc_text(found.begin_us if found else None),
            "end_utc": utc_text(found.end_us if found else None),
            "peak": round(score_of(found.code) or 0, 6) if found else None,
            "searched_utc": utc_text(search.searched_us),
        }


@namespace.route("/source/<source_id>/activity/setting")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class ActivitySettings(Resource):
    """Whether movement is looked for."""

    @namespace.doc(description="Also of a camera that was never switched on. `behind_s`: footage yet to be looked at.")
    @namespace.response(200, "The setting", setting_answer)
    def get(self, source_id: str) -> dict[str, Any]:
        """Tell whether movement is looked for, and how far behind that is."""
        number = _known(source_id)
        return setting_object(db.session, number, find_setting(db.session, number))

    @namespace.doc(
        description="What is left out stays. Switched on, finished files are looked at in the background, the newest "
        "first, back to `since`; without it from now on. Switched off, what is known stays."
    )
    @namespace.expect(document(namespace, ActivityChange), validate=False)
    @namespace.response(200, "The setting", setting_answer)
    def put(self, source_id: str) -> dict[str, Any]:
        """Say whether movement is looked for, from when on, and what counts as movement."""
        number, values, who = path_integer("source_id", source_id), _changes(read_parameters()), actor()
        with writing() as session:
            row = put_setting(session, number, values, who)
        return setting_object(db.session, number, row)


def _changes(parameters: Parameters) -> dict[str, Any]:
    given = parameters.checked(ActivityChange).model_dump(exclude_unset=True)
    if not given:
        raise Invalid("give what is to change: is_enabled, threshold or since", loc=("body",), kind="missing")
    return {COLUMNS.get(name, name): value for name, value in given.items()}


PlaybackApi(activity).add_namespace(namespace)
