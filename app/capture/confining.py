"""Starting ffmpeg so that a hostile stream has little to reach: few rights, few files, one port, bounded resources.

    no_new_privs      prctl(2): no program with more rights can be started
    Landlock          landlock(7), where the kernel has it (5.13; ports 6.7): it reads programs and libraries, writes
                      its own folder alone, and connects by TCP to the camera's port alone
    rlimits           core dumps, open files, size of a file, address space
    nothing else      a clean environment, a folder of its own, no handle of ours

The first two belong to a thread and are inherited by what it starts: a thread of its own restricts itself, starts
the program and ends. No program in between costs time, nothing runs between fork and exec, and ffmpeg outlives us.
Standard library only.
"""

import contextlib
import ctypes
import errno
import logging
import os
import resource
import stat
import struct
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.hardening import CORE_BYTES

log = logging.getLogger(__name__)

_PR_SET_NO_NEW_PRIVS = 38
# landlock(7); the numbers of the calls are the same on all architectures but alpha.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH, _NET_PORT = 1, 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 4: 1 << 15}  # of files, by version: all bits below; from 5 on 16
_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/nix/store", "/gnu/store")
# What the loader and the TLS libraries look at; no folder that holds secrets, users or addresses.
_READ = (
    *("/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/ld-musl-x86_64.path", "/etc/localtime", "/etc/gnutls"),
    *("/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/pki/tls", "/etc/crypto-policies", "/sys/devices/system"),
    # Not /proc itself: it has the environment of other processes, which root may read within the walls too.
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm", "/dev/urandom", "/dev/random", "/dev/zero"),
)
_NULL = "/dev/null"

GIB = 1 << 30
_trial = threading.Lock()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a program may have. Not the number of processes: that is counted by user, all of ours together."""

    file_bytes: int = 64 * GIB
    open_files: int = 256
    address_bytes: int = 8 * GIB

    def apply(self, pid: int) -> None:
        """Set them for a process that was just started; one that has ended already needs none."""
        wanted = {
            resource.RLIMIT_CORE: CORE_BYTES,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_AS: self.address_bytes,
        }
        with contextlib.suppress(ProcessLookupError):
            for kind, number in wanted.items():
                _, hard = resource.prlimit(pid, kind)
                limit = number if hard == resource.RLIM_INFINITY else min(number, hard)
                resource.prlimit(pid, kind, (limit, limit))


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a program is let near. `folder`: where it runs, made with mode 0700 where it is missing.

    `tcp_port`: the only one that it may connect to; None: none. `is_writing`: whether it may write into its folder.
    """

    folder: Path
    tcp_port: int | None = None
    is_writing: bool = False
    limits: Limits = field(default_factory=Limits)

    def start(self, arguments: Sequence[str], environment: dict[str, str], **streams: Any) -> "subprocess.Popen[bytes]":
        """Start a program. streams: stdin, stdout, stderr, start_new_session of `Popen`. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_walled = can_be_walled(arguments[0])
        started: list[subprocess.Popen[bytes]] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                _forbid_more_rights()
                if is_walled:
                    _wall_in(arguments[0], self.folder if self.is_writing else None, self.tcp_port)
                started.append(subprocess.Popen(list(arguments), cwd=self.folder, env=environment, **streams))
            except BaseException as error:  # noqa: BLE001  raised again by who waits
                failed.append(error)

        thread = threading.Thread(target=run, name="start of ffmpeg", daemon=True)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        self.limits.apply(started[0].pid)
        return started[0]


def can_be_walled(program: str) -> bool:
    """Tell whether Landlock is there and the program runs within it: one that lies elsewhere must not fail."""
    return walled_version(program) is not None


def walled_version(program: str) -> str | None:
    """Return what a program says to `-version` within the walls; None where it does not run there. Asked once."""
    with _trial:
        return _try(program)


@lru_cache(maxsize=4)
def _try(program: str) -> str | None:
    if not _landlock_version():
        log.info("this kernel has no Landlock: ffmpeg is confined without it")
        return None
    said: list[str] = []

    def run() -> None:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            _forbid_more_rights()
            _wall_in(program, None, None)
            how: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": {}, "timeout": 20, "check": True}
            said.append(subprocess.run([program, "-version"], capture_output=True, text=True, **how).stdout)

    thread = threading.Thread(target=run, name="trial of ffmpeg", daemon=True)
    thread.start()
    thread.join()
    if not said:
        log.warning("%s does not run within Landlock, and is confined without it", program)
    return said[0] if said else None


@lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(*arguments: object) -> int:
    answer = int(_libc().syscall(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)))
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def _forbid_more_rights() -> None:
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")


@lru_cache(maxsize=1)
def _landlock_version() -> int:
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            raise
        return 0


def _wall_in(program: str, written: Path | None, tcp_port: int | None) -> None:
    """Restrict this thread for good. Raises OSError."""
    version = _landlock_version()
    known = _RIGHTS.get(version, 1 << 16) - 1
    handled = struct.pack("=Q", known)
    if version >= 4:
        handled += struct.pack("=Q", _BIND_TCP | _CONNECT_TCP)
    if version >= 6:
        handled += struct.pack("=Q", _ABSTRACT_SOCKETS | _SIGNALS)
    ruleset = _call(_CREATE_RULESET, handled, len(handled), 0)
    try:
        programs = {*_PROGRAMS, str(Path(program).resolve().parent)}
        _allow(ruleset, programs, (_EXECUTE | _READ_FILE | _READ_DIR) & known)
        _allow(ruleset, _READ, (_READ_FILE | _READ_DIR) & known)
        _allow(ruleset, [_NULL], (_READ_FILE | _WRITE_FILE) & known)
        if written is not None:
            rights = _READ_FILE | _READ_DIR | _WRITE_FILE | _MAKE_REG | _REMOVE_FILE | _TRUNCATE
            _allow(ruleset, [str(written)], rights & known, is_needed=True)
        if version >= 4 and tcp_port is not None:
            _call(_ADD_RULE, ruleset, _NET_PORT, struct.pack("=QQ", _CONNECT_TCP, tcp_port), 0)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, paths: Sequence[str] | set[str], rights: int, *, is_needed: bool = False) -> None:
    for path in paths:
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            if is_needed:
                raise
            continue
        try:
            is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)  # of the file that is open, not of its name
            given = rights if is_folder else rights & _OF_FILES
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", given, handle), 0)
        finally:
            os.close(handle)
