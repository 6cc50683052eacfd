"""A disk as a reset of the machine may leave it, made from a trace of what was done to it (tests.syscalls).

What a sync covers is there. Of the rest anything may be: nothing, all, a file without its name, a name without its
data, a page of a file as it was at any moment since, zeros where a file had grown. The only promises are those of every
journaling file system: a rename is one step, and a page of 4 KiB is not torn.
"""

import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.syscalls import Call

PAGE = 4096
# What survives of names and of data that no sync covers: none, all, or any.
MODES = {
    "nothing": ("none", "none"),
    "everything": ("all", "all"),
    "names alone": ("all", "none"),
    "data alone": ("none", "all"),
    "anything": ("any", "any"),
}


@dataclass(eq=False)
class Node:
    """A file or a folder, whatever its names. `syncs` are (begin, end) of each sync of it."""

    is_folder: bool
    data: bytes = b""
    mtime_s: float = 0.0
    entries: dict[str, "Node"] = field(default_factory=dict)  # as they were at the begin
    changes: list["Change"] = field(default_factory=list)
    syncs: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Change:
    """A write (`data` at `offset`), or a cut to a size (`data` None)."""

    end: int
    at_s: float
    offset: int
    data: bytes | None


@dataclass(frozen=True, eq=False)
class Renaming:
    """One step in which names go and come: (folder, name, node) each."""

    end: int
    gone: tuple[tuple[Node, str, Node], ...]
    come: tuple[tuple[Node, str, Node], ...]


class Disk:
    """A folder at the begin, and all that was done in it since."""

    def __init__(self, root: Path) -> None:
        """Read the folder as it is now: all of it counts as durable."""
        self.root = root
        self.top = _read_folder(root)
        self.names: list[Renaming] = []
        self._now: dict[Node, dict[str, Node]] = {}
        self._places: dict[Node, int] = {}  # where the next write of a file goes

    def play(self, calls: Sequence[Call]) -> None:
        """Take over calls."""
        for call in calls:
            getattr(self, f"_{call.name}", self._nothing)(call)

    # --- names -------------------------------------------------------------------------------------------------

    def _entries(self, folder: Node) -> dict[str, Node]:
        return self._now.setdefault(folder, dict(folder.entries))

    def _find(self, path: str) -> Node | None:
        parts = self._parts(path)
        node: Node | None = self.top if parts is not None else None
        for part in parts or ():
            node = self._entries(node).get(part) if node is not None and node.is_folder else None
        return node

    def _parts(self, path: str) -> tuple[str, ...] | None:
        try:
            return Path(os.path.normpath(path)).relative_to(self.root).parts
        except ValueError:
            return None

    def _place(self, path: str) -> tuple[Node, str] | None:
        parts = self._parts(path)
        folder = self._find(str(Path(path).parent)) if parts else None
        return (folder, Path(path).name) if folder is not None else None

    def _rename_step(self, call: Call, gone: list, come: list) -> None:
        for folder, name, _ in gone:
            self._entries(folder).pop(name, None)
        for folder, name, node in come:
            self._entries(folder)[name] = node
        self.names.append(Renaming(call.end, tuple(gone), tuple(come)))

    def _make(self, call: Call, path: str, *, is_folder: bool) -> Node | None:
        place = self._place(path)
        if place is None:
            return None
        node = Node(is_folder, mtime_s=call.at_s)
        self._rename_step(call, [], [(*place, node)])
        return node

    def _openat(self, call: Call) -> None:
        if "O_WRONLY" not in call.args and "O_RDWR" not in call.args:
            return
        path = _path(call, 0)
        node = self._find(path)
        if node is None and "O_CREAT" in call.args:
            node = self._make(call, path, is_folder=False)
        if node is None:
            return
        if "O_TRUNC" in call.args:
            self._cut(call, node, 0)
        if "O_CREAT" in call.args:
            self._places[node] = -1 if "O_APPEND" in call.args else 0

    def _mkdir(self, call: Call) -> None:
        self._make(call, _path(call, 0), is_folder=True)

    _mkdirat = _mkdir

    def _unlink(self, call: Call) -> None:
        path = _path(call, 0)
        place, node = self._place(path), self._find(path)
        if place is not None and node is not None:
            self._rename_step(call, [(*place, node)], [])

    _unlinkat = _rmdir = _unlink

    def _rename(self, call: Call) -> None:
        before, after = _path(call, 0), _path(call, 1)
        node, old, new = self._find(before), self._place(before), self._place(after)
        if node is not None and old is not None and new is not None:
            self._rename_step(call, [(*old, node)], [(*new, node)])

    _renameat = _renameat2 = _rename

    def _link(self, call: Call) -> None:
        node, new = self._find(_path(call, 0)), self._place(_path(call, 1))
        if node is not None and new is not None:
            self._rename_step(call, [], [(*new, node)])

    _linkat = _link

    # --- data --------------------------------------------------------------------------------------------------

    def _nothing(self, call: Call) -> None:
        assert call.name in ("lseek", "writev", "pwritev", "fallocate", "open", "creat", "truncate"), call.name

    def _lseek(self, call: Call) -> None:
        node = self._find(call.handle_path())
        if node is not None and self._places.get(node, -1) >= 0:
            self._places[node] = call.value

    def _write(self, call: Call) -> None:
        node = self._find(call.handle_path())
        if node is None:
            return
        offset = self._places.get(node, 0)
        offset = _size(node) if offset < 0 else offset
        self._put(call, node, offset, b"".join(call.texts)[: call.value])
        if self._places.get(node, 0) >= 0:
            self._places[node] = offset + call.value

    _writev = _write

    def _pwrite64(self, call: Call) -> None:
        node = self._find(call.handle_path())
        if node is not None:
            self._put(call, node, call.number, call.texts[0][: call.value])

    def _put(self, call: Call, node: Node, offset: int, data: bytes) -> None:
        assert len(data) == call.value
        node.changes.append(Change(call.end, call.at_s, offset, data))

    def _ftruncate(self, call: Call) -> None:
        node = self._find(call.handle_path())
        if node is not None:
            self._cut(call, node, call.number)

    def _cut(self, call: Call, node: Node, size: int) -> None:
        node.changes.append(Change(call.end, call.at_s, size, None))

    def _fsync(self, call: Call) -> None:
        node = self._find(call.handle_path())
        if node is not None:
            node.syncs.append((call.begin, call.end))

    _fdatasync = _fsync

    # --- after the reset ---------------------------------------------------------------------------------------

    def build(self, cut: int, mode: str, seed: int = 0) -> dict[str, bytes]:
        """Make the folder anew as a reset after the call `cut` may leave it; return its durable files by path."""
        chance = random.Random(f"{seed} {cut} {mode}")
        share = chance.choice((0.1, 0.5, 0.9))
        names, data = MODES[mode]
        tree: dict[Node, dict[str, Node]] = {}
        firm: dict[Node, dict[str, Node]] = {}
        for step in self.names:
            if step.end > cut:
                break
            is_firm = any(_covers(folder, step.end, cut) for folder, _, _ in (*step.gone, *step.come))
            if is_firm:
                _apply(step, firm)
            if is_firm or names == "all" or (names == "any" and chance.random() < share):
                _apply(step, tree)
        for path in self.root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._write_out(self.top, self.root, tree, lambda node: _content(node, cut, data, chance, share))
        return dict(_durable(self.top, "", firm, tree, cut))

    def _write_out(self, folder: Node, path: Path, tree, content) -> None:
        path.mkdir(exist_ok=True)
        for name, node in sorted(tree.get(folder, folder.entries).items()):
            if node.is_folder:
                self._write_out(node, path / name, tree, content)
            else:
                data, mtime_s = content(node)
                (path / name).write_bytes(data)
                os.utime(path / name, ns=(round(mtime_s * 1e9), round(mtime_s * 1e9)))


def _path(call: Call, number: int) -> str:
    """Return the number-th path among the arguments, relative ones from the folder that is named before it."""
    text = call.texts[number].decode()
    if text.startswith("/"):
        return text
    return str(Path(call.handle_path(min(number, call.args.count("<") - 1))) / text)


def _read_folder(path: Path) -> Node:
    node = Node(is_folder=True, mtime_s=path.stat().st_mtime)
    for entry in path.iterdir():
        if entry.is_dir():
            node.entries[entry.name] = _read_folder(entry)
        elif entry.is_file():
            node.entries[entry.name] = Node(False, entry.read_bytes(), entry.stat().st_mtime)
    return node


def _size(node: Node) -> int:
    size = len(node.data)
    for change in node.changes:
        size = change.offset if change.data is None else max(size, change.offset + len(change.data))
    return size


def _covers(node: Node, end: int, cut: int) -> bool:
    """Tell whether a sync of the node that has ended at `cut` began after the call with this end."""
    return any(end < begin and ended <= cut for begin, ended in node.syncs)


def _apply(step: Renaming, tree: dict[Node, dict[str, Node]]) -> None:
    """Take a step, where what it is about is there."""
    for folder, name, node in step.gone:
        entries = tree.setdefault(folder, dict(folder.entries))
        if entries.get(name) is node:
            del entries[name]
    for folder, name, node in step.come:
        tree.setdefault(folder, dict(folder.entries))[name] = node


def _content(node: Node, cut: int, data: str, chance: random.Random, share: float) -> tuple[bytes, float]:
    """Return what may be left of a file, and when that was written."""
    done = [change for change in node.changes if change.end <= cut]
    firm = [change for change in done if _covers(node, change.end, cut)]
    loose = done[len(firm) :]
    if data == "none":
        kept, loose = firm, []
    elif data == "all" or any(change.data is None for change in loose):
        count = len(loose) if data == "all" else chance.randint(0, len(loose))
        kept, loose = firm + loose[:count], []
    else:
        kept = firm
    content = bytearray(node.data)
    for change in kept:
        _change(content, change)
    at_s = kept[-1].at_s if kept else node.mtime_s
    if loose and data == "any":
        _write_some_pages(content, loose, chance, share)
        at_s = loose[-1].at_s
    return bytes(content), at_s


def _change(content: bytearray, change: Change) -> None:
    if change.data is None:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data


def _write_some_pages(content: bytearray, loose: list[Change], chance: random.Random, share: float) -> None:
    """Write each page as it was after some of the writes, or not; the file may be longer than what is in it."""
    size_before = len(content)
    pages: dict[int, list[Change]] = {}
    for change in loose:
        assert change.data is not None
        for page in range(change.offset // PAGE, (change.offset + len(change.data) - 1) // PAGE + 1):
            pages.setdefault(page, []).append(change)
    full = bytearray(content)
    for page, changes in sorted(pages.items()):
        if chance.random() >= share:
            continue
        for change in changes[: chance.randint(1, len(changes))]:
            assert change.data is not None
            begin, end = max(change.offset, page * PAGE), min(change.offset + len(change.data), (page + 1) * PAGE)
            piece = change.data[begin - change.offset : end - change.offset]
            _change(full, Change(0, 0.0, begin, piece))
    longest = max(change.offset + len(change.data or b"") for change in loose)
    size = chance.choice((len(full), max(len(full), longest), max(size_before, len(full) - chance.randint(0, PAGE))))
    full.extend(bytes(max(0, size - len(full))))
    content[:] = full[: max(size, size_before)]


def _durable(folder: Node, path: str, firm: dict, tree: dict, cut: int):
    """Yield path and content of what a sync covers, name and data, at the names that it has by syncs alone."""
    for name, node in firm.get(folder, folder.entries).items():
        if node.is_folder:
            yield from _durable(node, f"{path}{name}/", firm, tree, cut)
        else:
            yield f"{path}{name}", _content(node, cut, "none", random.Random(), 0)[0]
