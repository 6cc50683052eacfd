"""Rows of open segments that nobody writes any more: closed, or marked as missing where their file is nowhere."""

from collections.abc import Set
from pathlib import Path

from sqlalchemy import func, select

from app.archive import places
from app.archive.checking import Check
from app.archive.ingest import Place, RunWriter
from app.extensions import db, writing
from app.models import Run, Segment
from app.models.segment import OPEN


def check_open(check: Check, storage_id: str, living_runs: Set[str]) -> None:
    """Find open rows of runs that have ended; only for a storage that no recorder uses now.

    Runs of which files lie in `live/` are left to what takes those in.
    """
    capture = func.coalesce(Run.capture_id, Run.id)  # as the files are named
    query = select(Segment.source_id, capture, Segment.id, Segment.sequence, Segment.start_us)
    query = (
        query.join(Run, Run.id == Segment.run_id)
        .where(Segment.state == OPEN, Segment.storage_id == storage_id)
        .order_by(Segment.run_id)
    )
    rows = db.session.execute(query).all()
    db.session.rollback()
    root = check.roots[storage_id]
    for source_id, run_id, segment_id, sequence, start_us in rows:
        if run_id in living_runs or places.live_path(root, source_id, run_id, sequence).exists():
            continue
        is_closed = places.closed_path(root, source_id, start_us, segment_id).exists()
        text = "is open, and its file is closed" if is_closed else "is open, and has no file"
        if check.is_away(storage_id):
            return
        if is_closed and not check.is_repairing:
            check.say("open_row", segment_id, text)
        elif is_closed or check.may_mark("open_row", segment_id, text):
            _finish(check, Place(root, storage_id, source_id, run_id), segment_id, text)


def _finish(check: Check, place: Place, segment_id: str, text: str) -> None:
    RunWriter(place).finish()
    with writing() as session:
        check.repaired(session, "open_row", segment_id, text, "closed, or marked as missing", place.source_id)


def live_files(root: Path) -> list[Path]:
    """Return the media files in the live folders of a storage."""
    return sorted((root / places.LIVE).glob("*/*.mp4"))
