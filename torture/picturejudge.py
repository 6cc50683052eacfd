"""What became of every still picture that was served.

They are encoded anew, so hashes say nothing: each carries its number in its pixels (tests/picture_server.py), and what
is played is decoded and read.
"""

from itertools import groupby
from pathlib import Path

import av
import numpy as np

from tests.media import read_number
from torture.clock import Clock
from torture.judge import LOST, PLAYED, TAIL, TWICE, Fate, SourceVerdict, judge_causes, judge_lost
from torture.pictures import PictureCamera
from torture.reading import LedgerGap

TAIL_S = 2.5  # a picture is written when the next one has come
KIND = "pictures"


def read_numbers(path: Path) -> list[int]:
    """Return the numbers of the pictures in a film, each once for as long as it is shown."""
    with av.open(str(path)) as container:
        numbers = [read_number(frame.to_ndarray(format="gray").astype(np.uint8)) for frame in container.decode(video=0)]
    return [number for number, _ in groupby(numbers)]


def judge_pictures(
    camera: PictureCamera, shown: list[int], gaps: list[LedgerGap], clock: Clock, end_s: float
) -> SourceVerdict:
    """Match the pictures that are shown with those that were served."""
    verdict = SourceVerdict(camera.name, [], gaps)
    for line in camera.served():
        count = shown.count(line.ticks)
        state = {0: LOST, 1: PLAYED}.get(count, TWICE)
        verdict.fates.append(Fate(line, KIND, 0, TAIL if state == LOST and line.sent_s > end_s - TAIL_S else state))
    if shown != sorted(shown) and not clock.was_set_back:
        verdict.wrong.append("pictures are shown out of order")
    if twice := verdict.count(KIND)[TWICE]:
        verdict.wrong.append(f"{twice} pictures are shown twice")
    judge_lost(verdict, clock)
    judge_causes(verdict)
    return verdict
