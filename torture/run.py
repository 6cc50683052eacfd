"""A whole torture: the faults of a plan, one after the other or on top of one another, then the judgement."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from torture.aftermath import look_after
from torture.faults import Fault, Struck
from torture.judge import Evidence, FaultVerdict, SourceVerdict, judge_faults, judge_source
from torture.metricjudge import judge_metrics
from torture.picturejudge import judge_pictures, read_numbers
from torture.reading import fetch_film, read_files, read_ledger, read_packets
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How to judge: each fault alone (`is_in_turn`), with the metrics, which take a minute (`is_long`)."""

    is_in_turn: bool = True
    is_long: bool = False
    slack_s: float = 0.0


def finish(rig: Rig, struck: Sequence[Struck], manner: Manner, say: Say) -> Outcome:
    """Stop, read everything back and judge it; the service ends."""
    time.sleep(1)
    rig.stop_recording()
    say("recording is stopped; reading back")
    streams, pictures = _read_back(rig)
    wrong = [] if manner.is_in_turn else [f"{one.name}: {one.trouble}" for one in struck if one.trouble]
    if manner.is_long and not rig.clock.was_set_back:
        say("waiting until the ledger is settled, for the metrics")
        wrong += judge_metrics(rig, {camera.name: camera.source_id for camera in rig.cameras}, streams)
    faults = judge_faults(streams, struck, rig.clock, manner.slack_s) if manner.is_in_turn else []
    return Outcome(streams + pictures, faults, wrong + look_after(rig))


def _read_back(rig: Rig) -> tuple[list[SourceVerdict], list[SourceVerdict]]:
    """Return what became of the packets of each stream, and of still pictures."""
    begin_s, end_s = rig.begin_s + rig.clock.least_s, rig.end_s + rig.clock.most_s
    covers, streams, pictures = rig.clock.was_set_back, [], []
    with tempfile.TemporaryDirectory(prefix="torture-films-") as name:
        film = Path(name) / "film.mp4"
        for camera in rig.cameras:
            is_there = fetch_film(rig.service, camera.source_id, begin_s, end_s, film)
            played = list(read_packets(film)) if is_there else []
            gaps = read_ledger(rig.service, camera.source_id, begin_s, end_s)
            covered = read_files(rig.service, camera.source_id) if covers else frozenset()
            evidence = Evidence(camera.name, camera.sessions(), played, covered, gaps, rig.end_s)
            streams.append(judge_source(evidence, rig.clock))
        if rig.pictures is not None and not covers:
            number = rig.pictures.source_id
            shown = read_numbers(film) if fetch_film(rig.service, number, begin_s, end_s, film) else []
            gaps = read_ledger(rig.service, number, begin_s, end_s)
            pictures.append(judge_pictures(rig.pictures, shown, gaps, rig.clock, rig.end_s))
    return streams, pictures
