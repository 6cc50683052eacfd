"""Waking the recorder: a byte in a named pipe. State is in the database; a lost byte costs one second, nothing else."""

import errno
import os
from pathlib import Path

from instance.config import Config


def pipe_path(config: Config) -> Path:
    """Return the named pipe of this instance's recorder."""
    return config.run_path / "recorder.wake"


def wake(config: Config) -> None:
    """Wake the recorder of this instance, if there is one; never block, never fail."""
    try:
        handle = os.open(pipe_path(config), os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return
        raise
    try:
        os.write(handle, b"w")
    except BlockingIOError:
        pass  # the pipe is full of wake-ups already
    finally:
        os.close(handle)


def open_pipe(config: Config) -> int:
    """Make the pipe if needed and return a handle to read wake-ups from; opened for both, so that it never ends."""
    path = pipe_path(config)
    if not path.is_fifo():
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)
