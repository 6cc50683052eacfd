"""Leases that have run out: those of sources that nobody wants are forgotten, of others the recorder is told.

Which recorder may take a source over it decides itself (app/capture/leases.py): after a step of the clock, or while the
database was gone, leases have run out whose recorders live.
"""

from celery import shared_task
from sqlalchemy import delete, select

from app.capture.wake import wake
from app.extensions import db, writing
from app.models import Lease, Wanted
from app.models.types import now_us
from app.tasks.context import task_app


@shared_task(name="playback.place")  # type: ignore[untyped-decorator]
def place() -> None:
    """Remove leases of unwanted sources that have run out; wake this machine's recorder where there are others."""
    app = task_app()
    with app.app_context():
        old = Lease.expires_us < now_us()
        wanted = select(Wanted.source_id).where(Wanted.end_us.is_(None))
        expired = set(db.session.scalars(select(Lease.source_id).where(old)))
        if expired - set(db.session.scalars(wanted)):
            with writing() as session:
                session.execute(delete(Lease).where(old, Lease.source_id.not_in(wanted)))
        db.session.rollback()
        if expired:
            wake(app.config["PLAYBACK"])
