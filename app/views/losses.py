"""What is missing of all cameras, added up: for the page of the system, and as a table to keep."""

import csv
import io
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from flask_restx import Namespace, Resource
from pydantic import BaseModel, Field

from app.archive.causes import CAUSES, words
from app.archive.losssums import LossSum, sum_losses
from app.auth import sources
from app.errors import Invalid
from app.extensions import db
from app.models.types import now_us
from app.personalulti import read_query, utc_text
from app.playback.asked import RangeParameters, check_range
from app.views import PlaybackApi, document
from app.views.objects import CauseObject, ExplainedGapObject, gap_object, json_bytes

losses = Blueprint("losses", __name__)
namespace = Namespace("loss", "What is missing of all cameras", path="/")
MAX_US = 366 * 86_400_000_000
MOST_WORST = 100
COUNTED = tuple(cause for cause in CAUSES if cause != "not_recording")
FORMULAE = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would work out


class LossesQuery(RangeParameters):
    """A range, how many of the longest gaps are told of each camera, and in which form."""

    worst: Annotated[int, Field(ge=0, le=MOST_WORST)] = 5
    format: Literal["json", "csv"] = "json"


class SourceLossObject(BaseModel):
    """What is missing of one camera. Until `settled_utc` the ledger is settled: what is later is not counted yet."""

    source_id: int
    description: str | None
    settled_utc: str | None = Field(description="Until when losses are written down; null before the first recording",
                                    examples=["2026-11-20T22:44:05.123456Z"])  # fmt: skip
    expected_s: float = Field(description="Seconds that were to be recorded", examples=[86_400.0])
    recorded_s: float = Field(description="Seconds that were, with what was deleted since", examples=[86_390.5])
    coverage: float | None = Field(description="The part of it that was, 0 to 1; null where nothing was to be",
                                   examples=[0.99989])  # fmt: skip
    seconds: list[CauseObject] = Field(description="What is missing by cause, the longest first")
    worst: list[ExplainedGapObject] = Field(description="The longest gaps, the longest first")


class LossesObject(BaseModel):
    """The losses of the caller's cameras within a range."""

    sources: list[SourceLossObject] = Field(description="The cameras by id")


def loss_object(found: LossSum) -> dict[str, Any]:
    """Return LOSS of one camera."""
    return {
        "source_id": found.source_id,
        "description": found.description,
        "settled_utc": utc_text(found.settled_us),
        "expected_s": found.expected_us / 1e6,
        "recorded_s": found.recorded_us / 1e6,
        "coverage": found.coverage,
        "seconds": [
            {"cause": cause, "words": words(cause), "seconds": length / 1e6} for cause, length in found.lost_us.items()
        ],
        "worst": [gap_object(gap) for gap in found.worst],
    }


@namespace.route("/losses")
class Losses(Resource):
    """What is missing of the cameras."""

    @namespace.doc(
        description="From the stored ledger: what was to be recorded and was not, by cause, with the part that was "
        "recorded and the longest gaps. A range is at most 366 days long. `format=csv` is a table of a line for each "
        "camera, in seconds."
    )
    @namespace.param("start", "ISO 8601 with an offset or Z, or seconds since the epoch", _in="query", required=True)
    @namespace.param("end", "The same; left out: now", _in="query")
    @namespace.param("duration", "Seconds, instead of end", _in="query", type="number")
    @namespace.param("worst", "How many of the longest gaps of each camera, 0 to 100", _in="query", type="integer",
                     default=5)  # fmt: skip
    @namespace.param("format", "`json`, or `csv` to keep", _in="query", enum=["json", "csv"])
    @namespace.produces(["application/json", "text/csv"])
    @namespace.response(200, "The losses", document(namespace, LossesObject))
    def get(self) -> Response:
        """Add up what is missing of the cameras, by cause."""
        parameters = read_query().checked(LossesQuery)
        asked = check_range(parameters, now_us())
        if asked.end_us - asked.begin_us > MAX_US:
            raise Invalid("the range may be at most 366 days long", loc=("query", "end"), kind="range_too_long")
        worst = parameters.worst if parameters.format == "json" else 0
        found = sum_losses(db.session, sources(), asked.begin_us, asked.end_us, worst)
        if parameters.format == "csv":
            return _table(found)
        return Response(json_bytes({"sources": [loss_object(one) for one in found]}), content_type="application/json")


def _table(found: list[LossSum]) -> Response:
    """Return the losses as a table; a name that a spreadsheet would take for a formula is marked as text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            "source_id",
            "description",
            "settled_utc",
            "expected_s",
            "recorded_s",
            "coverage",
            *COUNTED,
        ]
    )
    for one in found:
        name = " ".join((one.description or "").split())
        writer.writerow(
            [
                one.source_id,
                f"'{name}" if name.startswith(FORMULAE) else name,
                utc_text(one.settled_us) or "",
                one.expected_us / 1e6,
                one.recorded_us / 1e6,
                "" if one.coverage is None else round(one.coverage, 6),
                *(one.lost_us.get(cause, 0) / 1e6 for cause in COUNTED),
            ]
        )
    return Response("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")


PlaybackApi(losses).add_namespace(namespace)
