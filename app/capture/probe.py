"""Measuring whether a camera is there, with a connection of its own that ends at once."""

import subprocess

from app.capture import ffmpeg
from app.capture.camera import Camera
from app.capture.picture import PictureClient, PictureRefused
from app.errors import Invalid
from app.logs import mask_secrets
from instance.config import Config

PROBE_TIMEOUT_S = 12.0


def probe(config: Config, camera: Camera) -> tuple[str, str | None]:
    """Return the status word of a camera and one line of detail (None when it is online). Takes seconds."""
    if camera.model == "PictureSource":
        return _probe_picture(camera)
    return _probe_stream(config, camera)


def _probe_picture(camera: Camera) -> tuple[str, str | None]:
    if camera.picture is None:
        return "unknown", "the source has no address"
    client = PictureClient(camera.picture)
    try:
        client.fetch()
    except PictureRefused as error:
        return error.verdict.status or "unknown", error.verdict.detail
    finally:
        client.close()
    return "online", None


def _probe_stream(config: Config, camera: Camera) -> tuple[str, str | None]:
    if not camera.uri_rtsp:
        return "unknown", "the source has no address"
    try:
        feed = ffmpeg.rtsp_input(camera.uri_rtsp, camera.template())
    except Invalid as error:
        return "unknown", error.message
    command = [
        *(ffmpeg.find_ffmpeg(config.FFMPEG), "-hide_banner", "-nostats", "-loglevel", "verbose"),
        *("-protocol_whitelist", ffmpeg.PROTOCOLS, "-f", "concat", "-safe", "0", "-i", "pipe:0"),
        *("-map", "0:v:0", "-c", "copy", "-frames:v", "1", "-f", "null", "-"),
    ]
    try:
        done = subprocess.run(command, input=feed, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return (
            "no_video",
            f"no video came within {PROBE_TIMEOUT_S:.0f} s: switch on regular key frames in the camera",
        )
    text = mask_secrets(done.stderr.decode("utf-8", "replace"))
    if done.returncode == 0 and "Video:" in text:
        return "online", None
    verdict = ffmpeg.judge(text, has_footage=False)
    return verdict.status or "unknown", verdict.detail
