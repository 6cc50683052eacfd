"""Measuring whether cameras are there: soon after one is made or changed, and on a schedule with jitter."""

import random

from celery import shared_task
from sqlalchemy import select

from app.capture.camera import Camera
from app.capture.probe import probe
from app.extensions import db, writing
from app.models import Lease, Source
from app.models.types import now_us
from app.tasks.context import task_app


@shared_task(name="playback.probe")  # type: ignore[untyped-decorator]
def probe_source(source_id: int) -> None:
    """Measure one source's status; one that records is measured by its recording."""
    app = task_app()
    with app.app_context():
        row = db.session.get(Source, source_id)
        if row is None or row.deleted_us is not None or db.session.get(Lease, source_id) is not None:
            return
        camera = Camera.of(row)
        db.session.rollback()
        status, detail = probe(app.config["PLAYBACK"], camera)
        with writing() as session:
            row = session.get(Source, source_id)
            if row is not None and session.get(Lease, source_id) is None:
                row.status, row.status_detail, row.status_us = status, detail, now_us()


@shared_task(name="playback.probe_due")  # type: ignore[untyped-decorator]
def probe_due() -> None:
    """Ask for a probe of every source whose last measurement is old."""
    app = task_app()
    interval_us = int(app.config["PLAYBACK"].PROBE_INTERVAL_S * 1e6)
    with app.app_context():
        query = select(Source.id, Source.status_us).where(
            Source.deleted_us.is_(None), Source.id.not_in(select(Lease.source_id))
        )
        rows = db.session.execute(query).all()
        db.session.rollback()
    for source_id, measured_us in rows:
        age_us = now_us() - (measured_us or 0)
        if age_us > interval_us * random.uniform(0.9, 1.1):  # noqa: S311  jitter, no secret
            probe_source.delay(source_id)
