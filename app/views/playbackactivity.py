"""Playback of many sources at once: how much moved, for drawing a timeline."""

from flask import Response
from flask_restx import Resource

from app.archive.activitysettings import THRESHOLD, settings_of
from app.extensions import db
from app.personalulti import read_query
from app.playback.activityanswer import find_values, render
from app.views import document
from app.views.activity import about, asked_cells
from app.views.activityobjects import ManyActivityObject, ManyActivityParameters
from app.views.playbackrange import known_sources, namespace, of_sources


@namespace.route("/activity")
class ActivityOfSources(Resource):
    """Activity of many sources."""

    @namespace.doc(
        description="For drawing: the highest activity of up to 256 cameras in each of the same cells, at most 10,000; "
        "null where nothing is known."
    )
    @of_sources()
    @namespace.param("resolution", "Seconds a cell; left out: a thousandth of the range", type="number")
    @namespace.response(200, "The activity", document(namespace, ManyActivityObject))
    def get(self) -> Response:
        """Tell how much moved before many cameras, for drawing a timeline."""
        given = read_query().checked(ManyActivityParameters)
        begin_us, end_us, resolution_us = asked_cells(given)
        known_sources(given.source_id, "source_id")
        settings = settings_of(db.session, given.source_id)
        parts = []
        for source_id, codes in find_values(given.source_id, begin_us, end_us, resolution_us):
            is_enabled, threshold = settings.get(source_id, (False, THRESHOLD))
            facts = (source_id, b"true" if is_enabled else b"false", repr(threshold).encode(), render(codes))
            parts.append(b'{"source_id": %d, "is_enabled": %b, "threshold": %b, "values": %b}' % facts)
        body = b'%b, "sources": [%b]}\n' % (about(begin_us, end_us, resolution_us), b", ".join(parts))
        return Response(body, mimetype="application/json")
