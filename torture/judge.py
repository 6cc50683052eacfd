"""What became of every packet that a camera sent: played once, or lost in a gap with a cause that fits."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.rtsp_player import Sent, SentSession
from torture.cameras import FPS, GOP_S
from torture.clock import Clock
from torture.faults import Struck
from torture.reading import LedgerGap, Played

EDGE_S = 0.5  # what the wall clock of a recording is right to
SLOW_EDGE_S = 1.0  # sound beside no picture is not played; still pictures come once a second
TAIL_S = 1.0  # what comes in the last second before the stop is answered may miss
BEFORE_S = GOP_S + 0.5  # a fault costs the fragment that was open when it struck
FOREIGN_S = 3.0  # how far from garbage a packet may be that nobody sent
OPEN_CAUSES = (None, "unknown")

PLAYED, LOST, TWICE, ALTERED, COVERED, EVICTED = (
    "played",
    "lost",
    "twice",
    "altered",
    "covered",
    "evicted",
)
BEFORE_KEY, UNSURE, TAIL, GARBAGE = "before a key frame", "unsure", "in the last second", "garbage"


@dataclass(slots=True)
class Fate:
    """A packet that was sent and what became of it; `gap` is where it is missing."""

    line: Sent
    kind: str
    session: int
    state: str
    gap: LedgerGap | None = None


@dataclass
class SourceVerdict:
    """All of one camera's packets, and what is wrong with them."""

    name: str
    fates: list[Fate]
    gaps: list[LedgerGap]
    wrong: list[str] = field(default_factory=list)
    foreign: int = 0

    def count(self, kind: str = "video") -> Counter[str]:
        """Return how many packets have which fate."""
        return Counter(fate.state for fate in self.fates if fate.kind == kind)

    def sent_s(self, kind: str, *states: str) -> list[float]:
        """Return when the packets of a kind that have one of these fates were sent, in order."""
        return [fate.line.sent_s for fate in self.fates if fate.kind == kind and fate.state in states]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one camera sent, what was read back, and what the ledger says.

    `covered` are the hashes of what lies in the files, where the clock was set back: of two recordings of one instant
    the later one is played. `end_s` is when the stop was answered.
    """

    name: str
    sessions: Sequence[SentSession]
    played: Sequence[Played]
    covered: frozenset[str]
    gaps: Sequence[LedgerGap]
    end_s: float


def judge_source(evidence: Evidence, clock: Clock) -> SourceVerdict:
    """Match what was played with what was sent."""
    played = evidence.played
    counts = Counter((item.kind, item.sha256) for item in played)
    fates = [
        Fate(line, kind, session.number, COVERED if state == LOST and line.sha256 in evidence.covered else state)
        for session in evidence.sessions
        for kind in ("video", "audio")
        for line, state in _fates(session, kind, counts, evidence.end_s)
    ]
    verdict = SourceVerdict(evidence.name, fates, list(evidence.gaps))
    if not clock.was_set_back:
        _judge_order(verdict, played)
    _judge_foreign(verdict, played)
    judge_lost(verdict, clock)
    judge_causes(verdict)
    return verdict


def judge_causes(verdict: SourceVerdict) -> None:
    """Judge that every gap has a cause."""
    verdict.wrong += [f"a gap without a cause: {gap}" for gap in verdict.gaps if gap.cause in OPEN_CAUSES]


def _fates(
    session: SentSession, kind: str, counts: Counter[tuple[str, str]], end_s: float
) -> Iterable[tuple[Sent, str]]:
    """Yield each packet of a connection with its fate."""
    has_key = False
    for number, line in enumerate(session.sent(kind)):
        has_key = has_key or (line.is_key and not line.is_garbage and kind == "video") or kind == "audio"
        count = counts[kind, line.sha256]
        if count:
            yield line, PLAYED if count == 1 else TWICE
        elif line.is_garbage:
            yield line, GARBAGE
        elif line.is_unsure:
            yield line, UNSURE
        elif not has_key or (kind == "audio" and number < 2):
            yield line, BEFORE_KEY
        elif line.sent_s > end_s - TAIL_S:
            yield line, TAIL
        else:
            yield line, LOST


def _judge_order(verdict: SourceVerdict, played: Sequence[Played]) -> None:
    """Judge that each packet comes once, and in the order in which it was sent."""
    places = {(fate.kind, fate.line.sha256): number for number, fate in enumerate(verdict.fates)}
    for kind in ("video", "audio"):
        found = [places[kind, item.sha256] for item in played if item.kind == kind and (kind, item.sha256) in places]
        backwards = sum(after < before for before, after in pairwise(found))
        if backwards:
            verdict.wrong.append(f"{kind} goes back {backwards} times")
        if twice := verdict.count(kind)[TWICE]:
            verdict.wrong.append(f"{twice} packets of {kind} are played twice")


def judge_lost(verdict: SourceVerdict, clock: Clock) -> None:
    """Judge that each lost packet lies in a gap; name the stretches that do not."""
    begins = [gap.begin_s for gap in verdict.gaps]
    evicted = [gap for gap in verdict.gaps if gap.cause == "deleted"]
    evicted_begins = [gap.begin_s for gap in evicted]
    outside: dict[str, list[Fate]] = defaultdict(list)
    for fate in verdict.fates:
        if fate.state == LOST:
            edge_s = EDGE_S if fate.kind == "video" else EDGE_S + SLOW_EDGE_S
            instant_s = clock.at(fate.line.sent_s)
            fate.gap = _gap_at(instant_s, evicted, evicted_begins, edge_s)
            if fate.gap is not None:
                fate.state = EVICTED
                continue
            fate.gap = _gap_at(instant_s, verdict.gaps, begins, edge_s)
            if fate.gap is None:
                outside[fate.kind].append(fate)
    for kind, fates in outside.items():
        for stretch in _stretches(fates):
            first, last = stretch[0].line.sent_s, stretch[-1].line.sent_s
            verdict.wrong.append(
                f"{len(stretch)} packets of {kind} sent from {first:.3f} to {last:.3f} are neither played nor in a gap"
            )


def _gap_at(instant_s: float, gaps: Sequence[LedgerGap], begins: list[float], edge_s: float) -> LedgerGap | None:
    """Return the gap that holds an instant, up to the exactness of the wall clock."""
    number = bisect_right(begins, instant_s + edge_s) - 1
    return gaps[number] if number >= 0 and instant_s < gaps[number].end_s + edge_s else None


def _stretches(fates: Sequence[Fate]) -> list[list[Fate]]:
    """Return packets by what follows on one another."""
    found: list[list[Fate]] = []
    for fate in fates:
        if found and fate.line.sent_s - found[-1][-1].line.sent_s < EDGE_S and fate.session == found[-1][-1].session:
            found[-1].append(fate)
        else:
            found.append([fate])
    return found


def _judge_foreign(verdict: SourceVerdict, played: Sequence[Played]) -> None:
    """Judge that what was played was sent so; beside garbage, packets may have been joined with it."""
    known = {(fate.kind, fate.line.sha256) for fate in verdict.fates}
    foreign = [item for item in played if (item.kind, item.sha256) not in known]
    garbage_s = verdict.sent_s("video", GARBAGE) + verdict.sent_s("audio", GARBAGE)
    by_stamp = {item.stamp for item in foreign if item.stamp}
    near = [fate for fate in verdict.fates if fate.state == LOST and _is_near(fate.line.sent_s, garbage_s)]
    for fate in near[: len(foreign)]:
        if fate.kind == "video" and by_stamp:
            fate.state = ALTERED
    verdict.foreign = len(foreign)
    if foreign and not garbage_s:
        verdict.wrong.append(f"{len(foreign)} packets are played that nobody sent so: {foreign[0]}")


def _is_near(instant_s: float, others: Sequence[float]) -> bool:
    return any(abs(instant_s - other) < FOREIGN_S for other in others)


@dataclass
class FaultVerdict:
    """What one fault cost, at the camera that lost most."""

    struck: Struck
    sent: int = 0
    lost: int = 0
    lost_s: float = 0.0
    hole_s: float = 0.0
    causes: frozenset[str] = frozenset()
    wrong: list[str] = field(default_factory=list)


def judge_faults(
    sources: Sequence[SourceVerdict], struck: Sequence[Struck], clock: Clock, slack_s: float = 0.0
) -> list[FaultVerdict]:
    """Tell each fault from the others by when it struck, and compare what it cost with what it may.

    `slack_s` is what a busy machine may add, where anything may be lost at all.
    """
    begins = [one.begin_s - BEFORE_S for one in struck]
    ends = [*begins[1:], float("inf")]
    # A full disk costs the oldest footage, whatever struck then.
    allowed = frozenset({"starting"}) | ({"deleted"} if any(one.fault.evicts for one in struck) else frozenset())
    return [
        _judge_fault(sources, one, (begin_s, end_s), clock, allowed, slack_s)
        for one, begin_s, end_s in zip(struck, begins, ends, strict=True)
    ]


def _judge_fault(
    sources: Sequence[SourceVerdict],
    struck: Struck,
    window: tuple[float, float],
    clock: Clock,
    allowed: frozenset[str],
    slack_s: float,
) -> FaultVerdict:
    begin_s, end_s = window
    verdict = FaultVerdict(struck)
    causes: set[str] = set()
    for source in sources:
        within = [f for f in source.fates if f.kind == "video" and begin_s <= f.line.sent_s < end_s]
        lost = sum(fate.state in (LOST, ALTERED) for fate in within)
        hole_s = _hole_s(source.sent_s("video", PLAYED, TWICE, COVERED, EVICTED), begin_s, end_s)
        verdict.sent, verdict.lost = verdict.sent + len(within), verdict.lost + lost
        verdict.lost_s, verdict.hole_s = max(verdict.lost_s, lost / FPS), max(verdict.hole_s, hole_s)
        is_of_fault = not struck.fault.is_of_one_camera or struck.fault.camera.name == source.name
        limit_s = struck.fault.lost_s if is_of_fault else 0.0
        limit_s += slack_s if limit_s else 0.0
        if lost / FPS > limit_s:
            verdict.wrong.append(f"{source.name} lost {lost / FPS:.2f} s, {limit_s:.2f} s at most")
        limit_s = (struck.longest_hole_s if is_of_fault else 0.0) + 1.0 + slack_s
        if hole_s > limit_s:
            verdict.wrong.append(f"{source.name} has no picture for {hole_s:.2f} s, {limit_s:.2f} s at most")
        edges = sorted((clock.at(begin_s), clock.at(min(end_s, struck.settled_s or end_s))))
        causes |= {str(gap.cause) for gap in source.gaps if gap.begin_s < edges[1] and gap.end_s > edges[0]}
    verdict.causes = frozenset(causes)
    if unfit := causes - struck.fault.causes - allowed:
        verdict.wrong.append(f"causes that do not fit: {', '.join(sorted(unfit))}")
    if struck.trouble:
        verdict.wrong.append(struck.trouble)
    return verdict


def _hole_s(played_s: Sequence[float], begin_s: float, end_s: float) -> float:
    """Return the longest time without a picture that began within a stretch of time."""
    rising = sorted(played_s)
    return max((b - a for a, b in pairwise(rising) if begin_s <= a < end_s), default=0.0)
