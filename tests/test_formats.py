"""The formats layer: fragments, sample index and closing box against what PyAV reads from the same files."""

import hashlib
import itertools
import os
import random
import uuid
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.formats.boxes import FormatError, box, full_box, iter_boxes
from app.formats.closing import CLOSING_BYTES, Closing, Facts, read_closing
from app.formats.fragments import read_init, scan
from app.formats.indexcut import cut_index
from app.formats.sampleindex import ROW_COUNTERS, SampleIndex
from tests.media import make_video
from tests.recording import FFMPEGS, segment

KINDS = {
    "h264": {"codec": "h264"},
    "h264-b-frames": {"codec": "h264", "b_frames": 2},
    "h265": {"codec": "hevc"},
    "h265-b-frames": {"codec": "hevc", "b_frames": 2},
    "audio": {"codec": "h264", "audio": "aac"},
    "b-frames-audio": {"codec": "h264", "b_frames": 2, "audio": "aac"},
}


@pytest.fixture(scope="module", params=KINDS)
def recorded(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    source = make_video(folder / "source.mp4", seconds=6, fps=20, gop=20, width=160, height=120, **KINDS[request.param])
    return segment(source, folder / "segments")


@pytest.fixture(scope="module")
def one_segment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    source = make_video(
        folder / "s.mp4", seconds=2, fps=10, gop=10, width=64, height=64, audio="aac", bitrate_bps=40_000
    )
    return segment(source, folder / "segments")[0].read_bytes()


@contextmanager
def opened(path: Path):
    fd = os.open(path, os.O_RDONLY)
    try:
        yield fd
    finally:
        os.close(fd)


def index_of(path: Path, shift_ticks: int = 0) -> SampleIndex:
    with opened(path) as fd:
        init = read_init(fd)
        fragments, parsed_upto = scan(fd, init.size_bytes, init)
        assert parsed_upto == os.fstat(fd).st_size
        return SampleIndex.build(init, fragments, shift_ticks)


def demuxed(path: Path, kind: str) -> list[tuple[int, int, int, bool, str]]:
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [
            (
                packet.dts,
                packet.pts,
                packet.size,
                packet.is_keyframe,
                hashlib.sha256(bytes(packet)).hexdigest(),
            )
            for packet in (container.demux(streams) if streams else [])
            if packet.size
        ]


def indexed(path: Path, index: SampleIndex, kind: str) -> list[tuple[int, int, int, bool, str]]:
    data = path.read_bytes()
    letter = kind[0]
    dts, sizes = getattr(index, f"{letter}_dts"), getattr(index, f"{letter}_stsz")
    offsets = getattr(index, f"{letter}_offsets")
    pts = index.v_pts if letter == "v" else dts
    keys = {int(number) - 1 for number in index.v_stss} if letter == "v" else set(range(len(dts)))
    return [
        (
            int(dts[k]),
            int(pts[k]),
            int(sizes[k]),
            k in keys,
            hashlib.sha256(data[offsets[k] : offsets[k] + sizes[k]]).hexdigest(),
        )
        for k in range(len(sizes))
    ]


def test_every_sample_of_the_index_is_the_one_that_pyav_demuxes(recorded):
    assert len(recorded) == 3
    for path in recorded:
        index = index_of(path)
        for kind in ("video", "audio"):
            assert indexed(path, index, kind) == demuxed(path, kind)


def test_dts_run_on_from_one_segment_to_the_next(recorded):
    indexes = [index_of(path) for path in recorded]
    for before, after in itertools.pairwise(indexes):
        assert after.counts["v_t0"] - before.counts["v_t0"] == before.counts["v_dur"]


@pytest.mark.parametrize("ffmpeg", FFMPEGS)
def test_flags_give_continuous_tfdt_and_a_clock_with_each_ffmpeg(ffmpeg, tmp_path):
    source = make_video(tmp_path / "s.mp4", seconds=4, fps=10, gop=10, width=64, height=64, audio="aac")
    paths = segment(source, tmp_path / "segments", ffmpeg=ffmpeg)
    indexes = [index_of(path) for path in paths]
    assert indexes[1].counts["v_t0"] == indexes[0].counts["v_t0"] + indexes[0].counts["v_dur"]
    assert abs(indexes[1].counts["a_t0"] / 48_000 - indexes[1].counts["v_t0"] / 90_000) < 0.05
    with opened(paths[1]) as fd:
        init = read_init(fd)
        fragments, _ = scan(fd, init.size_bytes, init)
        assert all(fragment.ntp_us is not None for fragment in fragments)
        assert abs(fragments[0].ntp_us / 1e6 - paths[1].stat().st_mtime) < 30
        assert [track.kind for track in init.tracks] == ["video", "audio"]
        assert (init.tracks[0].width, init.tracks[0].height, init.tracks[0].timescale) == (64, 64, 90_000)
        assert (init.tracks[1].fourcc, init.tracks[1].sample_rate) == ("mp4a", 48_000)


def test_index_survives_its_bytes_and_a_changed_bit_is_noticed(recorded):
    index = index_of(recorded[1])
    data = index.to_bytes()
    again = SampleIndex.from_bytes(memoryview(data))
    assert again.counts == index.counts
    assert np.array_equal(again.v_pts, index.v_pts)
    assert np.array_equal(again.a_offsets, index.a_offsets)
    assert again.to_bytes() == data
    for position in random.Random(1).sample(range(len(data)), 50):
        broken = bytearray(data)
        broken[position] ^= 0x10
        if position not in (6, 7):  # unused flags
            with pytest.raises(FormatError):
                SampleIndex.from_bytes(bytes(broken))
    with pytest.raises(FormatError):
        SampleIndex.from_bytes(data[:-1])


def test_last_sample_has_a_run_of_its_own_and_counters_are_those_of_the_columns(recorded):
    index = index_of(recorded[0])
    counters = index.counters()
    assert index.v_stts[-1][0] == 1
    assert counters["v_runs"] == len(index.v_stts)
    assert counters["v_dur"] == int(index.v_durations.sum())
    assert counters["a_n"] == len(index.a_stsz)
    if counters["a_n"]:
        assert index.a_stts[-1][0] == 1


def test_shift_moves_every_video_time_and_no_audio_time(recorded):
    plain, shifted = index_of(recorded[0]), index_of(recorded[0], shift_ticks=12_345)
    assert np.array_equal(plain.v_pts + 12_345, shifted.v_pts)
    assert np.array_equal(plain.a_dts, shifted.a_dts)


def test_a_file_cut_at_any_byte_gives_exactly_its_whole_fragments(one_segment, tmp_path):
    path = tmp_path / "cut.mp4"
    path.write_bytes(one_segment)
    with opened(path) as fd:
        init = read_init(fd)
        whole, _ = scan(fd, init.size_bytes, init)
    assert len(whole) == 2
    for length in range(whole[-1].offset_bytes - 40, len(one_segment) + 1):
        with path.open("r+b") as file:
            file.truncate(length) if length <= path.stat().st_size else file.write(one_segment[:length])
        with opened(path) as fd:
            found, parsed_upto = scan(fd, init.size_bytes, init)
        expected = [fragment for fragment in whole if fragment.end_bytes <= length]
        assert [fragment.end_bytes for fragment in found] == [fragment.end_bytes for fragment in expected]
        assert parsed_upto <= length
        assert not expected or parsed_upto == expected[-1].end_bytes


def test_a_growing_file_is_parsed_on_from_where_it_was(one_segment, tmp_path):
    path = tmp_path / "growing.mp4"
    path.write_bytes(one_segment)
    with opened(path) as fd:
        init = read_init(fd)
        whole, _ = scan(fd, init.size_bytes, init)
        found, parsed_upto = [], init.size_bytes
        for length in range(init.size_bytes, len(one_segment) + 1, 97):
            more, parsed_upto = scan(fd, parsed_upto, init, end_bytes=length)
            found += more
        more, parsed_upto = scan(fd, parsed_upto, init)
        found += more
    assert [fragment.end_bytes for fragment in found] == [fragment.end_bytes for fragment in whole]
    assert parsed_upto == len(one_segment)


def test_a_head_that_is_cut_or_missing_is_a_format_error(one_segment, tmp_path):
    path = tmp_path / "head.mp4"
    for length in (0, 4, 8, 30, 200, 700):
        path.write_bytes(one_segment[:length])
        with opened(path) as fd, pytest.raises(FormatError):
            read_init(fd)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_hostile_bytes_give_a_format_error_or_fewer_fragments_and_nothing_else(one_segment, tmp_path_factory, data):
    broken = bytearray(one_segment)
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, min(len(broken), 4000) - 1))
        broken[position : position + 4] = data.draw(st.binary(min_size=1, max_size=8))
    path = tmp_path_factory.getbasetemp() / "hostile.mp4"
    path.write_bytes(broken)
    with opened(path) as fd:
        try:
            init = read_init(fd)
            fragments, parsed_upto = scan(fd, init.size_bytes, init)
            SampleIndex.build(init, fragments)
        except FormatError:
            return
        assert parsed_upto <= len(broken)


def test_a_trun_that_claims_millions_of_samples_costs_nothing(one_segment, tmp_path):
    path = tmp_path / "huge.mp4"
    path.write_bytes(one_segment)
    with opened(path) as fd:
        init = read_init(fd)
    trun = full_box(b"trun", 0, 0x1, (0xFFFFFFF0).to_bytes(4, "big"), (100).to_bytes(4, "big"))
    tfhd = full_box(b"tfhd", 0, 0x20000, (1).to_bytes(4, "big"))
    path.write_bytes(box(b"moof", box(b"traf", tfhd, trun)) + box(b"mdat", bytes(1000)))
    with opened(path) as fd:
        assert scan(fd, 0, init) == ([], 0)


def test_boxes_with_impossible_sizes_end_the_walk(tmp_path):
    path = tmp_path / "boxes.mp4"
    good = box(b"free", b"1234")
    for tail in (
        bytes(64),
        b"\0\0\0\7free",
        b"\0\0\0\1mdat" + b"\xff" * 8,
        b"\0\0\0\1mdat" + bytes(8),
        b"\0\0",
    ):
        path.write_bytes(good + tail)
        with opened(path) as fd:
            assert [item.kind for item in iter_boxes(fd, 0, path.stat().st_size)] == [b"free"]


@pytest.mark.parametrize("is_picture", [True, False], ids=["pictures", "stream"])
@pytest.mark.parametrize("version", [1, 2])
def test_closing_box_ends_the_file_and_survives_only_unaltered(tmp_path, version, is_picture):
    identity = (7, uuid.uuid4(), 3, 1_763_712_000_123_456, -120, None, -9000, bytes(range(32)))
    facts = Facts(
        bytes(range(32, 64)), 1_763_712_060_123_456, 1300, 99_000, {name: -len(name) for name in ROW_COUNTERS}
    )
    closing = Closing(
        *identity, is_picture=is_picture, is_clock_unset=not is_picture, facts=facts if version == 2 else None
    )
    assert len(closing.encode()) == closing.size_bytes == {1: 120, 2: CLOSING_BYTES}[version]
    assert (closing.chain is None) == (version == 1)
    assert Closing.decode(closing.encode()) == closing
    path = tmp_path / "closed.mp4"
    path.write_bytes(box(b"mdat", b"xyz") + closing.encode())
    with opened(path) as fd:
        assert read_closing(fd) == closing
        assert [item.kind for item in iter_boxes(fd, 0, path.stat().st_size)] == [b"mdat", b"uuid"]
    for position in range(closing.size_bytes):
        broken = bytearray(closing.encode())
        broken[position] ^= 1
        with pytest.raises(FormatError):
            Closing.decode(bytes(broken))


def test_a_cut_index_holds_exactly_the_samples_asked_for(recorded):
    path = recorded[1]
    index = index_of(path)
    whole_v, whole_a = indexed(path, index, "video"), indexed(path, index, "audio")
    for v_first, v_end, a_first, a_end in (
        (0, 40, 0, 10_000),
        (3, 5, 2, 3),
        (20, 21, 50, 70),
        (25, 40, 90, 90),
    ):
        part = cut_index(index, v_first, v_end, a_first, a_end)
        for cut, whole in (
            (indexed(path, part, "video"), whole_v[v_first:v_end]),
            (indexed(path, part, "audio"), whole_a[a_first:a_end]),
        ):
            assert cut == whole
        assert part.counts["n_frag"] == len(part.fragments) <= index.counts["n_frag"]
        assert part.counts["v_chunks"] == int((part.fragments["v_count"] > 0).sum())
    with pytest.raises(FormatError):
        cut_index(index, 40, 41, 0, 0)
    if whole_a:
        assert indexed(path, cut_index(index, 0, 0, 5, 9), "audio") == whole_a[5:9]
