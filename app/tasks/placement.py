"""Freeing the sources of recorders that died, so that another takes them over."""

from celery import shared_task
from sqlalchemy import delete

from app.capture.wake import wake
from app.extensions import writing
from app.models import Lease
from app.models.types import now_us
from app.tasks.context import task_app


@shared_task(name="playback.place")  # type: ignore[untyped-decorator]
def place() -> None:
    """Remove leases that have run out and wake the recorder of this machine."""
    app = task_app()
    with app.app_context():
        with writing() as session:
            query = delete(Lease).where(Lease.expires_us < now_us()).returning(Lease.source_id)
            freed = session.scalars(query).all()
        if freed:
            wake(app.config["PLAYBACK"])
