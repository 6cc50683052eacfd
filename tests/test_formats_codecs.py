"""Sample entries: codec strings, sizes, and entries made from the parameter sets in the samples."""

import os
import random

import av
import pytest

from app.formats.boxes import FormatError
from app.formats.codecs import codec_string, entry_from_parameter_sets, picture_size, serving_entry
from app.formats.fragments import read_init
from app.formats.parametersets import iter_units
from tests.media import make_video
from tests.recording import segment


def entry_and_first_sample(tmp_path, name, **options):
    """Return recorded tracks, and the first sample behind its parameter sets, as cameras send them."""
    source = make_video(tmp_path / f"{name}.mp4", seconds=1, fps=5, gop=5, **options)
    path = segment(source, tmp_path / name)[0]
    fd = os.open(path, os.O_RDONLY)
    try:
        tracks = read_init(fd).tracks
    finally:
        os.close(fd)
    with av.open(str(source)) as container:
        packet = next(container.demux(video=0))
        extradata = container.streams.video[0].codec_context.extradata
    return tracks, parameter_sets(extradata, options.get("codec", "h264")) + bytes(packet)


def parameter_sets(extradata: bytes, codec: str) -> bytes:
    """Return the sets of an avcC or hvcC with 32-bit lengths."""
    found, position = [], 6
    if codec == "h264":
        counts = [extradata[5] & 31]
        for number in range(2):
            for _ in range(counts[number]):
                size = int.from_bytes(extradata[position : position + 2], "big")
                found.append(extradata[position + 2 : position + 2 + size])
                position += 2 + size
            counts.append(extradata[position] if position < len(extradata) else 0)
            position += 1
    else:
        position = 23
        for _ in range(extradata[22]):
            count = int.from_bytes(extradata[position + 1 : position + 3], "big")
            position += 3
            for _ in range(count):
                size = int.from_bytes(extradata[position : position + 2], "big")
                found.append(extradata[position + 2 : position + 2 + size])
                position += 2 + size
        found = [unit for unit in found if unit[0] >> 1 & 63 in (32, 33, 34)]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in found)


def decodes(entry: bytes, sample: bytes, codec: str) -> tuple[int, int]:
    """Decode a sample without its own parameter sets, with those of the entry; return the size."""
    kinds = (7, 8) if codec == "h264" else (32, 33, 34)
    kind = (lambda unit: unit[0] & 31) if codec == "h264" else (lambda unit: unit[0] >> 1 & 63)
    bare = b"".join(len(u).to_bytes(4, "big") + u for u in iter_units(sample, 4) if kind(u) not in kinds)
    decoder = av.CodecContext.create(codec, "r")
    decoder.extradata = entry[94:]  # the body of the first child box
    frames = decoder.decode(av.Packet(bare)) + decoder.decode(None)
    return frames[0].width, frames[0].height


@pytest.mark.parametrize(("codec", "start"), [("h264", "avc1."), ("hevc", "hvc1.1.6.L")])
def test_codec_string_and_size_come_from_the_entry(tmp_path, codec, start):
    tracks, _ = entry_and_first_sample(tmp_path, "a", codec=codec, width=170, height=98, audio="aac")
    assert codec_string(tracks[0].entry).startswith(start)
    assert picture_size(tracks[0].entry) == (170, 98)
    assert codec_string(tracks[1].entry) == "mp4a.40.2"
    if codec == "h264":
        with av.open(str(tmp_path / "a.mp4")) as container:
            assert (
                codec_string(tracks[0].entry) == "avc1." + container.streams.video[0].codec_context.extradata[1:4].hex()
            )


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_sets_that_the_entry_has_leave_it_as_it_is(tmp_path, codec):
    tracks, sample = entry_and_first_sample(tmp_path, "a", codec=codec, width=160, height=96)
    assert entry_from_parameter_sets(tracks[0].entry, sample) is tracks[0].entry
    assert entry_from_parameter_sets(tracks[0].entry, b"") is tracks[0].entry
    assert entry_from_parameter_sets(tracks[0].entry, sample[:20]) is tracks[0].entry


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_change_during_a_connection_gives_an_entry_with_which_the_samples_decode(tmp_path, codec):
    old, _ = entry_and_first_sample(tmp_path, "old", codec=codec, width=160, height=96)
    new, sample = entry_and_first_sample(tmp_path, "new", codec=codec, width=320, height=176)
    true_entry = entry_from_parameter_sets(old[0].entry, sample)
    assert true_entry != old[0].entry
    assert picture_size(true_entry) == (320, 176)
    assert int.from_bytes(true_entry[32:34], "big") == 320
    assert codec_string(true_entry) == codec_string(new[0].entry)
    assert decodes(true_entry, sample, codec) == (320, 176)
    assert entry_from_parameter_sets(true_entry, sample) is true_entry


def test_hev1_is_served_as_hvc1(tmp_path):
    tracks, _ = entry_and_first_sample(tmp_path, "a", codec="hevc", width=64, height=64)
    assert tracks[0].fourcc == "hev1"
    served = serving_entry(tracks[0].entry)
    assert served[4:8] == b"hvc1"
    assert served[8:] == tracks[0].entry[8:]
    assert serving_entry(served) == served


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_broken_entries_and_samples_give_a_format_error_and_nothing_else(tmp_path, codec):
    tracks, sample = entry_and_first_sample(tmp_path, "a", codec=codec, width=64, height=64, audio="aac")
    rng = random.Random(3)
    for _ in range(400):
        entries = [bytearray(track.entry) for track in tracks]
        for entry in entries:
            entry[rng.randrange(len(entry))] = rng.randrange(256)
        broken = bytearray(sample[:400])
        broken[rng.randrange(60)] = rng.randrange(256)
        for entry in entries:
            for call in (codec_string, picture_size, lambda e: entry_from_parameter_sets(e, bytes(broken))):  # noqa: B023
                try:
                    call(bytes(entry))
                except FormatError:
                    continue


def test_sound_that_never_told_its_configuration_still_has_a_name(tmp_path):
    tracks, _ = entry_and_first_sample(tmp_path, "a", width=64, height=64, audio="aac")
    entry = bytearray(tracks[1].entry)
    at = entry.index(bytes([5, 0x80, 0x80, 0x80]))  # DecoderSpecificInfo (ISO/IEC 14496-1 §7.2.6.7)
    entry[at] = 6
    assert codec_string(bytes(entry)) == "mp4a.40"
