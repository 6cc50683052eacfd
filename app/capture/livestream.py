"""Pictures of a stream that is not being recorded: one ffmpeg connects, decodes, and writes JPEGs to a pipe.

It ends with whoever reads: a broken pipe stops it, should the process that started it be killed.
"""

import os
import re
import select
import subprocess
import time
from collections.abc import Generator, Iterator

from app.archive.shots import LEAST_DELAY_S, Shot, Wish
from app.capture import ffmpeg
from app.capture.confining import Confinement
from app.capture.networks import PinnedUri, port_of
from app.capture.template import Template
from app.errors import CameraSilent
from app.logs import mask_secrets
from instance.config import Config

MOST_DELAY_S = 1.0  # a viewer that wants one a minute gets its first, and one who joins, at once
LOOK_S = 0.2
JPEG_QUALITY = 4  # of ffmpeg's scale, where 2 is best: as large as 85 of libjpeg's
BLOCK_BYTES = 1 << 18
MAX_PICTURE_BYTES = 32 << 20
HEAD_LOG_BYTES, TAIL_LOG_BYTES = 1 << 16, 1 << 14
_PART = re.compile(rb"--\w+\r\nContent-type: image/jpeg\r\nContent-length: (\d+)\r\n\r\n", re.IGNORECASE)


def stream_shots(
    config: Config, uri: PinnedUri, template: Template, wish: Wish, deadline_s: float
) -> Generator[Shot, None, None]:
    """Yield the stream's pictures until nobody wants them, or more a second are wanted than were at the begin.

    Raises CameraSilent where the first has not come by deadline_s (monotonic clock), or none for SILENCE_S since.
    """
    delay_s = min(max(wish.delay_s, LEAST_DELAY_S), MOST_DELAY_S)
    confinement = Confinement(config.run_path / "ffmpeg", port_of(uri))
    feed = ffmpeg.rtsp_input(uri, template, is_picture_only=True)
    process = _Process(confinement, command(config, delay_s), feed, uri)
    try:
        while not wish.is_over and max(wish.delay_s, LEAST_DELAY_S) >= 0.95 * delay_s:
            has_come = False
            for jpeg in process.read():
                has_come, deadline_s = True, time.monotonic() + config.SILENCE_S
                yield jpeg, time.time_ns() // 1000
            if not has_come and (process.has_ended or time.monotonic() > deadline_s):
                raise process.explain()
    finally:
        process.end()


def command(config: Config, delay_s: float) -> list[str]:
    """Return ffmpeg's command line; the address comes on its standard input."""
    # Not the filter `fps`: it holds the first picture back until the second is due.
    # Times that run back by more than a second begin anew; by less, they are those of the first B-frames. The encoder
    # ends at a time that does not rise: it gets counted ones.
    later = f"gte(t-prev_selected_t,{delay_s - 0.001:.3f})"
    chosen = f"select='isnan(prev_selected_t)+{later}+lt(t,prev_selected_t-1)'"
    return [
        *(ffmpeg.find_ffmpeg(config.FFMPEG), "-hide_banner", "-nostats", "-loglevel", "verbose"),
        *ffmpeg.INPUT,
        *("-threads", "2", "-i", "pipe:0"),
        *("-map", "0:v:0", "-vf", f"{chosen},setpts=N/25/TB,scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p"),
        *("-fps_mode", "passthrough", "-enc_time_base", "1:25"),
        *("-c:v", "mjpeg", "-q:v", str(JPEG_QUALITY), "-threads", "1"),
        *("-flush_packets", "1", "-f", "mpjpeg", "pipe:1"),
    ]


class _Process:
    """An ffmpeg, its pictures and its log. Used by one thread."""

    def __init__(self, confinement: Confinement, arguments: list[str], feed: bytes, uri: PinnedUri) -> None:
        self.has_given = self.has_ended = False
        self._uri = uri
        pipe = subprocess.PIPE
        self._process = confinement.start(arguments, ffmpeg.environment(), stdin=pipe, stdout=pipe, stderr=pipe)
        assert self._process.stdin is not None  # they are pipes
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._output, self._errors = self._process.stdout.fileno(), self._process.stderr.fileno()
        self._pending, self._log_head, self._log_tail = bytearray(), b"", b""
        self._poll = select.poll()
        for handle in (self._output, self._errors):
            self._poll.register(handle, select.POLLIN)
        try:
            self._process.stdin.write(feed)
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it ended at once: its log says why

    def read(self) -> Iterator[bytes]:
        """Yield the JPEGs that come within LOOK_S."""
        # The log first: it says where ffmpeg was sent to before a picture of there comes.
        for handle, _ in sorted(self._poll.poll(LOOK_S * 1000), key=lambda one: one[0] == self._output):
            data = os.read(handle, BLOCK_BYTES)
            if not data:
                self._poll.unregister(handle)
                self.has_ended = self.has_ended or handle == self._output
            elif handle == self._output:
                self._pending += data
            else:
                self._note(data)
        yield from self._pictures()

    def _note(self, data: bytes) -> None:
        room = HEAD_LOG_BYTES - len(self._log_head)
        self._log_head += data[:room]
        self._log_tail = (self._log_tail + data[max(room, 0) :])[-TAIL_LOG_BYTES:]
        if not self.has_given and ffmpeg.is_led_away(self._log_head.decode("utf-8", "replace"), self._uri):
            raise ffmpeg.REDIRECT.silence()

    def _pictures(self) -> Iterator[bytes]:
        while (found := _PART.search(self._pending)) is not None:
            end = found.end() + int(found[1])
            if len(self._pending) < end:
                break
            jpeg = bytes(self._pending[found.end() : end])
            del self._pending[:end]
            self.has_given = True
            yield jpeg
        if len(self._pending) > MAX_PICTURE_BYTES:
            raise CameraSilent("the stream's pictures are larger than 32 MiB")

    def explain(self) -> CameraSilent:
        """Return why no more pictures come: one line with the way out, no secret in it."""
        if self.has_ended:
            self._read_last_words()
        text = mask_secrets((self._log_head + self._log_tail).decode("utf-8", "replace"))
        if self.has_ended or self.has_given:
            return ffmpeg.judge(text, has_footage=self.has_given).silence()
        if "SDP:" in text:
            return CameraSilent(
                "the camera answers, but no picture came in time: it is silent, or sends key frames too seldom "
                "(set one at least every two seconds)",
                reason="no_key_frame",
            )
        message = "the camera does not answer in time: check its address, its power and the network"
        return CameraSilent(message, reason="no_answer")

    def _read_last_words(self) -> None:
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
        while data := os.read(self._errors, BLOCK_BYTES):
            self._note(data)

    def end(self) -> None:
        """Kill ffmpeg and wait for it: it holds nothing that would need care."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr, self._process.stdin):
            if pipe is not None:
                pipe.close()
