"""What players make of films and playlists: ffmpeg and GStreamer open them without a warning and decode every frame.

GStreamer's warnings are those of GST_DEBUG=2, of every element.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.archived import FPS, add_source, address, record
from tests.archived import media as media
from tests.archived import no_plans as no_plans
from tests.archived import source_id as source_id
from tests.conftest import missing
from tests.served import Served, serving

Media = Callable[..., Path]
# What GStreamer 1.22 says of every MP4 file (`moov` without `mvex`), of every file source, and of H.265 without a
# colour description; and of the map of wall time, which the contract wants in `moov/udta/uuid`.
SAID_OF_ALL = re.compile(
    "pad not activated yet|failed to find fragment defaults for stream|validate_colorimetry|invalid colorimetry"
)
SAID_OF_THE_MAP = re.compile("unknown QuickTime node type uuid")


def whole(app: Flask, source_id: int, media: Media, kind: str) -> str:
    recorded = record(app, source_id, media(kind))
    return address(source_id, recorded.begin_us, recorded.end_us)


def within(app: Flask, source_id: int, media: Media, kind: str) -> str:
    """Return a range that begins and ends within groups of pictures."""
    recorded = record(app, source_id, media(kind))
    return address(source_id, recorded.begin_us + 3_330_000, recorded.end_us - 2_120_000)


def growing(app: Flask, source_id: int, media: Media, kind: str) -> str:
    """Return a range into the open segment."""
    recorded = record(app, source_id, media(kind), leave_open=True)
    return address(source_id, recorded.begin_us, recorded.end_us + 60_000_000)


def gaps(app: Flask, source_id: int, media: Media, kind: str, more: str = "") -> str:
    """Return a range over three runs."""
    first = last = record(app, source_id, media(kind))
    for seed in (2, 3):
        last = record(app, source_id, media(kind, seed=seed), begin_us=last.end_us + 3_700_000)
    return address(source_id, first.begin_us + 1_234_567, last.end_us - 777_777, more)


def held(app: Flask, source_id: int, media: Media, kind: str) -> str:
    return gaps(app, source_id, media, kind, "&gaps=hold")


CASES = [
    *((whole, kind) for kind in ("h264", "audio", "b-frames", "h265")),
    *((within, kind) for kind in ("h264", "b-frames-audio", "h265")),
    *((growing, kind) for kind in ("audio", "b-frames")),
    *((gaps, kind) for kind in ("h264", "b-frames-audio", "h265")),
    *((held, kind) for kind in ("audio", "b-frames-audio")),
]


def name_of(value: Any) -> str:
    return value if isinstance(value, str) else value.__name__


@pytest.fixture
def film(
    request: pytest.FixtureRequest, app: Flask, client: FlaskClient, source_id: int, media: Media, tmp_path: Path
) -> Path:
    """Return a file with what `video.mp4` answers for one of the cases."""
    make, kind = request.param
    answer = client.get(make(app, source_id, media, kind), follow_redirects=True)
    assert answer.status_code == 200
    path = tmp_path / f"{kind}.mp4"
    path.write_bytes(answer.data)
    return path


def film_ids(case: tuple[Any, str]) -> str:
    return f"{case[0].__name__}-{case[1]}"


def run(*command: str | Path, **environment: str) -> str:
    """Run a player to its end and return what it says on its standard error."""
    if shutil.which(command[0]) is None:
        missing(f"no {command[0]} in PATH")
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def gstreamer(*command: str | Path) -> str:
    """Run a program of GStreamer and return its warnings but those it has for every file."""
    said = run(*command, GST_DEBUG="2", GST_DEBUG_NO_COLOR="1").splitlines()
    return "\n".join(line for line in said if not SAID_OF_ALL.search(line) and not SAID_OF_THE_MAP.search(line))


@pytest.mark.parametrize("film", CASES, indirect=True, ids=film_ids)
def test_a_film_opens_without_a_warning(film: Path) -> None:
    assert run("ffmpeg", "-nostdin", "-v", "warning", "-i", film, "-f", "null", "-") == ""
    assert run("ffprobe", "-v", "warning", "-show_format", "-show_streams", "-show_packets", film) == ""
    assert gstreamer("gst-discoverer-1.0", "-v", film) == ""
    sound = ["d.", "!", "queue", "!", "audioconvert", "!", "fakesink", "sync=false"] if "audio" in film.name else []
    picture = ["d.", "!", "queue", "!", "videoconvert", "!", "fakesink", "sync=false"]
    source = ["filesrc", f"location={film}", "!", "decodebin", "name=d"]
    assert gstreamer("gst-launch-1.0", "-q", *source, *picture, *sound) == ""


@pytest.mark.parametrize("kind", ["audio", "h265"])
def test_gstreamer_says_the_rest_of_a_plain_file_too(media: Media, kind: str) -> None:
    said = run("gst-discoverer-1.0", "-v", media(kind), GST_DEBUG="2", GST_DEBUG_NO_COLOR="1")
    assert "failed to find fragment defaults for stream" in said
    assert ("invalid colorimetry" in said) is (kind == "h265")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("players") / "instance") as server:
        yield server


# ffmpeg 5.1 knows no EXT-X-DISCONTINUITY: it hands the next run's init segment to the same demuxer, whose decode times
# begin anew.
SAID_OF_A_CUT = re.compile("Found duplicated MOOV Atom. Skipped it|DTS [0-9]+ < [0-9]+ out of order|Last message rep")


def play(address: str) -> tuple[int, str]:
    """Return how many frames the system's ffmpeg reads of a playlist, and its warnings."""
    # Passed through: else ffmpeg drops and repeats frames to keep its rate over a cut.
    how = ["-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "warning", "-i", address, *how],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    frames = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    return len(frames), done.stderr


@pytest.mark.parametrize("kind", ["h264", "b-frames-audio", "h265"])
@pytest.mark.parametrize("make", [whole, growing])
def test_ffmpeg_plays_a_playlist_without_a_warning(
    served: Served, media: Media, make: Callable[..., str], kind: str
) -> None:
    path = make(served.app, add_source(served.app), media, kind).replace("video.mp4", "index.m3u8")
    assert play(served.url(path)) == (8 * FPS, "")


def test_ffmpeg_plays_a_playlist_over_gaps(served: Served, media: Media) -> None:
    source_id = add_source(served.app)
    path = gaps(served.app, source_id, media, "b-frames-audio").replace("video.mp4", "index.m3u8")
    frames, said = play(served.url(path))
    assert frames == 23 * FPS  # from the key frame before on
    assert not [line for line in said.splitlines() if not SAID_OF_A_CUT.search(line)], said
