"""`/metrics` for Prometheus: HTTP figures of all web processes, and the recorder's from the database.

gunicorn's processes leave their HTTP figures in the files of PROMETHEUS_MULTIPROC_DIR (gunicorn/config.py), which
are added up at each scrape. The recorder writes no metric anywhere: its state is in the database, and one collector
reads it there, so that the answer is the same whichever process gives it.
"""

import os
import time
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, request
from flask_restx import Namespace, Resource
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_flask_exporter import PrometheusMetrics
from sqlalchemy.exc import SQLAlchemyError

from app.archive.figures import Figures, read_figures
from app.archive.find import unreadable_hooks
from app.extensions import db
from app.models.types import now_us
from app.views import PlaybackApi
from app.views.metricfamilies import families

metrics = Blueprint("metrics", __name__)
namespace = Namespace("metrics", "Figures for Prometheus", path="/")
DEAR_S, KEPT_FOR = 0.2, 20  # reading that costs more is kept for 20 times its cost: a twentieth of a core at most
METHODS = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}
MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.02, 0.05, 0.2, 1.0, 10.0)  # each is a line for every address and status in every answer

unreadable = Counter(
    "playback_segments_unreadable",
    "Segments that playback found missing or altered",
    registry=CollectorRegistry(),
)


def begin(app: Flask) -> None:
    """Measure every request of the app; before anything else handles requests."""
    registry = CollectorRegistry()
    app.before_request(_leave_out_odd_methods)
    PrometheusMetrics(app, path=None, group_by="url_rule", buckets=SECONDS, registry=registry)
    if not _is_multiprocess():
        registry.register(_Unreadable())
    registry.register(DatabaseCollector())
    app.extensions["playback_metrics"] = registry
    if _count_unreadable not in unreadable_hooks:
        unreadable_hooks.append(_count_unreadable)


@namespace.route("/metrics", endpoint="metrics")
class Metrics(Resource):
    """Figures of the web processes and of recording."""

    @namespace.doc(
        description="For Prometheus. In production an admin's token, or an address of PLAYBACK_METRICS_NETWORKS, is "
        "needed."
    )
    @namespace.produces(["text/plain"])
    @namespace.doc(vendor={"example": "playback_sources_recording 16.0\n"})
    @namespace.response(200, "The figures in the text form of Prometheus", str)
    def get(self) -> Response:
        """Get the figures."""
        if _is_multiprocess():
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
            registry.register(DatabaseCollector())
        else:
            registry = current_app.extensions["playback_metrics"]
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def _leave_out_odd_methods() -> None:
    """Let nobody make up labels: a client may send any word as a method."""
    if request.method not in METHODS:
        request.prom_do_not_track = True  # type: ignore[attr-defined]  # the exporter looks for it


def _count_unreadable(count: int) -> None:
    unreadable.inc(count)


def _is_multiprocess() -> bool:
    return bool(os.environ.get(MULTIPROCESS_DIR))


class _Unreadable(Collector):
    """Shows the one counter of this process in the registry of each of its apps."""

    def collect(self) -> Iterator[Metric]:
        """Yield the counter."""
        yield from unreadable.collect()


class DatabaseCollector(Collector):
    """Reads the recorder's state when it is asked, and keeps it for a while where reading was dear."""

    def describe(self) -> list[Metric]:
        """Name nothing: registering must not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the recorder's figures; none where the database cannot be read."""
        figures = kept_figures()
        yield GaugeMetricFamily("playback_database_up", "Can the database be read", value=figures is not None)
        if figures is not None:
            yield from families(figures, current_app.config["PLAYBACK"].webhooks)


def kept_figures() -> Figures | None:
    """Return the figures, from this app's memory while they are fresh; None where the database cannot be read."""
    kept: Figures | None
    until_s, kept = current_app.extensions.get("playback_figures", (0.0, None))
    if time.monotonic() < until_s:
        return kept
    try:
        db.session.connection()  # its making is no cost of reading
        begun_s = time.monotonic()
        found = read_figures(db.session, now_us())
    except SQLAlchemyError:
        return None
    finally:
        db.session.rollback()
    now_s = time.monotonic()
    if now_s - begun_s > DEAR_S:
        current_app.extensions["playback_figures"] = (now_s + KEPT_FOR * (now_s - begun_s), found)
    return found


PlaybackApi(metrics).add_namespace(namespace)
