"""Following the weekly schedules: starting a group's tag when a window opens, and stopping what was so begun.

State is in the rows alone: `begun_us` of a schedule says that the window which is open now has been begun, and
`scheduled_by` of a record that a schedule started it. So it may be done at any time, by any number of processes at
once, and after any pause. What somebody starts or stops by hand stays as they left it:

- a record that nobody's schedule started is never stopped;
- a source that was stopped within a window, or a tag of which nothing records any more, waits for the next window;
- a source that joins the group within a window is started.
"""

import logging
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from app.archive import recordings, schedules
from app.archive.machineclock import reads_unset
from app.archive.storages import check_room
from app.capture.sources import startable_problem
from app.capture.wake import wake
from app.errors import PlaybackError
from app.extensions import AnySession, db, writing
from app.models import Record, Schedule, Source, Tag, group_source
from instance.config import Config

log = logging.getLogger(__name__)
ACTOR = "schedule"
LONGEST_RECORD_US = 31 * 86_400 * 1_000_000
# What was said last of each schedule, or of one source in it: the same is not said again each time.
_told: dict[tuple[str, int | None], str] = {}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done for one schedule."""

    begun_us: int | None
    to_stop: ColumnElement[bool]
    is_stopping: bool
    to_start: list[int]

    def is_idle(self, schedule: Schedule) -> bool:
        """Tell whether all is as it should be."""
        return self.begun_us == schedule.begun_us and not self.is_stopping and not self.to_start


def follow(config: Config, now_us: int) -> None:
    """Start and stop what the schedules say of this instant; nothing while this machine does not know the time."""
    if reads_unset(config.run_path):
        return
    idle = {row.group_id: _is_idle(row, now_us) for row in db.session.scalars(select(Schedule))}
    db.session.rollback()
    for group_id in (group_id for group_id, is_idle in idle.items() if not is_idle):
        try:
            with writing() as session:
                _follow_one(session, config, group_id, now_us)
            _told.pop((group_id, None), None)
        except PlaybackError as error:
            _tell(group_id, None, error.kind, error.message)
        wake(config)


def _is_idle(schedule: Schedule, now_us: int) -> bool:
    try:
        return _plan(db.session, schedule, now_us).is_idle(schedule)
    except PlaybackError as error:
        _tell(schedule.group_id, None, error.kind, error.message)
        return True


def _follow_one(session: AnySession, config: Config, group_id: str, now_us: int) -> None:
    """Do what is to be done for one schedule. Another process may have done so meanwhile: its row is locked."""
    schedule = session.get(Schedule, group_id, with_for_update=True, populate_existing=True)
    if schedule is None:
        return
    plan = _plan(session, schedule, now_us)
    if plan.to_start:
        check_room(config)
    if plan.is_stopping:
        stopped = recordings.stop_those(session, plan.to_stop, now_us)
        recordings.note_acts(session, ACTOR, "record.stop", group_id, stopped, group_id=group_id)
    if plan.to_start:
        tag = recordings.make_tag(session, schedule.tag_name, now_us)
        started = recordings.start(session, plan.to_start, tag, now_us, scheduled_by=group_id)
        about = {"tag": tag.name, "group_id": group_id}
        recordings.note_acts(session, ACTOR, "record.start", tag.id, started, **about)
        log.info("the schedule of group %s started %d sources under %r", group_id, len(started), tag.name)
    schedule.begun_us = plan.begun_us


def _plan(session: AnySession, schedule: Schedule, now_us: int) -> _Plan:
    zone = schedules.find_zone(schedule.time_zone)
    since_us = schedules.open_since(schedules.windows_of(schedule), zone, now_us) if schedule.is_enabled else None
    tag = recordings.find_tag(session, schedule.tag_name)
    to_stop = Record.scheduled_by == schedule.group_id
    if since_us is not None and tag is not None:
        to_stop &= Record.tag_id != tag.id  # of a tag that the schedule had before
    stopping = select(Record.id).where(Record.end_us.is_(None), to_stop).limit(1)
    is_stopping = session.scalar(stopping) is not None
    if since_us is None:
        return _Plan(None, to_stop, is_stopping, [])
    begun_us = schedule.begun_us
    is_begun = begun_us is not None and begun_us >= since_us
    to_start = _to_start(session, schedule, tag, begun_us if is_begun else None)
    return _Plan(begun_us if is_begun else now_us, to_stop, is_stopping, to_start)


def _to_start(session: AnySession, schedule: Schedule, tag: Tag | None, begun_us: int | None) -> list[int]:
    """Return the sources of the group that are to be started now; `begun_us`: when this window was begun."""
    left_alone = set() if tag is None else _left_alone(session, tag, begun_us)
    if left_alone is None:
        return []
    members = select(group_source.c.source_id).where(group_source.c.group_id == schedule.group_id)
    missing = set(session.scalars(members)) - left_alone
    found = []
    for source in session.scalars(select(Source).where(Source.id.in_(missing), Source.deleted_us.is_(None))):
        problem = startable_problem(source)
        if problem is None:
            found.append(source.id)
        else:
            _tell(schedule.group_id, source.id, problem, f"source {source.id}: {problem}")
    return found


def _left_alone(session: AnySession, tag: Tag, begun_us: int | None) -> set[int] | None:
    """Return the sources that record under the tag, or were stopped in this window; None: all, the tag was stopped."""
    going = set(session.scalars(select(Record.source_id).where(Record.tag_id == tag.id, Record.end_us.is_(None))))
    if begun_us is None:
        return going
    recent = Record.begin_us > begun_us - LONGEST_RECORD_US  # leads the index past all the older ones
    ended = select(Record.source_id).where(Record.tag_id == tag.id, recent, Record.end_us >= begun_us)
    stopped = set(session.scalars(ended))
    return None if stopped and not going else going | stopped


def _tell(group_id: str, source_id: int | None, reason: str, message: str) -> None:
    """Log what keeps a schedule from being followed, once until the reason is another."""
    if _told.get((group_id, source_id)) != reason:
        _told[group_id, source_id] = reason
        log.warning("the schedule of group %s cannot be followed: %s", group_id, message)
