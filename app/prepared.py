"""A quick look whether the embedded database is up to date. Standard library only: it saves a second at each start."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from instance.config import ROOT, Config

_REVISION = re.compile(r"^(down_revision|revision)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|None)", re.MULTILINE)


def head_revision(versions: Path = ROOT / "migrations" / "versions") -> str | None:
    """Return the newest migration, None when there is not exactly one."""
    known: set[str] = set()
    followed: set[str] = set()
    for path in versions.glob("*.py"):
        for kind, single, double in _REVISION.findall(path.read_text("utf-8")):
            (known if kind == "revision" else followed).add(single or double)
    heads = known - followed
    return heads.pop() if len(heads) == 1 else None


def is_prepared(config: Config) -> bool:
    """Tell whether the embedded database is at the newest migration and, in production, has an account.

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
    except sqlite3.Error:
        return False
    return found == [head_revision()] and (has_account or config.ENVIRONMENT != "production")
