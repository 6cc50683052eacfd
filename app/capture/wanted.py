"""The cameras that are to be recorded now, as the database says.

Asked for each second: what has not changed is not decrypted again (3 % of the CPU of 16 cameras' ffmpegs).
"""

from typing import Any

from sqlalchemy import Text, select, type_coerce

from app.capture.camera import Camera
from app.extensions import db
from app.models import Source, Wanted

# As they are stored: encrypted anew with each change, so that equal text is an unchanged camera.
_STORED = select(
    Source.id,
    Source.model,
    Source.ffmpeg_cmd,
    Source.picture_auth,
    Source.picture_user,
    *(type_coerce(column, Text) for column in (Source.uri_rtsp, Source.picture_uri, Source.picture_password)),
).where(Source.id.in_(select(Wanted.source_id).where(Wanted.end_us.is_(None))))


class WantedCameras:
    """What was read last. Used by one thread, within an app context."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, Camera]] = {}

    def read(self) -> dict[int, Camera]:
        """Return the cameras of all sources that are wanted now, by the source's id."""
        stored = {row[0]: row for row in db.session.execute(_STORED)}
        changed = [
            number for number, row in stored.items() if number not in self._known or self._known[number][0] != row
        ]
        known = {number: self._known[number] for number in stored if number not in changed}
        if changed:
            for source in db.session.scalars(select(Source).where(Source.id.in_(changed))):
                known[source.id] = (stored[source.id], Camera.of(source))
        db.session.rollback()
        self._known = known
        return {number: camera for number, (_, camera) in known.items()}
