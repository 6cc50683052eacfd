"""Looking at segments for activity: how much moved from each key frame to the next, also over the seam of two files."""

import logging
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

from app.archive.activitycells import code_of
from app.archive.activityrows import Score, Seen
from app.archive.find import find_segments
from app.archive.segments import Found
from app.errors import PlaybackError
from app.extensions import db
from app.formats.boxes import FormatError
from app.playback.footage import Entry, find_entries
from app.playback.keypictures import KeyPicture, key_pictures
from app.playback.movement import score

log = logging.getLogger(__name__)

APART_US = 60_000_000  # key frames farther apart say nothing of what lies between
BESIDE_US = 1_000_000  # how near the file before is looked for
# CPU seconds: after the first a file is left when the process is to end, after the second in any case. A minute of 8K
# takes some 3 s.
PATIENT_S, MOST_S = 1.0, 30.0
Ref = tuple[str, int, int, str]  # a segment's id, start, end and storage


class SegmentLook:
    """Looks at some segments of a camera, given by start. No transaction is open while pictures are decoded."""

    def __init__(self, source_id: int, refs: Sequence[Ref], is_stopping: Callable[[], bool] = lambda: False) -> None:
        """Find the files of these segments; those that are missing or altered say nothing."""
        found = find_segments(source_id, refs[0][1] - BESIDE_US, refs[-1][2])
        self._found: dict[str, Found] = {one.id: one for one in found}
        self._entries = find_entries({one.video_entry_id for one in self._found.values()})
        self._decoded = 0
        self._is_stopping, self._is_stopped = is_stopping, False
        db.session.remove()

    def look_at(self, ref: Ref) -> Seen | None:
        """Return what is found of a segment: nothing of what cannot be read or decoded; None where it was left."""
        segment = self._found.get(ref[0])
        entry = self._entries.get(segment.video_entry_id) if segment is not None else None
        if segment is None or entry is None:
            return self.skip(ref)
        pictures = self._last_before(segment, entry)
        if not self._is_stopped:
            pictures += self._pictures(segment, entry)
        if self._is_stopped:
            return None
        scores = [
            Score(one.instant_us, other.instant_us, code_of(score(one.grey, other.grey)))
            for one, other in pairwise(pictures)
            if one.instant_us < other.instant_us <= one.instant_us + APART_US
        ]
        return Seen(*ref[:3], scores)

    def skip(self, ref: Ref) -> Seen:
        """Return that nothing is found of a segment."""
        return Seen(*ref[:3], ())

    def take_decoded(self) -> int:
        """Return how many key frames were decoded since this was asked last."""
        decoded, self._decoded = self._decoded, 0
        return decoded

    def _last_before(self, segment: Found, entry: Entry) -> list[KeyPicture]:
        """Return the last key frame of the file before in the run, where that has the same pictures."""
        before = next((one for one in self._found.values() if segment.follows(one)), None)
        if before is None or before.video_entry_id != segment.video_entry_id:
            return []
        return self._pictures(before, entry, is_last_only=True)

    def _pictures(self, segment: Found, entry: Entry, *, is_last_only: bool = False) -> list[KeyPicture]:
        pictures: list[KeyPicture] = []
        begun_s = time.thread_time()
        try:
            for picture in key_pictures(segment, entry, is_last_only=is_last_only):
                pictures.append(picture)
                self._decoded += 1
                spent_s = time.thread_time() - begun_s
                self._is_stopped = spent_s > PATIENT_S and self._is_stopping()
                if self._is_stopped or spent_s > MOST_S:
                    log.warning("segment %s is left after %.0f s of CPU in search of activity", segment.id, spent_s)
                    break
        except (FormatError, OSError, PlaybackError) as error:
            log.warning("segment %s says nothing of activity from there on: %s", segment.id, error)
        return pictures
