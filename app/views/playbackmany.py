"""Playback of many sources at once: their coverage for drawing a timeline."""

import json
from typing import Any

from flask import Response
from flask_restx import Resource
from pydantic import BaseModel, ConfigDict, field_validator

from app.access.window import check_window
from app.models.types import now_us
from app.personalulti import read_query, utc_text
from app.playback.asked import Instant, Length, RangeParameters, check_range, split_ids
from app.playback.timeline import check_resolution, find_coverage, render_sources
from app.views import document
from app.views.playbackobjects import Timeline
from app.views.playbackrange import known_sources, namespace, of_sources

MAX_SOURCES = 256


class TimelineParameters(BaseModel):
    """Which sources, from when to when, how fine."""

    model_config = ConfigDict(extra="ignore")

    source_id: list[int]
    start: Instant
    end: Instant | None = None
    duration: Length | None = None
    resolution: Length | None = None

    @field_validator("source_id", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Read `1,2,3`."""
        return split_ids(value, MAX_SOURCES)


@namespace.route("/timeline")
class TimelineOfSources(Resource):
    """Coverage of many sources."""

    @namespace.doc(
        description="For drawing: spans of up to 256 cameras, without the gaps that are too short to be seen."
    )
    @of_sources()
    @namespace.param(
        "resolution", "Seconds; gaps shorter than this are not shown. Default: a thousandth of the range", type="number"
    )
    @namespace.response(200, "The coverage", document(namespace, Timeline))
    def get(self) -> Response:
        """Tell the coverage of many cameras for drawing a timeline."""
        given = read_query().checked(TimelineParameters)
        parameters = RangeParameters(start=0, gaps="collapse")
        parameters.start, parameters.end, parameters.duration = given.start, given.end, given.duration
        asked = check_range(parameters, now_us())
        check_window(asked.begin_us, asked.end_us)
        resolution_us = given.resolution or max((asked.end_us - asked.begin_us) // 1000, 1_000_000)
        check_resolution(asked.begin_us, asked.end_us, resolution_us)
        known_sources(given.source_id, "source_id")
        found = find_coverage(given.source_id, asked.begin_us, asked.end_us, resolution_us)
        about = {
            "start_utc": utc_text(asked.begin_us),
            "end_utc": utc_text(asked.end_us),
            "resolution": resolution_us / 1_000_000,
        }
        body = b'%b, "sources": %b}\n' % (json.dumps(about).encode()[:-1], render_sources(found))
        return Response(body, mimetype="application/json")
