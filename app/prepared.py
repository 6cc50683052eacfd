"""A quick look whether the embedded database is up to date. Standard library only: it saves a second at each start."""

import hashlib
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from instance.config import ROOT, Config

_REVISION = re.compile(r"^(down_revision|revision)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|None)", re.MULTILINE)
# The base list of violations (app/review/loading.py). Its file is read again when it, or how it is read, has changed.
LIST_NAME, LIST_PATH = "classification_events", ROOT / "media" / "classification_events.xlsx"
LIST_READING = b"1|"
MAX_LIST_BYTES = 4 * 1024 * 1024


def head_revision(versions: Path = ROOT / "migrations" / "versions") -> str | None:
    """Return the newest migration, None when there is not exactly one."""
    known: set[str] = set()
    followed: set[str] = set()
    for path in versions.glob("*.py"):
        for kind, single, double in _REVISION.findall(path.read_text("utf-8")):
            (known if kind == "revision" else followed).add(single or double)
    heads = known - followed
    return heads.pop() if len(heads) == 1 else None


def list_hash(path: Path = LIST_PATH) -> str | None:
    """Return the hash that tells whether the list was loaded as it is now; None where there is no such file.

    Of a file that is too large to be loaded its begin counts.
    """
    try:
        with path.open("rb") as file:
            return hashlib.sha256(LIST_READING + file.read(MAX_LIST_BYTES + 1)).hexdigest()
    except OSError:
        return None


def is_prepared(config: Config) -> bool:
    """Tell whether the embedded database is at the newest migration, has the list, and in production an account.

    False for any other database: only a real connection can tell.
    """
    prefix = "sqlite:///"
    path = Path(config.database_url.removeprefix(prefix))
    if not config.database_url.startswith(prefix) or not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
            has_account = bool(connection.execute("SELECT 1 FROM account LIMIT 1").fetchone())
            loaded = connection.execute("SELECT sha256 FROM loaded_list WHERE name = ?", (LIST_NAME,)).fetchone()
    except sqlite3.Error:
        return False
    wanted = list_hash()
    is_loaded = wanted is None or (loaded is not None and loaded[0] == wanted)
    return found == [head_revision()] and is_loaded and (has_account or config.ENVIRONMENT != "production")
