"""When nothing is cleaned up: the clock is not to be trusted, or the database does not know what lies in the storage.

A new or a restored database that knows few of the files would take what it does know for all there is, and delete it to
make room for what it does not.
"""

from pathlib import Path

from sqlalchemy import func, select

from app.archive import places
from app.archive.believing import Believed
from app.archive.places import DAY_US
from app.extensions import AnySession
from app.instants import EPOCH_UTC, utc_text
from app.models import ClockStep, Doomed, Segment

EARLIEST_US = 1_704_067_200_000_000  # 2024-01-01: before this service, so no clock that was set says it
STEP_US = 60_000_000  # a smaller one moves no limit of age that counts
SETTLED_US = 600_000_000  # so long after a step nothing is deleted: one is often followed by another
SAMPLED = 32  # days of footage looked for in the database
KNOWN_SHARE = 0.75


def why_not_now(session: AnySession, clock_us: int, believed: Believed) -> str | None:
    """Return why no footage is to be deleted by the clock as it is, in one line; None where nothing speaks against."""
    if clock_us < EARLIEST_US:
        return f"the clock of this machine is not set: it says {utc_text(clock_us)}"
    if believed.is_behind:
        return (
            f"the clock says {utc_text(clock_us)}, earlier than it did at the last pass: it was set back, or was wrong "
            "before. Where it is right now: flask retention run --confirm"
        )
    recent = select(ClockStep).where(
        ClockStep.at_us > clock_us - SETTLED_US,
        ClockStep.at_us <= clock_us,
        func.abs(ClockStep.step_us) >= STEP_US,
    )
    step = session.scalars(recent.order_by(ClockStep.at_us.desc()).limit(1)).first()
    if step is not None:
        return (
            f"the clock was set by {step.step_us / 1e6:.0f} s at {utc_text(step.at_us)}: nothing is deleted until ten "
            "minutes after"
        )
    return None


def how_it_lags(believed: Believed) -> str | None:
    """Return what is to be told where the clock says more than was seen to pass; None where it does not."""
    if not believed.is_lagging:
        return None
    return (
        f"the clock is {believed.ahead_us / 3.6e9:.1f} h ahead of the time that was seen to pass; ages are counted to "
        f"{utc_text(believed.at_us)}. Where the clock is right (the machine was off): flask retention run --confirm"
    )


def why_not_there(session: AnySession, storage_id: str, root: Path) -> str | None:
    """Return why footage in a storage is not to be deleted, in one line; None where the database knows its files.

    Looks for SAMPLED folders of days, spread over all that there are, in the database.
    """
    folders = _folders(root)
    sampled = folders[:: max(1, len(folders) // SAMPLED)]
    unknown = [folder for folder in sampled if not _is_known(session, storage_id, *folder)]
    if len(sampled) - len(unknown) >= KNOWN_SHARE * len(sampled):
        return None
    return (
        f"the database does not know {len(unknown)} of {len(sampled)} days of footage that were looked for in the "
        f"storage {root.name!r}, as that of source {unknown[0][0]}: it is new, or was restored. "
        "Nothing is deleted there until `flask rebuild` has put it right"
    )


def _folders(root: Path) -> list[tuple[int, int]]:
    """Return source and day of each folder of closed footage."""
    found = []
    for source in _names(root / places.CLOSED):
        if source.isascii() and source.isdecimal() and len(source) < 10:
            days = (_day_of(name) for name in _names(root / places.CLOSED / source))
            found += [(int(source), day) for day in days if day is not None]
    return sorted(found)


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _day_of(name: str) -> int | None:
    try:
        moment = EPOCH_UTC.strptime(f"{name}+0000", "%Y%m%d%z")
    except ValueError:
        return None
    return (moment - EPOCH_UTC).days


def _is_known(session: AnySession, storage_id: str, source_id: int, day: int) -> bool:
    """Tell whether there are rows of a day, or files of it that are yet to be removed."""
    for model in (Segment, Doomed):
        found = select(model.source_id).where(
            model.source_id == source_id,
            model.storage_id == storage_id,
            model.start_us >= day * DAY_US,
            model.start_us < (day + 1) * DAY_US,
        )
        if session.execute(found.limit(1)).first() is not None:
            return True
    return False
