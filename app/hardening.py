"""A process that holds secrets shows its memory to nobody: no core dump, no debugger of the same user.

Standard library only: the supervisor uses it. Of the machine's own user root alone can still read it, as py-spy does.
"""

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4
# No core at all. With 0 the kernel would still give it to a program that `core_pattern` names (fs/coredump.c).
CORE_BYTES = 1

# Of our environment what a Python of ours needs; the settings in it hold secrets.
_HARMLESS = ("PATH", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


def bare_environment() -> dict[str, str]:
    """Return the environment of a process of ours that needs no settings: the watchdog, the reader of uploads."""
    return {name: os.environ[name] for name in _HARMLESS if name in os.environ}


def harden() -> None:
    """Forbid core dumps of this process, and other processes of its user to read it; for it and what it forks.

    prctl(2): what it starts is dumpable again, but inherits the limit; each of ours calls this itself. `/proc/self`
    belongs to root from now on: what is open to all (stat, cmdline, limits) and its own handles can be read as before,
    its own `environ` and `mem` not.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = CORE_BYTES if hard == resource.RLIM_INFINITY else min(CORE_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the process cannot be made undumpable")
