"""What a playback request asks for: the range of wall clock and how gaps are to be treated."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.errors import Invalid
from app.playback.placing import Gaps

MAX_MEDIA_US = 31 * 86_400 * 1_000_000
MAX_EPOCH_S = 253_402_300_799  # the end of the year 9999
MAX_INSTANT_US = MAX_EPOCH_S * 1_000_000 + 999_999
MAX_TEXT = 64  # no instant is as long; looking for one costs the square of the length: 37 s for 100 kB
SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
# `+` in a query is a space: an offset that was not percent-encoded is still understood.
LOST_PLUS = re.compile(r"(.*T[0-9:.]+) ([0-9]{2}:?[0-9]{2})")


def _instant(value: Any) -> Any:
    """Return µs since the epoch of an ISO 8601 text with an offset or Z, or of seconds since the epoch."""
    text = str(value).strip()
    if SECONDS.fullmatch(text):
        whole, _, fraction = text.partition(".")
        if int(whole) > MAX_EPOCH_S:
            raise PydanticCustomError("instant", "Instants end with the year 9999")
        return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))
    try:
        if len(text) > MAX_TEXT:
            raise ValueError
        moment = datetime.fromisoformat(LOST_PLUS.sub(r"\1+\2", text))
        offset = moment.utcoffset()
        moment = moment.astimezone(UTC) if offset is not None else moment
    except (ValueError, OverflowError):
        message = "must be ISO 8601 with an offset or Z, as 2026-11-20T22:44:05Z, or seconds since the epoch"
        raise PydanticCustomError("instant_parsing", message) from None
    if offset is None:
        raise PydanticCustomError("instant_naive", "Instants need an offset or Z, as 2026-11-20T22:44:05Z")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    if since.days < 0:
        raise PydanticCustomError("instant", "Instants begin with the year 1970")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _length(value: Any) -> Any:
    """Return µs of a number of seconds."""
    text = str(value).strip()
    if not SECONDS.fullmatch(text) or round(float(text) * 1_000_000) <= 0:
        raise PydanticCustomError("duration", "must be a number of seconds greater than 0")
    return round(float(text) * 1_000_000)


def split_ids(value: Any, most: int) -> list[int]:
    """Return the ids of `1,2,3`, each once. Raises PydanticCustomError for another form and for more than `most`."""
    parts = [part.strip() for part in str(value).split(",")]
    if len(parts) > most or not all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts):
        raise PydanticCustomError("source_ids", "must be up to {most} source ids with commas between", {"most": most})
    return list(dict.fromkeys(int(part) for part in parts))


UUID_FORM = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
Instant = Annotated[int, BeforeValidator(_instant)]
Moment = Annotated[Instant, WithJsonSchema({"type": "string"})]  # in bodies and queries whose schema is shown
Length = Annotated[int, BeforeValidator(_length)]


class RecordParameters(BaseModel):
    """[start, end) of one record as it is asked for; `start` may be left out, `end` too or replaced by `duration`."""

    model_config = ConfigDict(extra="ignore")

    start: Instant | None = None
    end: Instant | None = None
    duration: Length | None = None
    gaps: Gaps = "collapse"
    rev: str | None = None
    run: Annotated[str, StringConstraints(pattern=UUID_FORM)] | None = None
    download: bool = False
    name: Annotated[str, StringConstraints(max_length=500)] | None = None


class RangeParameters(RecordParameters):
    """The same of a source, where nothing says where a range without `start` would begin."""

    start: Instant


class Asked(BaseModel):
    """A checked range [begin_us, end_us); `is_open_ended` where neither end nor duration was given."""

    begin_us: int
    end_us: int
    is_open_ended: bool
    gaps: Gaps
    rev: str | None
    download: bool
    run: str | None = None
    name: str | None = None


def check_range(
    parameters: RecordParameters, now_us: int, begin_us: int | None = None, end_us: int | None = None
) -> Asked:
    """Return the range, within [begin_us, end_us) where those are given. Raises Invalid for an empty one."""
    if parameters.end is not None and parameters.duration is not None:
        raise Invalid("give end or duration, not both", loc=("query", "duration"), kind="end_and_duration")
    begin = parameters.start if parameters.start is not None else begin_us or 0
    end = parameters.end
    if parameters.duration is not None:
        end = begin + parameters.duration
        if end > MAX_INSTANT_US:
            raise Invalid("the range must end with the year 9999", loc=("query", "duration"), kind="range_too_late")
    is_open_ended = end is None and end_us is None
    stop = end if end is not None else (end_us if end_us is not None else now_us)
    if begin >= stop:
        raise Invalid("the range is empty: start must be before end", loc=("query", "start"), kind="range_empty")
    begin, stop = max(begin, begin_us or 0), min(stop, end_us if end_us is not None else stop)
    return Asked(
        begin_us=begin,
        end_us=max(stop, begin),
        is_open_ended=is_open_ended,
        gaps=parameters.gaps,
        rev=parameters.rev,
        download=parameters.download,
        run=parameters.run,
        name=parameters.name,
    )


def check_media_length(asked: Asked) -> None:
    """Raise Invalid for a range that is too long to be one file."""
    if asked.end_us - asked.begin_us > MAX_MEDIA_US:
        raise Invalid("a range of media may be at most 31 days long", loc=("query", "end"), kind="range_too_long")
