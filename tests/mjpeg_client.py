"""A client of mJPEG streams that reads them part by part, as a browser does."""

from typing import NamedTuple

import requests

from tests.media import read_number

BEGIN, END = b"--frame", b"--\r\n"


class Part(NamedTuple):
    """One picture of a stream."""

    headers: dict[str, str]
    jpeg: bytes


def frame_number(jpeg: bytes) -> int:
    """Return the number that a frame of `tests.media.make_video` shows."""
    import cv2
    import numpy as np

    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None, f"{len(jpeg)} bytes that are no picture"
    return read_number(image)


class MjpegClient:
    """One open stream. Raises AssertionError for whatever is not multipart of JPEGs."""

    def __init__(self, url: str, timeout_s: float = 15.0) -> None:
        self._answer = requests.get(url, stream=True, timeout=timeout_s)
        assert self._answer.status_code == 200, self._answer.text
        assert self._answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert self._answer.headers["Cache-Control"] == "no-store"
        self._chunks = self._answer.iter_content(None)
        self._data = b""

    def __enter__(self) -> "MjpegClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Go away."""
        self._answer.close()

    def next(self) -> Part | None:
        """Return the next picture, None behind the closing boundary."""
        self._fill(len(BEGIN) + 2)
        assert self._data.startswith(BEGIN), self._data[:60]
        if self._data.startswith(BEGIN + b"--"):
            self._fill(len(BEGIN + END))
            assert self._data == BEGIN + END
            assert next(self._chunks, b"") == b""
            return None
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.removeprefix(BEGIN + b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode("ascii").split("\r\n"))
        assert headers["Content-Type"] == "image/jpeg"
        size = int(headers["Content-Length"])
        self._fill(size + 2)
        jpeg, ending, self._data = self._data[:size], self._data[size : size + 2], self._data[size + 2 :]
        assert (jpeg[:2], ending) == (b"\xff\xd8", b"\r\n")
        return Part(headers, jpeg)

    def take(self, count: int) -> list[Part]:
        """Return the next pictures."""
        parts = [self.next() for _ in range(count)]
        assert None not in parts, "the stream ended"
        return [part for part in parts if part is not None]

    def _fill(self, size: int) -> None:
        while len(self._data) < size:
            self._more()

    def _more(self) -> None:
        chunk = next(self._chunks, b"")
        assert chunk, f"the stream ended in the middle: {self._data[-60:]!r}"
        self._data += chunk
