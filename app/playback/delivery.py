"""Sending bytes: bodies made of parts, by ranges, with nothing held but one file descriptor.

Files are sent by the kernel (`sendfile`) where gunicorn gives us its socket. Where it does not they are read in blocks:
`send_file` of Flask would give 13-37 times fewer ranges a second.
"""

import logging
import secrets
import socket
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import accumulate

from flask import Response, json, request

from app.errors import FootageLost
from app.formats.boxes import FormatError
from app.formats.moov import Part
from app.models.types import now_us
from app.playback.byteranges import ByteRange, Unsatisfiable, parse_ranges
from app.playback.conditions import (
    Validators,
    failed_precondition,
    is_same_for_ranges,
    is_unchanged,
    validators,
)
from app.playback.fileparts import FilePart, FileParts, ShortFile

log = logging.getLogger(__name__)

# Small parts are sent together; the first ones at once, so that a player has something while tables are made.
FIRST_GATHER_BYTES, GATHER_BYTES = 1 << 8, 1 << 18
# Less is read and written by us: the headers go out with it.
LEAST_SENDFILE_BYTES = 1 << 19
FIRST_FILE_BYTES = 1 << 16
PLAIN_PROTOCOLS = ("HTTP/1.0", "HTTP/1.1")
BodyPart = Part | FilePart | FileParts


class Body:
    """Parts laid behind one another; any range of them can be read."""

    def __init__(
        self,
        parts: Sequence[BodyPart],
        read_ahead_bytes: int = 0,
        on_loss: Callable[[], None] | None = None,
        on_file: Callable[[int, int], None] | None = None,
    ) -> None:
        """Take over the parts. `on_loss` is called when a file turns out to be gone or short while it is sent.

        `on_file` is told begin and end, in us, of each file of footage before the first byte of it is sent.
        """
        self._parts = parts
        self._read_ahead_bytes = read_ahead_bytes
        self._on_loss = on_loss
        self._on_file = on_file
        sizes = [len(part) if isinstance(part, bytes) else part.size_bytes for part in parts]
        self._ends = list(accumulate(sizes))
        self.size_bytes = self._ends[-1] if self._ends else 0

    def read(self, wanted: ByteRange, sink: int | None = None) -> Generator[bytes, None, None]:
        """Do as `_read` does; tell who wants to know of a loss."""
        try:
            yield from self._read(wanted, sink)
        except (ShortFile, OSError) as error:
            if self._on_loss is not None and not isinstance(error, ConnectionError):
                self._on_loss()
            raise

    def _read(self, wanted: ByteRange, sink: int | None) -> Iterator[bytes]:
        """Yield the bytes of a range in blocks; files go to the socket `sink` directly, where there is one.

        What was yielded before must have been written when the next block is asked for, as gunicorn does.
        Raises ShortFile, OSError, FormatError.
        """
        gathered = _Gathered()
        for piece, following in _with_next(self._pieces(wanted)):
            if isinstance(following, FilePart) and self._read_ahead_bytes:
                following.read_ahead(self._read_ahead_bytes)
            if isinstance(piece, FilePart) and sink is not None:
                rest = piece
                if gathered.is_untouched:  # the headers go out with the first block
                    first, rest = piece.split(FIRST_FILE_BYTES)
                    gathered.blocks.extend(first.read())
                yield from gathered.flush()
                rest.send(sink)
                continue
            for block in piece.read() if isinstance(piece, FilePart) else (piece,):
                yield from gathered.add(block)
        yield from gathered.flush()

    def _pieces(self, wanted: ByteRange) -> Iterator[bytes | FilePart]:
        number = bisect_right(self._ends, wanted.begin)
        position = wanted.begin
        while position < wanted.end:
            part_begin = self._ends[number - 1] if number else 0
            part_end = min(self._ends[number], wanted.end)
            part = self._parts[number]
            if isinstance(part, bytes):
                yield part[position - part_begin : part_end - part_begin]
            elif isinstance(part, FileParts):
                yield from self._files(part, position - part_begin, part_end - part_begin)
            elif isinstance(part, FilePart):
                yield from part.within(position - part_begin, part_end - part_begin)
            else:
                yield from part.read(position - part_begin, part_end - part_begin)
            position, number = part_end, number + 1

    def _files(self, part: FileParts, begin: int, end: int) -> Iterator[FilePart]:
        for piece in part.within(begin, end):
            if self._on_file is not None:
                self._on_file(*part.edges_us(begin))
            begin += piece.size_bytes
            yield piece


class _Gathered:
    """Blocks that are too small to be sent alone."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self._held_bytes, self._enough_bytes = 0, FIRST_GATHER_BYTES
        self._has_flushed = False

    @property
    def is_untouched(self) -> bool:
        """Tell whether nothing has come yet."""
        return not (self.blocks or self._has_flushed)

    def add(self, block: bytes) -> Iterator[bytes]:
        """Take a block; yield what is there once it is enough."""
        self.blocks.append(block)
        self._held_bytes += len(block)
        if self._held_bytes >= self._enough_bytes:
            self._enough_bytes = min(self._enough_bytes * 32, GATHER_BYTES)
            yield from self.flush()

    def flush(self) -> Iterator[bytes]:
        """Yield what is there."""
        if self.blocks:
            data = self.blocks[0] if len(self.blocks) == 1 else b"".join(self.blocks)
            self.blocks, self._held_bytes, self._has_flushed = [], 0, True
            yield data


def _with_next(pieces: Iterator[bytes | FilePart]) -> Iterator[tuple[bytes | FilePart, bytes | FilePart | None]]:
    """Yield each piece with the one after it, None after the last; nothing is made before it is needed as such."""
    piece = next(pieces, None)
    while piece is not None:
        following = next(pieces, None) if isinstance(piece, FilePart) else None
        yield piece, following
        piece = following if following is not None else next(pieces, None)


def respond(
    body: Body,
    *,
    content_type: str,
    etag: str,
    headers: dict[str, str],
    modified_us: int | None = None,
    is_date_strong: bool = False,
    is_unit_optional: bool = False,
    is_yielded: bool = False,
) -> Response:
    """Return the answer to the current request for a body: 200, 206, 304, 412 or 416 (RFC 9110 §13, §14).

    Last-Modified follows from `modified_us`; whether ranges may be asked for by it, see `Validators`. With
    `is_unit_optional` a range without `bytes=` counts too. With `is_yielded` all bytes pass through the answer's
    iterable, for who counts them; else the kernel sends those of files.
    """
    has = validators(etag, modified_us, now_us(), is_date_strong=is_date_strong)
    common = {**has.headers, "Accept-Ranges": "bytes", **headers}
    if early := check_conditions(has, common):
        return early
    try:
        ranges = _asked_ranges(body.size_bytes, has, is_unit_optional=is_unit_optional)
    except Unsatisfiable:
        common["Content-Range"] = f"bytes */{body.size_bytes}"
        message = f"no range lies within the {body.size_bytes} bytes of the body"
        return _refusal(416, message, "Range", "range_unsatisfiable", common)
    if len(ranges) > 1:
        return _multipart(body, ranges, content_type, common)
    status = 206 if ranges else 200
    wanted = ranges[0] if ranges else ByteRange(0, body.size_bytes)
    if ranges:
        common["Content-Range"] = f"bytes {wanted.begin}-{wanted.end - 1}/{body.size_bytes}"
    common["Content-Length"] = str(wanted.size_bytes)
    content = _content(body, wanted, content_type, is_yielded=is_yielded)
    return Response(content, status, common, content_type=content_type)


def _content(body: Body, wanted: ByteRange, content_type: str, *, is_yielded: bool) -> Iterable[bytes] | bytes:
    """Return the bytes of a range: of a text all at once, so that it can be compressed; nothing of media to HEAD."""
    if content_type.startswith("text/"):
        return b"".join(_begun(body.read(wanted)))
    sink = None if is_yielded else _socket_of(wanted)
    return () if request.method == "HEAD" else _begun(body.read(wanted, sink))


def _begun(blocks: Generator[bytes, None, None]) -> Iterator[bytes]:
    """Return the blocks, the first of which is made now: what is lost can still be told. Raises FootageLost."""
    try:
        first = next(blocks, b"")
    except (ShortFile, OSError, FormatError) as error:
        log.warning("an answer cannot begin: %s", error)
        raise FootageLost("a recorded file of this answer was lost or altered just now: ask again") from error

    def both() -> Iterator[bytes]:
        try:
            yield first
            yield from blocks
        finally:
            blocks.close()

    return both()


def _socket_of(wanted: ByteRange) -> int | None:
    """Return the socket that the kernel may send files to, None where the server or a coding stands between.

    gunicorn's threads have a blocking socket of their own for each request. Under TLS or HTTP/2 it carries something
    else than the body's bytes.
    """
    if wanted.size_bytes < LEAST_SENDFILE_BYTES or request.environ.get("SERVER_PROTOCOL") not in PLAIN_PROTOCOLS:
        return None
    connection = request.environ.get("gunicorn.socket")
    is_plain = type(connection) is socket.socket and connection.getblocking()
    return connection.fileno() if isinstance(connection, socket.socket) and is_plain else None


def check_conditions(has: Validators, headers: dict[str, str]) -> Response | None:
    """Return 412 or 304 where the request's conditions call for it, else None."""
    if name := failed_precondition(request.headers, has):
        return _refusal(412, f"the body is no longer the one that {name} names", name, "changed", headers)
    return Response(status=304, headers=headers) if is_unchanged(request.headers, has) else None


def _refusal(status: int, message: str, header: str, kind: str, headers: dict[str, str]) -> Response:
    """Return the contract's error answer to a header of the request."""
    text = json.dumps({"detail": [{"loc": ["header", header], "msg": message, "type": kind}]}) + "\n"
    return Response(text, status, headers, content_type="application/json")


def _asked_ranges(size_bytes: int, has: Validators, *, is_unit_optional: bool) -> list[ByteRange]:
    """Return the ranges of the current request; [] for the whole body."""
    if request.method == "HEAD" or not is_same_for_ranges(request.headers, has):
        return []
    return parse_ranges(request.headers.get("Range"), size_bytes, is_unit_optional=is_unit_optional)


def _multipart(body: Body, ranges: Sequence[ByteRange], content_type: str, headers: dict[str, str]) -> Response:
    """Return several ranges as multipart/byteranges (RFC 9110 §14.6)."""
    boundary = secrets.token_hex(16)
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\n"
        f"Content-Range: bytes {item.begin}-{item.end - 1}/{body.size_bytes}\r\n\r\n".encode()
        for item in ranges
    ]
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers["Content-Length"] = str(sum(map(len, heads)) + sum(item.size_bytes for item in ranges) + len(tail))

    def blocks() -> Iterator[bytes]:
        for head, item in zip(heads, ranges, strict=True):
            yield head
            yield from body.read(item)
        yield tail

    kind = f"multipart/byteranges; boundary={boundary}"
    return Response(blocks(), 206, headers, content_type=kind)
