"""Trying a camera before anything of it is stored: its picture, or why there is none.

One connection of its own, within LIMIT_S: the name is resolved and checked as at every connection, a quick look finds
out what a process need not be spent on, and one confined ffmpeg copies COPY_S of the stream, for what the recorder
would store, and decodes one picture of it. It runs in a thread of its own: who asks waits no longer than LIMIT_S, and
the seat that was taken for it (capture.seats) is free when the thread has ended, not before.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from app.archive.livefile import LiveFile
from app.capture import ffmpeg, networks
from app.capture.attempt import read_log
from app.capture.camera import Camera
from app.capture.confining import Confinement
from app.capture.facts import Facts, copied_facts, logged_facts
from app.capture.looking import look
from app.capture.networks import PinnedUri, Unresolved, port_of
from app.capture.picture import PictureClient, PictureRefused
from app.capture.pinning import CHECK_S, pin_soon
from app.capture.probe import FRAGMENTED, LARGEST_BYTES, LIMITS, path_of, run_until
from app.capture.template import Template
from app.errors import Invalid
from instance.config import Config

log = logging.getLogger(__name__)

LIMIT_S = 10.0
LEAST_S = 2.0  # an ffmpeg is given so long at least, whatever looking has taken
COPY_S = 2  # of less the frame rate cannot be told
READ_TIMEOUT_S = 3.0
MOST_PIXELS = 1280  # the width of the picture that is answered
PICTURE_QUALITY = 85
# Why there is no picture, as docs/api.md has them; the page has words and a way out for each.
Reason = Literal[
    "address_forbidden",
    "name_unknown",
    "refused",
    "unreachable",
    "no_answer",
    "tls",
    "wrong_password",
    "not_permitted",
    "path_unknown",
    "redirected",
    "not_a_camera",
    "no_video",
    "no_key_frame",
    "codec_unknown",
    "camera_error",
    "bad_template",
    "failed",
]
REASONS = get_args(Reason)
_UNKNOWN_CODEC = re.compile(
    r"Could not find tag for codec (?P<name>\w{1,40}) in stream #0|codec not currently supported in container"
    r"|Decoder \(codec (?P<none>\w{1,40})\) not found|Decoding requested, but no decoder found"
)
_TLS = re.compile(r"(?i)\[tls @ |error in the (?:pull|push) function|TLS fatal alert|ssl routines")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial has found. `reason` (of REASONS) and `detail` are None where the picture, a JPEG, came."""

    status: str
    reason: str | None = None
    detail: str | None = None
    picture: bytes | None = None
    facts: Facts | None = None
    has_audio: bool | None = None
    took_s: float = 0.0


NO_ANSWER = Trial("offline", "no_answer", "the camera does not answer in time: check its address, power and network")
FAULT = Trial("unknown", "failed", "the server failed at trying this camera; its log says why")


def begin_trial(config: Config, camera: Camera, at_end: Callable[[], None]) -> "Trying":
    """Begin to try a camera. at_end: called when its thread ends, whoever still waits for it."""
    trying = Trying(config, camera, at_end)
    try:
        trying.start()
    except RuntimeError:  # the machine has no thread left
        at_end()
        raise
    return trying


class Trying(threading.Thread):
    """One camera being tried."""

    def __init__(self, config: Config, camera: Camera, at_end: Callable[[], None]) -> None:
        super().__init__(name="trial", daemon=True)
        self._config, self._camera, self._at_end = config, camera, at_end
        self._begun_s = time.monotonic()
        self._found: Trial | None = None

    def run(self) -> None:
        """Try it; a fault of ours is told as one, and leaves no seat taken."""
        try:
            self._found = _tried(self._config, self._camera, self._begun_s + LIMIT_S)
        except Exception:  # whoever waits must hear of it, and the seat be free
            log.exception("a camera cannot be tried")
            self._found = FAULT
        finally:
            self._at_end()

    def result(self) -> Trial:
        """Wait for what was found; not for longer than LIMIT_S and a second."""
        self.join(LIMIT_S + 1.0)
        return replace(self._found or NO_ANSWER, took_s=time.monotonic() - self._begun_s)


def _tried(config: Config, camera: Camera, until_s: float) -> Trial:
    policy = networks.networks(config)
    try:
        uri, template = camera.checked_uri(), camera.template()
    except Invalid as error:
        return Trial("unknown", "bad_template", error.message)
    if camera.model == "PictureSource":
        return _tried_picture(policy, camera)
    try:
        pinned = pin_soon(policy, uri, CHECK_S)
    except Invalid as error:
        return Trial("unknown", error.kind if error.kind == networks.KIND else "failed", error.message)
    except Unresolved:
        return Trial("offline", "name_unknown", "nothing is known of the host's name: check its spelling, and the DNS")
    verdict = look(pinned)
    if verdict is not None:
        return _refused(verdict)
    return _tried_stream(config, pinned, template, max(until_s - time.monotonic(), LEAST_S))


def _refused(verdict: ffmpeg.Verdict) -> Trial:
    kind = verdict.kind if verdict.kind in REASONS else "failed"
    return Trial(verdict.status or "unknown", kind, verdict.detail)


def _tried_picture(policy: networks.Networks, camera: Camera) -> Trial:
    assert camera.picture is not None  # it has an address
    client = PictureClient(policy, camera.picture, READ_TIMEOUT_S)
    try:
        picture = client.fetch()
    except PictureRefused as error:
        return _refused(error.verdict)
    finally:
        client.close()
    facts = Facts("jpeg", picture.width, picture.height)
    return Trial("online", picture=_shrunk(picture.jpeg), facts=facts, has_audio=False)


def _shrunk(jpeg: bytes) -> bytes:
    """Return a picture made anew and no wider than MOST_PIXELS: of the camera's bytes nothing is passed on."""
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None  # it was decoded before
    height, width = pixels.shape[:2]
    if width > MOST_PIXELS:
        size = (MOST_PIXELS, max(1, round(height * MOST_PIXELS / width)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])[1].tobytes()


def _tried_stream(config: Config, uri: PinnedUri, template: Template, limit_s: float) -> Trial:
    video, picture, said = (os.memfd_create(name) for name in ("trial", "trial picture", "trial log"))
    try:
        confinement = Confinement(config.run_path / "ffmpeg", port_of(uri), limits=LIMITS)
        feed = ffmpeg.rtsp_input(uri, template, is_picture_only=True)
        streams = {"stdout": video, "stderr": said, "pass_fds": (picture,)}
        arguments = _command(config, picture, limit_s, is_copied=not template.is_encoding)
        ending = run_until(confinement, arguments, feed, streams, lambda: False, limit_s)
        text = read_log(path_of(said))
        if ffmpeg.is_led_away(text, uri):
            return _refused(ffmpeg.REDIRECT)
        return _judged(video, _whole_jpeg(picture), text, is_late=ending == "late", is_tls=uri.startswith("rtsps"))
    finally:
        for handle in (video, picture, said):
            os.close(handle)


def _command(config: Config, picture: int, limit_s: float, *, is_copied: bool) -> list[str]:
    """Return ffmpeg's command line: the stream as it comes to standard output, one picture to the handle `picture`."""
    shown = f"scale='min({MOST_PIXELS},iw)':-2:out_color_matrix=bt601:out_range=pc,format=yuvj420p"
    copied = ("-map", "0:v:0", "-c", "copy", "-t", str(COPY_S), "-f", "mp4", "-movflags", FRAGMENTED)
    return [
        *(ffmpeg.find_ffmpeg(config.FFMPEG), "-hide_banner", "-nostats", "-loglevel", "verbose"),
        # It ends by itself too, so that none is left of a process that was killed.
        *("-t", f"{limit_s:.0f}", *ffmpeg.INPUT, "-threads", "2", "-i", "pipe:0"),
        *((*copied, "-fs", str(LARGEST_BYTES), "pipe:1") if is_copied else ()),
        *("-map", "0:v:0", "-frames:v", "1", "-vf", shown, "-c:v", "mjpeg", "-q:v", "4", "-threads", "1"),
        *("-flush_packets", "1", "-f", "mjpeg", f"pipe:{picture}"),
    ]


def _whole_jpeg(handle: int) -> bytes | None:
    data = path_of(handle).read_bytes()
    return data if data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9") else None


def _judged(video: int, picture: bytes | None, log_text: str, *, is_late: bool, is_tls: bool) -> Trial:
    file = LiveFile(path_of(video))
    file.poll()
    facts = copied_facts(file, log_text) if file.pictured else logged_facts(log_text)
    has_audio = bool(re.search(r"(?m)^m=audio ", log_text))
    unknown = _UNKNOWN_CODEC.search(log_text)
    if picture is not None and unknown is None:
        return Trial("online", picture=picture, facts=facts, has_audio=has_audio)
    found = _without_picture(log_text, unknown, is_late=is_late, is_tls=is_tls)
    return replace(found, picture=picture, facts=facts if facts.video_codec else None)


def _without_picture(log_text: str, unknown: re.Match[str] | None, *, is_late: bool, is_tls: bool) -> Trial:
    if unknown is not None:
        name = unknown["name"] or unknown["none"] or "of an unknown kind"
        detail = f"the camera's video is {name}, which cannot be recorded: set the camera to H.264 or H.265"
        return Trial("no_video", "codec_unknown", detail)
    if "SDP:" in log_text and not re.search(r"(?m)^m=video ", log_text):
        return Trial("no_video", "no_video", "the stream holds no video")
    if is_tls and "SDP:" not in log_text and _TLS.search(log_text):
        detail = "no encrypted connection comes about: the port may speak plain RTSP (rtsp://), or old TLS alone"
        return Trial("offline", "tls", detail)
    if is_late and "SDP:" in log_text:
        detail = "the camera announces video, but no picture came in time: switch on regular key frames in the camera"
        return Trial("no_video", "no_key_frame", detail)
    return NO_ANSWER if is_late else _refused(ffmpeg.judge(log_text, has_footage=False))
