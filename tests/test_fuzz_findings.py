"""What fuzzing found (docs/fuzzing.md): each input, as small as it can be, and what it must come to now."""

import os
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from app.capture.facts import Facts, logged_facts
from app.formats.boxes import FormatError, iter_boxes, moof_offsets
from app.formats.exports import MANIFEST, NoExport, check_export
from app.formats.sampleindex import COLUMNS, COUNTERS, FRAGMENT, HEADER, MAGIC, ROW_COUNTERS, VERSION, SampleIndex


def test_a_large_size_too_small_for_its_own_header_ends_the_search_for_fragments(tmp_path: Path) -> None:
    """`moof_offsets` took a box of 8 to 15 bytes with a header of 16, which `iter_boxes` refuses."""
    path = tmp_path / "file.mp4"
    path.write_bytes(struct.pack(">I4sQ", 1, b"free", 12) + b"moof" + bytes(4))  # the size's own end reads as one
    handle = os.open(path, os.O_RDONLY)
    try:
        assert list(iter_boxes(handle, 0, 24)) == []
        assert moof_offsets(handle, 0, 24) == []
    finally:
        os.close(handle)


def index_bytes(counts: dict[str, int], **columns: np.ndarray) -> bytes:
    """Return an index with checksums that fit, whatever it says."""
    counts = dict.fromkeys(COUNTERS, 0) | counts
    packed = struct.pack(f"<{len(COUNTERS)}q", *counts.values())
    seed = zlib.crc32(struct.pack(f"<{len(ROW_COUNTERS)}q", *(counts[name] for name in ROW_COUNTERS)))
    body = packed
    for name, column in COLUMNS.items():
        rows = columns.get(name, np.zeros(0, column.kind)).tobytes()
        body += struct.pack("<I", zlib.crc32(rows, seed)) + rows
    return HEADER.pack(MAGIC, VERSION, 0, HEADER.size + len(body), zlib.crc32(packed)) + body


def fragment(**values: int) -> np.ndarray:
    table = np.zeros(1, FRAGMENT)
    for name, value in values.items():
        table[name] = value
    return table


SIZES, ONE_RUN = np.full(2, 9, ">u4"), np.array([[1, 7], [1, 7]], ">u4")
GOOD = {"v_stsz": SIZES, "v_stts": ONE_RUN, "v_stss": np.array([1], ">u4"), "fragments": fragment(v_count=2)}
COUNTS = {"v_timescale": 90_000, "v_n": 2, "v_runs": 2, "v_sync": 1, "n_frag": 1}
LYING = {
    "a duration for 4,000 million samples": {"v_stts": np.array([[0xFFFFFFFF, 7], [1, 7]], ">u4")},
    "durations of one sample only": {"v_stts": np.array([[1, 7], [0, 7]], ">u4")},
    "composition offsets of a negative number": {"v_ctts": np.array([[-2, 1]], ">i4")},
    "a fragment of more samples": {"fragments": fragment(v_count=3)},
    "a fragment that begins behind its samples": {"fragments": fragment(v_count=2, v_first=196_608)},
    "a fragment of fewer than no sound": {"fragments": fragment(v_count=2, a_count=-1)},
    "a key sample behind the end": {"v_stss": np.array([3], ">u4")},
}


def test_an_index_whose_columns_fit_its_counters_is_read() -> None:
    index = SampleIndex.from_bytes(index_bytes(COUNTS, **GOOD))
    assert index.v_dts.tolist() == [0, 7]
    assert index.v_offsets.tolist() == [0, 9]


@pytest.mark.parametrize("lie", LYING)
def test_an_index_that_contradicts_its_counters_is_refused_before_it_takes_memory(lie: str) -> None:
    """Checksums fit, so the index was believed: one of 200 bytes asked for 32 GB, others gave an IndexError."""
    columns = GOOD | LYING[lie]
    counts = COUNTS | {"v_cruns": len(columns.get("v_ctts", ()))}
    with pytest.raises(FormatError, match="sample index"):
        SampleIndex.from_bytes(index_bytes(counts, **columns))


def archive_with(change: tuple[bytes, bytes], path: Path) -> Path:
    """Return an archive of one member in whose directory bytes were exchanged for as many others."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, "{}")
    data = path.read_bytes()
    at = data.index(b"PK\1\2")
    assert change[0] in data[at:]
    path.write_bytes(data[:at] + data[at:].replace(*change))
    return path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x61\0\0\0"), id="of version 9.7"),
        pytest.param((b"\x14\3\x14\0\0\0", b"\x14\3\x14\0\0\x08"), id="that says its names are UTF-8"),
    ],
)
def test_an_archive_that_cannot_be_read_is_no_export(change: tuple[bytes, bytes], tmp_path: Path) -> None:
    """Python's reader raises NotImplementedError and UnicodeDecodeError, which `flask export check` did not expect."""
    path = archive_with(change, tmp_path / "export.zip")
    if change[1].endswith(b"\x08"):
        path.write_bytes(path.read_bytes().replace(b"manifest", b"manif\x8dst"))
    with pytest.raises(NoExport):
        check_export(path)


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("Video: h264, yuv420p, 640x480, 1.2.3 fps", Facts(video_codec="avc1", width=640, height=480)),
        ("Video: h264, yuv420p, 640x480, 29.97 fps", Facts("avc1", 640, 480, 29.97)),
        ("Audio: aac, 8000 Hz, 99999999999999999999 channels", Facts(audio_codec="mp4a.40.2", audio_rate_hz=8000)),
        ("Audio: aac, 8000 Hz, 5.1(side)", Facts(audio_codec="mp4a.40.2", audio_rate_hz=8000, audio_channels=6)),
    ],
    ids=["rate-of-three-parts", "rate", "channels-of-20-digits", "channels"],
)
def test_what_a_camera_announces_as_numbers_is_none_or_fits_its_column(line: str, facts: Facts) -> None:
    """`1.2.3 fps` was a ValueError, and 20 digits of channels an error of the database, at each measuring."""
    assert logged_facts(f"  Stream #0:0: {line}\n") == facts
