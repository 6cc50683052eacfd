"""An export of a film: one MP4 that is cut to the frame, and a signed manifest of what it is and what it was cut from.

The film is the one that `video.mp4` gives of the same span, byte for byte. Only closed files go into it, so it ends
where what is being recorded begins. It is read and hashed while it is sent, so what it is stands behind it: its CRC in
a descriptor, its SHA-256 in the manifest. Each file that it is cut from is read to its end before, to tell whether it
is the one that was recorded.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.archive.segments import Found, Segments
from app.archive.signing import Signer
from app.extensions import db
from app.formats import exports
from app.formats.boxes import FormatError
from app.formats.zipstore import Member
from app.instants import utc_text
from app.playback.byteranges import ByteRange
from app.playback.delivery import Body
from app.playback.exporting import Export, Piece, blocks, hashed, judge
from app.playback.exportmanifest import CHECKING, NO_HASH, Manifest
from app.playback.exportplan import Order, Plan, Told, facts_of
from app.playback.filmframes import Frames, shown_frames
from app.playback.footage import Footage, load_footage
from app.playback.progressive import Movie, map_json, plan_movie

log = logging.getLogger(__name__)

README = f"""Footage of one camera, cut to the frame, with a signed list of what it is.

  film.mp4       the footage: pictures and sound as they were recorded, nothing was encoded anew; gaps are left out
  manifest.json  what the film is, when each part of it was recorded, what is missing and why, and which recorded files
                 it was cut from, with the hashes that these had when they were recorded
  manifest.sig   the signature of manifest.json (Ed25519)
  public_key.pem the key that it was signed with

{CHECKING}
Only closed files are in the film: footage is complete until complete_until_utc of manifest.json. A recorded file with a
`fault` was not what had been recorded. The recorded files themselves, whole, are in an export with content=files.
"""


@dataclass(frozen=True, kw_only=True)
class FilmPlan(Plan):
    """A film that is exported: of [begin_us, until_us); `segments` are the files that it is cut from, by start."""

    movie: Movie
    frames: Frames
    until_us: int

    @property
    def media_bytes(self) -> int:
        """Size of the film."""
        return self.movie.size_bytes


def plan_film_export(order: Order) -> FilmPlan | None:
    """Return the plan of the film of a range; None where no closed segment shows a frame of it."""
    until_us = order.end_us
    try:
        while order.begin_us < until_us:
            footage = load_footage(order.source.id, order.begin_us, until_us, is_fresh=True)
            movie = plan_movie(footage, "collapse", utc_text) if footage.spans else None
            if movie is None:
                return None
            is_open = movie.media.segments.is_open
            if not is_open.any():
                return _plan(order, footage, movie)
            until_us = min(_begin_us(footage, segment) for segment in movie.media.segments.select(is_open))
    except (FormatError, OSError) as error:  # an index that cannot be read: playback has nothing there either
        log.warning("no film can be cut of source %s from %s on: %s", order.source.id, utc_text(order.begin_us), error)
    return None


def _begin_us(footage: Footage, segment: Found) -> int:
    """Return an instant before which there is neither picture nor sound of a segment."""
    entry, rate = footage.audio_entry(segment), footage.video_entry(segment).timescale
    if entry is None:
        return segment.start_us
    before = segment.counts["a_t0"] * rate // entry.timescale - 1
    return min(segment.start_us, segment.instant_at(before, rate))


def _plan(order: Order, footage: Footage, movie: Movie) -> FilmPlan:
    told = Told(footage.end_us, footage.spans, footage.lost)
    facts = facts_of(order, _files(movie.media.segments), told)
    plan = FilmPlan(**facts, movie=movie, frames=shown_frames(movie.timing), until_us=footage.end_us)
    db.session.expunge_all()
    return plan


def _files(segments: Segments) -> Segments:
    """Return each segment once, by start: one may be played again after another run."""
    firsts = np.unique(segments.ids.astype(str), return_index=True)[1]
    return segments.select(firsts[np.argsort(segments.column("start_us")[firsts], kind="stable")])


class FilmManifest(Manifest):
    """The manifest of a film; `sha256` is that of the film, once it was sent."""

    def __init__(self, plan: FilmPlan, files: Mapping[str, bytes], signer: Signer) -> None:
        """Take over the plan and the small files that are listed beside the film."""
        self._film = _about_film(plan)
        self.sha256 = NO_HASH
        super().__init__(plan, files, signer)

    def _place(self, segment: Found) -> dict[str, Any]:
        return {}

    def _head(self) -> Mapping[str, Any]:
        return {**self._about, "kind": exports.FILM_KIND, "film": {**self._film, "sha256": self.sha256}}


def _about_film(plan: FilmPlan) -> dict[str, Any]:
    """Return what is known of a film before it is read. `video.mp4` gives it again for the span that is named here."""
    movie, frames = plan.movie, plan.frames
    return {
        "file": exports.FILM,
        "size_bytes": movie.size_bytes,
        "start_utc": utc_text(plan.begin_us),
        "end_utc": utc_text(plan.until_us),
        "first_frame_utc": utc_text(frames.first_us),
        "last_frame_utc": utc_text(frames.last_us),
        "frames": frames.number,
        "duration_s": round(movie.duration_s, 6),
        "map": map_json(movie.pieces, utc_text),
    }


class FilmExport(Export):
    """An export of a film."""

    word = "film"
    described = frozenset({exports.FILM})
    plan: FilmPlan
    _manifest: FilmManifest

    def __init__(self, plan: FilmPlan, signer: Signer) -> None:
        """Make the small files."""
        text = README.format(fingerprint=signer.fingerprint).encode("ascii")
        files = {exports.README: text, exports.KEY: signer.pem}
        super().__init__(plan, files, FilmManifest(plan, files, signer))

    def _content_sizes(self) -> Iterator[tuple[str, int]]:
        yield exports.FILM, self.plan.movie.size_bytes

    def _contents(self) -> Iterator[Piece]:
        yield Piece(Member(exports.FILM, self.plan.movie.size_bytes, 0, self.plan.begin_us, True), self._read)

    def _read(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
            yield block
        self._manifest.sha256 = digest.hexdigest()

    def _blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the film: its tables, then what is taken of each file."""
        head = Body(self.plan.movie.parts[:-1])
        yield from head.read(ByteRange(0, head.size_bytes))
        media = self.plan.movie.media
        numbers = {segment_id: number for number, segment_id in enumerate(self.plan.segments.ids)}
        for place, segment_id in enumerate(media.segments.ids):
            number = numbers[segment_id]
            with hashed(self.plan, number) as (handle, hashes):
                self._manifest.note(number, judge(hashes, self.plan.known[number]))
                yield from blocks(handle, *media.bounds_bytes(place))
