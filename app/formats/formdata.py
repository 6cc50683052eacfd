r"""A form with files (multipart/form-data, RFC 7578, RFC 2046 §5.1.1), read as it comes: no part is held whole.

\r\n--BOUNDARY [spaces] \r\n      delimiter; the first may stand at the very begin
Name: value \r\n ... \r\n         headers of a part
bytes                             its data, until the next delimiter
\r\n--BOUNDARY--                  the end
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from werkzeug.http import parse_options_header

BLOCK_BYTES = 1 << 18
MOST_HEADER_BYTES, MOST_FIELD_BYTES, MOST_PARTS, MOST_PREAMBLE_BYTES = 1 << 14, 1 << 16, 64, 1 << 16
LINE_END = re.compile(rb"[ \t]{0,128}\r\n")
ENDS_IN = re.compile(rb"[ \t]{0,128}\r?|-")  # what may yet become the end of a delimiter's line


class FormError(Exception):
    """What came is no form that can be read; the message says why."""


class FormBroken(FormError):
    """The form ended before its last delimiter."""


class Part(NamedTuple):
    """The head of a part; `filename` is None for one that is no file, `length` what its own header says of it."""

    name: str | None
    filename: str | None
    length: int | None


class FormReader:
    """Reads the parts of a form in order; `read` gives at most so many bytes, and none at the end."""

    def __init__(self, boundary: str, read: Callable[[int], bytes]) -> None:
        """Begin before the first part. Raises FormError for a boundary that can be none."""
        encoded = boundary.encode("latin-1", "replace")
        if not 1 <= len(encoded) <= 200 or encoded.endswith(b" "):
            raise FormError("Content-Type names no boundary of 1 to 200 characters")
        self._delimiter = b"\r\n--" + encoded
        self._read = read
        self._buffer = bytearray(b"\r\n")  # the first delimiter needs no line before it
        self._is_within = False

    def parts(self) -> Iterator[Part]:
        """Yield each part; what of its data was not read is passed over. Raises FormError, FormBroken."""
        skipped = 0
        for block in self._until_delimiter():
            skipped += len(block)
            if skipped > MOST_PREAMBLE_BYTES:
                raise FormError("there is no delimiter where the form begins")
        for count in range(MOST_PARTS + 1):
            if self._is_end():
                return
            if count == MOST_PARTS:
                raise FormError(f"a form of more than {MOST_PARTS} parts")
            part = self._read_head()
            self._is_within = True
            yield part
            for _ in self.data():
                pass

    def data(self) -> Iterator[bytes]:
        """Yield the data of the part that was yielded last."""
        if not self._is_within:
            return
        line_end = 2  # the empty line before the data; where there is no data, it begins the delimiter already
        for block in self._until_delimiter():
            if len(block) > line_end:
                yield block[line_end:]
            line_end = max(line_end - len(block), 0)
        self._is_within = False

    def text(self) -> bytes:
        """Return the data of a part that is a small field. Raises FormError for a large one."""
        found = bytearray()
        for block in self.data():
            found += block
            if len(found) > MOST_FIELD_BYTES:
                raise FormError(f"a field of the form is larger than {MOST_FIELD_BYTES} bytes")
        return bytes(found)

    def _fill(self) -> None:
        block = self._read(BLOCK_BYTES)
        if not block:
            raise FormBroken("the form ends before its last delimiter")
        self._buffer += block

    def _until_delimiter(self) -> Iterator[bytes]:
        """Yield the bytes before the next delimiter and take that from the buffer, up to its two last bytes."""
        keep = len(self._delimiter) - 1
        while True:
            # There is none nearly always, and from behind that is found out in half the time.
            at = -1 if self._buffer.rfind(self._delimiter) < 0 else self._buffer.find(self._delimiter)
            if at >= 0 and self._is_delimiter(at + keep + 1):
                found = bytes(self._buffer[:at])
                del self._buffer[: at + keep + 1]
                if found:
                    yield found
                return
            ready = at + 1 if at >= 0 else len(self._buffer) - keep
            if ready > 0:
                found = bytes(self._buffer[:ready])
                del self._buffer[:ready]
                yield found
            if at < 0:
                self._fill()

    def _is_delimiter(self, at: int) -> bool:
        """Tell whether what follows makes it one; else it is data that looks alike."""
        while True:
            rest = bytes(self._buffer[at : at + 130])
            if rest.startswith(b"--") or LINE_END.match(rest):
                return True
            if not ENDS_IN.fullmatch(rest):
                return False
            self._fill()

    def _is_end(self) -> bool:
        return self._buffer.startswith(b"--")

    def _read_head(self) -> Part:
        match = LINE_END.match(self._buffer)
        assert match is not None  # _is_delimiter has seen it
        begin = match.end() - 2  # a part may have no header: its empty line follows at once
        while (end := self._buffer.find(b"\r\n\r\n", begin)) < 0:
            if len(self._buffer) > MOST_HEADER_BYTES + BLOCK_BYTES:
                raise FormError("the headers of a part have no end")
            self._fill()
        lines = bytes(self._buffer[begin + 2 : end])
        del self._buffer[: end + 2]
        if len(lines) > MOST_HEADER_BYTES:
            raise FormError(f"the headers of a part are larger than {MOST_HEADER_BYTES} bytes")
        return _part(lines)


def _part(lines: bytes) -> Part:
    headers: dict[str, str] = {}
    for line in lines.split(b"\r\n"):
        name, sign, value = _decoded(line).partition(":")
        if sign:
            headers.setdefault(name.strip().lower(), value.strip())
    kind, options = parse_options_header(headers.get("content-disposition"))
    if kind.lower() != "form-data":
        raise FormError("a part has no header Content-Disposition: form-data")
    length = headers.get("content-length", "")
    return Part(
        options.get("name"), options.get("filename"), int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    )


def _decoded(line: bytes) -> str:
    """Return the text of a header: UTF-8, as browsers send it, else the Cyrillic of old Windows programs."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1251", "replace")
