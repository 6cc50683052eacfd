"""How far time is believed to have passed: the clock, but never farther than the machine has seen time pass.

A clock that leaps ten years ahead must not make all footage old at once, nor end every pin. A machine that has not been
started anew knows how much time has passed since the last look (CLOCK_BOOTTIME, which counts sleep too): time is
believed to go at most TWICE as fast, so that a lag is made up for. A boot, or a machine that was never seen, may have
missed BOOT_US. What lies farther ahead is believed when somebody confirms it (`flask retention run --confirm`).
"""

import socket
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select, update

from app.extensions import AnySession
from app.models import Coverage, RetentionMark, Segment
from app.models.segment import CLOSED
from app.models.types import now_us

BOOT_US = 86_400_000_000
TWICE = 2
SLACK_US = 5_000_000
LAG_US = 60_000_000  # a smaller one is none


class Host(NamedTuple):
    """This machine: its id, its boot, and how long ago that was."""

    id: str
    boot_id: str
    booted_us: int


class Believed(NamedTuple):
    """The instant that ages are counted to, and by how much the clock is ahead of what was seen to pass."""

    at_us: int
    ahead_us: int

    @property
    def is_lagging(self) -> bool:
        """Tell whether the clock says more than was seen to pass."""
        return self.ahead_us > LAG_US

    @property
    def is_behind(self) -> bool:
        """Tell whether the clock says less than was seen to pass: it was set back, or was wrong before."""
        return self.ahead_us < -LAG_US


def this_host() -> Host:
    """Return this machine, now."""
    machine = f"{_text('/etc/machine-id')}:{socket.gethostname()}".lstrip(":")[:64]
    return Host(machine, _text("/proc/sys/kernel/random/boot_id")[:36], _booted_us())


def _text(path: str) -> str:
    try:
        return Path(path).read_text("ascii").strip()[:64]
    except (OSError, ValueError):
        return ""


def _booted_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def believed(session: AnySession, clock_us: int | None = None) -> int:
    """Return the instant to count ages and expiries to: what passes have found last, or the clock before the first."""
    clock_us = now_us() if clock_us is None else clock_us
    known = session.scalar(select(func.max(RetentionMark.believed_us)))
    return clock_us if known is None else min(clock_us, known)


def advance(session: AnySession, clock_us: int, host: Host, *, is_confirmed: bool = False) -> Believed:
    """Believe in the clock as far as time was seen to pass, and write that down. Runs within a write transaction.

    What was seen stays where the clock is behind it. With `is_confirmed` the clock is right, whatever was seen.
    """
    own = session.get(RetentionMark, host.id, with_for_update=True, populate_existing=True)
    if is_confirmed:
        session.execute(update(RetentionMark).values(believed_us=clock_us))
    known: int | None = session.scalar(select(func.max(RetentionMark.believed_us)))
    if known is not None and clock_us < known - LAG_US:
        return Believed(clock_us, clock_us - known)
    at_us = clock_us if is_confirmed else min(clock_us, _allowed(session, own, clock_us, host))
    if own is None:
        own = RetentionMark(host_id=host.id)
        session.add(own)
    own.boot_id, own.booted_us, own.believed_us = host.boot_id, host.booted_us, at_us
    session.flush()
    return Believed(at_us, clock_us - at_us)


def _allowed(session: AnySession, own: RetentionMark | None, clock_us: int, host: Host) -> int:
    """Return the latest instant that can be believed in."""
    known: int | None = session.scalar(select(func.max(RetentionMark.believed_us)))
    if known is None:
        known = _newest_footage(session)
        return clock_us if known is None else known + BOOT_US
    if own is not None and own.boot_id == host.boot_id and host.booted_us >= own.booted_us:
        return max(known, own.believed_us + TWICE * (host.booted_us - own.booted_us) + SLACK_US)
    return known + BOOT_US


def _newest_footage(session: AnySession) -> int | None:
    """Return where the newest closed footage ends; None for none."""
    last = select(Coverage.source_id, func.max(Coverage.cell)).where(Coverage.level == 0).group_by(Coverage.source_id)
    ends = []
    for source_id, _ in session.execute(last).all():
        newest = select(Segment.end_us).where(Segment.source_id == source_id, Segment.state == CLOSED)
        ends.append(session.scalar(newest.order_by(Segment.start_us.desc()).limit(1)))
    return max((end for end in ends if end is not None), default=None)
