"""The file at a record's `location`: a small HLS playlist that plays its segments from the mounted storage (RFC 8216).

It names whole closed segments by relative paths; the exact cut is `/video/`. It is there soon after the start, is
written anew as segments close, always under another name first, and is complete once nothing of the record is to come.
"""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import select

from app.archive import places
from app.archive.alone import alone_with
from app.archive.deletion import delete_rest
from app.archive.durable import make_folder, sync_folder
from app.archive.holding import FOR_EVER_US, is_settled
from app.archive.storages import read_marker
from app.archive.unlinking import OutsideStorage, remove_playlist
from app.extensions import AnySession, db, writing
from app.formats import playlists
from app.models import Record, Segment, Storage
from app.models.segment import CLOSED, MAX_SEGMENT_US
from instance.config import Config

log = logging.getLogger(__name__)

BATCH = 200  # ended records a pass: where thousands are found at the first start, they are done in turn
PASS_S = 3.0
SEGMENT_PAUSE_S = 0.02  # a growing list is written anew at most every so often for each segment in it
LOCK = ".lock"


class Listed(NamedTuple):
    """What a playlist needs of a segment."""

    start_us: int
    end_us: int
    id: str
    storage_id: str
    run_id: str
    sequence: int
    video_entry_id: int | None
    audio_entry_id: int | None
    body_begin_bytes: int
    body_end_bytes: int


LISTED = select(*(getattr(Segment, name) for name in Listed._fields)).order_by(Segment.start_us)


class Lister:
    """Writes the playlists of one storage; remembers what it has written of growing ones. Used by one at a time."""

    def __init__(self, config: Config) -> None:
        self._root = config.storage_path
        self._usual_s = 2 * config.SEGMENT_S
        self._known: dict[str, tuple[int, float]] = {}  # by record: start of its last segment, not before (monotonic)

    def run(self) -> int:
        """Bring the files up to date; return how many were written or removed. Needs an app context.

        Does nothing while the storage is not mounted or cannot be read, or another process is at it.
        """
        try:
            return self._run()
        except OSError as error:
            db.session.rollback()
            log.error("the playlists of the storage %s cannot be looked at: %s", self._root, error.strerror)
            return 0

    def _run(self) -> int:
        storage_id = read_marker(self._root)
        if storage_id is None:
            return 0
        until_s = time.monotonic() + PASS_S
        done = 0
        with _alone(self._root) as is_alone:
            if not is_alone:
                return 0
            for record_id, source_id in self._find_due():
                if time.monotonic() > until_s:
                    break
                done += self._bring_up_to_date(record_id, source_id, storage_id)
        return done

    def _find_due(self) -> list[tuple[str, int]]:
        """Return open records, then those that ended and are not done, the newest first but some of the oldest."""
        columns = select(Record.id, Record.source_id)
        growing = db.session.execute(columns.where(Record.end_us.is_(None))).all()
        ended = columns.where(~Record.is_listed, Record.end_us.is_not(None)).limit(BATCH // 2)
        newest = db.session.execute(ended.order_by(Record.begin_us.desc())).all()
        oldest = db.session.execute(ended.order_by(Record.begin_us)).all()
        db.session.rollback()
        self._known = {row.id: self._known[row.id] for row in growing if row.id in self._known}
        return list(dict.fromkeys((row.id, row.source_id) for row in (*growing, *newest, *oldest)))

    def _bring_up_to_date(self, record_id: str, source_id: int, storage_id: str) -> bool:
        row = db.session.get(Record, record_id)
        if row is None:
            return False
        is_final = row.end_us is not None and is_settled(db.session, source_id, row.end_us)
        is_deleted = row.deleted_us is not None
        if is_deleted:
            db.session.rollback()
            return is_final and self._end_deletion(record_id)
        cut_us, known = row.cut_us, self._known.get(record_id)
        last_us = _last_closed(db.session, row)
        if not is_final and known is not None and (known[0] == last_us or known[1] > time.monotonic()):
            db.session.rollback()
            return False
        folders = _folders(self._root, storage_id)
        segments = [segment for segment in find_listed(db.session, row) if segment.storage_id in folders]
        text = playlist_text(segments, row, folders, is_final=is_final, least_target_s=self._usual_s)
        db.session.rollback()
        try:
            write_playlist(self._root, record_id, text)
        except OSError as error:
            log.error("the playlist of record %s cannot be written: %s", record_id, error.strerror)
            return False
        if is_final:
            _set_listed(record_id, cut_us, was_deleted=False)
        else:
            self._known[record_id] = (last_us, time.monotonic() + len(segments) * SEGMENT_PAUSE_S)
        return True

    def _end_deletion(self, record_id: str) -> bool:
        """Delete what was still open when the record was deleted, and its playlist; tell whether all is gone."""
        with writing() as session:
            is_gone = delete_rest(session, record_id)
        if not remove_playlist(self._root, record_id) or not is_gone:
            return False
        _set_listed(record_id, None, was_deleted=True)
        return True


def _set_listed(record_id: str, cut_us: int | None, *, was_deleted: bool) -> None:
    """Note that what is at the location is final, unless the record was deleted or cut meanwhile."""
    with writing() as session:
        row = session.get(Record, record_id, with_for_update=True)
        if row is not None and (row.deleted_us is not None) == was_deleted and (was_deleted or row.cut_us == cut_us):
            row.is_listed = True


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[bool]:
    """Tell whether no other process writes playlists in this storage now."""
    folder = root / places.RECORDS
    with contextlib.ExitStack() as stack:
        is_alone = False
        try:
            make_folder(folder, root)
            _refuse_link(folder)
            is_alone = stack.enter_context(alone_with(folder / LOCK))
        except OSError as error:
            log.error("the playlists of records cannot be written: %s", error.strerror)
        yield is_alone


def _last_closed(session: AnySession, row: Record) -> int:
    """Return the start of the last closed segment of a growing record, 0 for none."""
    found = select(Segment.start_us).where(
        Segment.source_id == row.source_id,
        Segment.state == CLOSED,
        Segment.start_us > row.begin_us - MAX_SEGMENT_US,
        Segment.end_us > row.begin_us,
    )
    return session.scalar(found.order_by(Segment.start_us.desc()).limit(1)) or 0


def _folders(root: Path, storage_id: str) -> dict[str, str]:
    """Return where each storage is, as seen from the folder of the playlists of one of them."""
    found = {row.id: row.path for row in db.session.scalars(select(Storage)) if row.path}
    folder = root / places.RECORDS
    return {key: ".." if key == storage_id else os.path.relpath(path, folder) for key, path in found.items()}


def find_listed(session: AnySession, row: Record) -> list[Listed]:
    """Return the closed segments of a record, by start."""
    query = LISTED.where(
        Segment.source_id == row.source_id,
        Segment.start_us > row.begin_us - MAX_SEGMENT_US,
        Segment.end_us > row.begin_us,
        Segment.start_us < (FOR_EVER_US if row.end_us is None else row.end_us),
        Segment.state == CLOSED,
    )
    return [Listed(*found) for found in session.execute(query)]


def playlist_text(
    segments: Sequence[Listed], row: Record, folders: Mapping[str, str], *, is_final: bool, least_target_s: int
) -> str:
    """Return the playlist of a record, whose file lies in `records/`; `folders` says where each storage is from there.

    Durations follow from the edges of the segments in milliseconds, so that their sum is that of the footage.
    """
    durations_ms = [segment.end_us // 1000 - segment.start_us // 1000 for segment in segments]
    head = playlists.playlist_head(
        kind="EVENT",
        target_duration_s=max(least_target_s, -(-max(durations_ms, default=0) // 1000)),
        start_offset_s=max(row.begin_us - segments[0].start_us, 0) / 1e6 if segments else None,
    )
    entries = []
    before: Listed | None = None
    for segment, ms in zip(segments, durations_ms, strict=True):
        uri = _relative(row.source_id, segment, folders[segment.storage_id])
        is_next = before is not None and _follows(segment, before)
        if not is_next:
            entries.append(playlists.DISCONTINUITY if before is not None else "")
            entries.append(playlists.init_map(uri, segment.body_begin_bytes))
            entries.append(playlists.program_date_time(segment.start_us))
        entries.append(playlists.part_entry(uri, ms, segment.body_begin_bytes, segment.body_end_bytes))
        before = segment
    return head + "".join(entries) + (playlists.END if is_final else "")


def _relative(source_id: int, segment: Listed, folder: str) -> str:
    return quote(f"{folder}/{places.closed_path_text(Path(), source_id, segment.start_us, segment.id)}")


def _follows(segment: Listed, before: Listed) -> bool:
    """Tell whether a segment goes on where the one before ended, with the same codec configuration."""
    is_next = (segment.run_id, segment.sequence) == (before.run_id, before.sequence + 1)
    entries = (segment.video_entry_id, segment.audio_entry_id)
    return is_next and entries == (before.video_entry_id, before.audio_entry_id)


def write_playlist(root: Path, record_id: str, text: str) -> None:
    """Put a playlist at its location, whole or not at all, durably. Raises OSError; never follows a link."""
    path = root / places.record_location(record_id)
    _refuse_link(path.parent)
    temporary = path.parent / f".{path.name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _refuse_link(folder: Path) -> None:
    """Raise OutsideStorage where a folder is a symbolic link."""
    if folder.is_symlink():
        raise OutsideStorage(errno.ELOOP, "the folder of playlists is a symbolic link", str(folder))
