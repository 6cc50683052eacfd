"""Telling analysers of download addresses: each new key of each file, while it is valid; see telling.py.

    {"id": 7, "refer": "HEX", "url": "https://video.example.org/download/KEY/", "expires_utc": "2026-11-20T22:44:05Z"}

The outbox has the generation alone, and the key is made when it is sent. A key that is no longer valid is passed over:
of each file the newest one is told.
"""

from flask import current_app
from sqlalchemy import delete, func, select

from app.extensions import db, writing
from app.instants import utc_text
from app.models import AnalyserMark, File, FileEvent
from app.models.types import now_us
from app.transfer.referkeys import current_key, download_path
from app.transfer.telling import Channel, Told

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 30.0  # a key is worth telling for 90 s
OLD_US = 900_000_000  # no key lives for so long


def _find(_host: str, last_id: int, at_us: int) -> Told | None:
    """Return the next key that is valid at an instant; where none is, up to which event nothing is to be told."""
    fresh = (FileEvent.type == "download") & (FileEvent.id > last_id)
    newest = select(FileEvent.file_id, func.max(FileEvent.id).label("id")).where(fresh).group_by(FileEvent.file_id)
    found = newest.subquery()
    told_id = None
    query = select(found.c.id, File).join(found, found.c.file_id == File.id).order_by(found.c.id)
    for told_id, row in db.session.execute(query):
        key = current_key(row, at_us)
        if key is not None:
            text, _, until_us = key
            url = current_app.config["PLAYBACK"].public_url + download_path(text)
            body = {"id": row.id, "refer": row.refer, "url": url, "expires_utc": utc_text(until_us)}
            return Told(told_id, body)
    return None if told_id is None else Told(told_id, None)


def _begin() -> int:
    """Return where a new address begins: with the keys that are valid now."""
    old = select(FileEvent.id).where(FileEvent.type == "download", FileEvent.at_us < now_us() - OLD_US)
    return db.session.scalar(old.order_by(FileEvent.id.desc()).limit(1)) or 0


ANALYSERS = Channel(
    "analyser",
    "X-Playback-Event",
    AnalyserMark,
    _find,
    _begin,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    "while a key is valid",
)


def clear_marks(targets: set[str]) -> None:
    """Forget the addresses that are no more."""
    with writing() as session:
        session.execute(delete(AnalyserMark).where(AnalyserMark.target.not_in(targets)))
