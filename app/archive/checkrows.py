"""Rows of closed segments against their files: there, of that size, that hash, those times, with a good index."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping, delete, select, tuple_

from app.archive import coverage, places, sidecar
from app.archive.checking import Check
from app.archive.filefacts import FileFacts, read_facts
from app.archive.hashing import hash_file
from app.extensions import AnySession, db, writing
from app.formats.boxes import FormatError
from app.formats.sampleindex import ROW_COUNTERS
from app.models import Doomed, Segment
from app.models.segment import CLOSED, MISSING
from app.models.types import now_us

BATCH = 500
TIMES = ("start_us", "end_us", "slew_ppm", "shift_ticks")
TOLD = ("run_id", "sequence", "body_begin_bytes", "body_end_bytes", "chain", *ROW_COUNTERS)
Row = RowMapping


def check_rows(check: Check, storage_id: str) -> None:
    """Check every closed and missing segment of a mounted storage."""
    for row in _rows(storage_id):
        path = places.closed_path(check.roots[storage_id], row["source_id"], row["start_us"], row["id"])
        if row["state"] == MISSING:
            if path.is_file():
                _back(check, row, path)
        elif not path.is_file():
            _without_file(check, row)
        else:
            _check(check, row, path)


def _rows(storage_id: str) -> Iterator[Row]:
    """Yield rows in the order of their key; no transaction is open meanwhile."""
    after = (-1, -1)
    key = (Segment.source_id, Segment.start_us)
    # `+ 0` and `|| ''` keep SQLite from sorting all closed rows for each batch: it is to go along the key.
    query = select(*Segment.__table__.columns).where(
        Segment.storage_id + "" == storage_id, (Segment.state + 0).in_((CLOSED, MISSING))
    )
    while True:
        rows = db.session.execute(query.where(tuple_(*key) > after).order_by(*key).limit(BATCH)).mappings().all()
        db.session.rollback()
        if not rows:
            return
        after = (rows[-1]["source_id"], rows[-1]["start_us"])
        yield from rows


def _current(session: AnySession, row: Row) -> Segment | None:
    """Return the segment as it is now, within a write transaction, if it is still what was looked at."""
    segment = session.get(Segment, (row["source_id"], row["start_us"]), with_for_update=True, populate_existing=True)
    same = ("id", "state", "storage_id", "size_bytes", "mtime_ns", "sha256")
    return segment if segment is not None and all(getattr(segment, name) == row[name] for name in same) else None


def _change(check: Check, row: Row, kind: str, text: str, done: str, values: Mapping[str, Any]) -> None:
    """Change a row that is as it was; where it is not, somebody else is at it, and nothing is wrong."""
    with writing() as session:
        segment = _current(session, row)
        if segment is None:
            return
        for name, value in values.items():
            setattr(segment, name, value)
        session.flush()
        if "storage_id" in values:  # its file counts from now on, and is not to be removed
            held = (Doomed.segment_id == row["id"], Doomed.storage_id == values["storage_id"])
            session.execute(delete(Doomed).where(*held))
        coverage.recount(session, row["source_id"], row["start_us"])
        check.repaired(session, kind, row["id"], text, done, row["source_id"])


def _without_file(check: Check, row: Row) -> None:
    """Find the file in another storage; mark a row whose file is nowhere as missing."""
    if check.is_away(row["storage_id"]):
        return
    for storage_id, root in check.roots.items():
        elsewhere = places.closed_path(root, row["source_id"], row["start_us"], row["id"])
        if storage_id != row["storage_id"] and elsewhere.is_file():
            text = f"its file lies in another storage: {root}"
            if check.is_repairing:
                values = {"storage_id": storage_id, "index_offset_bytes": 0, "index_size_bytes": 0}
                _change(check, row, "wrong_storage", text, "row corrected", values)
            else:
                check.say("wrong_storage", row["id"], text)
            return
    text = f"source {row['source_id']} has no such file"
    if check.may_mark("row_without_file", row["id"], text):
        _change(check, row, "row_without_file", text, "marked as missing", {"state": MISSING})


def _back(check: Check, row: Row, path: Path) -> None:
    """Take back a segment that was missing and whose file is there again, if it is the one it was."""
    text = "was missing, and its file is there again"
    facts = _facts(check, row, path)
    if facts is None:
        return
    if not check.is_repairing:
        check.say("back", row["id"], text)
    elif row["sha256"] in (None, facts.row["sha256"]) and _hash(path) == facts.row["sha256"]:
        _change(check, row, "back", text, "marked as closed", _told(facts))
    else:
        check.say("back", row["id"], f"{text}, but it is not the one it was")


def _facts(check: Check, row: Row, path: Path) -> FileFacts | None:
    """Return what a file says; a row whose file says nothing gets a fault."""
    try:
        return read_facts(str(path), row["source_id"], row["id"])
    except FormatError as error:
        is_short = path.is_file() and path.stat().st_size != row["size_bytes"]
        _fault(check, row, "wrong_size" if is_short else "unreadable", str(error))
    except OSError as error:
        _fault(check, row, "unreadable", f"cannot be read: {error.strerror}")
    return None


def _fault(check: Check, row: Row, fault: str, text: str) -> None:
    if check.is_away(row["storage_id"]):
        return
    if not check.is_repairing:
        check.say(fault, row["id"], text)
    elif row["fault"] == fault:
        check.say(fault, row["id"], f"{text}; noted before")
    else:
        _change(check, row, fault, text, "fault noted", {"fault": fault})


def _told(facts: FileFacts) -> dict[str, Any]:
    """Return the columns that a file tells, as far as the row of an existing segment takes them over."""
    return {name: value for name, value in facts.row.items() if name not in ("verified_us", "generation")}


def _hash(path: Path) -> str | None:
    """Return the SHA-256 (hex) of a file before its closing box; None where it cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return hash_file(handle).media_sha256
    except OSError:
        return None
    finally:
        os.close(handle)


def _check(check: Check, row: Row, path: Path) -> None:
    facts = _facts(check, row, path)
    if facts is None:
        return
    differing = _differing(row, facts)
    kind = _kind(differing)
    if row["sha256"] is not None and facts.row["sha256"] != row["sha256"]:
        _fault(check, row, "wrong_hash", "its closing box names another hash than its row")
    elif differing or check.is_hashing:
        _judge(check, row, path, facts, kind, differing)
    else:
        _check_index(check, row)


def _differing(row: Row, facts: FileFacts) -> list[str]:
    told = ("size_bytes", "mtime_ns", *TIMES, *TOLD) if facts.version > 1 else ("size_bytes", "mtime_ns", *TIMES)
    names = [name for name in told if row[name] != facts.row[name]]
    # Files of version 1 do not say when they end; rows of earlier versions have another v_c0.
    ignored = {"v_c0"} | ({"end_us"} if facts.version == 1 else set()) | (set() if row["mtime_ns"] else {"mtime_ns"})
    return [name for name in names if name not in ignored]


def _kind(differing: list[str]) -> str:
    if any(name in TIMES for name in differing):
        return "wrong_times"
    return "wrong_size" if "size_bytes" in differing else "wrong_row"


def _judge(check: Check, row: Row, path: Path, facts: FileFacts, kind: str, differing: list[str]) -> None:
    """Correct a row where the file's own box and hash prove the file right; else note the fault."""
    text = f"row and file differ in {', '.join(differing)}"
    if not check.is_repairing and not check.is_hashing:
        check.say(kind, row["id"], text)
        return
    if _hash(path) != facts.row["sha256"]:
        _fault(check, row, "wrong_hash", "its bytes do not have the hash that its closing box names")
    elif differing and check.is_repairing:
        _change(check, row, kind, text, "row corrected from its file", {**_told(facts), "verified_us": now_us()})
    elif differing:
        check.say(kind, row["id"], text)
    else:
        if check.is_repairing and row["fault"] is not None:
            _change(check, row, "healed", f"its fault {row['fault']} is gone", "fault removed", {"fault": None})
        _check_index(check, row)


def _check_index(check: Check, row: Row) -> None:
    """Find a segment without a sample index, or with one that is not its own; the index is made anew afterwards."""
    if not row["index_size_bytes"]:
        text = "has no sample index"
    else:
        root = check.roots[row["storage_id"]]
        try:
            index = sidecar.read_index(
                root, row["source_id"], row["start_us"], row["index_offset_bytes"], row["index_size_bytes"]
            )
            if all(index.counts[name] == row[name] for name in ROW_COUNTERS if name != "v_c0"):
                return
            text = "its sample index is another's"
        except (FormatError, OSError) as error:
            text = f"its sample index cannot be used: {error}"
    if check.is_repairing:
        values = {"index_offset_bytes": 0, "index_size_bytes": 0}
        _change(check, row, "bad_index", text, "made anew from its file", values)
    else:
        check.say("bad_index", row["id"], text)
