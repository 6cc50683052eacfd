"""What `flask fsck` finds, and who may repair what.

A finding is one line. What marks rows as missing, or removes any, is refused as a whole where the database looks like
the one that is wrong: it is new, knows far fewer files than there are, or half of what it knows is gone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from app.archive.auditing import audit
from app.archive.filewalk import Odd, walk_closed
from app.archive.unlinking import is_mounted
from app.extensions import AnySession, db
from app.models import Segment
from app.models.segment import OPEN

ACTOR = "terminal"
FEW = 10  # so many are never suspicious


class Finding(NamedTuple):
    """Something wrong: a word for what, the path or id of it, what is wrong, and what was done about it."""

    kind: str
    subject: str
    text: str
    done: str | None = None

    def __str__(self) -> str:
        """Return the line that is printed."""
        return f"{self.kind}: {self.subject}: {self.text}" + (f": {self.done}" if self.done else "")


@dataclass(slots=True)
class Check:
    """One run of fsck: what it may do, and what it has found. `roots` are those of the mounted storages by id."""

    roots: Mapping[str, Path]
    tell: Callable[[Finding], None]
    is_repairing: bool = False
    is_hashing: bool = False
    refusal: str | None = None  # why no row may be marked or removed
    found: int = 0
    left: int = 0
    gone: set[str] = field(default_factory=set)

    def say(self, kind: str, subject: object, text: str, done: str | None = None) -> None:
        """Tell of a finding; without `done` it is left as it is."""
        self.found += 1
        self.left += done is None
        self.tell(Finding(kind, str(subject), text, done))

    def repaired(
        self, session: AnySession, kind: str, subject: object, text: str, done: str, source_id: int | None = None
    ) -> None:
        """Tell of a finding that this transaction repairs, and write that down in it."""
        audit(session, ACTOR, "fsck.repair", str(subject)[-255:], source_id, kind=kind, text=text, done=done)
        self.say(kind, subject, text, done)

    def is_away(self, storage_id: str) -> bool:
        """Tell whether a storage has gone away since the run began: then nothing is known of its files."""
        if is_mounted(self.roots[storage_id], storage_id):
            return False
        if storage_id not in self.gone:
            self.gone.add(storage_id)
            self.say("storage", self.roots[storage_id], "has gone away meanwhile: nothing more in it is judged")
        return True

    def may_mark(self, kind: str, subject: object, text: str) -> bool:
        """Tell whether a row may be marked or removed now; where not, tell of the finding."""
        if self.is_repairing and self.refusal is None:
            return True
        self.say(kind, subject, text)
        return False


def why_refused(roots: Mapping[str, Path], *, is_sure: bool) -> str | None:
    """Return why no row of these storages may be marked as missing or removed; None where it may.

    `is_sure`: an operator has said that files which are not there are gone for good.
    """
    for storage_id, root in roots.items():
        rows = _count(storage_id)
        known, files = _files(root)
        if files - known > max(FEW, rows):
            return (
                f"{root} holds {files} files, of which the database knows {known}: it is new, or another's. "
                "Make the missing rows with `flask rebuild` first"
            )
        if rows - known > max(FEW, rows // 2) and not is_sure:
            return (
                f"{root} holds {known} of the {rows} files that the database knows: is it the right disk, and whole? "
                "Where the others are gone for good, say so with --gone"
            )
    return None


def _count(storage_id: str) -> int:
    query = select(func.count()).select_from(Segment).where(Segment.storage_id == storage_id, Segment.state != OPEN)
    count = db.session.scalar(query)
    db.session.rollback()
    return count or 0


def _files(root: Path) -> tuple[int, int]:
    """Return how many closed files of a storage have a row, and how many there are."""
    known = files = 0
    for hour in walk_closed(root):
        if isinstance(hour, Odd):
            continue
        files += len(hour.ids)
        ids = select(Segment.id).where(
            Segment.source_id == hour.source_id,
            Segment.start_us >= hour.begin_us,
            Segment.start_us < hour.begin_us + 3_600_000_000,
        )
        known += len(set(hour.ids) & set(db.session.scalars(ids)))
        db.session.rollback()
    return known, files
