"""What an earlier recorder left: living ffmpeg processes to adopt, files to take in, attempts to close."""

import errno
import logging
import os
import re
import select
import signal
from pathlib import Path

from sqlalchemy import func
from sqlalchemy import select as select_rows
from sqlalchemy.exc import OperationalError

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.archive.leftrun import LeftRun
from app.archive.machineclock import machine_clock
from app.archive.publishing import RunPublisher
from app.capture import ffmpeg
from app.capture.attempt import Attempt, clear_run, put_aside, read_log
from app.capture.processes import LiveFfmpeg, find_ffmpegs, host_id
from app.extensions import db, writing
from app.models import Attempt as AttemptRow
from app.models import Recorder, Run, Segment
from app.models.segment import OPEN
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)
FOREIGN_S = 15.0  # an ffmpeg that records writes more often
_RUN_FILE = re.compile(r"^([0-9a-f-]{36})[-.]")


def leftover_sources(root: Path) -> set[int]:
    """Return the sources in whose live folder of one storage an earlier recorder left anything."""
    try:
        with os.scandir(root / places.LIVE) as entries:
            folders = [Path(entry.path) for entry in entries if entry.name.isdigit() and entry.is_dir()]
        return {int(folder.name) for folder in folders if next(folder.iterdir(), None)}
    except FileNotFoundError:
        return set()


def open_sources(storage_id: str) -> set[int]:
    """Return the sources with rows of open segments: a power loss can leave those without their files."""
    query = select_rows(Segment.source_id).where(Segment.state == OPEN, Segment.storage_id == storage_id).distinct()
    found = set(db.session.scalars(query))
    db.session.rollback()
    return found


def open_runs(storage_id: str, source_id: int) -> set[str]:
    """Return the ffmpegs of a source, each by its first run, with rows of open segments."""
    capture = func.coalesce(Run.capture_id, Run.id)
    query = (
        select_rows(capture)
        .join(Segment, Segment.run_id == Run.id)
        .where(Segment.state == OPEN, Segment.storage_id == storage_id, Segment.source_id == source_id)
    )
    found = set(db.session.scalars(query))
    db.session.rollback()
    return found


def living_ffmpegs(root: Path) -> dict[int, list[LiveFfmpeg]]:
    """Return this machine's recording ffmpegs by source, newest run last."""
    found: dict[int, list[LiveFfmpeg]] = {}
    for process in sorted(find_ffmpegs(root / places.LIVE), key=lambda process: process.pid):
        found.setdefault(process.source_id, []).append(process)
    return found


def adopt(config: Config, root: Path, storage_id: str, process: LiveFfmpeg) -> Attempt:
    """Return the attempt of a living ffmpeg, to go on with, dated by the clock as the recorder before saw it."""
    place = Place(root, storage_id, process.source_id, process.run_id)
    return Attempt(place, process, RunWriter(place, base_us=machine_clock.base_us), config.SILENCE_S)


def end_surplus(process: LiveFfmpeg, limit_s: float = 5.0) -> None:
    """End an ffmpeg that nobody wants and wait for it; its files are taken in like those of any ended run.

    Raises TimeoutError when it writes on all the same: its files must not be closed under it.
    """
    log.warning("ending ffmpeg %d of source %d: nothing wants it", process.pid, process.source_id)
    try:
        for number in (signal.SIGINT, signal.SIGKILL):
            process.send(number)
            if select.select([process.handle], [], [], limit_s)[0]:
                return
    finally:
        process.close()
    raise TimeoutError(errno.ETIMEDOUT, f"ffmpeg {process.pid} does not end")


class Leftover:
    """A run whose ffmpeg has ended: its rows are made, and its files closed after that. Used by one thread."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._is_published = False
        self._run: LeftRun | None = None

    def publish(self) -> None:
        """Make the rows of all that is left of the run: it plays. Raises OSError, OperationalError: call again."""
        RunPublisher(self.place).publish()
        self._is_published = True

    def close_next(self) -> bool:
        """Close one file, with the last the run and its attempt; tell whether more is left. Raises as above."""
        if not self._is_published:
            self.publish()
        if self._run is None:
            self._run = LeftRun(self.place)
        if self._run.close_oldest():
            return True
        _finish_run(self._run, places.live_folder(self.place.root, self.place.source_id))
        return False


def _check_silent(folder: Path, runs: set[str]) -> None:
    """Raise BlockingIOError where another machine's ffmpeg may write to one of these runs still: call again.

    It may have lost its lease while the database was gone; closed under it, its files would be spoilt.
    """
    if not runs:
        return
    owner = AttemptRow.recorder_id == Recorder.id
    query = select_rows(AttemptRow.run_id).join(Recorder, owner).where(AttemptRow.run_id.in_(runs))
    foreign = set(db.session.scalars(query.where(Recorder.host_id != host_id())))
    db.session.rollback()
    for run_id in foreign:
        written_s = max((path.stat().st_mtime for path in folder.glob(f"{run_id}-*.mp4")), default=0.0)
        if abs(now_us() / 1e6 - written_s) < FOREIGN_S:
            raise BlockingIOError(errno.EBUSY, f"another machine wrote to run {run_id} just now")


def find_leftovers(root: Path, storage_id: str, source_id: int, living_runs: set[str]) -> list[Leftover]:
    """Return every run of the source, in one storage, whose ffmpeg has ended and that left anything.

    Raises BlockingIOError while another machine may write to one.
    """
    runs = {match[1] for entry in _names(places.live_folder(root, source_id)) if (match := _RUN_FILE.match(entry))}
    runs |= open_runs(storage_id, source_id)
    _check_silent(places.live_folder(root, source_id), runs - living_runs)
    return [Leftover(Place(root, storage_id, source_id, run_id)) for run_id in sorted(runs - living_runs)]


def take_in(root: Path, storage_id: str, source_id: int, living_runs: set[str]) -> None:
    """Take in the files, in one storage, of every run of the source whose ffmpeg has ended; close its attempt.

    Raises the first OSError or OperationalError when all runs have been tried: call again.
    """
    refusals: list[Exception] = []
    for leftover in find_leftovers(root, storage_id, source_id, living_runs):
        try:
            while leftover.close_next():
                pass
        except (OSError, OperationalError) as error:  # it must not keep the other runs from being taken in
            db.session.rollback()
            refusals.append(error)
        except Exception:  # nor must a fault of ours
            db.session.rollback()
            run_id = leftover.place.run_id
            log.exception("source %d: run %s cannot be taken in; its files stay where they are", source_id, run_id)
    if refusals:
        raise refusals[0]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []


def _finish_run(run: LeftRun, folder: Path) -> None:
    place, has_footage = run.place, run.finish()
    text = read_log(folder / f"{place.run_id}.log")
    verdict = ffmpeg.judge(text, has_footage=has_footage)
    last_us = max((path.stat().st_mtime_ns // 1000 for path in folder.glob(f"{place.run_id}*")), default=now_us())
    with writing() as session:
        query = select_rows(AttemptRow).where(AttemptRow.run_id == place.run_id, AttemptRow.end_us.is_(None))
        for row in session.scalars(query):
            row.end_us = max(row.begin_us, last_us)
            row.reason, row.detail = (
                ("recorder_stopped", "no recorder ran") if has_footage else (verdict.reason, verdict.detail)
            )
    log.info(
        "source %d: took in run %s%s",
        place.source_id,
        place.run_id,
        "" if has_footage else ", which is empty",
    )
    clear_run(folder, place.run_id)
    put_aside(place.root, place.source_id, place.run_id)


def close_attempts(source_id: int, recorder_id: str, living_runs: set[str]) -> None:
    """Close attempts of dead recorders whose process is gone and that left no file in any storage."""
    query = select_rows(AttemptRow).where(
        AttemptRow.source_id == source_id, AttemptRow.end_us.is_(None), AttemptRow.recorder_id != recorder_id
    )
    with writing() as session:
        for row in session.scalars(query):
            if row.run_id not in living_runs:
                row.end_us, row.reason, row.detail = (
                    row.begin_us,
                    "recorder_stopped",
                    "the recorder ended meanwhile",
                )
