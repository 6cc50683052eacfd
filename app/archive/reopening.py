"""Open rows for runs of which the files alone are left, so that the recorder goes on with them where they were.

A recorder takes a run without any row for a new one, and one whose rows are all closed for a finished one. So a run
with closed segments whose later files still lie in `live/` needs the row of the first of these.
"""

import re
from pathlib import Path

from sqlalchemy import func, select

from app.archive import coverage, places
from app.archive.entries import store_entries
from app.archive.livefile import LiveFile, ticks_us
from app.archive.rebuildrows import make_source
from app.extensions import AnySession, db, writing
from app.models import Run, Segment
from app.models.segment import OPEN
from app.models.types import new_uuid

_LIVE = re.compile(r"^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([0-9]{6})\.mp4$")


def live_runs(root: Path, source_id: int) -> dict[str, list[int]]:
    """Return the numbers of the files in a source's live folder by the run in their names, rising."""
    found: dict[str, list[int]] = {}
    try:
        names = sorted(path.name for path in places.live_folder(root, source_id).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return found
    for match in filter(None, map(_LIVE.match, names)):
        found.setdefault(match[1], []).append(int(match[2]))
    return found


def reopen_runs(root: Path, storage_id: str, source_id: int) -> int:
    """Make the rows by which the runs in a source's live folder go on, and the source's; return how many of runs."""
    reopened = 0
    runs = live_runs(root, source_id)
    if runs:
        with writing() as session:
            make_source(session, source_id)
    for run_id, numbers in runs.items():
        last = _last_row(run_id)
        later = [number for number in numbers if last is not None and number > last.sequence]
        if last is None or last.state == OPEN or last.source_id != source_id or not later:
            continue
        file = LiveFile(places.live_path(root, source_id, run_id, later[0]))
        file.poll()
        if file.pictured:
            with writing() as session:
                _reopen(session, storage_id, last, later[0], file)
            reopened += 1
    return reopened


def _last_row(run_id: str) -> Segment | None:
    row = db.session.scalar(select(Segment).where(Segment.run_id == run_id).order_by(Segment.sequence.desc()).limit(1))
    if row is not None:
        db.session.expunge(row)
    db.session.rollback()
    return row


def _reopen(session: AnySession, storage_id: str, last: Segment, sequence: int, file: LiveFile) -> None:
    """Make the row of the first file that follows; it begins where the last closed one ended, unless one is missing."""
    start_us = last.end_us
    if sequence != last.sequence + 1 and file.zero_us is not None:
        start_us = max(start_us, file.zero_us + ticks_us(file.begin_ticks, file.timescale))
    is_taken = (
        select(func.count())
        .select_from(Segment)
        .where(Segment.source_id == last.source_id, Segment.start_us == start_us)
    )
    if session.scalar(is_taken):
        return
    video_id, audio_id = store_entries(session, file)
    session.add(
        Segment(
            source_id=last.source_id,
            start_us=start_us,
            end_us=start_us,
            id=new_uuid(),
            run_id=last.run_id,
            sequence=sequence,
            storage_id=storage_id,
            state=OPEN,
            video_entry_id=video_id,
            audio_entry_id=audio_id,
        )
    )
    run = session.get(Run, last.run_id)
    if run is not None:
        run.end_us = None
    coverage.note_opened(session, last.source_id, start_us)
