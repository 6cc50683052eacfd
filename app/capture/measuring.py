"""Writing down what a camera sends while it is recorded: no connection of its own is needed for that."""

from app.capture.attempt import Attempt
from app.capture.camera import Camera
from app.capture.facts import facts_of
from app.extensions import writing
from app.models import Source
from app.models.types import now_us

ENOUGH_US = 1_000_000  # so much of a segment tells the frame rate


class Measured:
    """What was measured last of one source. Used by the thread that has its keeper, within an app context."""

    def __init__(self) -> None:
        self._part: tuple[str, int] | None = None

    def note(self, camera: Camera, attempt: Attempt) -> None:
        """Measure what comes, once a segment. Raises OperationalError: call again."""
        writer = attempt.writer
        part = (attempt.place.run_id, writer.current.sequence)
        if part == self._part or (attempt.feed is None and writer.media_us < ENOUGH_US):
            return
        self._part = part
        try:
            facts = facts_of(camera, attempt)
            attempt.trim_log()
        except OSError:  # its file was taken away: the archive tells that
            return
        with writing() as session:
            row = session.get(Source, camera.source_id)
            if row is not None:
                facts.store(row)
                row.status_us = now_us()
