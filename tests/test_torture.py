"""The short form of `make torture`: each fault that is soon over, once, against a whole service and real cameras.

The long form (docs/torture.md) strikes at random and longer. Here also: that the judge notices what it is there for.
"""

import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.rtsp_player import Sent, SentSession
from torture.camerafaults import Garbage, HangUp, Resize, ResizeAnew
from torture.clock import Clock
from torture.diskfaults import DiskFull
from torture.faults import Fault, Struck
from torture.judge import Evidence, judge_faults, judge_source
from torture.processfaults import (
    BrokerLost,
    DatabaseLocked,
    FfmpegKill,
    RecorderKill,
    SupervisorKill,
    WebKill,
    WorkerKill,
)
from torture.reading import LedgerGap, Played
from torture.report import tell
from torture.rig import open_rig
from torture.run import Manner, finish, strike_in_turn

SEED = 5
SLACK_S = 10.0  # other tests run beside this one; what must lose nothing loses nothing on a busy machine too
SHORT = (
    DiskFull,
    HangUp,
    RecorderKill,
    Resize,
    WorkerKill,
    FfmpegKill,
    BrokerLost,
    ResizeAnew,
    WebKill,
    Garbage,
    DatabaseLocked,
    SupervisorKill,
)


def test_every_packet_is_played_once_or_accounted_for_whatever_happens(tmp_path: Path) -> None:
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    with open_rig(["plain", "b-frames"], 64_000_000, tmp_path / "rig") as rig:
        kinds = [kind for kind in SHORT if not kind.why_not(rig)]
        print("left out:", *(f"{kind.name} ({kind.why_not(rig)})" for kind in SHORT if kind not in kinds))
        rig.start_recording()
        struck = strike_in_turn(rig, [kind(rig, draw, is_short=True) for kind in kinds], draw, (0.2, 0.2), print)
        outcome = finish(rig, struck, Manner(slack_s=SLACK_S), print)
    told = tell(outcome)
    print(told)
    assert sum(source.count()["played"] for source in outcome.sources) > 300
    assert not outcome.failures, told


# --- the judge: a fault in what it compares must show ------------------------------------------------------------

BEGIN_S, PICTURES = 1_000_000.0, 120


def session(pictures: int = PICTURES) -> SentSession:
    """Return what a camera sent: twelve pictures a second, every twelfth a key frame."""
    sent = SentSession("cam", "tcp", math.inf, 1)
    for number in range(pictures):
        sent.add("video", Sent(BEGIN_S + number / 12, number * 7500, f"{number:03d}", number % 12 == 0))
    return sent


def played(numbers: Sequence[int]) -> list[Played]:
    return [Played("video", f"{number:03d}", f"{number:012d}") for number in numbers]


def judged(numbers: Sequence[int], gaps: Sequence[LedgerGap] = (), sent: SentSession | None = None) -> list[str]:
    """Return what is wrong where these pictures were played."""
    end_s = BEGIN_S + PICTURES / 12 + 2
    evidence = Evidence("cam", [sent or session()], played(numbers), frozenset(), gaps, end_s)
    return judge_source(evidence, Clock()).wrong


ALL = list(range(PICTURES))
WITHOUT_A_SECOND = [*ALL[:40], *ALL[52:]]


def gap(cause: str | None, begin: int = 40, end: int = 52) -> LedgerGap:
    """Return a gap of the ledger between two pictures."""
    return LedgerGap(BEGIN_S + begin / 12, BEGIN_S + end / 12, cause, None)


def test_all_played_once_is_right() -> None:
    assert not judged(ALL)


def test_what_is_lost_outside_any_gap_is_wrong() -> None:
    (wrong,) = judged(WITHOUT_A_SECOND)
    assert "12 packets of video" in wrong
    assert "neither played nor in a gap" in wrong
    assert judged([*ALL[:40], *ALL[41:]])


def test_what_is_lost_in_a_gap_is_right() -> None:
    assert not judged(WITHOUT_A_SECOND, [gap("crashed")])
    assert judged(WITHOUT_A_SECOND, [gap("crashed", 60, 72)])


@pytest.mark.parametrize("cause", [None, "unknown"])
def test_a_gap_without_a_cause_is_wrong(cause: str | None) -> None:
    assert "without a cause" in judged(WITHOUT_A_SECOND, [gap(cause)])[0]


def test_a_packet_played_twice_or_out_of_order_is_wrong() -> None:
    assert "1 packets of video are played twice" in judged([*ALL[:50], 49, *ALL[50:]])
    assert "video goes back 1 times" in judged([*ALL[:50], 51, 50, *ALL[52:]])


def test_a_packet_that_nobody_sent_is_wrong() -> None:
    assert "nobody sent so" in judged([*ALL, 999])[0]


def test_what_cannot_be_recorded_is_not_lost() -> None:
    sent = SentSession("cam", "tcp", math.inf, 1)
    for line in session().sent("video")[5:]:
        sent.add("video", line)
    assert not judged(ALL[12:], sent=sent)


class Costly(Fault):
    """A fault of one camera that may cost a second, for one reason."""

    name = "costly"
    is_of_one_camera = True
    lost_s, hole_s = 1.0, 1.0
    causes = frozenset({"crashed"})


class Free(Costly):
    """A fault that may cost nothing."""

    lost_s = hole_s = 0.0
    causes = frozenset()


@pytest.mark.parametrize(
    ("kind", "cause", "words"),
    [
        (Costly, "crashed", []),
        (Costly, "silent", ["causes that do not fit: silent"]),
        (Free, "crashed", ["cam lost 1.00 s, 0.00 s at most", "has no picture for 1.08 s", "do not fit: crashed"]),
    ],
    ids=["within", "another-cause", "beyond"],
)
def test_a_fault_is_judged_by_what_it_may_cost(kind: type[Fault], cause: str, words: list[str]) -> None:
    fault = kind.__new__(kind)
    fault.camera = type("Camera", (), {"name": "cam"})()
    struck = Struck(fault, BEGIN_S + 4, BEGIN_S + 4, BEGIN_S + 6)
    evidence = Evidence("cam", [session()], played(WITHOUT_A_SECOND), frozenset(), [gap(cause)], BEGIN_S + 12)
    (verdict,) = judge_faults([judge_source(evidence, Clock())], [struck], Clock())
    assert verdict.lost == 12
    assert len(verdict.wrong) == len(words)
    for wrong, word in zip(verdict.wrong, words, strict=True):
        assert word in wrong
