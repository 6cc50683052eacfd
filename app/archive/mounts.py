"""The configured storages as fsck and rebuild see them: which one lies where, and whether it is the one it says."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from app.archive import places
from app.archive.storages import open_one, read_marker
from app.extensions import db
from app.models import Storage
from app.models.types import new_uuid
from instance.config import Config


class Mount(NamedTuple):
    """A configured storage: the id in its marker file, None without one; what speaks against using it, or None."""

    root: Path
    storage_id: str | None
    problem: str | None


def look_at_mounts(config: Config) -> list[Mount]:
    """Return the configured storages in their order; nothing is made or changed."""
    known = {path: storage_id for storage_id, path in db.session.execute(select(Storage.id, Storage.path)).all()}
    db.session.rollback()
    found = [_look(settings.path, known.get(str(settings.path))) for settings in config.storages]
    times = Counter(mount.storage_id for mount in found if mount.storage_id is not None)
    return [
        mount._replace(problem="has the marker of another configured storage: is it a copy of it?")
        if mount.problem is None and mount.storage_id is not None and times[mount.storage_id] > 1
        else mount
        for mount in found
    ]


def _look(root: Path, known_id: str | None) -> Mount:
    try:
        if not root.is_dir():
            return Mount(root, None, "is not there")
        marker = read_marker(root)
    except OSError as error:
        return Mount(root, None, f"cannot be read: {error.strerror}")
    if marker is None:
        return Mount(root, None, f"has no marker file {places.MARKER}")
    if known_id is not None and marker != known_id:
        return Mount(root, marker, f"is another storage than the one that was recorded to: its {places.MARKER} differs")
    return Mount(root, marker, None)


def open_usable(config: Config, mounts: list[Mount], *, is_dry: bool = False) -> dict[str, Path]:
    """Return the roots of storages that footage can be taken from, by id; make rows, and markers that are missing.

    A marker is made only where there is footage, and where no other storage was known to be; nothing where `is_dry`.
    """
    found: dict[str, Path] = {}
    for priority, (settings, mount) in enumerate(zip(config.storages, mounts, strict=True)):
        if is_usable(mount):
            storage_id = mount.storage_id or new_uuid() if is_dry else open_one(settings, priority)
            found[storage_id] = mount.root
    db.session.rollback()
    return found


def is_usable(mount: Mount) -> bool:
    """Tell whether footage can be taken from a storage: it is the right one, or one that lost its marker."""
    if mount.problem is None:
        return True
    is_known = db.session.scalar(select(Storage.id).where(Storage.path == str(mount.root))) is not None
    db.session.rollback()
    return mount.storage_id is None and not is_known and (mount.root / places.CLOSED).is_dir()
