"""What processes do to files, recorded with strace: every write, sync and change of a name, in order.

A write counts from its end and a sync from its begin: what was written while a sync ran is not taken as synced.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CALLS = (
    "openat,open,creat,lseek,write,pwrite64,writev,pwritev,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<at>\d+\.\d+) (?P<text>.*)$", re.DOTALL)
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>(.*)$", re.DOTALL)
_CALL = re.compile(r"^(?P<name>\w+)\((?P<args>.*)\) += (?P<value>-?\d+)", re.DOTALL)
_HEX = r"((?:\\x[0-9a-f]{2})*)"
_HANDLE = re.compile(rf"^(?:\d+|AT_FDCWD)<{_HEX}>")
_TEXT = re.compile(rf'"{_HEX}"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded. `begin` and `end` are places in the order of all; `at_s` is Unix time at its end."""

    begin: int
    end: int
    at_s: float
    name: str
    args: str
    value: int

    def handle_path(self, number: int = 0) -> str:
        """Return the path of the number-th file handle among the arguments."""
        return _unhex(re.findall(rf"(?:\d+|AT_FDCWD)<{_HEX}>", self.args)[number])

    @property
    def texts(self) -> list[bytes]:
        """Strings among the arguments: paths, or what was written."""
        return [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(self.args)]

    @property
    def number(self) -> int:
        """The last argument."""
        return int(self.args.rpartition(", ")[2])


def _unhex(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


def why_no_strace() -> str | None:
    """Return why processes cannot be traced here, None where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["strace", "--seccomp-bpf", "-f", "-o", f"{folder}/log", "true"], capture_output=True, check=False
        )
    return None if done.returncode == 0 else f"strace may not trace here: {done.stderr.decode().strip()[-200:]}"


def traced(log: Path, *command: str) -> list[str]:
    """Return the command that runs this one, and all that it starts, traced."""
    options = [
        "-f",
        "-y",
        "-xx",
        "-s",
        "100000000",
        "-ttt",
        "--seccomp-bpf",
        "-e",
        f"trace={CALLS}",
        "-e",
        "signal=none",
    ]
    return ["strace", *options, "-o", str(log), *command]


def read_calls(log: Path) -> list[Call]:
    """Return the calls of a trace that succeeded, by their end."""
    return list(_read(log.read_text("ascii").splitlines()))


def _read(lines: list[str]) -> Iterator[Call]:
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            continue
        pid, text, begin = found["pid"], found["text"], number
        if text.endswith("<unfinished ...>"):
            begun[pid] = (number, text.removesuffix("<unfinished ...>").rstrip())
            continue
        resumed = _RESUMED.match(text)
        if resumed:
            if pid not in begun:
                continue
            begin, head = begun.pop(pid)
            text = head + resumed[1]
        call = _CALL.match(text)
        if call and int(call["value"]) >= 0:
            yield Call(begin, number, float(found["at"]), call["name"], call["args"], int(call["value"]))
