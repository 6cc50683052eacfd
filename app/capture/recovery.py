"""What an earlier recorder left: living ffmpeg processes to adopt, files to take in, attempts to close."""

import logging
import os
import re
import signal
from pathlib import Path

from sqlalchemy import select

from app.archive import places
from app.archive.ingest import Place, RunWriter
from app.capture import ffmpeg
from app.capture.attempt import Attempt, clear_run, put_aside, read_log
from app.capture.processes import LiveFfmpeg, find_ffmpegs
from app.extensions import writing
from app.models import Attempt as AttemptRow
from app.models.types import now_us
from instance.config import Config

log = logging.getLogger(__name__)
_RUN_FILE = re.compile(r"^([0-9a-f-]{36})[-.]")


def leftover_sources(root: Path) -> set[int]:
    """Return the sources in whose live folder an earlier recorder left anything."""
    try:
        with os.scandir(root / places.LIVE) as entries:
            return {int(entry.name) for entry in entries if entry.name.isdigit() and any(os.scandir(entry.path))}
    except FileNotFoundError:
        return set()


def living_ffmpegs(root: Path) -> dict[int, list[LiveFfmpeg]]:
    """Return this machine's recording ffmpegs by source, newest run last."""
    found: dict[int, list[LiveFfmpeg]] = {}
    for process in sorted(find_ffmpegs(root / places.LIVE), key=lambda process: process.pid):
        found.setdefault(process.source_id, []).append(process)
    return found


def adopt(config: Config, storage_id: str, process: LiveFfmpeg, base_us: int | None = None) -> Attempt:
    """Return the attempt of a living ffmpeg, to go on with. base_us: as of RunWriter."""
    place = Place(config.storage_path, storage_id, process.source_id, process.run_id)
    return Attempt(place, process, RunWriter(place, base_us=base_us), config.SILENCE_S)


def end_surplus(process: LiveFfmpeg) -> None:
    """End an ffmpeg that nobody wants; its files are taken in like those of any ended run."""
    log.warning("ending ffmpeg %d of source %d: nothing wants it", process.pid, process.source_id)
    process.send(signal.SIGINT)
    process.close()


def take_in(root: Path, storage_id: str, source_id: int, living_runs: set[str]) -> None:
    """Take in the files of every run of the source whose ffmpeg has ended, and close its attempt."""
    folder = places.live_folder(root, source_id)
    runs = {match[1] for entry in _names(folder) if (match := _RUN_FILE.match(entry))}
    for run_id in sorted(runs - living_runs):
        _take_in_run(Place(root, storage_id, source_id, run_id), folder)
    _close_attempts(source_id, living_runs)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []


def _take_in_run(place: Place, folder: Path) -> None:
    has_footage = RunWriter(place, is_live=False).finish()
    text = read_log(folder / f"{place.run_id}.log")
    verdict = ffmpeg.judge(text, has_footage=has_footage)
    last_us = max((path.stat().st_mtime_ns // 1000 for path in folder.glob(f"{place.run_id}*")), default=now_us())
    with writing() as session:
        query = select(AttemptRow).where(AttemptRow.run_id == place.run_id, AttemptRow.end_us.is_(None))
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


def _close_attempts(source_id: int, living_runs: set[str]) -> None:
    """Close attempts of dead recorders whose process is gone and that left no file."""
    with writing() as session:
        for row in session.scalars(
            select(AttemptRow).where(AttemptRow.source_id == source_id, AttemptRow.end_us.is_(None))
        ):
            if row.run_id not in living_runs:
                row.end_us, row.reason, row.detail = (
                    row.begin_us,
                    "recorder_stopped",
                    "the recorder ended meanwhile",
                )
