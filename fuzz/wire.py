"""Targets: what clients send: headers, forms, bodies, ranges, conditions, instants, names of files."""

import base64
import contextlib
import json
import re
from functools import cache
from itertools import pairwise
from urllib.parse import unquote_to_bytes

from flask import Flask
from pydantic import BaseModel
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import Invalid, PlaybackError
from app.formats import eventstream, tusheaders
from app.formats.filenames import UNNAMED, attachment, clean_name
from app.formats.formdata import FormError, FormReader
from app.instants import utc_text
from app.personalulti import Description, Name, Parameters, path_integer, path_uuid, read_json, read_parameters
from app.playback.asked import MAX_INSTANT_US, RangeParameters, check_media_length, check_range, split_ids
from app.playback.byteranges import ByteRange, Unsatisfiable, parse_ranges
from app.playback.conditions import Validators, failed_precondition, is_same_for_ranges, is_unchanged, parse_date
from app.review.findings import NewResult, canonical, content_hash, distinct
from fuzz.target import Source, Target, as_text, hold, same

INNER = {"uri_http_picture": ("uri", "auth", "user", "password")}


def _header(data: bytes) -> str:
    """Return bytes as WSGI gives headers: latin-1, without line ends, which no server lets through."""
    return re.sub(rb"[\r\n\0]", b" ", data).decode("latin-1")


@cache
def _app() -> Flask:
    app = Flask("fuzz")
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    return app


def check_tus(data: bytes) -> None:
    """Read the headers of tus; metadata that is written is read the same."""
    text = _header(data)
    value = tusheaders.parse_integer(text)
    hold(value is None or 0 <= value <= tusheaders.LARGEST, "a length that JavaScript can count")
    checksum = tusheaders.parse_checksum(text)
    if checksum is not None and checksum.algorithm in tusheaders.ALGORITHMS:
        same(len(checksum.digest), tusheaders.ALGORITHMS[checksum.algorithm], "a digest is as long as its kind")
    found = tusheaders.parse_metadata(text)
    if found is not None:
        written = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in found.items())
        same(tusheaders.parse_metadata(written), found, "metadata is read as written")
        clean_name(found.get("filename"))


def check_form(data: bytes) -> None:
    """Read a form whole and in pieces: the same parts come; a form that is written well is read as written."""
    source = Source(data)
    step, boundary, body = 1 + source.number(255), source.take(8).decode("latin-1"), source.rest()
    same(_form(boundary, body, step), _form(boundary, body, 1 << 18), "a form is the same in any pieces")
    values = body.split(b"|")[:10]
    written = b"".join(
        b'--xYz\r\nContent-Disposition: form-data; name="%d"\r\n\r\n%s\r\n' % (number, value)
        for number, value in enumerate(values)
    )
    if b"\r\n--xYz" not in b"\r\n".join([b"", *values]):
        found = _form("xYz", written + b"--xYz--\r\n", step)
        same(found, [(str(number), None, value) for number, value in enumerate(values)], "a form is read as written")


def _form(boundary: str, body: bytes, step: int) -> list[tuple[str | None, str | None, bytes]] | str:
    """Return the parts of a form that comes in pieces of `step` bytes, or how it is refused."""
    at = 0

    def read(most: int) -> bytes:
        nonlocal at
        begin, at = at, at + min(step, most)
        return body[begin:at]

    try:
        reader = FormReader(boundary, read)
        return [(part.name, part.filename, b"".join(reader.data())) for part in reader.parts()]
    except FormError as error:
        return type(error).__name__


def check_range_header(data: bytes) -> None:
    """Compare the ranges of a header with those of a plain model."""
    source = Source(data)
    size, text = source.number(0xFFFF), _header(source.rest())
    try:
        found: list[ByteRange] | None = parse_ranges(text, size)
    except Unsatisfiable:
        found = None
    same(found and [(one.begin, one.end) for one in found], _model_ranges(text, size), "ranges as RFC 9110 has them")
    with contextlib.suppress(Unsatisfiable):
        for one in parse_ranges(text, size, is_unit_optional=True):
            hold(0 <= one.begin < one.end <= size, "a range within the body")


def _model_ranges(text: str, size: int) -> list[tuple[int, int]] | None:
    """Return the ranges of a header as RFC 9110 §14.1 says it, plainly; [] to ignore it, None for 416."""
    items = [item for item in (one.strip(" \t") for one in text[6:].split(",")) if item]
    wanted = [_model_range(item, size) for item in items]
    if text[:6].lower() != "bytes=" or not wanted or None in wanted:
        return []
    held = sorted(one for one in wanted if one is not None and one[0] < one[1])
    if not held:
        return None
    overlap = any(before[1] > after[0] for before, after in pairwise(held))
    in_order = [one for one in wanted if one in held]
    return [] if len(in_order) > 16 or overlap else in_order


def _model_range(item: str, size: int) -> tuple[int, int] | None:
    """Return one range cut to the body, empty where it lies behind it; None for what is none."""
    first, dash, last = item.partition("-")
    if not dash or not re.fullmatch("[0-9]*", first) or not re.fullmatch("[0-9]*", last) or not first + last:
        return None
    begin, end = (int(word.lstrip("0")[:4000] or "0") for word in (first, last))
    if not first:
        return max(size - end, 0), size
    if not last:
        return begin, size
    return None if end < begin else (begin, min(end + 1, size))


def check_conditions(data: bytes) -> None:
    """Judge conditions; a date that is written is read the same."""
    source = Source(data)
    modified_s, has_date = source.number(2**33), source.number(1)
    names = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range")
    has = Validators("a1", modified_s if has_date else None, bool(source.number(1)))
    headers = Headers()
    for number, text in enumerate(source.rest().split(b"|")[:5]):
        if text:
            headers[names[number]] = _header(text)
    hold(failed_precondition(headers, has) in (None, "If-Match", "If-Unmodified-Since"), "a condition's name")
    hold(is_unchanged(headers, has) in (True, False) and is_same_for_ranges(headers, has) in (True, False), "truth")
    for condition in headers.values():
        found = parse_date(condition)
        hold(found is None or -(2**37) < found < 2**38, "an instant of a calendar")
    if has_date:
        same(parse_date(has.headers["Last-Modified"]), modified_s, "a date is read as written")
        hold(is_unchanged(Headers({"If-Modified-Since": has.headers["Last-Modified"]}), has), "it is unchanged")
        hold(is_unchanged(Headers({"If-None-Match": has.headers["ETag"]}), has), "a tag is its own")


def check_instants(data: bytes) -> None:
    """Read ranges of wall clock; an instant that is shown is read the same."""
    texts = [as_text(part) for part in data.split(b"|")[:4]]
    names = ("start", "end", "duration", "gaps")
    given = {name: text for name, text in zip(names, texts, strict=False) if text}
    asked = check_range(Parameters(given).checked(RangeParameters), 1_800_000_000_000_000)
    hold(0 <= asked.begin_us <= asked.end_us <= MAX_INSTANT_US + 1, "instants of a calendar")
    shown = {"start": utc_text(asked.begin_us), "end": utc_text(min(asked.end_us, MAX_INSTANT_US))}
    if shown["start"] != shown["end"]:
        again = check_range(Parameters(shown).checked(RangeParameters), 0)
        same(again.begin_us, asked.begin_us, "an instant is read as shown")
    with contextlib.suppress(Invalid):
        check_media_length(asked)


def check_paths(data: bytes) -> None:
    """Read ids of paths and lists of ids."""
    text = as_text(data)
    with contextlib.suppress(PlaybackError):
        hold(0 < path_integer("source_id", text) < 2**31, "an id that a row can have")
    with contextlib.suppress(PlaybackError):
        hold(len(path_uuid("record_id", text)) == 36, "a UUID")
    with contextlib.suppress(PlaybackError):
        Parameters({"ids": text}).checked(_Ids)


class _Ids(BaseModel):
    ids: str

    def model_post_init(self, _: object) -> None:
        """Split them."""
        from pydantic_core import PydanticCustomError

        with contextlib.suppress(PydanticCustomError):
            found = split_ids(self.ids, 16)
            hold(len(found) <= 16 and all(0 <= one < 10**9 for one in found), "so many ids")


def check_events(data: bytes) -> None:
    """Write events of JSON text and read them as the standard of browsers says; read the id of the last one."""
    source = Source(data)
    event_id, raw = source.number(2**62), source.rest()
    text = json.dumps({"text": as_text(raw)})
    lines = eventstream.event(event_id, text, "progress" if event_id % 2 else None).decode().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if line)
    same((fields["id"], fields["data"]), (str(event_id), text), "an event is read as written")
    from app.views.fileevents import _last_id

    with _app().test_request_context("/", headers={"Last-Event-ID": _header(raw)}), contextlib.suppress(PlaybackError):
        found = _last_id()
        hold(found is None or 0 <= found < 10**18, "an id that a row can have")


def check_names(data: bytes) -> None:
    """Clean names of files and put them into headers."""
    for text in (as_text(data), _header(data)):
        name = clean_name(text)
        hold(0 < len(name) <= 255 and name not in (".", ".."), "a name that can be shown")
        hold(not set("/\\\0\r\n") & set(name), "no path and no control characters")
        header = attachment(name)
        hold(header.isascii() and header.isprintable(), "a header of printable ASCII")
        shown = unquote_to_bytes(header.rpartition("''")[2]).decode()
        same(shown, name, "a name is read from its header")
        hold(header.count('"') == 2, "a quoted text that nothing ends early")
        attachment(text)
    hold(clean_name("") == UNNAMED, "nothing has a name too")


def check_body(data: bytes) -> None:
    """Read parameters from bodies and queries of every kind."""
    source = Source(data)
    kinds = (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain",
        _header(source.take(source.number(40))),
    )
    kind, query, body = kinds[source.number(4)], _header(source.take(source.number(60))), source.rest()
    environ = {"QUERY_STRING": query}
    with (
        _app().test_request_context("/", method="POST", data=body, content_type=kind, environ_overrides=environ),
        contextlib.suppress(PlaybackError, RequestEntityTooLarge),
    ):
        given = read_parameters(INNER)
        hold(all(isinstance(name, str) for name in given.values), "names are texts")
        with contextlib.suppress(Invalid):
            given.checked(_Texts)


class _Texts(BaseModel):
    name: Name = "n"
    description: Description = ""


def check_json(data: bytes) -> None:
    """Read JSON; what is read holds no constant that JSON does not have."""
    value = read_json(data, ("body",))
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:  # 1e999 is a number of JSON, which Python reads as infinite
        return
    same(read_json(text, ("body",)), value, "a value is read as written")


def check_findings(data: bytes) -> None:
    """Check findings; what is taken has one canonical form."""
    value = read_json(data, ("body",))
    if not isinstance(value, dict):
        return
    found = Parameters(value).checked(NewResult).findings
    if found is None:
        return
    once = distinct(found)
    text = canonical(once)
    again = Parameters(read_json(text, ("body",))).checked(NewResult).findings
    same(content_hash(again or []), content_hash(once), "the canonical form is taken as itself")
    same(distinct(again or []), once, "and says the same")


DATES = (b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 GMT", b"Sun Nov  6 08:49:37 1994")
TARGETS = (
    Target("tus", check_tus, (), (b"sha256 ", b"sha1 ", b"md5 ", b"filename ", b"YQ==", b","), 512),
    Target(
        "form",
        check_form,
        (),
        (
            b"\r\n--",
            b"\r\n\r\n",
            b"--",
            b'Content-Disposition: form-data; name="a"',
            b'; filename="b"',
            b"filename*=utf-8''",
            b"=?utf-8?b?",
            b"Content-Length: 1",
        ),
    ),
    Target("range", check_range_header, (), (b"bytes=", b"0-", b"-1", b",", b"18446744073709551616"), 512),
    Target("conditions", check_conditions, (), (*DATES, b'"a1"', b'W/"a1"', b"*", b"|", b", "), 512),
    Target(
        "instants",
        check_instants,
        (Invalid,),
        (
            b"2026-11-20T22:44:05.123456Z",
            b"+01:00",
            b"-W01-1",
            b"|",
            b"T24",
            b"9999-12-31",
            b"253402300799",
            b"collapse",
            b"1970",
        ),
        256,
    ),
    Target("paths", check_paths, (), (b"5f2c41d0-9b7e-4a63-a8d1-c0e97b64f3d2", b"1,2", b"2147483647"), 128),
    Target("events", check_events, (), (b"\n", b"data: ", b"\r", b"\xe2\x80\xa8"), 256),
    Target(
        "names", check_names, (), (b"=?utf-8?q?", b"=?koi8-r?b?", b"?=", b"\xe2\x80\xae", b"..", b"/", b".pdf"), 1024
    ),
    Target("body", check_body, (), (b"%FF", b"\r\n--b", b"--", b"{", b"}", b'"name"', b"uri_http_picture.user=", b"&")),
    Target("json", check_json, (Invalid,), (b"NaN", b"1e999", b'"a":', b"[" * 50, b"\\ud800", b"-0", b"null"), 2048),
    Target(
        "findings",
        check_findings,
        (Invalid,),
        (
            b'"findings"',
            b'"violation"',
            b'"severity"',
            b'"mild"',
            b'"start"',
            b'"page"',
            b'"quotation"',
            b'"confidence"',
            b"-0.0",
            b"\\ud800",
        ),
    ),
)
