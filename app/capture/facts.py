"""What a camera sends: codec, size and rate of its video, codec, rate and channels of its audio.

The video's come from the head and the fragments of a file that ffmpeg wrote by copying, so they are the stream's own:
the codec in words of RFC 6381, the frame rate from the times of the frames. What was not copied, and the audio, comes
from the line that ffmpeg's log says about its input, since audio is stored as another codec where it is not AAC.
"""

import re
from dataclasses import asdict, dataclass, replace

from app.archive.entries import describe_video
from app.archive.livefile import LiveFile
from app.capture.attempt import Attempt
from app.capture.camera import Camera
from app.models import Source

AAC_PROFILES = {"LC": "mp4a.40.2", "HE-AAC": "mp4a.40.5", "HE-AACv2": "mp4a.40.29"}
VIDEO_WORDS = {"h264": "avc1", "hevc": "hvc1"}  # RFC 6381 without the profile, which the log does not tell
# Begun at a line's begin and bounded: what the camera says of itself (SDP) stands in the log too, and must not make the
# search last for minutes.
_LINE = r"(?m)^ *Stream #0:\d{1,4}.{0,60}?: "
_AUDIO = re.compile(
    _LINE + r"Audio: (?P<codec>\w{1,40})(?: \((?P<profile>[\w-]{1,40})\))?.{0,200}?, (?P<rate>\d{1,9}) Hz, "
    r"(?P<layout>[^,\n]{1,60})"
)
_VIDEO = re.compile(
    _LINE + r"Video: (?P<codec>\w{1,40}).{0,300}?, (?P<width>\d{2,5})x(?P<height>\d{2,5})"
    r"(?:.{0,200}?, (?P<rate>\d{1,6}(?:\.\d{1,6})?) fps)?"
)
_LAYOUTS = {"mono": 1, "stereo": 2, "quad": 4}


@dataclass(frozen=True, slots=True)
class Facts:
    """As the columns of `source` of the same names; None where it is not known, or for no audio."""

    video_codec: str | None = None
    width: int | None = None
    height: int | None = None
    frame_rate: float | None = None
    audio_codec: str | None = None
    audio_rate_hz: int | None = None
    audio_channels: int | None = None

    def store(self, row: Source) -> None:
        """Write into the row what differs. A frame rate not measured now stays where codec and size are the same."""
        kept = self
        is_same_video = (row.video_codec, row.width, row.height) == (self.video_codec, self.width, self.height)
        if self.frame_rate is None and is_same_video:
            kept = replace(self, frame_rate=row.frame_rate)
        for name, value in asdict(kept).items():
            if getattr(row, name) != value:
                setattr(row, name, value)


def copied_facts(file: LiveFile, log_text: str) -> Facts:
    """Return the facts of a file that holds the video as the camera sent it."""
    described = describe_video(file)
    if described is None:
        return logged_facts(log_text)
    codec, width, height = described
    audio = audio_facts(log_text)
    return replace(audio, video_codec=codec, width=width, height=height, frame_rate=file.frame_rate)


def logged_facts(log_text: str) -> Facts:
    """Return the facts by ffmpeg's log alone: for video that was encoded anew."""
    audio = audio_facts(log_text)
    found = _VIDEO.search(log_text)
    if found is None:
        return audio
    return replace(
        audio,
        video_codec=VIDEO_WORDS.get(found["codec"], found["codec"]),
        width=int(found["width"]),
        height=int(found["height"]),
        frame_rate=float(found["rate"]) if found["rate"] else None,
    )


def audio_facts(log_text: str) -> Facts:
    """Return what the log says about the camera's first audio stream: its input is named before its output."""
    found = _AUDIO.search(log_text)
    if found is None:
        return Facts()
    return Facts(
        audio_codec=_audio_word(found),
        audio_rate_hz=int(found["rate"]) or None,
        audio_channels=_channels(found["layout"].strip()),
    )


def _audio_word(found: re.Match[str]) -> str:
    if found["codec"] == "aac":
        return AAC_PROFILES.get(found["profile"] or "", "mp4a.40.2")
    return found["codec"]


def _channels(layout: str) -> int | None:
    """Return the number of channels of `mono`, `stereo`, `5.1(side)`, `3 channels`."""
    if layout in _LAYOUTS:
        return _LAYOUTS[layout]
    numbers = re.match(r"(\d{1,3})(?:\.(\d{1,3}))?(?!\d)", layout)  # a camera may announce any number
    return int(numbers[1]) + int(numbers[2] or 0) if numbers else None


def facts_of(camera: Camera, attempt: Attempt) -> Facts:
    """Return the facts of a camera that an attempt records. Raises OSError when its file is gone."""
    if camera.model == "PictureSource":
        first = attempt.feed.first if attempt.feed is not None else None
        return Facts("jpeg", first.width, first.height) if first is not None else Facts("jpeg")
    if camera.template().is_encoding:
        return logged_facts(attempt.read_log())
    return copied_facts(attempt.writer.current.file, attempt.read_log())
