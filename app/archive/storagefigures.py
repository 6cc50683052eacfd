"""Figures of each storage: its state, its room, and when it is full at the rate at which is recorded now."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from app.archive.sourcefigures import SourceFigures
from app.extensions import AnySession
from app.models import KeptFootage, Storage


@dataclass(frozen=True, slots=True)
class StorageFigures:
    """What is known of one storage; None for what was not measured."""

    id: str
    path: str
    state: str
    total_bytes: int | None
    free_bytes: int | None
    budget_bytes: int | None
    reserve_bytes: int
    used_bytes: int
    looked_us: int | None
    write_s: float | None
    write_worst_s: float | None
    hours_until_full: float | None  # infinite while nothing is recorded to it; as if nothing were deleted


STORAGES = select(Storage).where(Storage.path != "").order_by(Storage.priority, Storage.id)
USED = select(KeptFootage.storage_id, func.sum(KeptFootage.size_bytes)).group_by(KeptFootage.storage_id)


def used_bytes(session: AnySession) -> dict[str, int]:
    """Return how many bytes of closed footage lie in each storage: a row a source, however large the archive is."""
    return {storage_id: int(size_bytes) for storage_id, size_bytes in session.execute(USED)}


def read_storages(session: AnySession, sources: Sequence[SourceFigures]) -> list[StorageFigures]:
    """Return the figures of the storages of the settings, in the order in which they are recorded to."""
    used = used_bytes(session)
    rates: dict[str, float] = {}
    for one in sources:
        if one.storage_id is not None and one.bytes_s is not None:
            rates[one.storage_id] = rates.get(one.storage_id, 0.0) + one.bytes_s
    return [
        StorageFigures(
            row.id,
            row.path,
            row.state,
            row.total_bytes,
            row.free_bytes,
            row.budget_bytes,
            row.reserve_bytes,
            used.get(row.id, 0),
            row.looked_us,
            None if row.write_us is None else row.write_us / 1e6,
            None if row.write_worst_us is None else row.write_worst_us / 1e6,
            _hours(row, used.get(row.id, 0), rates.get(row.id, 0.0)),
        )
        for row in session.scalars(STORAGES)
    ]


def _hours(row: Storage, used_bytes: int, bytes_s: float) -> float | None:
    """Return in how many hours the reserve or the budget is reached; None where the room was never measured."""
    rooms = []
    if row.free_bytes is not None:
        rooms.append(row.free_bytes - row.reserve_bytes)
    if row.budget_bytes is not None:
        rooms.append(row.budget_bytes - used_bytes)
    if not rooms:
        return None
    return max(min(rooms), 0) / bytes_s / 3600 if bytes_s else float("inf")
