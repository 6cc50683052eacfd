"""Scene changes and motion in a video: one pass, one frame at a time, a few small pictures a second.

A picture is compared with the one before. Where nearly all of it is new, and much more so than just before, the scene
has changed; where a part of it is new, something moves.
"""

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .failures import CannotAnalyse
from .findings import Analysis, Finding, bounded

SCENE, MOTION = "Scene change", "Motion"
SAMPLES_A_SECOND = 10
WIDTH, HEIGHT = 160, 90
MOST_SCENES, MOST_SPANS = 500, 500

CHANGED_LEVELS = 20  # of 255; noise and compression stay below once a picture is made small
SCENE_AREA = 0.4  # of the picture that is new; a lorry that drives by is less
SCENE_DIFFERENCE = 0.3  # how different the histograms are: it tells scenes apart where everything moves anyway
SCENE_RATIO = 3.0  # how much more that is than what usually changes from picture to picture
USUAL_SAMPLES = 8
MOTION_AREA = 0.004
MOTION_GAP_S, SHORTEST_MOTION_S = 1.0, 0.3
MODERATE_AREA, SEVERE_AREA = 0.05, 0.25
SEVERE_SCENE, MODERATE_SCENE = 0.8, 0.6

Picture = NDArray[np.uint8]


class Sample(NamedTuple):
    """What is new in a picture: seconds, share of the area, distance of the histograms (0 to 1)."""

    at_s: float
    area: float
    difference: float


def analyse_video(path: Path, until_s: float) -> Analysis:
    """Return scene changes and motion; `until_s` (monotonic clock) ends the looking. Raises CannotAnalyse."""
    spans, scenes = Spans(), Scenes()
    seen_s = 0.0
    note = None
    for sample in compare(sample_pictures(path)):
        seen_s = sample.at_s
        is_scene = scenes.add(sample)
        spans.add(sample, is_moving=sample.area >= MOTION_AREA and not is_scene)
        if time.monotonic() > until_s:
            note = f"time ran out: only the first {seen_s:.0f} s were looked at"
            break
    found = bounded(scenes.found, MOST_SCENES) + bounded(spans.close(seen_s), MOST_SPANS)
    return Analysis(sorted(found, key=lambda one: one.start or 0), note)


def sample_pictures(path: Path) -> Iterator[tuple[float, Picture]]:
    """Yield seconds and small pictures, at most ten a second. Raises CannotAnalyse where not one can be decoded."""
    # Whatever a file says of others, ffmpeg opens this one only.
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "protocol_whitelist;file"
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 2])
    try:
        next_s, last_s = 0.0, -1.0
        while capture.grab():
            at_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if at_s < next_s and at_s >= last_s:
                continue
            last_s, next_s = at_s, at_s + 0.999 / SAMPLES_A_SECOND
            whole, frame = capture.retrieve()
            if whole:
                small = cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
                yield max(at_s, 0.0), small.astype(np.uint8, copy=False)
        if last_s < 0:
            raise CannotAnalyse("no picture of the video can be decoded")
    except (cv2.error, MemoryError):
        raise CannotAnalyse("the video cannot be decoded: it is broken, or its pictures are too large") from None
    finally:
        capture.release()


def compare(pictures: Iterator[tuple[float, Picture]]) -> Iterator[Sample]:
    """Yield how each picture differs from the one before it; the first one in nothing."""
    import cv2

    before: tuple[Any, Any] | None = None
    for at_s, picture in pictures:
        grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (5, 5), 0)
        hues = cv2.calcHist([cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)], [0, 2], None, [16, 16], [0, 180, 0, 256])
        cv2.normalize(hues, hues, 1.0, 0.0, cv2.NORM_L1)
        if before is None:
            yield Sample(at_s, 0.0, 0.0)
        else:
            area = float(np.count_nonzero(cv2.absdiff(grey, before[0]) > CHANGED_LEVELS)) / grey.size
            yield Sample(at_s, area, float(cv2.compareHist(hues, before[1], cv2.HISTCMP_BHATTACHARYYA)))
        before = (grey, hues)


class Scenes:
    """Finds changes of the scene: much is new at once, and it is not always so."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self._usual: deque[Sample] = deque(maxlen=USUAL_SAMPLES)

    def add(self, sample: Sample) -> bool:
        """Take the next sample; tell whether the scene changes there."""
        area = median(one.area for one in self._usual) if self._usual else 0.0
        difference = median(one.difference for one in self._usual) if self._usual else 0.0
        is_sudden = sample.area >= SCENE_RATIO * area
        is_other = sample.difference >= max(SCENE_DIFFERENCE, SCENE_RATIO * difference)
        is_scene = sample.area >= SCENE_AREA and (is_sudden or is_other)
        if is_scene:
            at_s = round(sample.at_s, 3)
            word = "severe" if sample.area >= SEVERE_SCENE else "moderate" if sample.area >= MODERATE_SCENE else "mild"
            self.found.append(Finding(SCENE, word, start=at_s, end=at_s, confidence=_sure(sample.area, SCENE_AREA / 2)))
        else:
            self._usual.append(sample)
        return is_scene


class Spans:
    """Joins samples that move into spans: pauses of less than a second are none, and a flicker is no span."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._start_s = self._end_s = 0.0
        self._before_s: float | None = None
        self._count, self._sum, self._most = 0, 0.0, 0.0

    def add(self, sample: Sample, *, is_moving: bool) -> None:
        """Take the next sample."""
        if is_moving:
            if not self._count:
                self._start_s = sample.at_s if self._before_s is None else self._before_s
            self._end_s = sample.at_s
            self._count, self._sum, self._most = self._count + 1, self._sum + sample.area, max(self._most, sample.area)
        elif self._count and sample.at_s - self._end_s > MOTION_GAP_S:
            self._finish()
        self._before_s = sample.at_s

    def close(self, end_s: float) -> list[Finding]:
        """Return all spans; the last one ends with the video."""
        self._end_s = min(self._end_s, end_s)
        self._finish()
        return self._found

    def _finish(self) -> None:
        if self._count and self._end_s - self._start_s >= SHORTEST_MOTION_S:
            word = "severe" if self._most >= SEVERE_AREA else "moderate" if self._most >= MODERATE_AREA else "mild"
            sure = _sure(self._sum / self._count, MOTION_AREA)
            begin, end = round(self._start_s, 3), round(self._end_s, 3)
            self._found.append(Finding(MOTION, word, start=begin, end=end, confidence=sure))
        self._count, self._sum, self._most = 0, 0.0, 0.0


def _sure(size: float, least: float) -> float:
    """Return how sure a finding is: a half at the threshold, and more the further it is beyond."""
    return round(1 - 0.5 * least / max(size, least), 2)
