"""A strict reader of the MP4 that playback gives out, and of the fragments that its playlists name.

It shares nothing with the code that writes them and trusts nothing: every box must fill its parent, every table must
agree with the others, every sample must lie within `mdat` and none on top of another. References: ISO/IEC 14496-12.
"""

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"dinf", b"udta"}
KINDS = {b"vide": "video", b"soun": "audio"}
NON_SYNC = 0x10000


@dataclass
class FilmSample:
    """One sample: times in ticks of its track; `shown_s` is its time for a player, None where the edit hides it."""

    kind: str
    dts: int
    pts: int
    duration: int
    is_key: bool
    entry: int
    offset: int
    size: int
    sha256: str = ""
    shown_s: Fraction | None = None


@dataclass
class FilmTrack:
    """One track of a film; `delay_s` is what its edits add to its presentation times."""

    kind: str
    timescale: int
    duration: int
    entries: list[bytes]
    samples: list[FilmSample]
    delay_s: Fraction
    edit_s: tuple[Fraction, Fraction]  # when the track's edit begins and ends, in the film's time


@dataclass
class Film:
    """A progressive MP4."""

    tracks: dict[str, FilmTrack]
    map: list[dict[str, Any]]
    duration_s: Fraction
    mdat_begin: int

    @property
    def video(self) -> list[FilmSample]:
        """Pictures in decode order."""
        return self.tracks["video"].samples

    @property
    def sound(self) -> list[FilmSample]:
        """Packets of sound; none without a track."""
        return self.tracks["audio"].samples if "audio" in self.tracks else []


@dataclass
class FragmentSample:
    """One sample of a fragment: times in ticks, the fragment's number within what was read."""

    kind: str
    dts: int
    pts: int
    is_key: bool
    sha256: str
    fragment: int


def boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, begin of body and end of each box, which must fill [begin, end) exactly."""
    while begin < end:
        assert end - begin >= 8, "bytes behind the last box"
        size, kind = struct.unpack_from(">I4s", data, begin)
        body = begin + 8
        if size == 1:
            size, body = struct.unpack_from(">Q", data, body)[0], body + 8
        assert body - begin <= size <= end - begin, f"the box {kind!r} of {size} bytes leaves its parent"
        yield kind, body, begin + size
        begin += size


def tree(data: bytes, begin: int, end: int) -> dict[bytes, Any]:
    """Return boxes by kind: containers as trees (traks and trafs as lists), others as their bytes."""
    found: dict[bytes, Any] = {}
    for kind, body, stop in boxes(data, begin, end):
        value: Any = tree(data, body, stop) if kind in CONTAINERS else data[body:stop]
        if kind in (b"trak", b"traf"):
            found.setdefault(kind, []).append(value)
            continue
        assert kind not in found, f"two {kind!r} boxes"
        found[kind] = value
    return found


def read_head(data: bytes, file_bytes: int | None = None) -> Film:
    """Read a film of which `data` holds at least all up to its mdat; samples have no hash yet."""
    size = file_bytes if file_bytes is not None else len(data)
    ftyp_bytes, moov_bytes = struct.unpack_from(">I", data)[0], 0
    assert data[4:8] == b"ftyp"
    moov_bytes = struct.unpack_from(">I4s", data, ftyp_bytes)[0]
    assert data[ftyp_bytes + 4 : ftyp_bytes + 8] == b"moov"
    moov = tree(data, ftyp_bytes + 8, ftyp_bytes + moov_bytes)
    at = ftyp_bytes + moov_bytes
    one, kind, mdat_bytes = struct.unpack_from(">I4sQ", data, at)
    assert (one, kind, at + mdat_bytes) == (1, b"mdat", size), "mdat does not reach to the end"
    timescale, duration = struct.unpack_from(">IQ", moov[b"mvhd"], 20)
    tracks = [_read_track(trak, timescale, (at + 16, size)) for trak in moov[b"trak"]]
    assert [track.kind for track in tracks] in (["video"], ["video", "audio"])
    _check_apart([sample for track in tracks for sample in track.samples])
    uuid_box = moov[b"udta"][b"uuid"]
    told = json.loads(uuid_box[16:])["map"]
    return Film({track.kind: track for track in tracks}, told, Fraction(duration, timescale), at + 16)


def read_film(data: bytes) -> Film:
    """Read a whole film, its samples hashed."""
    film = read_head(data)
    for track in film.tracks.values():
        for sample in track.samples:
            sample.sha256 = hashlib.sha256(data[sample.offset : sample.offset + sample.size]).hexdigest()
    return film


def _check_apart(samples: list[FilmSample]) -> None:
    ordered = sorted(samples, key=lambda sample: sample.offset)
    for before, after in pairwise(ordered):
        assert before.offset + before.size <= after.offset, "two samples share bytes"


def _read_track(trak: dict[bytes, Any], movie_timescale: int, mdat: tuple[int, int]) -> FilmTrack:
    mdia = trak[b"mdia"]
    kind = KINDS[mdia[b"hdlr"][8:12]]
    assert mdia[b"mdhd"][0] == 1
    timescale, duration = struct.unpack_from(">IQ", mdia[b"mdhd"], 20)
    stbl = mdia[b"minf"][b"stbl"]
    samples = _read_samples(kind, stbl, mdat)
    entries = [stbl[b"stsd"][body - 8 : end] for _, body, end in boxes(stbl[b"stsd"], 8, len(stbl[b"stsd"]))]
    assert len(entries) == struct.unpack_from(">I", stbl[b"stsd"], 4)[0]
    assert max(sample.entry for sample in samples) <= len(entries)
    media_end = samples[-1].dts + samples[-1].duration
    assert abs(duration - media_end) <= 1, f"mdhd says {duration}, stts {media_end}"
    delay_s, edit_s = _apply_edits(trak, samples, timescale, movie_timescale)
    return FilmTrack(kind, timescale, duration, entries, samples, delay_s, edit_s)


def _apply_edits(
    trak: dict[bytes, Any], samples: list[FilmSample], timescale: int, movie_timescale: int
) -> tuple[Fraction, tuple[Fraction, Fraction]]:
    """Set when each sample is shown; return what the edits add to presentation times, and the edit's bounds."""
    elst = trak[b"edts"][b"elst"]
    assert elst[0] == 1
    count = struct.unpack_from(">I", elst, 4)[0]
    rows = [struct.unpack_from(">QqHH", elst, 8 + 20 * number) for number in range(count)]
    assert len(elst) == 8 + 20 * count
    assert all(row[2:] == (1, 0) for row in rows)
    assert [row[1] == -1 for row in rows] in ([False], [True, False]), "players read one empty edit and one edit"
    tkhd_duration = struct.unpack_from(">Q", trak[b"tkhd"], 28)[0]
    assert tkhd_duration == sum(row[0] for row in rows)
    empty = rows[0][0] if count == 2 else 0
    length, media_time = rows[-1][:2]
    assert media_time >= 0
    delay_s = Fraction(empty, movie_timescale) - Fraction(media_time, timescale)
    begin_s = Fraction(empty, movie_timescale)
    end_s = begin_s + Fraction(length, movie_timescale)
    for sample in samples:
        at_s = Fraction(sample.pts, timescale) + delay_s
        if begin_s <= at_s < end_s:
            sample.shown_s = at_s
    return delay_s, (begin_s, end_s)


def _rows(table: bytes, form: str, before: int = 4) -> list[tuple[int, ...]]:
    """Return the rows of a table behind its count."""
    count = struct.unpack_from(">I", table, before)[0]
    assert len(table) == before + 4 + count * struct.calcsize(form)
    return list(struct.iter_unpack(form, table[before + 4 :]))


def _expand(rows: list[tuple[int, ...]]) -> list[int]:
    assert all(count for count, _ in rows)
    return [value for count, value in rows for _ in range(count)]


def _read_samples(kind: str, stbl: dict[bytes, bytes], mdat: tuple[int, int]) -> list[FilmSample]:
    assert not any(stbl[b"stsz"][4:8])
    sizes = [row[0] for row in _rows(stbl[b"stsz"], ">I", 8)]
    durations = _expand(_rows(stbl[b"stts"], ">II"))
    offsets = _expand(_rows(stbl[b"ctts"], ">Ii")) if b"ctts" in stbl else [0] * len(sizes)
    keys = {row[0] for row in _rows(stbl[b"stss"], ">I")} if b"stss" in stbl else None
    places = list(_places(stbl, sizes))
    assert len(sizes) == len(durations) == len(offsets) == len(places), "the tables have different lengths"
    assert sizes
    samples, dts = [], 0
    for number, (size, duration, offset, (entry, at)) in enumerate(
        zip(sizes, durations, offsets, places, strict=True), 1
    ):
        assert mdat[0] <= at <= at + size <= mdat[1], "a sample outside mdat"
        is_key = keys is None or number in keys
        samples.append(FilmSample(kind, dts, dts + offset, duration, is_key, entry, at, size))
        dts += duration
    return samples


def _places(stbl: dict[bytes, bytes], sizes: list[int]) -> Iterator[tuple[int, int]]:
    """Yield sample entry and offset of each sample, by chunks."""
    chunks = [row[0] for row in _rows(stbl[b"co64"], ">Q")]
    rows = _rows(stbl[b"stsc"], ">III")
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert rows[0][0] == 1
    assert rows[-1][0] <= len(chunks)
    ends = [*(row[0] for row in rows[1:]), len(chunks) + 1]
    number = 0
    for (first, count, entry), end in zip(rows, ends, strict=True):
        for chunk in range(first, end):
            at = chunks[chunk - 1]
            for _ in range(count):
                yield entry, at
                at += sizes[number]
                number += 1
    assert number == len(sizes), "stsc and stsz disagree"


def read_fragments(data: bytes) -> list[FragmentSample]:
    """Return the samples of whole fragments behind one another; there must be nothing else but `prft`."""
    samples: list[FragmentSample] = []
    moof: tuple[int, dict[bytes, Any]] | None = None
    number = 0
    for kind, body, end in boxes(data, 0, len(data)):
        if kind == b"moof":
            assert moof is None
            moof = (body - 8, tree(data, body, end))
        elif kind == b"mdat":
            assert moof is not None
            for traf in moof[1][b"traf"]:
                samples += _read_traf(data, traf, moof[0], (body, end), number)
            moof, number = None, number + 1
        else:
            assert kind == b"prft", kind
    assert moof is None
    return samples


def _read_traf(
    data: bytes, traf: dict[bytes, bytes], moof_at: int, mdat: tuple[int, int], number: int
) -> list[FragmentSample]:
    """Return the samples of one track of a fragment, of the form that ffmpeg and our test footage have."""
    track_id = struct.unpack_from(">I", traf[b"tfhd"], 4)[0]
    dts = struct.unpack_from(">q", traf[b"tfdt"], 4)[0]
    bits, count, data_offset = struct.unpack_from(">IIi", traf[b"trun"])
    assert bits == 1 << 24 | 0xF01
    at, samples = moof_at + data_offset, []
    for duration, size, flags, offset in struct.iter_unpack(">IIIi", traf[b"trun"][12:]):
        assert mdat[0] <= at <= at + size <= mdat[1]
        digest = hashlib.sha256(data[at : at + size]).hexdigest()
        kind = "video" if track_id == 1 else "audio"
        samples.append(FragmentSample(kind, dts, dts + offset, not flags & NON_SYNC, digest, number))
        dts, at = dts + duration, at + size
    assert len(samples) == count
    return samples
