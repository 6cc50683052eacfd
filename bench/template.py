"""A short clip of a real encoder, taken apart into coded pictures and sound: what generated footage is made of."""

import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.capture.ffmpeg import SEGMENT_FORMAT, find_ffmpeg
from app.formats.fragments import TrackPart, read_init, scan
from bench.cameras import SEED

CLIP_S = 40
SHORTEST_GOP_S, LONGEST_GOP_S = 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a generated camera sends: H.264 and, unless `audio_hz` is 0, AAC of one channel."""

    fps: int = 30
    b_frames: int = 2
    audio_hz: int = 48_000
    width: int = 320
    height: int = 180


@dataclass(frozen=True, slots=True)
class Gop:
    """A closed group of pictures in decode order; `shown` is the place of each among all in order of presentation."""

    samples: list[bytes]
    sizes: npt.NDArray[np.int64]
    shown: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Template:
    """The parts: `head` is the init segment as the recorder's ffmpeg writes it, before every file's fragments."""

    kind: Kind
    head: bytes
    gops: list[Gop]
    sounds: list[bytes]


@lru_cache(maxsize=4)
def template(kind: Kind) -> Template:
    """Encode and take apart; made once a process."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "0.mp4"
        _encode(path, kind)
        data = path.read_bytes()
        with path.open("rb") as file:
            init = read_init(file.fileno())
            fragments, _ = scan(file.fileno(), init.size_bytes, init)
    video, audio = init.track("video"), init.track("audio")
    assert video is not None, "the clip has no picture"
    gops = [_gop(data, fragment.tracks[video.track_id], kind) for fragment in fragments]
    sounds = []
    if audio is not None:
        parts = [fragment.tracks[audio.track_id] for fragment in fragments if audio.track_id in fragment.tracks]
        sounds = [sound for part in parts for sound in _samples(data, part)]
    return Template(kind, data[: init.size_bytes], gops, sounds)


def _encode(path: Path, kind: Kind) -> None:
    """Write the clip as one segment with the recorder's muxer options, key frames 1 to 2 s apart."""
    rng = np.random.default_rng(SEED)
    keys_s = np.cumsum(rng.uniform(SHORTEST_GOP_S, LONGEST_GOP_S, 2 * CLIP_S))
    keys = ",".join(f"{key_s:.3f}" for key_s in keys_s[keys_s < CLIP_S])
    command = [find_ffmpeg(), "-nostdin", "-loglevel", "error", "-f", "lavfi"]
    command += ["-i", f"testsrc2=size={kind.width}x{kind.height}:rate={kind.fps}:duration={CLIP_S}"]
    if kind.audio_hz:
        command += ["-f", "lavfi", "-i", f"anoisesrc=seed={SEED}:sample_rate={kind.audio_hz}:duration={CLIP_S}"]
        command += ["-c:a", "aac", "-b:a", "32k"]
    x264 = f"keyint=9999:min-keyint=1:scenecut=0:b-adapt=0:b-pyramid=none:bframes={kind.b_frames}:open-gop=0"
    command += [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-threads",
        "1",
        "-pix_fmt",
        "yuv420p",
        "-crf",
        "40",
        "-x264-params",
        x264,
    ]
    command += ["-forced-idr", "1", "-force_key_frames", keys, "-f", "segment", "-segment_time", str(10 * CLIP_S)]
    options = SEGMENT_FORMAT.format(fragment_us=10_000_000)
    command += ["-segment_format", "mp4", "-segment_format_options", options, str(path.with_name("%d.mp4"))]
    subprocess.run(command, check=True, timeout=120)


def _gop(data: bytes, part: TrackPart, kind: Kind) -> Gop:
    """Return one fragment's pictures."""
    assert np.flatnonzero(part.is_key).tolist() == [0], "a fragment is not one group of pictures"
    shown_ticks = np.cumsum(part.durations) - part.durations + part.composition_offsets
    shown = np.argsort(np.argsort(shown_ticks))
    assert kind.b_frames or (shown == np.arange(part.count)).all()
    return Gop(_samples(data, part), part.sizes, shown)


def _samples(data: bytes, part: TrackPart) -> list[bytes]:
    ends = part.data_offset + np.cumsum(part.sizes)
    return [data[end - size : end] for end, size in zip(ends.tolist(), part.sizes.tolist(), strict=True)]
