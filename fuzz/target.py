"""What is fuzzed: a parser of bytes from outside, what it may raise, and what every input is held to.

An input is at fault where the parser raises anything but its documented errors, where it breaks a promise that the
target checks (`hold`), where it takes more than CPU_S of CPU, or where it makes the process grow by more than GROWN_KB.
"""

import contextlib
import hashlib
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CPU_S = 1.0  # of this thread, so that a busy machine makes nobody slow; under instrumentation, which doubles it
GROWN_KB = 256 << 10
ROOT = Path(__file__).resolve().parent.parent


class Broken(AssertionError):
    """A promise that a parser does not keep."""


class TooSlow(Exception):
    """An input that takes more than CPU_S."""


class TooLarge(Exception):
    """An input that makes the process grow by more than GROWN_KB."""


@dataclass(frozen=True, slots=True)
class Target:
    """One parser: `check` reads an input and judges what came of it; `allowed` are its documented errors.

    `words` are put into inputs whole: what a format's bytes are made of.
    """

    name: str
    check: Callable[[bytes], object]
    allowed: tuple[type[BaseException], ...] = ()
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an input; `key` is the same for the same cause."""

    key: str
    text: str


def hold(is_so: bool, promise: str) -> None:
    """Raise Broken unless a promise is kept."""
    if not is_so:
        raise Broken(promise)


def same(found: object, wanted: object, promise: str) -> None:
    """Raise Broken unless two values are equal."""
    if found != wanted:
        raise Broken(f"{promise}: {found!r:.300} is not {wanted!r:.300}")


def judge(target: Target, data: bytes) -> Fault | None:
    """Give an input to a target; return what is wrong, None for nothing."""
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun_s = time.thread_time()
    try:
        with contextlib.suppress(*target.allowed):
            target.check(data)
        _check_cost(time.thread_time() - begun_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb)
    except (Exception, RecursionError) as error:  # noqa: BLE001  whatever comes is what is looked for
        return _fault(error)
    return None


def _check_cost(cpu_s: float, grown_kb: int) -> None:
    if cpu_s > CPU_S:
        raise TooSlow(f"took {cpu_s:.1f} s of CPU")
    if grown_kb > GROWN_KB:
        raise TooLarge(f"made the process grow by {grown_kb >> 10} MiB")


def _fault(error: BaseException) -> Fault:
    """Return an error as a fault; the last line of ours in its traceback is its cause."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/app/" in frame.filename] or list(frames)
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    kind = type(error).__name__
    what = f"{kind} {where}" if not isinstance(error, Broken) else f"{kind} {str(error).partition(':')[0]}"
    return Fault(hashlib.sha256(what.encode()).hexdigest()[:12], f"{what}: {error!s:.500}")


class Source:
    """An input taken apart from its begin: numbers and texts first, what is left last. Behind its end all is zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes, as many as there are."""
        found = self._data[self._at : self._at + count]
        self._at += count
        return found

    def number(self, most: int) -> int:
        """Return a number of 0 to `most`."""
        size = (most.bit_length() + 7) // 8
        return int.from_bytes(self.take(size), "big") % (most + 1)

    def piece(self) -> bytes:
        """Return bytes with their length, of two bytes, before them."""
        return self.take(self.number(0xFFFF))

    def text(self) -> str:
        """Return a piece as text."""
        return as_text(self.piece())

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(len(self._data))


def as_text(data: bytes) -> str:
    """Return bytes as text that may hold anything text can: halves of surrogate pairs too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def piece(data: bytes) -> bytes:
    """Return what `Source.piece` reads."""
    return len(data).to_bytes(2, "big") + data
