"""Playback of many sources at once: what a timeline shows beside their footage."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

from flask_restx import Resource
from pydantic import field_validator
from pydantic_core import PydanticCustomError

from app.access.caller import Caller
from app.archive.limits import limits, seen_part
from app.auth import caller
from app.errors import Forbidden
from app.personalulti import read_query, utc_text
from app.playback import marks
from app.playback.marks import MAX_MARKS, Mark, Marks, Wanted
from app.views import document
from app.views.activity import asked_cells
from app.views.activityobjects import ManyActivityParameters
from app.views.markobjects import MarksObject
from app.views.playbackrange import known_sources, namespace, of_sources

Kind = Literal["record", "pin", "comment", "share"]


class _Rights(NamedTuple):
    """How marks of a kind are found, and what their own list wants of a caller (app/access/rules.py)."""

    find: Callable[[Wanted], Marks]
    role: str
    area: str
    has_window: bool = False


KINDS: dict[str, _Rights] = {
    "record": _Rights(marks.find_records, "viewer", "record", has_window=True),  # as request data tells them
    "pin": _Rights(marks.find_pins, "viewer", "pin"),
    "comment": _Rights(marks.find_comments, "viewer", "review"),
    "share": _Rights(marks.find_shares, "operator", "share"),
}


class MarksParameters(ManyActivityParameters):
    """Which cameras, from when to when, and which kinds."""

    kinds: list[str] | None = None

    @field_validator("kinds", mode="before")
    @classmethod
    def _kinds(cls, value: Any) -> Any:
        """Read `record,pin`."""
        found = [word.strip() for word in str(value).split(",")]
        if not set(found) <= KINDS.keys():
            raise PydanticCustomError("kinds", "must be one or more of {kinds}", {"kinds": ", ".join(get_args(Kind))})
        return list(dict.fromkeys(found))


@namespace.route("/marks")
class MarksOfSources(Resource):
    """Recordings, pins, comments and share links of many sources."""

    @namespace.doc(
        description=f"For drawing. Of a kind with more than {MAX_MARKS} marks in the range the items are left out, and "
        "`counts` says how many begin in each cell. Comments are those on files that were made of the cameras' "
        "footage, at the wall clock of the footage."
    )
    @of_sources()
    @namespace.param("kinds", "record, pin, comment, share, with commas between; left out: all that you may list")
    @namespace.param("resolution", "Seconds a cell of counts; left out: a thousandth of the range", type="number")
    @namespace.response(200, "The marks", document(namespace, MarksObject))
    def get(self) -> dict[str, Any]:
        """List what lies on the time of many cameras: recordings, pins, comments, share links."""
        given = read_query().checked(MarksParameters)
        begin_us, end_us, cell_us = asked_cells(given)
        known_sources(given.source_id, "source_id")
        wanted = Wanted(given.source_id, begin_us, end_us, cell_us)
        who = caller()
        kinds = given.kinds if given.kinds is not None else [kind for kind in KINDS if _why_not(who, kind) is None]
        for kind in kinds:
            if (why := _why_not(who, kind)) is not None:
                raise Forbidden(f"you may not list marks of the kind {kind}: {why}", loc=("query", "kinds"))
        return {
            "start_utc": utc_text(begin_us),
            "end_utc": utc_text(end_us),
            "resolution": cell_us / 1_000_000,
            **{kind: marks_object(KINDS[kind].find(wanted)) for kind in kinds},
        }


def _why_not(who: Caller, kind: str) -> str | None:
    """Return what hinders a caller from a kind; None where nothing does."""
    rights = KINDS[kind]
    if not who.has_role(rights.role):
        return f"this needs the role {rights.role}"
    if who.areas is not None and rights.area not in who.areas:
        return f"this needs the area {rights.area}"
    if limits() is not None and not rights.has_window:
        return "you may see a span of footage only, and it is not bounded by one"
    return None


def marks_object(found: Marks) -> dict[str, Any]:
    """Return the marks of one kind."""
    counts = found.counts
    return {
        "truncated": counts is not None,
        "items": [_mark_object(mark) for mark in found.items],
        "counts": None
        if counts is None
        else [{"source_id": source_id, "values": values} for source_id, values in counts.items()],
    }


def _mark_object(mark: Mark) -> dict[str, Any]:
    begin_us, end_us = seen_part(mark.begin_us, mark.end_us)
    times = {"start_utc": utc_text(begin_us), "end_utc": utc_text(end_us)}
    return {"id": mark.what["id"], "source_id": mark.source_id, **times, **mark.what}
