"""Names that outlive a power loss: a file is found again only when its folder was synced, and that in its own."""

import os
from pathlib import Path

MOST_KNOWN = 20_000
_known: dict[str, int] = {}  # inodes of folders whose names are durable as this process has seen to


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below `root`, and those between, durably: also where a process made them that died before it could.

    One that is known costs a look. Raises OSError; FileNotFoundError when someone removes a folder meanwhile.
    """
    if folder == root or _is_known(folder):
        return
    make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[str(folder)] = folder.stat().st_ino


def _is_known(folder: Path) -> bool:
    inode = _known.get(str(folder))
    if inode is None:
        return False
    try:
        return folder.stat().st_ino == inode
    except FileNotFoundError:
        return False


def make_root(root: Path) -> None:
    """Make a folder and those above it, durably. Raises OSError."""
    missing = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> bool:
    """Make a file that is whole from its first moment on, durably; tell whether it is this one.

    False: there is one of that name. Raises OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
        return True
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
