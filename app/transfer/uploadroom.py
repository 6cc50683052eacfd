"""How much may be uploaded: the largest file, what an account may take, and what the disk has left.

The recorder makes room where less is free than its reserve and an eighth, the retention pass where less is than the
reserve and what is recorded in ten minutes. Uploads stay above both, and above what a budget still allows footage to
grow by: they never make footage go.
"""

import os
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from app.archive.forecast import growth_by_storage
from app.archive.retention import AHEAD_S
from app.archive.ruling import BYTE_UNITS, in_units
from app.archive.storagefigures import used_bytes
from app.archive.storages import unusable
from app.errors import StorageFull, TooLarge
from app.extensions import AnySession
from app.models import File, Storage
from app.models.file import UPLOAD
from instance.config import Config


class Room(NamedTuple):
    """Where uploads lie, and what stays free there."""

    root: Path
    floor_bytes: int

    def left_bytes(self) -> int:
        """Return how many bytes may be written now. Raises StorageUnusable."""
        try:
            found = os.statvfs(self.root)
        except OSError as error:
            raise unusable(self.root, error) from error
        return found.f_bavail * found.f_frsize - self.floor_bytes

    def check(self, need_bytes: int) -> None:
        """Raise StorageFull where so many bytes do not fit."""
        left_bytes = self.left_bytes()
        if left_bytes < need_bytes:
            raise StorageFull(
                f"the storage {self.root.name!r} has no room for {in_units(need_bytes, BYTE_UNITS)}: "
                f"{in_units(max(left_bytes, 0), BYTE_UNITS)} may be uploaded, the rest stays free for recording "
                "(PLAYBACK_RESERVE_BYTES) and for uploads that are not complete; free space on its disk",
                loc=("body",),
            )


def measure_room(session: AnySession, config: Config, at_us: int) -> Room:
    """Return the room of the first storage."""
    root, reserve_bytes = config.storage_path, config.RESERVE_BYTES
    row = session.scalar(select(Storage).where(Storage.path == str(root)))
    floor_bytes = reserve_bytes * 3 // 2
    if row is not None:
        ahead_bytes = int(growth_by_storage(session, at_us).get(row.id, 0.0) * AHEAD_S)
        floor_bytes = max(floor_bytes, reserve_bytes + 2 * ahead_bytes)
        if row.budget_bytes is not None:
            floor_bytes += max(row.budget_bytes - used_bytes(session).get(row.id, 0), 0)
    return Room(root, floor_bytes)


def pending_bytes(session: AnySession, but_id: int | None = None) -> int:
    """Return how many bytes of unfinished uploads are yet to come."""
    yet = func.sum(File.size_bytes - File.received_bytes)
    # Those that are not complete alone have an instant at which they are given up, and its index is short.
    unfinished = (File.expires_us > 0, File.completed_us.is_(None), File.deleted_us.is_(None), File.kind == UPLOAD)
    query = select(yet).where(*unfinished)
    return int(session.scalar(query if but_id is None else query.where(File.id != but_id)) or 0)


def most_bytes(session: AnySession, config: Config, owner: str, but_id: int | None = None) -> int:
    """Return how large one upload of an account may be now."""
    if not config.UPLOAD_USER_BYTES:
        return config.UPLOAD_MAX_BYTES
    taken = func.sum(func.coalesce(File.size_bytes, File.received_bytes))
    query = select(taken).where(File.owner == owner, File.deleted_us.is_(None), File.kind == UPLOAD)
    used = int(session.scalar(query if but_id is None else query.where(File.id != but_id)) or 0)
    return max(min(config.UPLOAD_MAX_BYTES, config.UPLOAD_USER_BYTES - used), 0)


def too_large(config: Config, most: int) -> TooLarge:
    """Return why more than `most` bytes are refused."""
    if most < config.UPLOAD_MAX_BYTES:
        return TooLarge(
            f"the uploads of this account may take {config.UPLOAD_USER_BYTES} bytes together "
            f"(PLAYBACK_UPLOAD_USER_BYTES), so {most} more: delete files that are not needed",
            kind="user_limit",
        )
    return TooLarge(f"a file may have at most {most} bytes (PLAYBACK_UPLOAD_MAX_BYTES)")
