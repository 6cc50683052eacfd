"""`ffmpeg_cmd`: the template of a source's ffmpeg, parsed into arguments and checked against an allow-list.

    ffmpeg [input options] -i {uri} [output options] {output}

It is never given to a shell. `{uri}` stands for the camera's address, which reaches ffmpeg on its standard input;
`{output}` for our fixed segment muxer. What is not on the lists below is refused by name; docs/design/capture.md
prints them.
"""

import re
import shlex
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

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
_FRACTION = r"\d{1,6}/\d{1,6}|" + _NUMBER
_FLAGS = r"\+?(genpts|igndts|discardcorrupt|nobuffer)(\+(genpts|igndts|discardcorrupt|nobuffer))*"
# Of ffmpeg's expressions only what halves a picture or makes its sides even: others can make a frame of gigabytes.
_SIDE = r"(-[1-9]|\d{1,4}|i[wh](/\d{1,2})?|(trunc|round|floor|ceil)\(i[wh]/\d{1,2}\)\*[1-9])"
_ASPECT = r"force_original_aspect_ratio=(disable|decrease|increase)|force_divisible_by=[1-9]"
_SCALE = rf"scale=((w|width)=)?{_SIDE}[:x]((h|height)=)?{_SIDE}(:({_ASPECT}|flags=[a-z_]{{1,20}}))*"
_FPS = rf"fps=(fps=)?(?P<fps>{_FRACTION})(:round=(zero|inf|down|up|near))?"
_TRANSPOSE = r"transpose(=(dir=)?([0-7]|c?clock|c?clock_flip)(:passthrough=(none|portrait|landscape))?)?"
_FILTER = rf"({_SCALE}|{_FPS.replace('?P<fps>', '')}|{_TRANSPOSE})"
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
    "-tune": r"film|animation|grain|stillimage|fastdecode|zerolatency",
    "-profile:v": r"baseline|main|high|main10|high10|high422|high444|mainstillpicture",
    "-level": _NUMBER,
    "-g": _INTEGER,
    "-bf": r"\d{1,2}",
    "-r": _FRACTION,
    "-s": r"\d{2,4}x\d{2,4}",
    "-pix_fmt": r"yuv420p|yuvj420p|nv12",
    "-vf": rf"{_FILTER}(,{_FILTER})*",
    "-ar": _INTEGER,
    "-ac": r"[1-8]",
    "-threads": r"\d{1,2}",
}
# What may be, from and to: a number that ffmpeg takes at its word could fill memory or disk, or start 99 threads.
LIMITS: dict[str, tuple[float, float]] = {
    "-timeout": (0, 60_000_000),
    "-max_delay": (0, 60_000_000),
    "-reorder_queue_size": (0, 10_000),
    "-buffer_size": (0, 64_000_000),
    "-probesize": (32, 50_000_000),
    "-analyzeduration": (0, 60_000_000),
    "-b:v": (1_000, 1_000_000_000),
    "-b:a": (1_000, 1_000_000),
    "-maxrate": (1_000, 1_000_000_000),
    "-bufsize": (1_000, 1_000_000_000),
    "-crf": (0, 63),
    "-level": (1, 99),
    "-g": (0, 10_000),
    "-bf": (0, 16),
    "-r": (0.01, 240),
    "-ar": (8_000, 96_000),
    "-threads": (0, 16),
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
    return Template(tuple(zip(inputs[::2], inputs[1::2], strict=True)), _general_first(outputs))


def _general_first(outputs: list[str]) -> tuple[str, ...]:
    """Put `-c` before all others: ffmpeg heeds the last that fits a stream, and `-c:v` is meant to win over `-c`."""
    if "-c" not in outputs:
        return tuple(outputs)
    place = outputs.index("-c")
    return (*outputs[place : place + 2], *outputs[:place], *outputs[place + 2 :])


def _words(text: str) -> list[str]:
    if len(text) > MAX_CHARACTERS:
        raise _refusal(f"it is longer than {MAX_CHARACTERS} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
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
        if name in checked and (name in allowed or name in flags):
            raise _refusal(f"{word} stands there twice")
        if name in flags:
            checked.append(name)
            continue
        if name not in allowed:
            names = ", ".join(sorted(allowed | dict.fromkeys(flags, "")))
            raise _refusal(f"{_shown(word)} is not {place} option that may be used here (allowed: {names})")
        value = next(rest, None)
        if value is None:
            raise _refusal(f"{word} has no value")
        if not re.fullmatch(allowed[name], value, re.ASCII):
            raise _refusal(f"{word} cannot be {_shown(value)}")
        _check_limits(name, word, value)
        checked += [name, value]
    return checked


def _check_limits(name: str, word: str, value: str) -> None:
    """Raise Invalid for a number beyond its limits: of an option, or of a rate within `-vf`."""
    numbers = [(name, value)] if name in LIMITS else []
    if name == "-vf":
        numbers = [("-r", match["fps"]) for match in re.finditer(_FPS, value, re.ASCII)]
    for limited, text in numbers:
        low, high = LIMITS[limited]
        number = _number(text)
        if number is None or not low <= number <= high:
            raise _refusal(f"{word} cannot be {_shown(value)}: the number must be {low:g} to {high:,g}")


def _number(text: str) -> Fraction | None:
    """Return the number of `25`, `12.5`, `30000/1001`, `800k`; None for a division by 0."""
    factor = {"k": 1_000, "M": 1_000_000}.get(text[-1:], 1)
    try:
        return Fraction(text.rstrip("kM")) * factor
    except ZeroDivisionError:
        return None


def _shown(word: str) -> str:
    """Return a word for a message; of an address, which may hold a password, its scheme alone."""
    scheme, separator, _ = word.partition("://")
    return repr(f"{scheme[:20]}{separator}…" if separator else word[:60])


def _value(options: list[str], name: str) -> str | None:
    return options[options.index(name) + 1] if name in options else None


def _refusal(reason: str) -> Invalid:
    return Invalid(f"this ffmpeg_cmd cannot be used: {reason}", loc=LOC, kind="ffmpeg_cmd")
