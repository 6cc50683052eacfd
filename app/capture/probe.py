"""Measuring whether a camera is there and what it sends, with a connection of its own that ends soon.

First a quick look (capture.looking), then an ffmpeg that copies the first key frame, or RATE_S of video where the frame
rate is asked for. Takes seconds; runs in threads of the worker (capture.prober).
"""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.archive.livefile import LiveFile
from app.capture import ffmpeg
from app.capture.attempt import read_log
from app.capture.camera import Camera
from app.capture.confining import Confinement, Limits
from app.capture.facts import Facts, copied_facts, logged_facts
from app.capture.looking import look
from app.capture.networks import PinnedUri, Unresolved, networks, pin, port_of
from app.capture.picture import PictureClient, PictureRefused
from app.capture.template import Template
from app.errors import Invalid
from instance.config import Config

PROBE_TIMEOUT_S = 12.0
RATE_S = 2
ASK_S = 0.25
LARGEST_BYTES = 16_000_000
LIMITS = Limits(file_bytes=2 * LARGEST_BYTES)  # of the video, and of a log that a bad stream adds a line a frame to
FRAGMENTED = "+frag_keyframe+empty_moov+default_base_moof"


@dataclass(frozen=True, slots=True)
class Measurement:
    """The status word of a camera, one line of detail (None when it is online), and what it sends, where known."""

    status: str
    detail: str | None = None
    facts: Facts | None = None


def probe(
    config: Config,
    camera: Camera,
    is_given_up: Callable[[], bool],
    slot: AbstractContextManager[object],
    *,
    has_rate: bool,
) -> Measurement | None:
    """Return what was measured; None when `is_given_up` said meanwhile that the connection is to be left to another.

    slot: held while an ffmpeg runs. has_rate: measure the frame rate too, which takes RATE_S longer.
    """
    try:
        uri, template = camera.checked_uri(), camera.template()
    except Invalid as error:
        return Measurement("unknown", error.message)
    if camera.model == "PictureSource":
        return _probe_picture(config, camera)
    try:
        pinned = pin(networks(config), uri)
    except Invalid as error:
        return Measurement("unknown", error.message)
    except Unresolved as error:
        return Measurement("offline", ffmpeg.judge(str(error), has_footage=False).detail)
    verdict = look(pinned)
    if verdict is not None:
        return Measurement(verdict.status or "unknown", verdict.detail)
    with slot:
        return None if is_given_up() else _probe_stream(config, pinned, template, is_given_up, has_rate)


def _probe_picture(config: Config, camera: Camera) -> Measurement:
    assert camera.picture is not None  # it has an address
    client = PictureClient(networks(config), camera.picture)
    try:
        picture = client.fetch()
    except PictureRefused as error:
        return Measurement(error.verdict.status or "unknown", error.verdict.detail)
    finally:
        client.close()
    return Measurement("online", None, Facts("jpeg", picture.width, picture.height))


def _probe_stream(
    config: Config, uri: PinnedUri, template: Template, is_given_up: Callable[[], bool], has_rate: bool
) -> Measurement | None:
    limit = ["-t", str(RATE_S)] if has_rate else ["-frames:v", "1"]
    command = [
        *(ffmpeg.find_ffmpeg(config.FFMPEG), "-hide_banner", "-nostats", "-loglevel", "verbose"),
        # It ends by itself too, so that none is left of a worker that was killed.
        *("-t", f"{PROBE_TIMEOUT_S:.0f}", *ffmpeg.INPUT, "-i", "pipe:0"),
        *("-map", "0:v:0", "-c", "copy", *limit),
        *("-f", "mp4", "-movflags", FRAGMENTED, "-fs", str(LARGEST_BYTES), "pipe:1"),
    ]
    video, log = os.memfd_create("probe"), os.memfd_create("probe log")
    try:
        confinement = Confinement(config.run_path / "ffmpeg", port_of(uri), limits=LIMITS)
        streams = {"stdout": video, "stderr": log}
        ending = run_until(confinement, command, ffmpeg.rtsp_input(uri, template), streams, is_given_up)
        if ending == "given up":
            return None
        text = read_log(path_of(log))
        if ffmpeg.is_led_away(text, uri):
            return Measurement(ffmpeg.REDIRECT.status or "no_video", ffmpeg.REDIRECT.detail)
        return _measured(video, text, is_late=ending == "late")
    finally:
        os.close(video)
        os.close(log)


def run_until(
    confinement: Confinement,
    command: list[str],
    feed: bytes,
    streams: dict[str, Any],
    is_given_up: Callable[[], bool],
    limit_s: float = PROBE_TIMEOUT_S,
) -> str:
    """Run ffmpeg until it `ended`, was `late`, or was `given up`. streams: all of Popen but stdin."""
    with confinement.start(command, ffmpeg.environment(), stdin=subprocess.PIPE, **streams) as process:
        until_s = time.monotonic() + limit_s
        pending: bytes | None = feed
        while True:
            try:
                process.communicate(pending, timeout=ASK_S)
            except subprocess.TimeoutExpired:
                pending = None
            else:
                return "ended"
            is_late = time.monotonic() > until_s
            if is_late or is_given_up():
                process.kill()
                return "late" if is_late else "given up"


def path_of(handle: int) -> Path:
    """Return the path by which an open file is opened anew, from its begin."""
    return Path(f"/proc/self/fd/{handle}")


def _measured(video: int, log_text: str, *, is_late: bool) -> Measurement:
    file = LiveFile(path_of(video))
    file.poll()
    if file.pictured:
        return Measurement("online", None, copied_facts(file, log_text))
    if is_late:
        detail = f"no video came within {PROBE_TIMEOUT_S:.0f} s: switch on regular key frames in the camera"
        return Measurement("no_video", detail, logged_facts(log_text))
    verdict = ffmpeg.judge(log_text, has_footage=False)
    return Measurement(verdict.status or "unknown", verdict.detail)
