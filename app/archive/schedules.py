"""Weekly schedules of recording: which windows of the week are open when, on the wall clock of a time zone.

A window is a weekday with two times of day. One whose end is not after its begin ends on the next day. Windows that
touch or overlap are one: nothing stops between them.

Where the clock is put back, a time of day comes twice: a window begins at the first and ends at the second, so that it
holds all that shows a time within it. Where it is put forward, times are left out: a window that would begin or end
at one of them does so when the clock jumps.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select

from app.archive.auditing import audit
from app.archive.recordings import note_acts, stop_those
from app.errors import Invalid, NotFound
from app.extensions import AnySession
from app.models import Group, Record, Schedule

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_MINUTES = 1440
# What has been open for longer than a week (and an hour, where the clock was put back) has always been.
LOOK_BACK_DAYS = 8


class Window(NamedTuple):
    """A weekday, 0 for Monday, and minutes of the day: begin 0 to 1439, end 1 to 1440 or at most begin."""

    day: int
    begin: int
    end: int


def find_zone(name: str) -> ZoneInfo:
    """Return the time zone of an IANA name. Raises Invalid."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise Invalid(
            f"there is no time zone {name[:60]!r}: give a name as Europe/Berlin or UTC",
            loc=("body", "time_zone"),
            kind="time_zone",
        ) from None


def windows_of(schedule: Schedule) -> list[Window]:
    """Return the windows of a schedule."""
    return [Window(*values) for values in json.loads(schedule.windows)]


def open_since(windows: Sequence[Window], zone: ZoneInfo, now_us: int) -> int | None:
    """Return the instant since which a window is open without a break: 0 for ever; None while none is."""
    today = datetime.fromtimestamp(now_us // 1_000_000, zone).date()
    first = today - timedelta(days=LOOK_BACK_DAYS)
    days = [first + timedelta(days=number) for number in range(LOOK_BACK_DAYS + 1)]
    spans = sorted(span for day in days for span in _spans(day, windows, zone))
    begin_us = end_us = -1
    for span_begin_us, span_end_us in spans:
        if span_begin_us > end_us:
            begin_us = span_begin_us
        end_us = max(end_us, span_end_us)
        if begin_us <= now_us < end_us and span_begin_us <= now_us:
            is_ever = begin_us <= _instant_us(datetime.combine(first + timedelta(days=1), time()), zone, is_end=False)
            return 0 if is_ever else begin_us
    return None


def _spans(day: date, windows: Sequence[Window], zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the windows that open on a day."""
    midnight = datetime.combine(day, time())
    for window in windows:
        if window.day == day.weekday():
            end = window.end if window.end > window.begin else window.end + DAY_MINUTES
            begin_us = _instant_us(midnight + timedelta(minutes=window.begin), zone, is_end=False)
            end_us = _instant_us(midnight + timedelta(minutes=end), zone, is_end=True)
            if begin_us < end_us:
                yield begin_us, end_us


def _instant_us(local: datetime, zone: ZoneInfo, *, is_end: bool) -> int:
    """Return the instant of a local time (PEP 495): of an end that comes twice the second; of one left out the jump."""
    early, late = sorted(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if early.astimezone(zone).replace(tzinfo=None) != local:  # left out: it lies between the two readings
        return _jump_us(early, late, zone)
    return _us(late if is_end else early)


def _jump_us(before: datetime, after: datetime, zone: ZoneInfo) -> int:
    """Return the instant within (before, after] at which the zone's offset changes, to the second."""
    offset = before.astimezone(zone).utcoffset()
    low, high = _us(before) // 1_000_000, _us(after) // 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        is_same = datetime.fromtimestamp(middle, zone).utcoffset() == offset
        low, high = (middle, high) if is_same else (low, middle)
    return high * 1_000_000


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def find(session: AnySession, group_id: str) -> Schedule:
    """Return the schedule of a group. Raises NotFound for a group that is not there or has none."""
    _check_group(session, group_id)
    schedule = session.get(Schedule, group_id)
    if schedule is None:
        raise NotFound(f"the group {group_id} has no schedule: PUT one here", loc=("path", "group_id"))
    return schedule


def put(
    session: AnySession,
    group_id: str,
    tag_name: str,
    time_zone: str,
    windows: Sequence[Window],
    *,
    is_enabled: bool,
    who: str,
) -> Schedule:
    """Give a group this schedule instead of the one that it may have. Raises NotFound, Invalid.

    Runs within a write transaction. What the old one has begun is put right when schedules are followed next.
    """
    find_zone(time_zone)
    _check_group(session, group_id, is_locked=True)
    schedule = session.get(Schedule, group_id, with_for_update=True, populate_existing=True)
    before = None if schedule is None else _said(schedule)
    if schedule is None:
        schedule = Schedule(group_id=group_id)
        session.add(schedule)
    if schedule.tag_name != tag_name:
        schedule.begun_us = None
    schedule.tag_name, schedule.time_zone, schedule.is_enabled = tag_name, time_zone, is_enabled
    schedule.windows = json.dumps(windows)
    session.flush()
    after = _said(schedule)
    if before is None:
        audit(session, who, "schedule.create", group_id, None, **after)
    elif before != after:
        changed = [name for name in after if before[name] != after[name]]
        was, now = ({name: values[name] for name in changed} for values in (before, after))
        audit(session, who, "schedule.change", group_id, None, before=was, after=now)
    return schedule


def _said(schedule: Schedule) -> dict[str, object]:
    names = ("tag_name", "time_zone", "windows", "is_enabled")
    return {name: getattr(schedule, name) for name in names}


def remove(session: AnySession, group_id: str, now_us: int, *, who: str) -> Schedule:
    """Take the schedule from a group and stop what it has begun. Raises NotFound.

    Runs within a write transaction.
    """
    schedule = find(session, group_id)
    session.refresh(schedule, with_for_update=True)
    stopped = stop_those(session, Record.scheduled_by == group_id, now_us)
    session.expunge(schedule)
    session.execute(delete(Schedule).where(Schedule.group_id == group_id))
    audit(session, who, "schedule.delete", group_id, None, **_said(schedule))
    note_acts(session, who, "record.stop", group_id, stopped, group_id=group_id)
    return schedule


def _check_group(session: AnySession, group_id: str, *, is_locked: bool = False) -> None:
    query = select(Group.id).where(Group.id == group_id)
    if session.scalar(query.with_for_update() if is_locked else query) is None:
        raise NotFound(f"there is no group {group_id}", loc=("path", "group_id"))
