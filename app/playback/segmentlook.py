"""Looking at segments for activity: how much moved from each key frame to the next, also over the seam of two files."""

import logging
from collections.abc import Sequence
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
Ref = tuple[str, int, int, str]  # a segment's id, start, end and storage


class SegmentLook:
    """Looks at some segments of a camera, given by start. No transaction is open while pictures are decoded."""

    def __init__(self, source_id: int, refs: Sequence[Ref]) -> None:
        """Find the files of these segments; those that are missing or altered say nothing."""
        found = find_segments(source_id, refs[0][1] - BESIDE_US, refs[-1][2])
        self._found: dict[str, Found] = {one.id: one for one in found}
        self._entries = find_entries({one.video_entry_id for one in self._found.values()})
        self._decoded = 0
        db.session.remove()

    def look_at(self, ref: Ref) -> Seen:
        """Return what is found of a segment: nothing of what cannot be read or decoded."""
        segment = self._found.get(ref[0])
        entry = self._entries.get(segment.video_entry_id) if segment is not None else None
        if segment is None or entry is None:
            return self.skip(ref)
        pictures = [*self._last_before(segment, entry), *self._pictures(segment, entry)]
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
        try:
            for picture in key_pictures(segment, entry, is_last_only=is_last_only):
                pictures.append(picture)
                self._decoded += 1
        except (FormatError, OSError, PlaybackError) as error:
            log.warning("segment %s says nothing of activity from there on: %s", segment.id, error)
        return pictures
