"""How long a film or a recording of sound is. Run as a process of its own: what was uploaded may crash a demuxer."""

import resource
import subprocess
import sys
from pathlib import Path

from app.hardening import bare_environment

LIMIT_S = 60.0
MEMORY_BYTES = 1 << 30  # of which pictures are decoded; a container that needs more is not read
US = 1_000_000
# No playlists and no addresses: a file must not make the server open another.
DEMUXERS = "mov,mp4,m4a,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,wav,mp3,flac,aac,h264,hevc,mjpeg,gif"
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}


class LengthUnknown(Exception):
    """The file cannot be read as a film; the message is one line."""


def find_length(path: Path) -> float | None:
    """Return the length in seconds; None where the file says none. Raises LengthUnknown."""
    command = [sys.executable, "-m", "app.transfer.filelength", str(path)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=LIMIT_S,
            check=False,
            cwd=_root(),
            env=bare_environment(),
        )
    except subprocess.TimeoutExpired:
        raise LengthUnknown(f"its length was not found within {LIMIT_S:.0f} s") from None
    if done.returncode == 0:
        return float(done.stdout) if done.stdout.strip() else None
    lines = done.stdout.strip().splitlines() if done.returncode == 1 else []
    raise LengthUnknown(lines[-1][:300] if lines else f"the process that reads it ended with {done.returncode}")


def _root() -> Path:
    return Path(__file__).resolve().parent.parent.parent


def _main(path: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    import av

    try:
        with av.open(path, options=OPTIONS) as film:
            sys.stdout.write("" if film.duration is None else f"{film.duration / US:.6f}\n")
    except (av.error.FFmpegError, ValueError) as error:
        sys.stdout.write(f"it cannot be read as a film: {getattr(error, 'strerror', None) or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
