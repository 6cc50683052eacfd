"""A whole torture: the faults of a plan, one after the other or on top of one another, then the judgement."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.archive_reading import query
from torture.faults import Fault, Struck
from torture.judge import FaultVerdict, SourceVerdict, judge_faults, judge_source
from torture.reading import fetch_film, read_ledger, read_packets
from torture.rig import Rig

AT_ONCE = 3
Say = Callable[[str], None]
Range = tuple[float, float]


class Beginning(Fault):
    """No fault: the start of recording, so that what is lost then is told apart."""

    name = "none: recording begins"
    causes = frozenset({"starting", "not_recording"})


@dataclass
class Outcome:
    """What came of a torture."""

    sources: list[SourceVerdict]
    faults: list[FaultVerdict]
    wrong: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong, in words."""
        found = [f"{source.name}: {text}" for source in self.sources for text in source.wrong]
        found += [f"{fault.struck.name}: {text}" for fault in self.faults for text in fault.wrong]
        return found + self.wrong


def strike_in_turn(rig: Rig, faults: Iterable[Fault], draw: random.Random, quiet_s: Range, say: Say) -> list[Struck]:
    """Let one fault strike after the other, each when all cameras are recorded again."""
    beginning = Struck(Beginning(rig, draw), rig.begin_s, rig.begin_s, time.time())
    done = [beginning]
    for fault in faults:
        time.sleep(draw.uniform(*quiet_s))
        struck = _strike(rig, fault)
        done.append(struck)
        say(_told(rig, struck))
    return done


def _strike(rig: Rig, fault: Fault) -> Struck:
    begin_s = time.time()
    try:
        struck = fault.strike()
    except Exception as error:  # noqa: BLE001  whatever it is, the others are still worth their while
        struck = Struck(fault, begin_s, time.time(), trouble=f"could not be done: {error!r}")
    try:
        rig.wait_settled(struck.undone_s)
    except AssertionError as error:
        struck.trouble = struck.trouble or str(error)
    struck.settled_s = time.time()
    return struck


def _told(rig: Rig, struck: Struck) -> str:
    whom = f" ({struck.fault.camera.name})" if struck.fault.is_of_one_camera else ""
    times = f"{struck.undone_s - struck.begin_s:5.1f} s, settled after {struck.settled_s - struck.undone_s:4.1f} s"
    return f"{struck.begin_s - rig.begin_s:6.1f} s  {struck.name}{whom}: {times} {struck.trouble}".rstrip()


def strike_at_once(rig: Rig, faults: Iterable[Fault], draw: random.Random, quiet_s: Range, say: Say) -> list[Struck]:
    """Let faults strike on top of one another, up to three at a time; none can be judged alone."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting: list[Future[Struck]] = []
        for fault in faults:
            time.sleep(draw.uniform(*quiet_s))
            waiting.append(pool.submit(_strike, rig, fault))
        done = [one.result() for one in waiting]
    for struck in done:
        say(_told(rig, struck))
    return done


def finish(rig: Rig, struck: Sequence[Struck], *, is_in_turn: bool, say: Say) -> Outcome:
    """Stop, read everything back and judge it; the service ends."""
    time.sleep(1)
    rig.stop_recording()
    say("recording is stopped; reading back")
    begin_s, end_s = rig.begin_s + min(0, rig.clock.farthest_s[0]), rig.end_s + max(0, rig.clock.farthest_s[1])
    sources = []
    with tempfile.TemporaryDirectory(prefix="torture-films-") as name:
        for camera in rig.cameras:
            film = Path(name) / f"{camera.name}.mp4"
            is_there = fetch_film(rig.service, camera.source_id, begin_s, end_s, film)
            played = list(read_packets(film)) if is_there else []
            gaps = read_ledger(rig.service, camera.source_id, begin_s, end_s)
            sources.append(judge_source(camera.name, camera.sessions(), played, gaps, rig.clock, rig.end_s))
            film.unlink(missing_ok=True)
    faults = judge_faults(sources, struck, rig.clock) if is_in_turn else []
    wrong = [f"{one.name}: {one.trouble}" for one in struck if one.trouble and not is_in_turn]
    return Outcome(sources, faults, wrong + _aftermath(rig))


def _aftermath(rig: Rig) -> list[str]:
    """Return what is wrong with files, processes and log, after the end of the service."""
    wrong = [f"a process is left: {line}" for line in rig.shut_down()]
    rows = {row[0] for row in query(rig.service, "SELECT id FROM segment")}
    roots = rig.disks or [rig.service.storage]
    files = [path for root in roots for path in (root / "rec").rglob("*.mp4")]
    wrong += [f"a file without a row: {path.name}" for path in files if path.stem[-36:] not in rows]
    wrong += [f"left in the live folder: {path.name}" for root in roots for path in (root / "live").rglob("*.mp4")]
    missing = query(rig.service, "SELECT count(*) FROM segment WHERE state <> 1")[0][0]
    if missing:
        wrong.append(f"{missing} segments are not closed, or missing")
    log = rig.service.read_log()
    if traces := log.count("Traceback (most recent call last)"):
        at = log.index("Traceback (most recent call last)")
        wrong.append(f"{traces} tracebacks in the log, the first: {log[max(0, at - 300) : at + 1500]}")
    return wrong
