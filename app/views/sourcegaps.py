"""What is missing of a camera's footage, and why."""

from typing import Annotated, Any

from flask import Blueprint
from flask_restx import Namespace, Resource
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from app.access.window import check_window
from app.archive.causes import CAUSES, words
from app.errors import Invalid
from app.extensions import db
from app.models import Source
from app.models.types import now_us
from app.personalulti import not_found, path_integer, read_query
from app.playback.asked import Length, RangeParameters, check_range
from app.playback.gaplist import find_gap_list, seconds_by_cause
from app.views import PlaybackApi, document
from app.views.objects import GapsObject, gap_object

sourcegaps = Blueprint("sourcegaps", __name__)
namespace = Namespace("source", "Cameras and their addresses", path="/")
MAX_US = 366 * 86_400_000_000


def _causes(value: Any) -> Any:
    """Return the words of `silent,crashed`, each one of CAUSES."""
    found = [word.strip() for word in str(value).split(",")]
    if not set(found) <= CAUSES.keys():
        raise PydanticCustomError("cause", "must be one or more of {causes}", {"causes": ", ".join(CAUSES)})
    return found


class GapsQuery(RangeParameters):
    """A range, and which gaps of it: of some causes, of some length at least."""

    cause: Annotated[list[str] | None, BeforeValidator(_causes)] = None
    resolution: Length | None = None


@namespace.route("/source/<source_id>/gaps")
@namespace.param("source_id", "The id of a source", _in="path", type="integer")
class SourceGaps(Resource):
    """What is missing, and why."""

    @namespace.doc(
        description="Each stretch of the range without footage with a word for its cause, the cause in words, and a "
        "sentence where there is one; pauses too, in which the camera sent nothing while its connection stayed: films "
        "show the last picture there. `seconds` sums them up by cause. A range of more than a day comes from the "
        "stored ledger, up to `settled_utc`, and may be 366 days long."
    )
    @namespace.param("start", "ISO 8601 with an offset or Z, or seconds since the epoch", _in="query", required=True)
    @namespace.param("end", "The same; left out: now", _in="query")
    @namespace.param("duration", "Seconds, instead of end", _in="query", type="number")
    @namespace.param("cause", "Only gaps of these causes, with commas between", _in="query")
    @namespace.param("resolution", "Seconds; gaps shorter than this are not listed", _in="query", type="number")
    @namespace.response(200, "The gaps with their causes", document(namespace, GapsObject))
    def get(self, source_id: str) -> dict[str, Any]:
        """List the gaps of a source with their causes."""
        number = path_integer("source_id", source_id)
        parameters = read_query().checked(GapsQuery)
        asked = check_range(parameters, now_us())
        check_window(asked.begin_us, asked.end_us)
        if asked.end_us - asked.begin_us > MAX_US:
            raise Invalid("the range may be at most 366 days long", loc=("query", "end"), kind="range_too_long")
        if db.session.get(Source, number) is None:
            not_found("source_id", source_id)
        found = find_gap_list(number, asked.begin_us, asked.end_us)
        sums = seconds_by_cause(found)
        least_us = parameters.resolution or 0
        shown = [gap for gap in found if parameters.cause is None or gap.cause in parameters.cause]
        return {
            "gaps": [gap_object(gap) for gap in shown if gap.end_us - gap.begin_us >= least_us],
            "seconds": [{"cause": cause, "words": words(cause), "seconds": length} for cause, length in sums.items()],
        }


PlaybackApi(sourcegaps).add_namespace(namespace)
