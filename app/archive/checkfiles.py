"""Files that have no row, and what is no footage at all: the half of fsck that begins on disk."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from app.archive import coverage, places
from app.archive.checking import Check
from app.archive.filewalk import Hour, Odd
from app.archive.rebuilding import Rebuilt, Reporter, files_without_rows, read_files
from app.archive.rebuildrows import Item, take_rows
from app.extensions import db, insert_missing, writing
from app.models import Segment, Storage

OLD_S = 3600.0  # no process takes so long to rename what it has written
TEMPORARIES = (f"{places.RECORDS}/.*.m3u8.*", f"{places.LIVE}/.probe.*", f".{places.MARKER}.*")


def check_files(check: Check, storage_id: str, root: Path) -> None:
    """Find files without a row; make their rows from what they say."""

    def odd(found: Odd) -> None:
        check.say("odd_file", found.path, found.why)

    for hours in files_without_rows(root, Rebuilt(), Reporter(odd, lambda _: None)):
        _check_day(check, storage_id, hours)


def _check_day(check: Check, storage_id: str, hours: Sequence[Hour]) -> None:
    found = read_files(hours)
    items = [item for item in found if isinstance(item, Item)]
    items = [item for item in items if not _has_moved(check, item)]
    odd = [item for item in found if isinstance(item, Odd)]
    if items:
        with writing() as session:
            insert_missing(session, Storage, {"id": storage_id, "path": str(check.roots[storage_id])})
            taken = take_rows(session, storage_id, hours[0].source_id, items)
            odd += taken.odd
            for item in taken.made:
                text = "has no row"
                if check.is_repairing:
                    check.repaired(session, "file_without_row", item.facts.path, text, "row made", hours[0].source_id)
                else:
                    check.say("file_without_row", item.facts.path, text)
            if not check.is_repairing:
                session.rollback()
    for one in odd:
        check.say("odd_file", one.path, one.why)


def _has_moved(check: Check, item: Item) -> bool:
    """Put right the row of a file that begins at another instant than its row says: it is looked for elsewhere."""
    facts = item.facts.row
    row = db.session.execute(
        select(Segment.source_id, Segment.start_us, Segment.run_id, Segment.sequence, Segment.sha256).where(
            Segment.id == facts["id"]
        )
    ).first()
    db.session.rollback()
    names = ("source_id", "run_id", "sequence", "sha256")
    if row is None or row.start_us == facts["start_us"] or any(getattr(row, name) != facts[name] for name in names):
        return False
    text = f"begins at {facts['start_us']} us by its own box, at {row.start_us} us by its row"
    if not check.is_repairing:
        check.say("wrong_times", facts["id"], text)
        return True
    with writing() as session:
        segment = session.get(Segment, (row.source_id, row.start_us))
        taken = session.get(Segment, (row.source_id, facts["start_us"]))
        if segment is None or segment.id != facts["id"] or taken is not None:
            check.say("wrong_times", facts["id"], text)
            return True
        days = sorted({segment.start_us // places.DAY_US, facts["start_us"] // places.DAY_US})
        for name, value in facts.items():
            setattr(segment, name, value)
        session.flush()
        for day in days:
            coverage.note_opened(session, row.source_id, day * places.DAY_US)
        for day in days:
            coverage.recount(session, row.source_id, day * places.DAY_US)
        check.repaired(session, "wrong_times", facts["id"], text, "row corrected from its file", row.source_id)
    return True


def check_temporaries(check: Check, root: Path) -> None:
    """Find files that a process which was killed meant to rename; remove them. None of them is footage."""
    for path in _temporaries(root):
        text = "was never finished"
        if not check.is_repairing:
            check.say("temporary", path, text)
            continue
        with writing() as session:
            path.unlink(missing_ok=True)
            check.repaired(session, "temporary", path, text, "removed")


def _temporaries(root: Path) -> Iterator[Path]:
    for pattern in TEMPORARIES:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and not path.is_symlink() and time.time() - path.lstat().st_mtime > OLD_S:
                yield path
