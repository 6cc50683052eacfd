"""ffmpeg's command line, what it reads on standard input, and what its log means.

The address goes to ffmpeg as ffconcat text on standard input, so that no password stands on a command line; the RTSP
demuxer's options are `option` lines of that text (given before `-i` they fail). The muxer's flags were measured
(docs/design/storage.md) and change only together with tests/test_recorder_ffmpeg.py.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from app.capture.confining import Confinement, walled_version
from app.capture.networks import PinnedUri, is_same_place
from app.capture.processes import MARK
from app.capture.template import Template
from app.errors import CameraSilent, Invalid
from app.formats.firstpackets import LEAD_TICKS, STEP_TICKS, STEPS
from app.logs import mask_secrets
from instance.config import Config, ConfigurationError

MINIMUM_VERSION = (5, 1)  # -fps_mode came with 5.1
# Of the input alone: no file, no HTTP, and of demuxers those two that read the address and the stream.
PROTOCOLS = "pipe,rtsp,rtp,tcp,tls,udp"
INPUT = (*("-protocol_whitelist", PROTOCOLS, "-format_whitelist", "concat,rtsp"), *("-f", "concat", "-safe", "0"))
PICTURES = ("-protocol_whitelist", "pipe", "-format_whitelist", "matroska", "-f", "matroska")
RTSP_TIMEOUT_US = 2_500_000  # ffmpeg gives up after a little more than three times this: 8.3 s measured
SEGMENT_FORMAT = (
    "movflags=+frag_keyframe+empty_moov+default_base_moof+frag_discont+skip_trailer+skip_sidx"
    ":avoid_negative_ts=disabled:video_track_timescale=90000:flush_packets=1:frag_duration={fragment_us}"
    ":write_prft=wallclock:use_editlist=0"
)
# With B-frames ffmpeg guesses the first dts so high that it then moves frames away from their pts. The first packets
# get low ones here, the true ones in archive.livefile. Such a stream is known by a first packet without a pts and below
# dts 0, or by a second one whose dts is not its pts. All others pass unchanged, one frame late (docs/design/time.md).
_IS_REORDERED = "eq(PTS,NOPTS)*gt(NEXT_PTS,NOPTS)*(lt(DTS,0)+not(eq(NEXT_PTS,NEXT_DTS)))"
_EARLY = f"NEXT_PTS-{LEAD_TICKS}"
_FIRST_PTS = f"if(N,PTS,if({_IS_REORDERED},{_EARLY},PTS))"
_NEXT_DTS = f"if(eq(PREV_OUTDTS,PREV_INDTS),DTS,PREV_OUTDTS+{STEP_TICKS})"
_FIRST_DTS = f"if(gt(N,{STEPS}),DTS,if(N,{_NEXT_DTS},if({_IS_REORDERED},{_EARLY},DTS)))"
FIRST_TIMES = f"setts=pts={_FIRST_PTS}:dts={_FIRST_DTS}".replace(",", r"\,")
PICTURE_FRAGMENT_S = 0.5  # a picture is to be seen when the next has come
AUDIO_COPY, AUDIO_AAC, AUDIO_NONE = "copy", "aac", "none"
# Without glibc's fastbins, which it gathers in at each large buffer: 2 to 3 % less CPU (docs/benchmarks.md).
ENVIRONMENT = {"TZ": "UTC", "LANG": "C", "GLIBC_TUNABLES": "glibc.malloc.mxfast=0"}


@lru_cache(maxsize=4)
def find_ffmpeg(wanted: str = "") -> str:
    """Return the path of an ffmpeg of at least 5.1: `wanted`, else the system's, else that of the wheel.

    Raises ConfigurationError when there is none.
    """
    candidates = [wanted] if wanted else [shutil.which("ffmpeg") or ""]
    for path in candidates:
        if path and _version(path) >= MINIMUM_VERSION:
            return path
    if wanted:
        raise ConfigurationError(f"PLAYBACK_FFMPEG is {wanted!r}, which is not an ffmpeg of at least 5.1")
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _version(path: str) -> tuple[int, int]:
    shown = walled_version(path)  # the walls are tried with the same question
    if shown is None:
        try:
            shown = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False).stdout
        except OSError:
            return (0, 0)
    found = re.match(r"ffmpeg version n?(\d+)\.(\d+)", shown)
    if found:
        return int(found[1]), int(found[2])
    return MINIMUM_VERSION if shown.startswith("ffmpeg version N-") else (0, 0)


def rtsp_input(uri: PinnedUri, template: Template, *, is_picture_only: bool = False) -> bytes:
    """Return the ffconcat text that names the camera and the demuxer's options. Raises Invalid.

    `fpsprobesize 0` lets the first packets pass after one second instead of three, and changes none of them. With
    `is_picture_only` the camera is not asked for sound, and nothing waits for it.
    """
    if any(ord(character) < 32 for character in uri):
        # It would end the line, whatever the quotes.
        raise Invalid("the stored address holds a control character", loc=("body", "uri_rtsp"))
    options = {"rtsp_flags": "prefer_tcp", "timeout": str(RTSP_TIMEOUT_US), "fpsprobesize": "0"}
    if is_picture_only:
        options["allowed_media_types"] = "video"
    options.update((name[1:], value) for name, value in template.input_options)
    if "rtsp_transport" in options and options["rtsp_flags"] == "prefer_tcp":
        del options["rtsp_flags"]
    lines = ["ffconcat version 1.0", f"file {_quote(uri)}"]
    lines += [f"option {name} {_quote(value)}" for name, value in options.items()]
    return ("\n".join(lines) + "\n").encode()


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass(frozen=True, slots=True)
class Command:
    """What one ffmpeg process is started with."""

    arguments: list[str]
    folder: Path
    tcp_port: int | None = None  # of the camera: the only one that it may connect to


def rtsp_command(config: Config, folder: Path, run_id: str, template: Template, audio: str, tcp_port: int) -> Command:
    """Return the command that records an RTSP source at this port, its address to be read on standard input.

    audio: `copy`, `aac` (transcode) or `none`; it decides only what the template leaves open.
    """
    arguments = [
        *_begin(config),
        *INPUT,
        *("-i", "pipe:0"),
    ]
    arguments += ["-map", "0:v:0"]
    if audio != AUDIO_NONE and not template.has_output("-an"):
        arguments += ["-map", "0:a:0?"]
    arguments += template.output_options
    if not template.has_output("-c", "-c:v"):
        arguments += ["-c:v", "copy"]
    if not template.is_encoding:
        arguments += ["-bsf:v", FIRST_TIMES]
    if audio == AUDIO_AAC and not template.has_output("-c:a", "-an"):
        arguments += ["-c:a", "aac"]
    elif not template.has_output("-c", "-c:a", "-an"):
        arguments += ["-c:a", "copy"]
    return Command([*arguments, *_segments(config, folder, run_id)], folder, tcp_port)


def picture_command(config: Config, folder: Path, run_id: str, template: Template) -> Command:
    """Return the command that encodes pictures, read as Matroska on standard input, with their own times."""
    # Size and codec stand in the head: waiting for more pictures would only delay the first.
    quick = ["-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0"]
    arguments = [*_begin(config), *quick, *PICTURES, "-i", "pipe:0", "-map", "0:v:0", *template.output_options]
    if not template.has_output("-c:v"):
        arguments += ["-c:v", "libx264"]
    if not template.has_output("-pix_fmt"):
        arguments += ["-pix_fmt", "yuv420p"]
    if not template.has_output("-r"):
        arguments += ["-fps_mode", "passthrough", "-enc_time_base", "1:90000"]
    if not template.has_output("-vf", "-s"):
        arguments += ["-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2"]  # H.264 in 4:2:0 has even sides only
    arguments += ["-tune", "zerolatency"] if not template.has_output("-tune") else []
    arguments += ["-force_key_frames", "expr:gte(t,n_forced*4)"]
    return Command([*arguments, *_segments(config, folder, run_id, PICTURE_FRAGMENT_S)], folder)


def _begin(config: Config) -> list[str]:
    return [find_ffmpeg(config.FFMPEG), "-hide_banner", "-nostats", "-loglevel", "verbose"]


def _segments(config: Config, folder: Path, run_id: str, longest_s: float = 4.0) -> list[str]:
    options = SEGMENT_FORMAT.format(fragment_us=round(min(config.FRAGMENT_S, longest_s) * 1_000_000))
    return [
        *("-f", "segment", "-segment_time", str(config.SEGMENT_S), "-segment_format", "mp4"),
        *("-segment_format_options", options, "-segment_list", "pipe:1", "-segment_list_type", "csv"),
        str(folder / f"{run_id}-%06d.mp4"),
    ]


def environment() -> dict[str, str]:
    """Return the environment of an ffmpeg: of ours only the way to programs, since it holds secrets."""
    return {"PATH": os.environ.get("PATH", ""), **ENVIRONMENT}


def spawn(command: Command, run_id: str, feed: bytes | None, mark: str = "") -> "subprocess.Popen[bytes]":
    """Start ffmpeg detached: a session of its own, its output in files of mode 0600 beside the segments.

    feed: what it reads on standard input before the end of it; None leaves standard input open for the caller.
    mark: of the camera's settings, for who adopts it.
    Raises OSError when the folder cannot be written or the program not be started.
    """
    command.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        _append(command.folder / f"{run_id}.csv") as listing,
        _append(command.folder / f"{run_id}.log") as log,
    ):
        process = Confinement(command.folder, command.tcp_port, is_writing=True).start(
            command.arguments,
            {**environment(), MARK: mark},
            stdin=subprocess.PIPE,
            stdout=listing,
            stderr=log,
            start_new_session=True,
        )
    if feed is not None and process.stdin is not None:
        try:
            process.stdin.write(feed)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once: its log says why
    return process


def _append(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an ffmpeg ended: a word of `models.attempt.REASONS`, one line without secrets, the status of the source.

    kind: more exactly what it is, a word of `trial.REASONS`, for who tries a camera and can do something about it.
    """

    reason: str
    detail: str
    status: str | None
    kind: str = "failed"

    def silence(self) -> CameraSilent:
        """Return the error for who wanted a picture; `reason` beside `detail` is `kind`, where that says anything."""
        extra: dict[str, Any] = {} if self.kind == "failed" else {"reason": self.kind}
        return CameraSilent(self.detail, **extra)


_REDIRECTS = re.compile(r"Status 3\d\d: Redirecting to (?P<address>\S+)")
REDIRECT = Verdict(
    "no_video",
    "the camera sends its clients on to another address (RTSP redirect), which is not followed: enter that address",
    "no_video",
    "redirected",
)
_TIMED_OUT = r"Connection timed out|Operation timed out"
_DISK_REASONS = ("disk_full", "storage_unusable")
# First match wins. The texts are those of ffmpeg 5.1 and 9.0 (tests/test_bad_cameras.py sees most).
_VERDICTS: tuple[tuple[str, str, str, str | None, str], ...] = (
    (r"401 Unauthorized|authorization failed", "wrong_password",
     "the camera refuses user or password (401): correct them in the source", "unauthorised", "wrong_password"),
    (r"403 Forbidden", "wrong_password",
     "the camera forbids this user the stream (403)", "unauthorised", "not_permitted"),
    (r"404 Not Found|Stream Not Found", "no_video",
     "the camera answers but has no stream at this path (404): correct the address", "no_video", "path_unknown"),
    (r"No space left on device|Disk quota exceeded", "disk_full",
     "the storage is full: free space on its disk, or delete recordings", None, "failed"),
    (r"Read-only file system|Permission denied", "storage_unusable",
     "the storage cannot be written: check that it is mounted, not read-only, and owned by the service's user", None,
     "failed"),
    (r"Unrecognized option|Error parsing option|Option .* not found|Unknown encoder|Error parsing global options",
     "bad_template", "ffmpeg does not accept the template of this source: correct ffmpeg_cmd", None, "bad_template"),
    (r"Stream map '0:v:0' matches no streams", "no_video", "the stream holds no video", "no_video", "no_video"),
    (r"Connection refused", "camera_unreachable",
     "nothing listens at the camera's address and port", "offline", "refused"),
    (r"No route to host|Network is unreachable|Name or service not known|Temporary failure in name resolution|"
     r"Failed to resolve hostname", "camera_unreachable",
     "the camera's host cannot be reached: check address and network", "offline", "unreachable"),
    (_TIMED_OUT, "camera_unreachable", "the camera does not answer in time", "offline", "no_answer"),
    (r"SDP:[\s\S]*Invalid data found when processing input", "no_video",
     "the camera announces a stream but does not send it: it may have too many clients, or need a restart", "no_video",
     "camera_error"),
    (r"Invalid data found when processing input|Server returned 4|Protocol not found", "no_video",
     "what answers at this address is not an RTSP video stream", "no_video", "not_a_camera"),
)  # fmt: skip


_SAYS_NOTHING = re.compile(
    r"^\s*$|Statistics:|Exiting normally|packets read|packets muxed|Total:|muxing overhead|^frame="
)


def judge(log_text: str, *, has_footage: bool) -> Verdict:
    """Return what an ended ffmpeg's log says. With footage and no known failure it is the end of a live stream.

    Exit codes say nothing: a camera that hangs up ends ffmpeg with code 0 and no message.
    """
    for pattern, reason, detail, status, kind in _VERDICTS:
        if (not has_footage or reason in _DISK_REASONS) and re.search(pattern, log_text):
            return Verdict(reason, detail, status, kind)
    if has_footage and re.search(_TIMED_OUT, log_text):
        return Verdict("silent", "the camera sent nothing for 8 s", "offline")
    if has_footage:
        return Verdict("stream_ended", "the camera ended the stream", "offline")
    if _packets_read(log_text):
        return Verdict(
            "no_key_frame",
            "the stream has no key frame: switch on regular key frames in the camera",
            "no_video",
            "no_key_frame",
        )
    return Verdict("no_video", f"no video came; ffmpeg's last word: {_last_word(log_text)}", "no_video")


def _last_word(log_text: str) -> str:
    """Return the last line of a log that says anything, the same for the same cause."""
    lines = [line.strip() for line in mask_secrets(log_text).splitlines() if not _SAYS_NOTHING.search(line)]
    return re.sub(r" @ 0x[0-9a-f]+", "", lines[-1])[:200] if lines else "none"


def is_led_away(log_text: str, uri: PinnedUri | None) -> bool:
    """Tell whether the camera at `uri` sent ffmpeg to another: it follows, and says so before anything comes."""
    found = [match["address"] for match in _REDIRECTS.finditer(log_text)]
    return any(uri is None or not is_same_place(uri, address) for address in found)


def has_ended_itself(log_text: str) -> bool:
    """Tell whether ffmpeg came to an end of its own: the last thing that it writes is the summary of its output."""
    return "muxing overhead" in log_text


def _packets_read(log_text: str) -> int:
    found = re.search(r"Input stream #0:\d+ \(video\): (\d+) packets read", log_text)
    return int(found[1]) if found else 0


def audio_codec(log_text: str) -> str | None:
    """Return the codec of the first audio stream that the log names, or None."""
    found = re.search(r"(?m)^ *Stream #0:\d+.{0,60}?: Audio: (\w+)", log_text)
    return found[1] if found else None


def is_audio_fault(log_text: str) -> bool:
    """Tell whether ffmpeg gave up because of the audio stream alone.

    Of a stream whose pictures it could not read, version 5.1 names the last output stream, which is the audio's.
    """
    return "dimensions not set" not in log_text and bool(
        re.search(
            r"codec not currently supported in container|Could not find tag for codec \w+ in stream #1",
            log_text,
        )
        or re.search(
            r"(Decoder|Decoding requested, but no decoder) .{0,200}stream.{0,200}#0:1|"
            r"Error initializing output stream 0:1",
            log_text,
        )
    )
