"""Segment files as the recorder's ffmpeg writes them, made from a file instead of a camera."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from app.capture.ffmpeg import SEGMENT_FORMAT

MUXER_OPTIONS = SEGMENT_FORMAT.format(fragment_us=4_000_000)
FFMPEGS = tuple(path for path in ("/usr/bin/ffmpeg", imageio_ffmpeg.get_ffmpeg_exe()) if Path(path).exists())


def segment(source: Path, folder: Path, *, segment_s: float = 2, ffmpeg: str = FFMPEGS[-1]) -> list[Path]:
    """Cut a file into segments of whole groups of pictures without re-encoding, as the recorder does."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(source), "-map", "0:v:0", "-map", "0:a:0?"]
    command += ["-c", "copy", "-f", "segment", "-segment_time", str(segment_s), "-segment_format", "mp4"]
    command += ["-segment_format_options", MUXER_OPTIONS, str(folder / "%04d.mp4")]
    subprocess.run(command, check=True, timeout=60)
    return sorted(folder.glob("*.mp4"))
