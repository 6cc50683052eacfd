"""Weekly schedules: when a group records by itself. Beyond the contract (docs/api.md)."""

import json
from typing import Annotated, Any, Literal, get_args

from flask import Blueprint, current_app
from flask_restx import Namespace, Resource
from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select

from app.archive import schedules
from app.archive.bounds import Sources, has_others
from app.archive.schedules import Window
from app.auth import actor, sources
from app.capture.wake import wake
from app.errors import Forbidden
from app.extensions import AnySession, db, writing
from app.models import Group, Schedule
from app.models.types import now_us
from app.personalulti import Name, check_characters, path_uuid, read_parameters, utc_text
from app.tasks import send
from app.views import PlaybackApi, document
from app.wording import Shape

schedule = Blueprint("schedule", __name__)
namespace = Namespace("schedule", "When groups record by themselves", path="/")
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
Begin = Annotated[str, Shape(TIME, "must be a time as 08:30, 00:00 to 23:59")]
End = Annotated[str, Shape(f"({TIME}|24:00)", "must be a time as 08:30, 00:00 to 24:00")]
MOST_WINDOWS = 100


class WindowObject(BaseModel):
    """A stretch of the week; with an end before its begin it ends on the next day."""

    day: Day
    begin: Begin = Field(examples=["22:00"])
    end: End = Field(examples=["06:00"])

    @model_validator(mode="after")
    def check_length(self) -> "WindowObject":
        """Refuse a window that could be nothing or a day."""
        if self.begin == self.end:
            raise PydanticCustomError("window_empty", "begin and end are the same; a whole day is 00:00 to 24:00")
        return self

    @classmethod
    def of(cls, window: Window) -> "WindowObject":
        """Return a window as it is answered."""
        begin, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in window[1:])
        return cls(day=get_args(Day)[window.day], begin=begin, end=end)

    def window(self) -> Window:
        """Return the window as it is stored."""
        begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (self.begin, self.end))
        return Window(schedules.DAYS.index(self.day), begin, end)


def _from_text(value: Any) -> Any:
    """Take the JSON text of a form or a query."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise PydanticCustomError("json_invalid", "must be a list in JSON: [...]") from None


ZoneName = Annotated[str, Shape("[A-Za-z0-9_+/-]{1,64}", "must be a time zone of the IANA list, as Europe/Berlin")]


class NewSchedule(BaseModel):
    """When a group records by itself, and under which tag."""

    tag_name: Name
    time_zone: Annotated[ZoneName, BeforeValidator(check_characters)] = Field(examples=["Europe/Berlin"])
    windows: Annotated[list[WindowObject], Field(max_length=MOST_WINDOWS), BeforeValidator(_from_text)]
    is_enabled: bool = True


class ScheduleObject(BaseModel):
    """A schedule; `is_open`: a window is open now; `begun_utc`: when it began to record in that window."""

    group_id: str
    created_utc: str
    tag_name: str
    time_zone: str
    windows: list[WindowObject]
    is_enabled: bool
    is_open: bool
    begun_utc: str | None


def schedule_object(row: Schedule) -> dict[str, Any]:
    """Return SCHEDULE."""
    windows = schedules.windows_of(row)
    since_us = schedules.open_since(windows, schedules.find_zone(row.time_zone), now_us())
    return {
        "group_id": row.group_id,
        "created_utc": utc_text(row.created_us),
        "tag_name": row.tag_name,
        "time_zone": row.time_zone,
        "windows": [WindowObject.of(window).model_dump() for window in windows],
        "is_enabled": row.is_enabled,
        "is_open": row.is_enabled and since_us is not None,
        "begun_utc": utc_text(row.begun_us),
    }


answer = document(namespace, ScheduleObject)


def check_whole(session: AnySession, group_id: str, seen: Sources) -> None:
    """Raise Forbidden where a schedule would start or stop cameras that the caller does not see.

    Runs within a write transaction; the group is locked, so that no camera joins it meanwhile.
    """
    if seen is not None:
        session.execute(select(Group.id).where(Group.id == group_id).with_for_update())
    if has_others(session, group_id, seen):
        message = "a schedule is of the whole group, and it has cameras that you have no right to: ask who sees all"
        raise Forbidden(message, loc=("path", "group_id"), kind="not_all_cameras")


@namespace.route("/group/<group_id>/schedule")
@namespace.param("group_id", "The id of a group", _in="path")
class GroupSchedule(Resource):
    """The schedule of one group."""

    @namespace.doc(description="404 also where the group has none.")
    @namespace.response(200, "The schedule", answer)
    def get(self, group_id: str) -> dict[str, Any]:
        """Get the schedule of a group."""
        return schedule_object(schedules.find(db.session, path_uuid("group_id", group_id)))

    @namespace.doc(
        description="In its windows the group records under the tag by itself; the times are those of the time "
        "zone's clocks. Refused to who does not see all of its cameras."
    )
    @namespace.expect(document(namespace, NewSchedule), validate=False)
    @namespace.response(200, "The schedule", answer)
    def put(self, group_id: str) -> dict[str, Any]:
        """Give a group a schedule, instead of the one that it may have."""
        row_id = path_uuid("group_id", group_id)
        given, who, seen = read_parameters().checked(NewSchedule), actor(), sources()
        windows = [one.window() for one in given.windows]
        with writing() as session:
            check_whole(session, row_id, seen)
            about = (given.tag_name, given.time_zone, windows)
            row = schedules.put(session, row_id, *about, is_enabled=given.is_enabled, who=who)
        send(current_app.config["PLAYBACK"], "playback.follow_schedules")
        return schedule_object(row)

    @namespace.doc(
        description="What was started by hand goes on. Refused to who does not see all cameras of the group."
    )
    @namespace.response(200, "The schedule that was removed", answer)
    def delete(self, group_id: str) -> dict[str, Any]:
        """Take the schedule from a group; what it has begun stops."""
        row_id, who, seen = path_uuid("group_id", group_id), actor(), sources()
        with writing() as session:
            check_whole(session, row_id, seen)
            removed = schedules.remove(session, row_id, now_us(), who=who)
        wake(current_app.config["PLAYBACK"])
        return schedule_object(removed)


PlaybackApi(schedule).add_namespace(namespace)
