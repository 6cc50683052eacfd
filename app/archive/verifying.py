"""Is a closed segment what was recorded? Its file is read whole and compared with its row, its box and its run.

    missing      the file is not where its row says        wrong_hash    its bytes are not those that were recorded
    unreadable   the disk gives an error                   wrong_box     its box says other things than its row
    wrong_size   it has another size                       wrong_chain   what it follows is not the segment before it
    no_box       it does not end with a closing box

A fault is written into the row and cleared when all is right again. It neither deletes nor hides anything: playback
goes by size and date of the file, as ever (app/archive/find.py).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, literal, select, tuple_

from app.archive import places
from app.archive.chains import judge_chain
from app.archive.hashing import Hashes, hash_file, nothing
from app.archive.notices import DAMAGE, has_damage, note
from app.archive.unlinking import is_mounted, mounted_roots
from app.extensions import AnySession, db, writing
from app.formats.sampleindex import ROW_COUNTERS
from app.models import Segment
from app.models.segment import CLOSED
from app.models.types import now_us

BATCH = 200
TRIES = 3  # a segment may move to another storage while it is read
READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# After a crash between the rename and the commit the end is told anew, without the file that follows.
END_SLACK_US = 1_000_000


class Judged(NamedTuple):
    """What was found of a segment: its fault, or None, and a line about that or about what is no fault."""

    segment: Segment
    path: Path
    fault: str | None
    text: str | None


class Wanted(NamedTuple):
    """Which segments are verified: None is any. The range is [begin_us, end_us)."""

    source_id: int | None = None
    begin_us: int | None = None
    end_us: int | None = None
    storage_id: str | None = None


def verify(wanted: Wanted, pace: Callable[[int], None] = nothing) -> Iterator[Judged]:
    """Verify closed segments, by source and start; yield what was found of each. Needs an app context.

    What lies in a storage that is not mounted is left out. Nothing is locked and no transaction open while files are
    read.
    """
    after = (-1, -1)
    while rows := _next(wanted, after):
        after = (rows[-1].source_id, rows[-1].start_us)
        roots = mounted_roots()
        for row in rows:
            if row.storage_id in roots and (judged := verify_one(row, roots, pace)) is not None:
                yield judged


def verify_one(row: Segment, roots: dict[str, Path], pace: Callable[[int], None]) -> Judged | None:
    """Read and judge one segment, and write down what was found; None where it is gone, or its storage is."""
    found: Segment | None = row
    for _ in range(TRIES):
        if found is None or found.storage_id not in roots:
            return None
        judged = judge(found, roots[found.storage_id], pace)
        if judged.fault in ("missing", "unreadable") and not is_mounted(roots[found.storage_id], found.storage_id):
            return None  # the disk has gone away meanwhile: nothing is known of its files
        if _store(judged):
            return judged
        found = _again(found)
    return None


def count(wanted: Wanted) -> tuple[int, int]:
    """Return number and bytes of the segments that are wanted."""
    query = select(func.count(), func.coalesce(func.sum(Segment.size_bytes), 0)).where(*_conditions(wanted))
    number, size_bytes = db.session.execute(query).one()
    db.session.rollback()
    return int(number), int(size_bytes)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return what holds for the segments that are wanted.

    `+ 0` and `|| ''` keep SQLite from collecting and sorting all rows of a state, or of a storage, for each batch: it
    is to go along the key.
    """
    found = [Segment.state + 0 == CLOSED]
    if wanted.source_id is not None:
        found.append(Segment.source_id == wanted.source_id)
    if wanted.begin_us is not None:
        found.append(Segment.end_us > wanted.begin_us)
    if wanted.end_us is not None:
        found.append(Segment.start_us < wanted.end_us)
    if wanted.storage_id is not None:
        found.append(Segment.storage_id + "" == wanted.storage_id)
    return found


def _next(wanted: Wanted, after: tuple[int, int]) -> list[Segment]:
    order = (Segment.source_id, Segment.start_us)
    if wanted.source_id is None:
        behind = tuple_(*order) > tuple_(*(literal(value) for value in after))
    else:  # the source is known: along its rows from there on
        behind = Segment.start_us > after[1]
    query = select(Segment).where(*_conditions(wanted), behind)
    rows = list(db.session.scalars(query.order_by(*order).limit(BATCH)))
    db.session.expunge_all()
    db.session.rollback()
    return rows


def _again(row: Segment) -> Segment | None:
    found = db.session.get(Segment, (row.source_id, row.start_us))
    db.session.expunge_all()
    db.session.rollback()
    return found if found is not None and found.id == row.id and found.state == CLOSED else None


def judge(row: Segment, root: Path, pace: Callable[[int], None] = nothing) -> Judged:
    """Read the file of a segment and compare it with all that is known; nothing is written."""
    path = places.closed_path(root, row.source_id, row.start_us, row.id)
    try:
        handle = os.open(path, READ)
    except FileNotFoundError:
        return Judged(row, path, "missing", "the file is not there: mount the disk that has it, or bring it back")
    except OSError as error:
        return Judged(row, path, "unreadable", _disk(error))
    try:
        return Judged(row, path, *_judge_open(row, handle, pace))
    finally:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)  # what viewers need stays in the kernel's memory
        os.close(handle)


def _disk(error: OSError) -> str:
    return f"the disk cannot read it ({error.strerror}): copy what can be read of this disk, then replace it"


def _judge_open(row: Segment, handle: int, pace: Callable[[int], None]) -> tuple[str | None, str | None]:
    status = os.fstat(handle)
    if status.st_size != row.size_bytes:
        return "wrong_size", f"it has {status.st_size} bytes instead of {row.size_bytes}: bring back a copy of it"
    try:
        hashes = hash_file(handle, pace)
    except OSError as error:
        return "unreadable", _disk(error)
    if wrong := _judge_bytes(row, hashes):
        return wrong
    fault, text = judge_chain(row, hashes.closing)
    if fault is None and text is None and row.mtime_ns and status.st_mtime_ns != row.mtime_ns:
        text = "its bytes are right but its date is another, so playback takes it for altered: flask fsck"
    return fault, text


def _judge_bytes(row: Segment, hashes: Hashes) -> tuple[str, str] | None:
    """Return what is wrong with bytes and box, None for nothing."""
    closing = hashes.closing
    if closing is None:
        return "no_box", "it does not end with a whole closing box: bring back a copy of it"
    said = closing.sha256.hex()
    if hashes.media_sha256 != said or row.sha256 not in (None, said):
        what = "its bytes are not those that were recorded" if hashes.media_sha256 != said else "it is another file"
        return "wrong_hash", f"{what}: bring back a copy of it"
    facts = {
        "source_id": closing.source_id,
        "run_id": str(closing.run_id),
        "sequence": closing.sequence,
        "start_us": closing.start_us,
        "slew_ppm": closing.slew_ppm,
        "shift_ticks": closing.shift_ticks,
    }
    if closing.facts is not None:
        facts |= {
            "body_begin_bytes": closing.facts.body_begin_bytes,
            "body_end_bytes": closing.facts.body_end_bytes,
            **{name: closing.facts.counters[name] for name in ROW_COUNTERS},
        }
        if row.chain is not None and closing.chain is not None:
            facts["chain"] = closing.chain.hex()
    wrong = [name for name, value in facts.items() if getattr(row, name) != value]
    if closing.facts is not None and abs(closing.facts.end_us - row.end_us) > END_SLACK_US:
        wrong.append("end_us")
    if not wrong:
        return None
    return "wrong_box", f"it says another {', '.join(wrong)} than its row: files were exchanged, or flask fsck"


def _store(judged: Judged) -> bool:
    """Write down what was found; tell whether the row is still the one that was judged.

    Readers keep nothing of these two columns, so the day gets no new revision (app/archive/coverage.py).
    """
    row = judged.segment
    with writing() as session:
        current = session.get(Segment, (row.source_id, row.start_us))
        known = (row.id, row.storage_id, row.generation, CLOSED)
        if current is None or (current.id, current.storage_id, current.generation, current.state) != known:
            return False
        was = current.fault
        current.verified_us, current.fault = now_us(), judged.fault
        if was != judged.fault:
            session.flush()
            _tell(session, judged)
    return True


def _tell(session: AnySession, judged: Judged) -> None:
    """Note that a camera has a file with a fault now, or none any more."""
    row = judged.segment
    is_bad = has_damage(session, row.source_id)
    text = (
        f"a recorded file of source {row.source_id} is not what was recorded ({judged.fault}), {row.id}.mp4: "
        f"flask verify --source {row.source_id} names all"
        if is_bad
        else f"the recorded files of source {row.source_id} are right again"
    )
    note(session, DAMAGE, str(row.source_id), is_bad=is_bad, text=text, source_id=row.source_id)
