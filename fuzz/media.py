"""Targets: what cameras send and what lies on disks: MP4 files, their boxes, parameter sets, indexes, closing boxes."""

import contextlib
import os
import struct
import tempfile
import zlib
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from app.archive.entries import describe_video
from app.archive.filefacts import read_facts
from app.archive.indexwalk import find_indexes
from app.archive.livefile import GlancedFile, LiveFile
from app.formats import closing, codecs, matroska, parametersets, references
from app.formats.boxes import FormatError, find_box, iter_boxes, iter_boxes_in, moof_offsets
from app.formats.firsttimes import has_leading_pictures
from app.formats.fragments import Init, InitTrack, iter_fragments, read_init, scan
from app.formats.indexcut import cut_index
from app.formats.initsegment import parse_moov
from app.formats.moov import InitEntry, init_segment
from app.formats.sampleindex import COLUMNS, COUNTERS, HEADER, MAGIC, ROW_COUNTERS, VERSION, SampleIndex
from app.formats.unwritten import count_written
from fuzz.target import Source, Target, hold, same

BOXES = (
    b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"mdhd", b"hdlr", b"minf", b"stbl", b"stsd", b"mvex", b"trex",
    b"moof", b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun", b"mdat", b"prft", b"uuid", b"avc1", b"avcC", b"hvc1", b"hev1",
    b"hvcC", b"mp4a", b"esds", b"vide", b"soun", b"isom", b"\0\0\0\1", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x08",
    b"\x7f\xff\xff\xff\xff\xff\xff\xff", b"\x80\0\0\0\0\0\0\0",
)  # fmt: skip


@cache
def _handle() -> int:
    """Return a file in memory, used again for each input."""
    return os.memfd_create("fuzz")


def in_memory(data: bytes) -> int:
    """Return a handle of a file with these bytes, until the next call."""
    handle = _handle()
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)
    return handle


@cache
def _path() -> Path:
    """Return a path on a disk in memory, where there is one: some readers refuse what is no regular path."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="fuzz-", dir=folder)) / "file.mp4"


def written(data: bytes) -> Path:
    """Return a path at which these bytes lie."""
    _path().write_bytes(data)
    return _path()


def check_boxes(data: bytes) -> None:
    """Walk boxes in a file and in memory: both ways find the same."""
    handle, size = in_memory(data), len(data)
    found = list(iter_boxes(handle, 0, size))
    same(found, list(iter_boxes_in(data)), "boxes in a file are those in memory")
    same(moof_offsets(handle, 0, size), [item.offset for item in found if item.kind == b"moof"], "moofs")
    for before, after in pairwise(found):
        hold(before.end == after.offset and before.end <= size, "boxes lie behind one another")
    with contextlib.suppress(FormatError):
        inner = find_box(data, (b"moov", b"trak", b"mdia"))
        hold(inner.end <= size, "a box lies within the bytes")


def check_init(data: bytes) -> None:
    """Read the head of a file and describe its tracks."""
    init = read_init(in_memory(data))
    for track in init.tracks:
        with contextlib.suppress(FormatError):
            hold(bool(codecs.codec_string(track.entry).isprintable() or track.fourcc), "a codec has a name")
        if track.kind != "video":
            continue
        with contextlib.suppress(FormatError):
            width, height = codecs.picture_size(track.entry)
            hold(0 <= width <= 65_535 and 0 <= height <= 65_535, "a size fits its column")
        with contextlib.suppress(FormatError):
            decoder = codecs.decoder_of(codecs.serving_entry(track.entry))
            hold(1 <= decoder.length_bytes <= 4, "lengths of 1 to 4 bytes")
    entries = [InitEntry(one.kind, one.track_id, one.timescale, one.entry, 0, 0) for one in init.tracks]
    if len({one.track_id for one in entries}) == len(entries) and max(one.track_id for one in entries) < 0xFFFFFFFF:
        written_again = parse_moov(init_segment(entries)[28:])
        same([one.entry for one in written_again], [one.entry for one in init.tracks], "entries are written as read")


@cache
def _known() -> Init:
    """Return tracks as a recorded file has them: fragments are read by them."""
    entry = bytes(86)
    video = InitTrack(1, "video", 90_000, entry, "avc1", 64, 48, 0, 0)
    audio = replace(video, track_id=2, kind="audio", timescale=48_000, default_duration=1024, default_size=7)
    return Init(0, (video, audio))


def check_fragments(data: bytes) -> None:
    """Read fragments, index them, write the index and read it back."""
    handle, init = in_memory(data), _known()
    fragments, upto = scan(handle, 0, init)
    hold(0 <= upto <= len(data), "parsed up to within the file")
    same([one.end_bytes for one in iter_fragments(handle, 0, init)], [one.end_bytes for one in fragments], "one by one")
    same(scan(handle, upto, init)[0], [], "behind what was parsed is nothing whole")
    hold(0 <= count_written(handle, fragments) <= len(fragments), "no more are written than there are")
    for fragment in fragments:
        for part in fragment.tracks.values():
            hold(part.data_offset >= 0 and part.data_offset + int(part.sizes.sum()) <= len(data), "samples in the file")
    for shift in (0, 90_000):
        index = SampleIndex.build(init, fragments, shift)
        same(SampleIndex.from_bytes(index.to_bytes()).to_bytes(), index.to_bytes(), "an index is read as written")
        hold(len(index.v_dts) == len(index.v_pts) == len(index.v_offsets) == index.counts["v_n"], "columns are as long")
    cut = cut_index(index, 0, max(1, index.counts["v_n"] // 2), 0, index.counts["a_n"])
    same(SampleIndex.from_bytes(cut.to_bytes()).counts, cut.counts, "a cut index is read as written")


def check_live_file(data: bytes) -> None:
    """Take in a file that is being written, as the recorder and the probe do."""
    path = written(data)
    for file in (LiveFile(path), GlancedFile(path)):
        file.poll()
        file.poll()
        if file.pictured:
            hold(isinstance(file.begin_ticks + file.end_ticks + file.last_ticks, int), "times are whole numbers")
            file.set_first_times()
            describe_video(file)
            hold(file.frame_rate is None or file.frame_rate > 0, "a frame rate is positive")


def check_file_facts(data: bytes) -> None:
    """Read what a closed file says of itself, as rebuilding the database does; its closing box is made to fit."""
    source = Source(data)
    fields, body = source.take(_CLOSING_FIELDS), source.rest()
    fields = fields.ljust(_CLOSING_FIELDS, b"\0")
    end = struct.pack(">I", closing.CLOSING_BYTES) + closing.KIND + fields + struct.pack(">I", zlib.crc32(fields))
    facts = read_facts(str(written(body + end)), int.from_bytes(fields[4:12], "big"), "id")
    hold(facts.row["start_us"] < facts.row["end_us"], "a segment has a length")
    hold(all(-(2**63) <= value < 2**63 for value in facts.row.values() if isinstance(value, int)), "numbers fit a row")


_CLOSING_FIELDS = closing.FIELDS_1.size + closing.FIELDS_2.size


def check_closing(data: bytes) -> None:
    """Decode closing boxes of both versions, made to fit and as they come; what was read is written the same."""
    with contextlib.suppress(FormatError):
        closing.Closing.decode(data)
    with contextlib.suppress(FormatError):
        closing.read_closing(in_memory(data))
    for size in (_CLOSING_FIELDS, closing.FIELDS_1.size):
        fields = data[:size].ljust(size, b"\0")
        total = 8 + 16 + size + 4
        blob = struct.pack(">I", total) + closing.KIND + fields + struct.pack(">I", zlib.crc32(fields))
        with contextlib.suppress(FormatError):
            found = closing.Closing.decode(blob)
            again = closing.Closing.decode(found.encode())
            same(again, found, "a closing box is read as written")
            same(again.chain, found.chain, "its chain stays")


def check_parameter_sets(data: bytes) -> None:
    """Read parameter sets of both codecs, and what stands before the slices of a sample."""
    source = Source(data)
    length_bytes, unit = 1 + source.number(3), source.rest()
    for read in (parametersets.h264_format, parametersets.h265_format):
        with contextlib.suppress(FormatError):
            found = read(unit)
            hold(0 < found.width <= 65_535 and 0 < found.height <= 65_535, "a size is possible")
    with contextlib.suppress(FormatError):
        same(len(parametersets.h265_profile(unit)), 12, "12 bytes of profile")
    units = list(parametersets.iter_units(unit, length_bytes))
    hold(sum(len(one) + length_bytes for one in units) <= len(unit), "units lie within the sample")
    for codec in ("h264", "hevc"):
        layer = references.picture_layer(codec, unit, length_bytes)
        references.is_needed(layer, layer)
    for fourcc in ("avc1", "hvc1"):
        has_leading_pictures(fourcc, unit)


def check_entries(data: bytes) -> None:
    """Fit a sample entry to the parameter sets of a sample: what comes fits them."""
    source = Source(data)
    entry, sample = source.piece(), source.rest()
    if len(entry) < 86:
        return
    entry = struct.pack(">I", len(entry)) + entry[4:]
    found = codecs.entry_from_parameter_sets(entry, sample)
    same(codecs.entry_from_parameter_sets(found, sample), found, "an entry that fits stays")
    if found != entry:
        codecs.picture_size(found)
        codecs.codec_string(found)


def check_index(data: bytes) -> None:
    """Read sample indexes whose checksums fit, and use their columns."""
    source = Source(data)
    raw = source.rest()
    with contextlib.suppress(FormatError):
        SampleIndex.from_bytes(raw)
    blob = fitting_index(raw)
    index = SampleIndex.from_bytes(blob)
    same(SampleIndex.from_bytes(index.to_bytes()).to_bytes(), index.to_bytes(), "an index is read as written")
    hold(len(index.v_dts) == index.counts["v_n"], "as many times as samples")
    hold(len(index.v_pts) == index.counts["v_n"] and len(index.a_dts) == index.counts["a_n"], "all tracks")
    hold(len(index.v_offsets) == index.counts["v_n"] and len(index.a_offsets) == index.counts["a_n"], "offsets")
    cut_index(index, 0, 1, 0, 1)


def fitting_index(raw: bytes) -> bytes:
    """Return an index of these bytes with sizes and checksums that fit: counters of 16 bits, then columns."""
    numbers = raw[: 2 * len(COUNTERS)].ljust(2 * len(COUNTERS), b"\0")
    counts = dict(zip(COUNTERS, np.frombuffer(numbers, "<i2").astype(np.int64).tolist(), strict=True))
    body, at = b"", len(numbers)
    for column in COLUMNS.values():
        rows = min(max(counts[column.counter], 0), 512)
        counts[column.counter] = rows if counts[column.counter] >= 0 else counts[column.counter]
    seed = zlib.crc32(struct.pack(f"<{len(ROW_COUNTERS)}q", *(counts[name] for name in ROW_COUNTERS)))
    for column in COLUMNS.values():
        size = max(counts[column.counter], 0) * column.width * column.kind.itemsize
        held = raw[at : at + size].ljust(size, b"\0")
        body += struct.pack("<I", zlib.crc32(held, seed)) + held
        at += size
    packed = struct.pack(f"<{len(COUNTERS)}q", *counts.values())
    return HEADER.pack(MAGIC, VERSION, 0, HEADER.size + len(packed) + len(body), zlib.crc32(packed)) + packed + body


def check_index_walk(data: bytes) -> None:
    """Find the indexes in the file of a day: those that are whole lie within it."""
    source = Source(data)
    parts = [source.piece() for _ in range(source.number(3))]
    day = b"".join(fitting_index(part) for part in parts) + source.rest()
    for place in find_indexes(written(day)).values():
        hold(place.offset + place.size_bytes <= len(day), "an index lies within the file")
    for place in find_indexes(written(data)).values():
        hold(place.offset + place.size_bytes <= len(data), "an index lies within the file")


def check_matroska(data: bytes) -> None:
    """Write pictures as Matroska and read the elements back."""
    source = Source(data)
    width, height, timestamp_us, jpeg = (
        source.number(65_535),
        source.number(65_535),
        source.number(2**56),
        source.rest(),
    )
    stream = matroska.stream_head(width, height) + matroska.picture(timestamp_us, jpeg)
    found = dict(_elements(stream))
    same(int.from_bytes(found[b"\xb0"], "big"), width, "the width")
    same(int.from_bytes(found[b"\xba"], "big"), height, "the height")
    same(int.from_bytes(found[b"\xe7"], "big"), timestamp_us, "the timestamp")
    same(found[b"\xa3"][4:], jpeg, "the picture")


_MASTERS = {b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\xae", b"\xe0",
            b"\x1f\x43\xb6\x75"}  # fmt: skip


def _elements(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the elements of EBML (RFC 8794 §5, §6) that hold values, in order."""
    found, at = [], 0
    while at < len(data):
        length = 8 - data[at].bit_length() + 1
        kind = data[at : at + length]
        at += length
        size = int.from_bytes(data[at : at + 8], "big") & (1 << 56) - 1
        at += 8
        if kind in _MASTERS:
            continue
        found.append((kind, data[at : at + size]))
        at += size
    return found


TARGETS = (
    Target("boxes", check_boxes, (), BOXES, 2048),
    Target("init", check_init, (FormatError,), BOXES, 4096),
    Target("fragments", check_fragments, (FormatError,), BOXES, 8192),
    Target("live_file", check_live_file, (FormatError,), BOXES, 16_384),
    Target("file_facts", check_file_facts, (FormatError, OSError), BOXES, 16_384),
    Target("closing", check_closing, (), (closing.KIND,), 1024),
    Target("parameter_sets", check_parameter_sets, (), (b"\0\0\3", b"\0\0\0\1", b"\x67", b"\x42\1"), 512),
    Target("entries", check_entries, (FormatError,), (*BOXES, b"\x67", b"\x68", b"\x42\1", b"\x40\1", b"\x44\1"), 4096),
    Target("index", check_index, (FormatError,), (MAGIC, b"\xff\xff\xff\xff"), 8192),
    Target("index_walk", check_index_walk, (), (MAGIC,), 8192),
    Target("matroska", check_matroska, (), (), 1024),
)
