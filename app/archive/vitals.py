"""Is what the service stands on alive: the database, the storage, a recorder."""

import contextlib

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from app.archive.storages import check_storage
from app.errors import PlaybackError
from app.extensions import AnySession, db
from app.models import Recorder, Storage
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
    """Tell whether any storage is there, known by its marker file, and takes a file."""
    try:
        known = set(db.session.scalars(select(Storage.path)))
        for settings in config.storages:
            with contextlib.suppress(PlaybackError):
                if str(settings.path) in known:
                    check_storage(settings)
                    return True
    except SQLAlchemyError:
        db.session.rollback()
    return False


def seen_recorders(session: AnySession, now_us: int) -> list[Recorder]:
    """Return the recorders that gave a sign of life lately and did not say that they end."""
    recent = select(Recorder).where(Recorder.ended_us.is_(None), Recorder.seen_us > now_us - SEEN_US)
    return list(session.scalars(recent))
