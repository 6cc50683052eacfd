"""One run of one target, in a process of its own that is forked from one which has loaded everything.

Atheris (libFuzzer, guided by the coverage of app/) where it is installed, else Hypothesis, which varies inputs blindly.
A fault does not end the run: its input is kept under FOLDER/found, one for each cause. FOLDER/report.json says what has
been done so far; libFuzzer leaves without a word.
"""

import contextlib
import io
import json
import os
import resource
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.target import Target

ADDRESS_SPACE_BYTES = 3 << 30  # NumPy and OpenCV map half of it before the first input
STUCK_S = 60  # of wall clock: a loop without end; TooSlow tells all that ends
RSS_MB = 1500
REPORT_S = 1.0


def has_atheris() -> bool:
    """Tell whether the guided engine can be used."""
    return find_spec("atheris") is not None


def load(engine: str) -> "dict[str, Target]":
    """Return all targets; with the guided engine app/ is loaded so that it tells which branches are taken."""
    if engine == "atheris":
        import atheris

        with (
            contextlib.redirect_stderr(io.StringIO()),  # a line for each module
            atheris.instrument_imports(include=["app"], enable_loader_override=False),
        ):
            from fuzz.targets import TARGETS
    else:
        from fuzz.targets import TARGETS
    return TARGETS


class Watch:
    """Counts executions and keeps the first input of each fault."""

    def __init__(self, target: "Target", folder: Path) -> None:
        self.target, self.folder = target, folder
        self.executions, self.begun_s, self.begun_cpu_s = 0, time.monotonic(), time.process_time()
        self.slowest_s, self.rss_kb = 0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.faults: dict[str, str] = {}

    def __call__(self, data: bytes) -> None:
        """Give one input to the target."""
        from fuzz.target import judge

        self.executions += 1
        begun_s = time.thread_time()
        fault = judge(self.target, data)
        self.slowest_s = max(self.slowest_s, time.thread_time() - begun_s)
        if fault is not None and fault.key not in self.faults:
            self.faults[fault.key] = fault.text
            (self.folder / "found" / f"{self.target.name}-{fault.key}").write_bytes(data)

    def report(self) -> None:
        """Write down what has been done so far."""
        found = {
            "executions": self.executions,
            "seconds": round(time.monotonic() - self.begun_s, 1),
            "cpu_s": round(time.process_time() - self.begun_cpu_s, 1),
            "slowest_s": round(self.slowest_s, 3),
            "grown_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.rss_kb,
            "faults": dict(self.faults),
        }
        path = self.folder / "report.json"
        path.with_suffix(".new").write_text(json.dumps(found))
        path.with_suffix(".new").replace(path)

    def go_on_reporting(self) -> None:
        """Report every second, from a thread of its own."""

        def tell() -> None:
            while True:
                with contextlib.suppress(OSError):
                    self.report()
                time.sleep(REPORT_S)

        threading.Thread(target=tell, daemon=True).start()


def run(target: "Target", folder: Path, seconds: int, seed: int, engine: str) -> int:
    """Fuzz one target in a child for so many seconds; return how the child ended, 0 where nothing ended it."""
    child = os.fork()
    if not child:
        try:
            log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            for handle in (1, 2):
                os.dup2(log, handle)
            _fuzz(target, folder, seconds, seed, engine)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def _fuzz(target: "Target", folder: Path, seconds: int, seed: int, engine: str) -> None:
    watch = Watch(target, folder)
    watch(b"")  # what is loaded at the first use is not the growth of an input
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    watch.rss_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch.go_on_reporting()
    (_by_coverage if engine == "atheris" else _blindly)(watch, folder, seconds, seed)
    watch.report()


def _by_coverage(watch: Watch, folder: Path, seconds: int, seed: int) -> None:
    import atheris

    words = folder / "words"
    words.write_bytes(b"".join(b'"%s"\n' % _escaped(word) for word in watch.target.words))
    dictionary = [f"-dict={words}"] if watch.target.words else []
    options = [
        *("fuzz", str(folder / "corpus"), f"-max_total_time={seconds}", f"-seed={seed}", *dictionary),
        *(f"-max_len={watch.target.max_bytes}", f"-timeout={STUCK_S}", f"-rss_limit_mb={RSS_MB}"),
        *(f"-artifact_prefix={folder / 'found'}/", "-use_value_profile=1", "-verbosity=0"),
    ]
    atheris.Setup(options, watch)
    atheris.Fuzz()


def _escaped(word: bytes) -> bytes:
    return b"".join(b"\\x%02X" % byte for byte in word)


def _blindly(watch: Watch, folder: Path, seconds: int, seed: int) -> None:
    from fuzz.varying import vary

    seeds = [path.read_bytes() for path in sorted((folder / "corpus").iterdir())]
    for one in seeds:
        watch(one)
    vary(watch, seeds, watch.target, seconds, seed)
