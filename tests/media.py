"""Footage made by PyAV for the tests, and how two copies of it are compared.

All content is seeded: the same call gives the same pictures and the same sound. Every video frame has
something new in it and all audio is noise: no two packets of a file are equal, a hash tells them apart.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

NUMBER_BITS = 24
AUDIO_RATES_HZ = {"aac": 48_000, "pcm_mulaw": 8_000, "pcm_alaw": 8_000}
# Units that RTSP, the depacketiser or a muxer may add, move or strip: parameter sets, access unit delimiters,
# ends of sequence and filler. ITU-T H.264 table 7-1 and ITU-T H.265 table 7-1.
DROPPED_UNITS = {
    "h264": frozenset((7, 8, 9, 10, 11, 12, 13)),
    "hevc": frozenset((32, 33, 34, 35, 36, 37, 38)),
}
SLICE_UNITS = {"h264": frozenset(range(1, 6)), "hevc": frozenset(range(32))}


class Packet(NamedTuple):
    """One coded packet: times in ticks of its stream's time base, and the hash that it is compared by."""

    pts: int | None
    dts: int | None
    sha256: str
    is_key: bool


# --- making ------------------------------------------------------------------------------------------------


def make_video(
    path: Path | str,
    *,
    codec: str = "h264",
    seconds: float = 10,
    fps: int | Fraction = 25,
    gop: int = 25,
    width: int = 320,
    height: int = 240,
    b_frames: int = 0,
    audio: str | None = None,
    bitrate_bps: int = 400_000,
    seed: int = 1,
    tone_hz: float = 0,
    preset: str = "ultrafast",
    draw: Callable[[Plane, int], None] | None = None,
) -> Path:
    """Write a file of moving pictures with a key frame every `gop` frames.

    Every frame carries its number (see `read_number`), a moving texture and a patch of fresh noise;
    `draw(luma, number)` may paint over them. `preset` is the encoder's: all but the fastest code as cameras do.
    `tone_hz` puts a tone over the audio's noise. `b_frames` is how many stand between two others. The container is
    MP4; QuickTime for G.711, which MP4 has no name for.
    """
    path = Path(path)
    pictures = _pictures(width, height, seed)
    with av.open(str(path), "w", format="mov" if audio and audio.startswith("pcm") else "mp4") as container:
        video = container.add_stream({"h264": "libx264", "hevc": "libx265"}[codec], rate=fps)
        video.width, video.height, video.pix_fmt, video.bit_rate = width, height, "yuv420p", bitrate_bps
        video.codec_context.gop_size, video.codec_context.max_b_frames = gop, b_frames
        video.codec_context.thread_count = 1  # the same bytes whatever the number of cores
        video.options = _encoder_options(codec, gop, b_frames, preset)
        sound = _Sound(container, audio, seed, tone_hz) if audio else None
        for number in range(round(seconds * fps)):
            picture = next(pictures)
            stamp_number(picture[:height], number)
            if draw:
                draw(picture[:height], number)
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts = number
            container.mux(video.encode(frame))
            if sound:
                sound.write_until((number + 1) / float(fps))
        container.mux(video.encode(None))
        if sound:
            sound.close()
    return path


def _encoder_options(codec: str, gop: int, b_frames: int, preset: str) -> dict[str, str]:
    """Key frames exactly every `gop` frames and closed groups, whatever the content."""
    common = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:b-adapt=0"
    if codec == "h264":
        return {"preset": preset, "x264-params": common}
    only_h265 = "open-gop=0:pools=1:frame-threads=1:log-level=error"
    return {"preset": preset, "x265-params": f"{common}:{only_h265}"}


def _pictures(width: int, height: int, seed: int) -> Iterator[Plane]:
    """Yield 4:2:0 pictures without end: a drifting texture of 16-pixel cells, a wandering patch of noise."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(40, 200, (height // 16 + 1, width // 16 + 1), dtype=np.uint8)
    texture = np.kron(cells, np.ones((16, 16), np.uint8))[:height, :width]
    chroma = np.full((height // 2, width), 128, np.uint8)
    chroma[: height // 4], chroma[height // 4 :] = rng.integers(112, 144, 2)
    patch_height, patch_width = max(height // 8, 8), max(width // 8, 8)
    while True:
        for shift in range(0, width, 2):
            luma = np.roll(texture, shift, axis=1)
            top = int(rng.integers(height // 8, height - patch_height + 1))
            left = int(rng.integers(0, width - patch_width + 1))
            patch = rng.integers(0, 255, (patch_height, patch_width), dtype=np.uint8)
            luma[top : top + patch_height, left : left + patch_width] = patch
            yield np.concatenate((luma, chroma))


class _Sound:
    """Noise, with a tone over it where asked, written to one audio track in step with the video."""

    def __init__(self, container: Any, codec: str, seed: int, tone_hz: float) -> None:
        self._container, self._rng, self._tone_hz = container, np.random.default_rng(seed), tone_hz
        self._rate_hz = AUDIO_RATES_HZ[codec]
        self._stream = container.add_stream(codec, rate=self._rate_hz, layout="mono")
        self._frame_samples = 1024 if codec == "aac" else self._rate_hz // 50
        self._written = 0

    def write_until(self, until_s: float) -> None:
        """Encode whole frames up to the moment."""
        while self._written + self._frame_samples <= until_s * self._rate_hz:
            at = np.arange(self._written, self._written + self._frame_samples) / self._rate_hz
            tone = 0.4 * np.sin(2 * np.pi * self._tone_hz * at) if self._tone_hz else 0
            level = 0.02 if self._tone_hz else 0.3
            wave = tone + level * self._rng.uniform(-1, 1, self._frame_samples)
            frame = av.AudioFrame.from_ndarray((wave * 32767).astype(np.int16).reshape(1, -1), "s16", "mono")
            frame.sample_rate, frame.time_base = self._rate_hz, Fraction(1, self._rate_hz)
            frame.pts = self._written
            self._container.mux(self._stream.encode(frame))
            self._written += self._frame_samples

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


def stamp_number(luma: Plane, number: int) -> None:
    """Paint the number into the top of a picture as black and white cells, highest bit first."""
    cell, height = luma.shape[1] // NUMBER_BITS, max(luma.shape[0] // 15, 8)
    for bit in range(NUMBER_BITS):
        is_set = number >> (NUMBER_BITS - 1 - bit) & 1
        luma[:height, bit * cell : (bit + 1) * cell] = 235 if is_set else 16


def read_number(luma: Plane) -> int:
    """Return the number that `stamp_number` painted; survives compression, takes any size of picture."""
    cell, height = luma.shape[1] // NUMBER_BITS, max(luma.shape[0] // 15, 8)
    number = 0
    for left in range(0, NUMBER_BITS * cell, cell):
        middle = luma[height // 4 : height - height // 4, left + cell // 4 : left + cell - cell // 4]
        number = number << 1 | int(middle.mean() > 125)
    return number


# --- comparing ---------------------------------------------------------------------------------------------


def packets(
    address: Path | str,
    *,
    options: dict[str, str] | None = None,
    video_count: int | None = None,
    seconds: float | None = None,
) -> dict[str, list[Packet]]:
    """Read `{"video": [...], "audio": [...]}` in decode order from a file or a live address.

    A live address wants an end: after `video_count` video packets, or `seconds` of wall clock.
    """
    found: dict[str, list[Packet]] = {"video": [], "audio": []}
    with av.open(str(address), options=options or {}, timeout=(20, 20)) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        end_s = time.monotonic() + (seconds or float("inf"))
        for packet in container.demux(streams):
            if packet.size == 0:
                continue
            data = comparable(packet)
            if data:
                sha256 = hashlib.sha256(data).hexdigest()
                found[packet.stream.type].append(Packet(packet.pts, packet.dts, sha256, packet.is_keyframe))
            if (video_count and len(found["video"]) >= video_count) or time.monotonic() > end_s:
                break
    return found


def comparable(packet: Any) -> bytes:
    """Return what must be equal in two copies of a PyAV packet: see `access_unit`; audio as it is."""
    if packet.stream.type != "video":
        return bytes(packet)
    context = packet.stream.codec_context
    units = split_units(bytes(packet), length_bytes(context.name, context.extradata))
    return access_unit(context.name, units)


def access_unit(codec: str, units: list[bytes]) -> bytes:
    """Join an access unit's NAL units, each behind its 4-byte length, without those a transport may change.

    Dropped: parameter sets (sent before each key frame, or in the sample entry only), access unit delimiters,
    ends of sequence (a parser may move one into the next packet), filler, and zero bytes behind a unit.
    Slices and SEI are kept byte for byte. Without any slice the answer is empty: that is no picture, and
    comparisons leave it out.
    """
    kept = [unit.rstrip(b"\0") for unit in units if unit_type(codec, unit) not in DROPPED_UNITS[codec]]
    if not any(unit_type(codec, unit) in SLICE_UNITS[codec] for unit in kept):
        return b""
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)


def unit_type(codec: str, unit: bytes) -> int:
    """Return nal_unit_type (ITU-T H.264 §7.3.1, H.265 §7.3.1.2)."""
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F


def length_bytes(codec: str, extradata: bytes | None) -> int:
    """Return the size of the lengths before NAL units, 0 for Annex B start codes.

    Tells by the first byte: avcC and hvcC begin with version 1 (ISO/IEC 14496-15 §5.3.3.1 and §8.3.3.1).
    """
    if not extradata or extradata[0] != 1:
        return 0
    return (extradata[4 if codec == "h264" else 21] & 3) + 1


def split_units(data: bytes, size_bytes: int) -> list[bytes]:
    """Split coded bytes into NAL units: length-prefixed by `size_bytes`, or Annex B where that is 0."""
    if size_bytes == 0:
        return [unit for part in data.split(b"\0\0\1") if (unit := part.rstrip(b"\0"))]
    units, at = [], 0
    while at + size_bytes <= len(data):
        size = int.from_bytes(data[at : at + size_bytes], "big")
        at += size_bytes
        if size:
            units.append(data[at : at + size])
        at += size
    return units
