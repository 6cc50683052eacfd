"""Opening a recorded file that was planned to be read from a storage that it has left since (app/archive/moving.py).

An answer that is being sent opens its files one after the other, for hours where the client is slow. Below each storage
a file has the same path, and its name is of one segment alone: so it is looked for at that path in the others.
"""

import os
from collections.abc import Iterable

# A pipe in the place of a file would wait for a writer for ever.
READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_known: tuple[str, ...] = ()


def know_roots(paths: Iterable[str]) -> None:
    """Remember where the storages are mounted. Called wherever they are read from the database."""
    global _known
    _known = tuple(path.rstrip("/") for path in paths if path)


def open_media(path: str, other_path: str | None = None) -> int:
    """Open a file for reading at its path, at the one that it may just be moving to or from, or in another storage.

    Raises OSError; FileNotFoundError where it is in none.
    """
    for name in (path, other_path or path):
        try:
            return os.open(name, READ)
        except FileNotFoundError as error:
            missing = error
    root = next((root for root in _known if path.startswith(f"{root}/")), None)
    for other in _known if root is not None else ():
        if other != root:
            try:
                return os.open(other + path[len(root or "") :], READ)
            except OSError:  # a disk that is away, among others
                continue
    raise missing
