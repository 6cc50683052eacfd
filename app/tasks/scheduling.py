"""Following the weekly schedules of groups."""

from celery import shared_task

from app.capture.following import follow
from app.models.types import now_us
from app.tasks.context import task_app


@shared_task(name="playback.follow_schedules")  # type: ignore[untyped-decorator]
def follow_schedules() -> None:
    """Start and stop what the schedules say of now."""
    app = task_app()
    with app.app_context():
        follow(app.config["PLAYBACK"], now_us())
