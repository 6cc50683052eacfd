"""Is what the service stands on alive: the database, the storage, a recorder."""

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.archive.storages import check_room, read_marker
from app.errors import PlaybackError
from app.extensions import AnySession
from app.models import Recorder
from instance.config import Config

SEEN_US = 15_000_000  # three times the pause between two signs of life (app/capture/leases.py)


def is_database_alive(session: AnySession) -> bool:
    """Tell whether the database answers and has been migrated."""
    try:
        session.execute(text("SELECT version_num FROM alembic_version")).one()
    except SQLAlchemyError:
        session.rollback()
        return False
    return True


def is_storage_writable(config: Config) -> bool:
    """Tell whether the storage is there, known by its marker file, and takes a file."""
    try:
        if read_marker(config.storage_path) is None:
            return False
        check_room(config)
    except (OSError, PlaybackError):
        return False
    return True


def seen_recorders(session: AnySession, now_us: int) -> list[Recorder]:
    """Return the recorders that gave a sign of life lately and did not say that they end."""
    recent = select(Recorder).where(Recorder.ended_us.is_(None), Recorder.seen_us > now_us - SEEN_US)
    return list(session.scalars(recent))
