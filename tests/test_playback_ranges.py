"""Byte ranges of a film, asked for in every way that a header can be written, against the whole file, byte for byte."""

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.archived import T0_US, add_source, address
from tests.clips import clips as clips
from tests.synthetic import FileSpec, RunSpec, make_run, take_in
from tests.test_playback_properties import examples
from tests.test_playback_properties import lasting_app as lasting_app

MAX_RANGES = 16
SPEC = re.compile(r"([0-9]*)-([0-9]*)")


@dataclass
class Whole:
    """A film at its address."""

    where: str
    data: bytes
    etag: str
    content_type: str


@pytest.fixture(scope="module")
def whole(lasting_app, clips):
    source_id = add_source(lasting_app)
    run = take_in(lasting_app, source_id, make_run(clips, RunSpec((FileSpec("sound-b", 3),) * 3, seed=3)), T0_US)
    where = address(source_id, run.begin_us + 400_000, run.end_us - 300_000)
    answer = lasting_app.test_client().get(where)
    assert answer.status_code == 200
    return Whole(where, answer.data, answer.headers["ETag"], answer.headers["Content-Type"])


# --- what must be answered (RFC 9110 §14, and the limits that the contract names) ----------------------------


def expected(header: str, size: int) -> list[tuple[int, int]] | int:
    """Return [begin, end) of the ranges to be sent, or the status: 200 for the whole, 416."""
    unit, sign, text = header.partition("=")
    if not sign or unit.lower() != "bytes":
        return 200
    items = [item.strip(" \t") for item in text.split(",") if item.strip(" \t")]
    matches = [SPEC.fullmatch(item) for item in items]
    if not items or any(match is None or match[0] == "-" for match in matches):
        return 200
    numbers = [(int(match[1]) if match[1] else None, int(match[2]) if match[2] else None) for match in matches]
    if any(first is not None and last is not None and last < first for first, last in numbers):
        return 200
    clipped = [_clipped(first, last, size) for first, last in numbers]
    found = [(begin, end) for begin, end in clipped if begin < end]
    if not found:
        return 416
    ordered = sorted(found)
    if len(found) > MAX_RANGES or any(a[1] > b[0] for a, b in pairwise(ordered)):
        return 200
    return found


def _clipped(first: int | None, last: int | None, size: int) -> tuple[int, int]:
    """Return [begin, end) of a range within the film; empty where it lies behind its end."""
    if first is None:
        return max(size - (last or 0), 0), size
    return first, size if last is None else min(last + 1, size)


def parts_of(content_type: str, body: bytes, kind: str) -> list[tuple[str, bytes]]:
    """Return Content-Range and bytes of each part of a multipart/byteranges body (RFC 2046 §5.1.1), strictly."""
    boundary = re.fullmatch(r"multipart/byteranges; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", content_type)[1]
    mark = b"\r\n--" + boundary.encode()
    assert body.startswith(mark)
    assert body.endswith(mark + b"--\r\n")
    assert body.count(mark) == len(body.split(mark)) - 1
    found = []
    for piece in body[: -len(mark) - 4].split(mark)[1:]:
        assert piece.startswith(b"\r\n")
        head, blank, data = piece[2:].partition(b"\r\n\r\n")
        assert blank
        headers = dict(line.split(": ", 1) for line in head.decode("ascii").split("\r\n"))
        assert headers.keys() == {"Content-Type", "Content-Range"}
        assert headers["Content-Type"] == kind
        found.append((headers["Content-Range"], data))
    return found


def judge(whole: Whole, answer, wanted) -> None:
    """Judge an answer to a Range header."""
    size = len(whole.data)
    assert answer.headers["ETag"] == whole.etag
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    if wanted == 416:
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    elif wanted == 200:
        assert (answer.status_code, answer.data) == (200, whole.data)
        assert "Content-Range" not in answer.headers
    elif len(wanted) == 1:
        begin, end = wanted[0]
        assert (answer.status_code, answer.data) == (206, whole.data[begin:end])
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{size}"
        assert answer.headers["Content-Type"] == whole.content_type
    else:
        assert answer.status_code == 206
        assert "Content-Range" not in answer.headers
        parts = parts_of(answer.headers["Content-Type"], answer.data, whole.content_type)
        assert parts == [(f"bytes {begin}-{end - 1}/{size}", whole.data[begin:end]) for begin, end in wanted]


# --- what is asked -----------------------------------------------------------------------------------------

positions = st.one_of(
    st.integers(0, 40), st.integers(0, 80_000), st.sampled_from((2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**18, 10**30))
)
spaces = st.sampled_from(("", "", "", " ", "\t", "  "))


@st.composite
def specs(draw):
    first, last = draw(positions), draw(positions)
    if draw(st.integers(0, 3)):
        first, last = min(first, last), max(first, last)
    text = draw(st.sampled_from((f"{first}-{last}", f"{first}-", f"-{last}", f"{first}-{first}", f"00{first}-{last}")))
    return draw(spaces) + text + draw(spaces)


broken = st.sampled_from(("-", "a-b", "5", "1-2-3", "+1-2", "1.5-2", "--1", "1 -2", "0x1-2", "٣-٤", "", "*", "1-2;3-4"))
apart = st.lists(st.tuples(st.integers(0, 900), st.integers(1, 30)), min_size=2, max_size=20).map(
    lambda pairs: ",".join(f"{1000 * n + begin}-{1000 * n + begin + length}" for n, (begin, length) in enumerate(pairs))
)
several = st.lists(st.one_of(specs(), specs(), specs(), broken), min_size=1, max_size=5).map(",".join)
units = st.sampled_from(("bytes=",) * 8 + ("Bytes=", "lines=", "bytes", "=", "", "byte=", "bytes =", "bytes:"))
headers = st.builds(lambda unit, text: unit + text, units, st.one_of(several, apart))
conditions = st.sampled_from(("none", "none", "none", "same", "weak", "other", "date", "list"))


@examples(120)
@given(header=headers, condition=conditions)
def test_any_range_header_gets_what_the_standard_says(lasting_app, whole, header, condition):
    client = lasting_app.test_client()
    asked = {"Range": header}
    values = {"same": whole.etag, "weak": f"W/{whole.etag}", "other": '"other"', "list": f'{whole.etag}, "other"'}
    values["date"] = "Wed, 21 Oct 2026 07:28:00 GMT"
    if condition != "none":
        asked["If-Range"] = values[condition]
    wanted = expected(header, len(whole.data)) if condition in ("none", "same") else 200
    judge(whole, client.get(whole.where, headers=asked), wanted)
    head = client.head(whole.where, headers=asked)
    assert (head.status_code, head.data) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(whole.data)
    assert head.headers["ETag"] == whole.etag


@examples(25)
@given(cuts=st.lists(st.integers(0, 10**9), min_size=1, max_size=6))
def test_a_download_resumed_anywhere_gives_the_same_file(lasting_app, whole, cuts):
    client, size = lasting_app.test_client(), len(whole.data)
    edges = sorted({0, size, *(cut % size for cut in cuts)})
    got = b""
    for begin, end in pairwise(edges):
        answer = client.get(whole.where, headers={"Range": f"bytes={begin}-{end - 1}", "If-Range": whole.etag})
        assert answer.status_code == 206
        got += answer.data
    assert got == whole.data


@pytest.mark.parametrize("method", ["get", "head"])
def test_conditions_are_weighed_before_ranges(lasting_app, whole, method):
    call = getattr(lasting_app.test_client(), method)
    same = call(whole.where, headers={"If-None-Match": f'"x", W/{whole.etag}', "Range": "bytes=0-1"})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", whole.etag)
    failed = call(whole.where, headers={"If-Match": f"W/{whole.etag}", "Range": "bytes=0-1"})
    assert failed.status_code == 412  # RFC 9110 §13.1.1: strong comparison
    assert call(whole.where, headers={"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("header", ["bytes =0-1", "bytes=\xa00-1", "bytes=0-1\x0b", "bytes=0-1,\x0c5-6"])
def test_only_spaces_and_tabs_may_stand_around_ranges(lasting_app, whole, header):
    client = lasting_app.test_client()
    judge(whole, client.get(whole.where, headers={"Range": header}), 200)
