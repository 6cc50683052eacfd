"""`ffmpeg_cmd`: the template of a source's ffmpeg, parsed into arguments and checked against an allow-list.

    ffmpeg [input options] -i {uri} [output options] {output}

It is never given to a shell. `{uri}` stands for the camera's address, which reaches ffmpeg on its standard input;
`{output}` for our fixed segment muxer. What is not on the lists below is refused by name; docs/design/capture.md
prints them.
"""

import re
import shlex
from dataclasses import dataclass

from app.errors import Invalid

LOC = ("body", "ffmpeg_cmd")
MAX_CHARACTERS = 2048
DEFAULTS = {
    "Source": "ffmpeg -i {uri} -c copy {output}",
    "PictureSource": "ffmpeg -i {uri} -c:v libx264 -preset veryfast -crf 23 {output}",
}

_INTEGER = r"\d{1,9}"
_NUMBER = r"\d{1,6}(\.\d{1,6})?"
_RATE = r"\d{1,9}(\.\d{1,3})?[kM]?"
_WORD = r"[A-Za-z0-9_.-]{1,40}"
_FLAGS = r"\+?(genpts|igndts|discardcorrupt|nobuffer)(\+(genpts|igndts|discardcorrupt|nobuffer))*"
_FILTER = r"(scale|fps|transpose)(=[A-Za-z0-9_:=.+*/()-]{1,80})?"
_AUDIO = r"copy|aac"
_VIDEO = r"copy|libx264|libx265"

INPUT_OPTIONS = {
    "-rtsp_transport": r"tcp|udp",
    "-rtsp_flags": r"prefer_tcp|filter_src",
    "-timeout": _INTEGER,
    "-max_delay": _INTEGER,
    "-reorder_queue_size": _INTEGER,
    "-buffer_size": _INTEGER,
    "-probesize": _INTEGER,
    "-analyzeduration": _INTEGER,
    "-user_agent": r"[A-Za-z0-9 ./_()-]{1,100}",
    "-fflags": _FLAGS,
    "-use_wallclock_as_timestamps": r"0|1",
}
OUTPUT_OPTIONS = {
    "-c": r"copy",
    "-c:v": _VIDEO,
    "-c:a": _AUDIO,
    "-b:v": _RATE,
    "-b:a": _RATE,
    "-maxrate": _RATE,
    "-bufsize": _RATE,
    "-crf": _NUMBER,
    "-preset": r"ultrafast|superfast|veryfast|faster|fast|medium|slow",
    "-tune": _WORD,
    "-profile:v": _WORD,
    "-level": _NUMBER,
    "-g": _INTEGER,
    "-bf": r"\d{1,2}",
    "-r": _NUMBER + r"|\d{1,6}/\d{1,6}",
    "-s": r"\d{2,5}x\d{2,5}",
    "-pix_fmt": r"yuv420p|yuvj420p|nv12",
    "-vf": rf"{_FILTER}(,{_FILTER})*",
    "-ar": _INTEGER,
    "-ac": r"[1-8]",
    "-threads": r"\d{1,2}",
}
FLAGS = {"-an"}
ALIASES = {
    "-codec": "-c",
    "-vcodec": "-c:v",
    "-codec:v": "-c:v",
    "-acodec": "-c:a",
    "-codec:a": "-c:a",
    "-filter:v": "-vf",
}


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template: pairs of option and value, in order."""

    input_options: tuple[tuple[str, str], ...]
    output_options: tuple[str, ...]

    def has_output(self, *names: str) -> bool:
        """Tell whether one of these options is among the output options."""
        return any(name in self.output_options for name in names)

    @property
    def is_encoding(self) -> bool:
        """Tell whether the video of an RTSP source is encoded anew, not copied."""
        return not {"libx264", "libx265"}.isdisjoint(self.output_options)


def effective_template(model: str, stored: str | None) -> str:
    """Return the template that a source records with, which `check_template` accepts back."""
    return stored or DEFAULTS[model]


def check_template(model: str, text: str) -> None:
    """Raise Invalid, naming the option, when the template may not be used by a source of this model."""
    parse_template(model, text)


def parse_template(model: str, text: str) -> Template:
    """Return the checked template. Raises Invalid as `check_template`."""
    words = _words(text)
    if words[:1] != ["ffmpeg"]:
        raise _refusal("it must begin with the word ffmpeg")
    if words.count("-i") != 1 or words.count("{uri}") != 1 or words[words.index("-i") + 1 :][:1] != ["{uri}"]:
        raise _refusal("it must hold `-i {uri}` exactly once: the address comes from the source's own field")
    if words[-1] != "{output}" or words.count("{output}") != 1:
        raise _refusal("it must end with {output}, which stands for the recorder's own segment files")
    cut = words.index("-i")
    before, after = words[1:cut], words[cut + 2 : -1]
    if model == "PictureSource" and before:
        raise _refusal(f"a PictureSource takes output options only, not {before[0]!r} before -i")
    inputs = _check(before, INPUT_OPTIONS, set(), "an input")
    outputs = _check(after, OUTPUT_OPTIONS, FLAGS, "an output")
    if model == "Source" and "-vf" in outputs and _value(outputs, "-c:v") in (None, "copy"):
        raise _refusal("-vf needs an encoder: add -c:v libx264 or libx265, since a copied stream cannot be filtered")
    if model == "PictureSource" and _value(outputs, "-c:v") not in (None, "libx264", "libx265"):
        raise _refusal("a PictureSource's pictures must be encoded: -c:v libx264 or libx265, not copy")
    if model == "PictureSource" and "-c" in outputs:
        raise _refusal("a PictureSource's pictures must be encoded: -c:v libx264 or libx265, not -c copy")
    return Template(tuple(zip(inputs[::2], inputs[1::2], strict=True)), tuple(outputs))


def _words(text: str) -> list[str]:
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"it is longer than {MAX_CHARACTERS} characters")
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise _refusal("it holds a line break or another control character")
    try:
        words = shlex.split(text)
    except ValueError:
        raise _refusal("a quotation mark is not closed") from None
    if not words:
        raise _refusal("it is empty; leave it out for the default, a copy")
    return words


def _check(words: list[str], allowed: dict[str, str], flags: set[str], place: str) -> list[str]:
    checked: list[str] = []
    rest = iter(words)
    for word in rest:
        name = ALIASES.get(word, word)
        if name in flags:
            checked.append(name)
            continue
        if name not in allowed:
            names = ", ".join(sorted(allowed | dict.fromkeys(flags, "")))
            raise _refusal(f"{word[:60]!r} is not {place} option that may be used here (allowed: {names})")
        value = next(rest, None)
        if value is None:
            raise _refusal(f"{word} has no value")
        if not re.fullmatch(allowed[name], value):
            raise _refusal(f"{word} cannot be {value[:60]!r}")
        checked += [name, value]
    return checked


def _value(options: list[str], name: str) -> str | None:
    return options[options.index(name) + 1] if name in options else None


def _refusal(reason: str) -> Invalid:
    return Invalid(f"this ffmpeg_cmd cannot be used: {reason}", loc=LOC, kind="ffmpeg_cmd")
